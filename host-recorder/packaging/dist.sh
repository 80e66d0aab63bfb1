#!/bin/sh
# Builds what is handed out, into target/dist: the recorder and its archive as static programs, .deb, .rpm and Distributor zip, with
# checksums and an SBOM. With the argument `bot`, also the bot's program and the context of its container image.
# HOST_RECORDER and ARCHIVE name programs that are built already.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
cd "$root"
target=${CARGO_TARGET_DIR:-$root/target}
dist=$target/dist
tools=$target/tools
machine=$(uname -m)
triple=$machine-unknown-linux-gnu
case $machine in
    x86_64) architecture=x86_64 ;;
    aarch64) architecture=arm64 ;;
    *)
        echo "dist: there are packages for x86_64 and aarch64, not for $machine" >&2
        exit 1
        ;;
esac
say() { echo "dist: $*"; }

# Pinned, and kept out of the user's own programs.
tool() { # crate, version
    if [ "$(cat "$tools/$1.version" 2>/dev/null)" != "$2" ]; then
        say "building $1 $2 (a minute or two, once)"
        cargo install --quiet --locked --root "$tools" --version "$2" "$1"
        echo "$2" >"$tools/$1.version"
    fi
}

need() { # program, package
    if ! command -v "$1" >/dev/null; then
        echo "dist: there is no program $1; install the package $2" >&2
        exit 1
    fi
}
need python3 python3

rm -rf "$dist"
mkdir -p "$dist" "$tools"

program=${HOST_RECORDER-}
if [ -z "$program" ]; then
    say "building the recorder as a static program"
    # Names of users are read from /etc/passwd, not by libc, so nothing is missing from a static glibc.
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --package host-recorder --target "$triple"
    program=$target/$triple/release/host-recorder
fi
archive=${ARCHIVE-}
if [ -z "$archive" ]; then
    say "building the archive as a static program (some minutes, once)"
    # It asks name servers itself, so nothing is missing here either.
    RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --locked --package archive --target "$triple"
    archive=$target/$triple/release/host-recorder-archive
fi
for built in "$program" "$archive"; do
    if LC_ALL=C ldd "$built" 2>&1 | grep -q '=>'; then
        echo "dist: $built is linked to libraries; it would not run everywhere" >&2
        exit 1
    fi
done
cp "$program" "$dist/host-recorder-$architecture"
cp "$archive" "$dist/host-recorder-archive-$architecture"
strip "$dist/host-recorder-$architecture" "$dist/host-recorder-archive-$architecture"
version=$("$dist/host-recorder-$architecture" --version | cut -d ' ' -f 2)

# Where the packers look for it.
packed=$target/$triple/release
mkdir -p "$packed"
[ "$(realpath "$packed/host-recorder" 2>/dev/null)" = "$(realpath "$program")" ] || cp "$program" "$packed/"
# The packers strip what they built themselves only.
cp "$dist/host-recorder-archive-$architecture" "$packed/host-recorder-archive"

tool cargo-deb 3.8.0
tool cargo-generate-rpm 0.21.1
tool cargo-cyclonedx 0.5.9
PATH=$tools/bin:$PATH
say "packing .deb and .rpm"
cargo deb --quiet --no-build --strip --package host-recorder --target "$triple" --output "$dist/"
cargo generate-rpm --package host-recorder --target "$triple" --output "$dist/"

say "packing the Distributor zip"
python3 - "$dist" "$architecture" host-recorder/packaging <<'PYTHON'
"""A zip whose bytes depend on its content alone, so that the same source gives the same checksum."""
import sys
import zipfile
from pathlib import Path

dist, architecture, packaging = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
files = {
    "host-recorder": (dist / f"host-recorder-{architecture}", 0o755),
    "host-recorder-archive": (dist / f"host-recorder-archive-{architecture}", 0o755),
    "host-recorder-archive.service": (packaging / "host-recorder-archive.service", 0o644),
    "host-recorder.service": (packaging / "host-recorder.service", 0o644),
    "host-recorder.toml": (packaging / "host-recorder.toml", 0o644),
    "install.sh": (packaging / "distributor/install.sh", 0o755),
    "uninstall.sh": (packaging / "distributor/uninstall.sh", 0o755),
}
with zipfile.ZipFile(dist / f"host-recorder-{architecture}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for name, (path, mode) in sorted(files.items()):
        entry = zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0))
        entry.external_attr = (0o100000 | mode) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, path.read_bytes())
PYTHON
sha256=$(sha256sum "$dist/host-recorder-$architecture.zip" | cut -d ' ' -f 1)
python3 - "$dist/manifest.json" "$version" "$architecture" "$sha256" <<'PYTHON'
"""Distributor's manifest, the same that terraform/modules/recorder writes."""
import json
import sys

path, version, architecture, sha256 = sys.argv[1:]
name = f"host-recorder-{architecture}.zip"
platforms = ["amazon", "debian", "ubuntu", "redhat", "rocky", "almalinux", "oracle", "centos", "suse"]
manifest = {
    "schemaVersion": "2.0",
    "publisher": "Gumshoe",
    "version": version,
    "packages": {platform: {"_any": {architecture: {"file": name}}} for platform in platforms},
    "files": {name: {"checksums": {"sha256": sha256}}},
}
with open(path, "w", encoding="utf-8") as file:
    json.dump(manifest, file, indent=2)
    file.write("\n")
PYTHON

say "writing the SBOM"
cargo cyclonedx --quiet --format json --manifest-path host-recorder/Cargo.toml --target "$triple" --override-filename host-recorder.cdx
mv host-recorder/host-recorder.cdx.json "$dist/"
find . -name 'host-recorder.cdx.json' -not -path './target/*' -delete
for package in host-recorder/archive:host-recorder-archive bot:gumshoe; do
    name=${package#*:}.cdx
    cargo cyclonedx --quiet --format json --manifest-path "${package%:*}/Cargo.toml" --target "$triple" --override-filename "$name"
    mv "${package%:*}/$name.json" "$dist/"
    find . -name "$name.json" -not -path './target/*' -delete
done

if [ "${1-}" = bot ]; then
    bot/packaging/image.sh "$dist"
fi
(cd "$dist" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%f\n' | LC_ALL=C sort | xargs sha256sum >SHA256SUMS)
say "done: $dist"
cat "$dist/SHA256SUMS"
say "for terraform/modules/recorder: releases = { \"$version\" = { prefix = \"...\", sha256 = { $architecture = \"$sha256\" } } }"
