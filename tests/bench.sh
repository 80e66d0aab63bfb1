#!/bin/sh
# Sets up, builds without debugging, and measures. Arguments are those of the program `bench` (--help).
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
what=bench
for argument in "$@"; do
    [ "$argument" != --peers ] || what=peers
done
tests/setup.sh "$what"
. tests/as-root.sh
echo "bench: building (the first time some 8 min on two cores, then seconds)"
# The whole workspace: a part of it would have other features of its libraries, and compile those once more.
cargo build --release --workspace --bins
exec "${CARGO_TARGET_DIR:-$root/target}"/release/bench "$@"
