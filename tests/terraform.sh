#!/bin/sh
# Checks terraform/ without AWS: format, validity, the modules' tests, plan and apply of the examples, and checkov, by the
# schema of the real provider; what the policies allow, by a simulator of IAM. Needs terraform, npm and python3; sets up the
# rest below target/, and may be run again.
#   tests/terraform.sh [--setup] [modules] [examples] [policies]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
work=${CARGO_TARGET_DIR:-$root/target}/terraform
provider=25.7.0
package=$work/cdktn-provider-aws-$provider.tgz

for program in terraform npm python3; do
    if ! command -v "$program" >/dev/null; then
        echo "terraform: there is no program $program; README.md, \"Working on it\", says how to get it" >&2
        exit 1
    fi
done
mkdir -p "$work"

# Whatever is downloaded appears under its name only when it is whole.
if [ ! -s "$package" ]; then
    echo "terraform: fetching the AWS provider's schema (46 MB)"
    fetched=$(mktemp -d "$work/fetch.XXXXXX")
    if ! (cd "$fetched" && npm pack --silent "@cdktn/provider-aws@$provider" >npm.log 2>&1); then
        tail -n 20 "$fetched/npm.log" >&2
        rm -rf "$fetched"
        echo "terraform: the npm package @cdktn/provider-aws could not be fetched" >&2
        exit 1
    fi
    mv "$fetched"/*.tgz "$package"
    rm -rf "$fetched"
fi

wanted=$(sha256sum <"$root/tests/terraform/requirements.txt")-$(python3 -V)
if [ "$(cat "$work/venv/stamp" 2>/dev/null)" != "$wanted" ]; then
    echo "terraform: installing checkov and the provider's stand-in (about a minute)"
    rm -rf "$work/venv"
    python3 -m venv "$work/venv"
    if ! "$work/venv/bin/pip" install --disable-pip-version-check --no-input \
        -r "$root/tests/terraform/requirements.txt" >"$work/pip.log" 2>&1; then
        tail -n 20 "$work/pip.log" >&2
        exit 1
    fi
    echo "$wanted" >"$work/venv/stamp"
fi
# A simulator of IAM; it runs beside the tests and is part of nothing that is built.
simulator=0.1.173
if [ "$(cat "$work/simulator/stamp" 2>/dev/null)" != "$simulator" ]; then
    echo "terraform: installing the simulator of IAM"
    rm -rf "$work/simulator"
    mkdir -p "$work/simulator"
    if ! npm install --prefix "$work/simulator" --silent --no-audit --no-fund --ignore-scripts \
        "@cloud-copilot/iam-simulate@$simulator" >"$work/npm.log" 2>&1; then
        tail -n 20 "$work/npm.log" >&2
        echo "terraform: the npm package @cloud-copilot/iam-simulate could not be installed" >&2
        exit 1
    fi
    echo "$simulator" >"$work/simulator/stamp"
fi
[ "${1-}" != --setup ] || exit 0

GUMSHOE_SIMULATOR="$work/simulator" exec "$work/venv/bin/python" -B "$root/tests/terraform/check.py" "$package" "$work/applied" "$@"
