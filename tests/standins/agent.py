"""The SSM agent's side: how a document's script is run on a simulated host, and what comes back.

A host is a file <instance-id>.json in the directory of hosts: where to enter it and what its
agent says of itself. Output limits and exit codes are the real agent's.
"""
import datetime
import json
import os
import re
import signal
import subprocess
import threading
import time

STDOUT_MAX_BYTES = 24_000
STDERR_MAX_BYTES = 24_000
STDERR_SHOWN_CHARS = 8_000
LISTED_MAX_CHARS = 2_500
TRUNCATED = b"--output truncated--"
KEPT_MAX_BYTES = 1 << 16
SUCCEED_AND_STOP, FAIL_AND_STOP, KILLED = 168, 169, 137
ENV_VAR_SINCE = (3, 3, 2746, 0)
POLL_S = 0.02


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def cut(output, limit):
    """At the limit and above, the agent leaves room for its mark; it counts bytes, not characters."""
    return output if len(output) < limit else output[: limit - len(TRUNCATED)] + TRUNCATED


class Host:
    """One registered host, as its file says."""

    def __init__(self, values):
        self.id = values["instance_id"]
        self.region = values["region"]
        self.enter = values["enter"]
        self.root = values["root"]
        self.cgroup_procs = values["cgroup_procs"]
        self.ping_status = values.get("ping_status", "Online")
        self.agent_version = values.get("agent_version", "3.3.4108.0")
        self.address = values["address"]
        self.name = values["name"]

    def sets_variables(self):
        return tuple(int(part) for part in self.agent_version.split(".")) >= ENV_VAR_SINCE

    def information(self, at):
        kind = "ManagedInstance" if self.id.startswith("mi-") else "EC2Instance"
        return {"InstanceId": self.id, "PingStatus": self.ping_status, "LastPingDateTime": at, "AgentVersion": self.agent_version,
                "IsLatestVersion": True, "PlatformType": "Linux", "PlatformName": "Debian GNU/Linux", "PlatformVersion": "12",
                "ResourceType": kind, "IPAddress": self.address, "ComputerName": self.name}


class Hosts:
    """The directory of hosts, read anew each time: a host may be changed or removed while running."""

    def __init__(self, directory):
        self.directory = directory

    def find(self, id):
        try:
            with open(os.path.join(self.directory, id + ".json")) as file:
                return Host(json.load(file))
        except FileNotFoundError:
            return None

    def all(self):
        names = (name for name in sorted(os.listdir(self.directory)) if name.endswith(".json"))
        return [host for host in (self.find(name[: -len(".json")]) for name in names) if host]


class Step:
    """One step of a document on one host."""

    def __init__(self, name):
        self.name = name
        self.status = self.details = "Pending"
        self.code = -1
        self.stdout = self.stderr = ""
        self.started = self.ended = None

    def shown(self):
        elapsed = f"PT{(self.ended - self.started).total_seconds():.3f}S" if self.ended else ""
        return {"ResponseCode": self.code, "StandardOutputContent": self.stdout,
                "StandardErrorContent": self.stderr[:STDERR_SHOWN_CHARS], "StandardOutputUrl": "", "StandardErrorUrl": "",
                "ExecutionStartDateTime": iso(self.started) if self.started else "",
                "ExecutionEndDateTime": iso(self.ended) if self.ended else "", "ExecutionElapsedTime": elapsed}

    def plugin(self):
        output = self.stdout + (f"\n----------ERROR-------\n{self.stderr}" if self.stderr else "")
        return {"Name": self.name, "Status": self.status, "StatusDetails": self.details, "ResponseCode": self.code,
                "Output": output[:LISTED_MAX_CHARS]}

    def end(self, status, details, code):
        self.status, self.details, self.code, self.ended = status, details, code, now()


def script(host, step, document, parameters):
    """The step's lines with the parameters put in, and the variables that carry them."""
    lines, variables = "\n".join(step["inputs"]["runCommand"]) + "\n", {}
    for name, values in parameters.items():
        value = values[0]
        if document["parameters"][name].get("interpolationType") == "ENV_VAR" and host.sets_variables():
            variables["SSM_" + name] = value
            value = "${SSM_%s}" % name
        lines = re.sub(r"\{\{\s*%s\s*\}\}" % re.escape(name), lambda _: value, lines)
    return lines, variables


def keep(stream, into):
    """Reads to the end and keeps the beginning; a background child that holds the stream delays this."""
    while chunk := stream.read1(KEPT_MAX_BYTES):
        into += chunk[: KEPT_MAX_BYTES - len(into)]


def start(host, command_id, step, lines, variables):
    path = f"/var/lib/amazon/ssm/{host.id}/document/orchestration/{command_id}/{step['name']}/_script.sh"
    outside = host.root + path
    os.makedirs(os.path.dirname(outside), mode=0o700, exist_ok=True)
    with open(outside, "w") as file:
        file.write(lines)
    os.chmod(outside, 0o700)
    # No HOME: the agent has none.
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
                   "AWS_SSM_INSTANCE_ID": host.id, "AWS_SSM_REGION_NAME": host.region, "AWS_SSM_PLATFORM_NAME": "Debian GNU/Linux",
                   "AWS_SSM_PLATFORM_VERSION": "12", "SSM_COMMAND_ID": command_id} | variables

    def join():
        os.setsid()
        with open(host.cgroup_procs, "w") as file:
            file.write("0")

    return subprocess.Popen(host.enter + ["sh", "-c", path], env=environment, cwd="/", stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=join)


def run(host, command_id, step, document, parameters, shown, cancelled):
    """Runs one step to its end; returns whether the next one is to run."""
    seconds = int(step["inputs"].get("timeoutSeconds", 3600))
    if not 5 <= seconds <= 172_800:
        seconds = 3600
    shown.started, shown.status, shown.details = now(), "InProgress", "InProgress"
    process = start(host, command_id, step, *script(host, step, document, parameters))
    out, err = bytearray(), bytearray()
    readers = [threading.Thread(target=keep, args=pair, daemon=True) for pair in ((process.stdout, out), (process.stderr, err))]
    for reader in readers:
        reader.start()
    deadline = time.monotonic() + seconds
    while (process.poll() is None or any(r.is_alive() for r in readers)) and time.monotonic() < deadline and not cancelled.is_set():
        time.sleep(POLL_S)
    ended = process.poll() is not None and not any(reader.is_alive() for reader in readers)
    if not ended:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for reader in readers:
            reader.join(1)
    return finish(shown, process.returncode, ended, cancelled, bytes(out), bytes(err), step)


def finish(shown, code, ended, cancelled, out, err, step):
    if not ended:
        status = ("Cancelled", "Cancelled") if cancelled.is_set() else ("TimedOut", "Execution Timed Out")
        code = KILLED
    else:
        code = code if code >= 0 else 128 - code
        status = ("Success", "Success") if code in (0, SUCCEED_AND_STOP) else ("Failed", "Failed")
        if status[0] == "Failed":
            err += f"\nfailed to run commands: exit status {code}".encode()
    shown.stdout = cut(out, STDOUT_MAX_BYTES).decode("utf-8", "replace")
    shown.stderr = cut(err, STDERR_MAX_BYTES).decode("utf-8", "replace")
    shown.end(*status, code)
    stop = code in (SUCCEED_AND_STOP, FAIL_AND_STOP) or not ended
    return not stop and not (status[0] == "Failed" and step.get("onFailure") == "exit")


def applies(step):
    wanted = step.get("precondition", {}).get("StringEquals")
    return wanted is None or "Linux" in wanted or "platformType" not in wanted


def deliver(hosts, command_id, sent, invocation, timeout_s):
    """Waits for the host's agent, then runs the document's steps one after the other."""
    give_up = time.monotonic() + timeout_s
    while (host := hosts.find(invocation.instance_id)) is None or host.ping_status != "Online":
        if invocation.cancelled.is_set():
            invocation.status = invocation.details = "Cancelled"
            return
        if time.monotonic() > give_up:
            invocation.status, invocation.details = "TimedOut", "Delivery Timed Out"
            return
        time.sleep(POLL_S)
    invocation.status = invocation.details = "InProgress"
    go_on, worst = True, ("Success", "Success")
    for step, shown in zip(sent.document["mainSteps"], invocation.steps):
        if not go_on or not applies(step):
            # A step that does not apply is skipped and counts as done.
            shown.status, shown.details, shown.code = "Success", "Success", 0
            continue
        try:
            go_on = run(host, command_id, step, sent.document, sent.parameters, shown, invocation.cancelled)
        except OSError as error:
            shown.stderr, go_on = f"failed to run commands: {error}", False
            shown.started = shown.started or now()
            shown.end("Failed", "Failed", 1)
        if shown.status != "Success":
            worst = (shown.status, shown.details)
    invocation.status, invocation.details = worst
