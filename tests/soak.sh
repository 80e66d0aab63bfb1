#!/bin/sh
# Sets up, builds, and lives through hard days; arguments are those of the program `soak` (--help).
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
tests/setup.sh
. tests/as-root.sh
echo "soak: building (the first time some 12 min on two cores, then seconds)"
cargo build --workspace --bins
exec cargo run --quiet --package tests --bin soak -- "$@"
