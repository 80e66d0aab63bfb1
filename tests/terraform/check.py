"""Checks the Terraform modules without AWS and without network, against the provider's real schema.

Owns the order: format, then each module (validate, its tests), then each example (validate, plan, apply, its policies, a
second plan that must want nothing), then checkov. What the examples apply to is left as JSON in OUT, for the tests of permissions
and settings. Used as
    check.py PACKAGE.tgz OUT [modules] [examples] [policies]        (all of it when none is named)
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import actions

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TERRAFORM = ROOT / "terraform"
USED = re.compile(r'^(resource|data) "(aws_\w+)"', re.M)


class Failed(Exception):
    """A check that did not hold."""


def say(what):
    print(f"terraform: {what}", flush=True)


def run(command, folder, env, quiet=True):
    """Runs a command; what it printed is shown when it fails."""
    done = subprocess.run(command, cwd=folder, env=env, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))} in {folder}\n{done.stdout}{done.stderr}")
    if not quiet:
        print(done.stdout, flush=True)
    return done.stdout


class Provider:
    """The stand-in, up for as long as it is used."""

    def __init__(self, package, work):
        text = "\n".join(path.read_text() for path in TERRAFORM.rglob("*.tf"))
        types = sorted({("data." if kind == "data" else "") + name for kind, name in USED.findall(text)})
        schema = work / "schema.json"
        run([sys.executable, HERE / "schema.py", package, schema, *types], work, os.environ)
        command = [sys.executable, HERE / "provider.py", schema, work / "provider.sock"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.attach = self.process.stdout.readline().strip()
        if not self.attach:
            raise Failed("the stand-in for the AWS provider did not start")
        say(f"{len(types)} kinds of resources, by the schema of the AWS provider {json.loads(schema.read_text())['version']}")

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=10)


def environment(provider, work):
    """Terraform as it runs here: no network, no state or settings of the user's."""
    (work / "terraform.rc").write_text("disable_checkpoint = true\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "AWS_"))}
    return {**kept, "TF_REATTACH_PROVIDERS": provider.attach, "TF_CLI_CONFIG_FILE": str(work / "terraform.rc"),
            "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1", "NO_COLOR": "1"}


def check_module(module, env):
    """A module by itself: it is valid, and its tests pass."""
    run(["terraform", "init", "-backend=false", "-input=false", "-no-color"], module, env)
    run(["terraform", "validate", "-no-color"], module, env)
    if not list((module / "tests").glob("*.tftest.hcl")):
        raise Failed(f"{module.name} has no tests")
    output = run(["terraform", "test", "-no-color"], module, env)
    say(f"module {module.name}: valid; {output.strip().splitlines()[-1]}")


def check_example(example, env, out):
    """An example as it stands: it is planned, applied, wants nothing more, and is taken down again."""
    run(["terraform", "init", "-input=false", "-no-color"], example, env)
    run(["terraform", "validate", "-no-color"], example, env)
    run(["terraform", "plan", "-input=false", "-no-color", "-out=plan"], example, env)
    run(["terraform", "apply", "-input=false", "-no-color", "plan"], example, env)
    state = run(["terraform", "show", "-json"], example, env)
    found, statements = actions.faults(json.loads(state))
    if found or not statements:
        raise Failed(f"policies of {example.name}, {statements} statements:\n  " + "\n  ".join(found))
    if example.name == "organization":
        check_calls(json.loads(state), env)
    again = subprocess.run(["terraform", "plan", "-input=false", "-no-color", "-detailed-exitcode"], cwd=example, env=env,
                           text=True, capture_output=True, check=False)
    if again.returncode != 0:
        raise Failed(f"the second plan of {example.name} still wants something:\n{again.stdout}{again.stderr}")
    run(["terraform", "destroy", "-auto-approve", "-input=false", "-no-color"], example, env)
    # Whole or not at all: other tests read it.
    (out / f"{example.name}.part").write_text(state)
    (out / f"{example.name}.part").rename(out / f"{example.name}.json")
    say(f"example {example.name}: planned, applied, nothing left to change, destroyed; {statements} statements of policies")


def check_calls(state, env):
    """What the policies allow and refuse, call by call; and that policies which allow more are found out."""
    simulator = Path(env["GUMSHOE_SIMULATOR"])
    for script in HERE.glob("*.mjs"):
        shutil.copy(script, simulator)

    def simulate(told):
        file = simulator / "state.json"
        file.write_text(json.dumps(told))
        done = subprocess.run(["node", simulator / "simulate.mjs", file], text=True, capture_output=True, check=False)
        return done.returncode, (done.stdout + done.stderr).strip()

    code, said = simulate(state)
    if code:
        raise Failed(f"the policies do not allow what they should:\n{said}")
    for resource in actions.resources(state["values"]["root_module"]):
        if resource["address"] == "module.account_production.aws_iam_role_policy.investigator":
            policy = json.loads(resource["values"]["policy"])
            for statement in policy["Statement"]:
                statement.pop("Condition", None)
            resource["values"]["policy"] = json.dumps(policy)
    if simulate(state)[0] == 0:
        raise Failed("policies without their conditions were not told from those with them")
    say(f"policies: {said} allowed or refused as they should be")


def check_policies(folder, env):
    """checkov, with what it skips explained where it is skipped."""
    checkov = Path(sys.executable).parent / "checkov"
    command = [checkov, "-d", folder, "--framework", "terraform", "--quiet", "--compact", "--skip-download", "--output", "json"]
    done = subprocess.run(command, env={**env, "BC_SKIP_MAPPING": "TRUE"}, text=True, capture_output=True, check=False)
    try:
        report = json.loads(done.stdout)
    except ValueError as error:
        raise Failed(f"checkov: {done.stdout}{done.stderr}") from error
    found = report["results"]["failed_checks"]
    if found:
        lines = [f"  {one['check_id']} {one['resource']}: {one['check_name']} ({one['file_path']})" for one in found]
        raise Failed("checkov found\n" + "\n".join(sorted(set(lines))))
    unexplained = [one for one in report["results"].get("skipped_checks", []) if len(one["check_result"].get("suppress_comment", "")) < 20]
    if unexplained:
        raise Failed(f"skipped without a reason: {[one['check_id'] for one in unexplained]}")
    summary = report["summary"]
    if not summary["passed"]:
        raise Failed("checkov looked at nothing")
    say(f"checkov: {summary['passed']} checks passed, {summary['skipped']} skipped with their reasons")


def main():
    package, out, *parts = sys.argv[1:]
    package, out = Path(package).resolve(), Path(out).resolve()
    out.mkdir(parents=True, exist_ok=True)
    parts = parts or ["modules", "examples", "policies"]
    for action, narrow in (("s3:GetObject", True), ("ec2:DescribeInstances", False), ("ec2:DescribeNothing", None)):
        if actions.takes_resource(action) is not narrow:
            raise Failed(f"the list of AWS's actions is not what it was: {action}")
    if shutil.which("terraform") is None:
        raise Failed("there is no program `terraform`; README.md says how to get it")
    with tempfile.TemporaryDirectory(prefix="gumshoe-terraform-") as work:
        work = Path(work)
        provider = Provider(package, work)
        try:
            env = environment(provider, work)
            run(["terraform", "fmt", "-check", "-recursive", "-diff", TERRAFORM], work, env)
            # A copy, so that nothing of Terraform's is left in the tree.
            copy = work / "terraform"
            shutil.copytree(TERRAFORM, copy, ignore=shutil.ignore_patterns(".terraform*", "*.tfstate*"))
            for module in sorted((copy / "modules").iterdir()) if "modules" in parts else []:
                check_module(module, env)
            for example in sorted((copy / "examples").iterdir()) if "examples" in parts else []:
                check_example(example, env, out)
            if "policies" in parts:
                for left in [*copy.rglob(".terraform"), *copy.rglob("plan")]:
                    shutil.rmtree(left) if left.is_dir() else left.unlink()
                check_policies(copy, env)
        finally:
            provider.close()
    say("ok")


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit(f"terraform: {failure}")
