#!/bin/sh
# Packs the bot's image as a tar that `docker load` or `podman load` takes, without a container engine. GUMSHOE names a
# program that is built already.
#   image.sh DIST
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$root"
dist=$1
program=${GUMSHOE-}
if [ -z "$program" ]; then
    echo "dist: building the bot (8 GB of memory, some ten minutes)"
    cargo build --release --locked --package gumshoe
    program=${CARGO_TARGET_DIR:-$root/target}/release/gumshoe
fi
image=$(mktemp -d)
trap 'rm -rf "$image"' EXIT
bot/packaging/image-root.sh "$program" "$image"
strip "$image/usr/bin/gumshoe"
version=$("$program" --version | cut -d ' ' -f 2)
python3 bot/packaging/image.py bot/packaging/Containerfile "$image" "gumshoe:$version" "$dist/gumshoe-image.tar.gz"
