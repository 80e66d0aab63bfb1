#!/bin/sh
# Packs the bot's image as a tar that `docker import` or `podman import` takes, without a container engine. GUMSHOE names a
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
tar --create --file "$dist/gumshoe-image.tar" --directory "$image" --sort=name --mtime=@0 --numeric-owner \
    --owner=0 --group=0 --exclude=./var/lib/gumshoe .
tar --append --file "$dist/gumshoe-image.tar" --directory "$image" --mtime=@0 --numeric-owner \
    --owner=65532 --group=65532 ./var/lib/gumshoe
gzip --no-name --force "$dist/gumshoe-image.tar"
