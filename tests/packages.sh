#!/bin/sh
# Tries what `make dist` packed, as root: the static program in an empty and in an old root file system, the .deb
# installed, upgraded, removed and purged there, without systemd and under a running one with the recorder at work, the
# Distributor zip installed and removed twice; the .rpm likewise, in a root with a shell alone and under systemd.
#   tests/packages.sh [DIST]
# OLD_ROOT names a root of Debian 11 that is there already; it is copied. Needs debootstrap, rpm, busybox and dpkg.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
dist=$(realpath "${1:-${CARGO_TARGET_DIR:-$root/target}/dist}")
case $(uname -m) in aarch64) architecture=arm64 ;; *) architecture=$(uname -m) ;; esac
program=$dist/host-recorder-$architecture
work=$(mktemp -d "${TMPDIR:-/tmp}/gumshoe-packages.XXXXXX")
. "$root/tests/booted.sh"
trap 'unboot; rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT TERM

say() { echo "packages: $*"; }
fail() {
    echo "packages: $*" >&2
    exit 1
}
for tool in debootstrap rpm busybox dpkg-deb unzip; do
    command -v "$tool" >/dev/null || fail "there is no program $tool; install it with apt-get"
done
[ "$(id -u)" -eq 0 ] || fail "only root can enter other root file systems"

(cd "$dist" && sha256sum --check --quiet SHA256SUMS) || fail "checksums do not hold"
version=$("$program" --version | cut -d ' ' -f 2)

say "the program in a root that holds nothing else"
mkdir -p "$work/empty/tmp"
cp "$program" "$work/empty/host-recorder"
[ "$(chroot "$work/empty" /host-recorder --version)" = "host-recorder $version" ] || fail "it does not run without a C library"
cp "$dist/host-recorder-archive-$architecture" "$work/empty/host-recorder-archive"
[ "$(chroot "$work/empty" /host-recorder-archive --version)" = "host-recorder-archive $version" ] ||
    fail "the archive does not run without a C library"
chroot "$work/empty" /host-recorder config | grep -q '^\[ring\]' || fail "it prints no settings there"

say "Debian 11 (glibc 2.31)"
if [ -n "${OLD_ROOT-}" ]; then
    cp -a "$OLD_ROOT" "$work/old"
else
    debootstrap --variant=minbase bullseye "$work/old" >"$work/debootstrap.log" 2>&1 ||
        fail "no Debian 11: $(tail -n 3 "$work/debootstrap.log")"
fi
old() { chroot "$work/old" env DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"; }
deb=$(ls "$dist"/*.deb)
cp "$deb" "$work/old/tmp/first.deb"
# The same package under a later version: what an upgrade does is in the scripts, not in the program.
dpkg-deb --raw-extract "$deb" "$work/later"
sed -i 's/^Version: .*/Version: 99.0.0/' "$work/later/DEBIAN/control"
dpkg-deb --build --root-owner-group "$work/later" "$work/old/tmp/later.deb" >/dev/null

# The .rpm likewise, from what `make dist` left for it.
packer=${CARGO_TARGET_DIR:-$root/target}/tools/bin/cargo-generate-rpm
later_rpm=$work/later.rpm
(cd "$root" && "$packer" generate-rpm --package host-recorder --target "$(uname -m)-unknown-linux-gnu" \
    --set-metadata 'version = "99.0.0"' --output "$later_rpm") >"$work/rpm.log" 2>&1 || fail "no later .rpm: $(cat "$work/rpm.log")"

old dpkg --install /tmp/first.deb >"$work/dpkg.log" 2>&1 || fail "not installed: $(cat "$work/dpkg.log")"
[ "$(old host-recorder --version)" = "host-recorder $version" ] || fail "it does not run on Debian 11"
old test -f /usr/lib/systemd/system/host-recorder.service || fail "there is no unit"
mkdir -p "$work/old/var/lib/host-recorder"
echo history >"$work/old/var/lib/host-recorder/segment"
echo '# mine' >>"$work/old/etc/host-recorder.toml"
old dpkg --install /tmp/later.deb >"$work/dpkg.log" 2>&1 || fail "not upgraded: $(cat "$work/dpkg.log")"
old dpkg --install /tmp/later.deb >"$work/dpkg.log" 2>&1 || fail "not installed again: $(cat "$work/dpkg.log")"
grep -q '# mine' "$work/old/etc/host-recorder.toml" || fail "an upgrade took the settings"
[ -e "$work/old/var/lib/host-recorder/segment" ] || fail "an upgrade took the history"
old dpkg --remove host-recorder >"$work/dpkg.log" 2>&1 || fail "not removed: $(cat "$work/dpkg.log")"
[ -e "$work/old/var/lib/host-recorder/segment" ] || fail "removing took the history"
[ ! -e "$work/old/usr/bin/host-recorder" ] || fail "removing left the program"
old dpkg --purge host-recorder >"$work/dpkg.log" 2>&1 || fail "not purged: $(cat "$work/dpkg.log")"
[ ! -e "$work/old/var/lib/host-recorder" ] || fail "purging left the history"

say "Debian 11 with systemd running, and the recorder under it"
old apt-get install --yes --no-install-recommends systemd systemd-sysv rpm >"$work/apt.log" 2>&1 ||
    fail "no systemd: $(tail -n 3 "$work/apt.log")"
mv "$work/old/tmp" "$work/old/packages" && mkdir -m 1777 "$work/old/tmp"
unzip -q "$dist/host-recorder-$architecture.zip" -d "$work/old/packages/zip"
boot "$work/old" "$work/boot.log" || fail "Debian 11's systemd did not boot"
recorder() { inside systemctl show --property MainPID --value host-recorder.service; }
runs() { # what was done
    [ "$(inside systemctl is-active host-recorder.service)" = active ] ||
        fail "the recorder does not run $1: $(inside journalctl --no-pager --lines 20 --unit host-recorder.service)"
    inside host-recorder status --json >"$work/status.json" || fail "its status says $(cat "$work/status.json") $1"
    # The kernel's hooks are attached from inside the unit's sandbox, and nothing was lost.
    python3 -c 'import json,sys; s=json.load(open(sys.argv[1])); assert s["running"], s; assert any("sched_process_exec" in json.dumps(h) for h in s["hooks"]), s' \
        "$work/status.json" || fail "its status is wrong $1"
}
# It exits with 3 where something is missing: the time before it was installed is.
history() {
    inside host-recorder timeline --last 10m --process /usr/bin/test >"$work/found" 2>&1 || [ $? -eq 3 ]
    grep -q '/usr/bin/test' "$work/found"
}
inside dpkg --install /packages/first.deb >"$work/dpkg.log" 2>&1 || fail "not installed: $(cat "$work/dpkg.log")"
runs "after the installation"
first=$(recorder)
inside /usr/bin/test 1
inside dpkg --install /packages/later.deb >"$work/dpkg.log" 2>&1 || fail "not upgraded: $(cat "$work/dpkg.log")"
runs "after the upgrade"
[ "$(recorder)" != "$first" ] || fail "an upgrade left the old program running"
history || fail "an upgrade lost the history: $(cat "$work/found")"
inside dpkg --remove host-recorder >"$work/dpkg.log" 2>&1 || fail "not removed: $(cat "$work/dpkg.log")"
[ "$(inside systemctl is-active host-recorder.service)" != active ] || fail "it runs after it was removed"
inside test -e /var/lib/host-recorder || fail "removing took the history"
inside dpkg --purge host-recorder >"$work/dpkg.log" 2>&1 || fail "not purged: $(cat "$work/dpkg.log")"
inside test ! -e /var/lib/host-recorder || fail "purging left the history"

cp "$dist"/*.rpm "$work/old/packages/first.rpm"
cp "$later_rpm" "$work/old/packages/later.rpm"
inside_rpm() { inside rpm --nodeps --force-debian "$@" >"$work/rpm.log" 2>&1 || fail "rpm $*: $(cat "$work/rpm.log")"; }
inside_rpm --install /packages/first.rpm
runs "after the .rpm's installation"
first=$(recorder)
inside /usr/bin/test 2
inside_rpm --upgrade /packages/later.rpm
runs "after the .rpm's upgrade"
[ "$(recorder)" != "$first" ] || fail "an upgrade of the .rpm left the old program running"
history || fail "an upgrade of the .rpm lost the history: $(cat "$work/found")"
inside_rpm --erase host-recorder
[ "$(inside systemctl is-active host-recorder.service)" != active ] || fail "it runs after the .rpm was removed"
inside test -e /var/lib/host-recorder || fail "removing the .rpm took the history"

inside sh /packages/zip/install.sh >/dev/null || fail "install.sh under systemd"
runs "after install.sh"
first=$(recorder)
inside sh /packages/zip/install.sh >/dev/null || fail "install.sh again"
[ "$(recorder)" = "$first" ] || fail "install.sh restarted what was the same"
for _ in 1 2; do
    inside sh /packages/zip/uninstall.sh >/dev/null || fail "uninstall.sh under systemd"
done
[ "$(inside systemctl is-active host-recorder.service)" != active ] || fail "it runs after uninstall.sh"
inside test -e /var/lib/host-recorder || fail "uninstall.sh took the history"
unboot

say "the Distributor zip, twice each way"
unzip -q "$dist/host-recorder-$architecture.zip" -d "$work/zip"
mkdir "$work/image"
for _ in 1 2; do
    GUMSHOE_ROOT=$work/image sh "$work/zip/install.sh" >/dev/null || fail "install.sh"
done
first=$(stat -c %Y.%i "$work/image/usr/bin/host-recorder")
GUMSHOE_ROOT=$work/image sh "$work/zip/install.sh" >/dev/null
[ "$(stat -c %Y.%i "$work/image/usr/bin/host-recorder")" = "$first" ] || fail "install.sh replaced what was the same"
echo history >"$work/image/var/lib/host-recorder/segment"
for _ in 1 2; do
    GUMSHOE_ROOT=$work/image sh "$work/zip/uninstall.sh" >/dev/null || fail "uninstall.sh"
done
[ ! -e "$work/image/usr/bin/host-recorder" ] || fail "uninstall.sh left the program"
[ -e "$work/image/var/lib/host-recorder/segment" ] || fail "uninstall.sh took the history"
sum=$(sha256sum "$dist/host-recorder-$architecture.zip" | cut -d ' ' -f 1)
grep -q "\"sha256\": \"$sum\"" "$dist/manifest.json" || fail "the manifest has another checksum"

say "the .rpm, without systemd"
rpm -qlp "$dist"/*.rpm 2>/dev/null | sort >"$work/rpm.list"
printf '%s\n' /etc/host-recorder.toml /usr/bin/host-recorder /usr/bin/host-recorder-archive \
    /usr/lib/systemd/system/host-recorder-archive.service /usr/lib/systemd/system/host-recorder.service | cmp -s - "$work/rpm.list" ||
    fail "it holds $(cat "$work/rpm.list")"
# Its scripts run in the root that it is installed to: one with a shell, and no more.
mkdir -p "$work/rpm/bin"
cp "$(command -v busybox)" "$work/rpm/bin/sh"
rpm --root "$work/rpm" --initdb
rpm_in() { rpm --root "$work/rpm" --nodeps "$@" >"$work/rpm.log" 2>&1 || fail "rpm $*: $(cat "$work/rpm.log")"; }
rpm_in --install "$dist"/*.rpm
[ "$(chroot "$work/rpm" /usr/bin/host-recorder --version)" = "host-recorder $version" ] || fail "what the .rpm installs does not run"
mkdir -p "$work/rpm/var/lib/host-recorder"
echo history >"$work/rpm/var/lib/host-recorder/segment"
echo '# mine' >>"$work/rpm/etc/host-recorder.toml"
rpm_in --upgrade "$later_rpm"
rpm_in --upgrade --replacepkgs "$later_rpm"
[ "$(rpm --root "$work/rpm" -q --queryformat '%{VERSION}' host-recorder)" = 99.0.0 ] || fail "the .rpm was not upgraded"
grep -q '# mine' "$work/rpm/etc/host-recorder.toml" || fail "an upgrade of the .rpm took the settings"
rpm_in --erase host-recorder
[ ! -e "$work/rpm/usr/bin/host-recorder" ] || fail "removing the .rpm left the program"
[ -e "$work/rpm/var/lib/host-recorder/segment" ] || fail "removing the .rpm took the history"
grep -q 'history in /var/lib/host-recorder is kept' "$work/rpm.log" || fail "its scripts did not run: $(cat "$work/rpm.log")"

for sbom in host-recorder host-recorder-archive gumshoe; do
    python3 -c 'import json,sys; sbom=json.load(open(sys.argv[1])); assert len(sbom["components"])>50, sbom' "$dist/$sbom.cdx.json" ||
        fail "the SBOM of $sbom names too little"
done

if [ -e "$dist/gumshoe-image.tar.gz" ]; then
    say "the bot's image, as its user with nothing to write but its state"
    . "$root/tests/image.sh"
    try_image "$dist/gumshoe-image.tar.gz" "$work/bot"
fi
say "ok"
