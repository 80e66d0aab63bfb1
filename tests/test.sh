#!/bin/sh
# Sets up, builds, and runs every test of the workspace.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
tests/setup.sh
tests/terraform.sh --setup
. tests/as-root.sh
echo "test: building (the first time some 12 min on two cores, then seconds)"
cargo build --workspace --all-targets
if cargo nextest --version >/dev/null 2>&1; then
    exec cargo nextest run --workspace --no-fail-fast
fi
exec cargo test --workspace --no-fail-fast
