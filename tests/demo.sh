#!/bin/sh
# Sets up, builds, and tells the story: a scan, a notice, an answer.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
tests/setup.sh
. tests/as-root.sh
echo "demo: building (the first time some 12 min on two cores, then seconds)"
cargo build --workspace --bins
exec cargo run --quiet --bin demo -- "$@"
