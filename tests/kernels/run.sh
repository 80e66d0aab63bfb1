#!/bin/sh
# Boots the recorder on Debian's cloud kernels under software emulation and prints what each of them records.
#
# Usage: run.sh [VERSION ...], of 5.10, 6.1 and 6.12; all of them unless some are named. Exits 1 when one fails.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
work=$target/kernels
recorder=${HOST_RECORDER_BIN:-$target/debug/host-recorder}
mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 | tr -d ' ')
boot_max_s=240
mkdir -p "$work"

sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo
if ! command -v qemu-system-x86_64 >/dev/null || ! command -v busybox >/dev/null || ! command -v cpio >/dev/null; then
    echo "kernels: installing qemu-system-x86, busybox-static and cpio (about 1 min)"
    $sudo apt-get -qq update
    DEBIAN_FRONTEND=noninteractive $sudo apt-get -qq install -y qemu-system-x86 busybox-static cpio binutils >"$work/setup.log" 2>&1
fi
[ -x "$recorder" ] || { echo "kernels: $recorder is not built: cargo build -p host-recorder" >&2; exit 1; }

# The object for arm64, against the types of such a kernel. There is no such machine here that could load it.
build_arm64() {
    headers=$(ls -d "$target"/debug/build/libbpf-sys-*/out/include | head -n 1)
    bpf=$root/host-recorder-bpf
    clang -target bpf -g -O2 -Wall -Werror -Wno-unused-function -D__TARGET_ARCH_arm64 -I"$bpf/include" \
        -I"$bpf/vmlinux/aarch64" -I"$bpf/src" -I"$headers" -c "$bpf/src/recorder.bpf.c" -o "$work/recorder-arm64.o"
    echo "kernels: arm64  the object is built (and not loaded)"
}

# The suite that a kernel is in, and a pattern of its package's name.
suite_of() {
    case $1 in
        5.10) echo "bullseye linux-image-5.10.0-[0-9]+-cloud-amd64-unsigned" ;;
        6.1) echo "bookworm linux-image-6.1.0-[0-9]+-cloud-amd64-unsigned" ;;
        6.12) echo "trixie linux-image-6.12.[0-9+deb]+-cloud-amd64-unsigned" ;;
        *) echo "kernels: $1 is not one of 5.10, 6.1, 6.12" >&2; exit 2 ;;
    esac
}

# Downloads the newest kernel of a suite with apt lists of its own.
fetch() {
    dir=$work/$1
    [ -f "$dir/vmlinuz" ] && return
    echo "kernels: fetching $1"
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror:?no Debian mirror is configured} $2 main" >"$dir/apt/sources.list"
    options="-o Dir::Etc::sourcelist=$dir/apt/sources.list -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists=$dir/apt/lists -o Dir::Cache=$dir/apt/cache -o APT::Architecture=amd64"
    apt-get $options -qq update
    package=$(apt-cache $options search --names-only "^$3\$" | cut -d' ' -f1 | sort -V | tail -n 1)
    (cd "$dir" && apt-get $options -qq download "${package:?no kernel of $1 in $2}" 2>/dev/null)
    dpkg-deb -x "$dir"/linux-image-*.deb "$dir/files"
    cp "$dir"/files/boot/vmlinuz-* "$dir/vmlinuz"
    rm -rf "$dir/files" "$dir/apt" "$dir"/linux-image-*.deb
}

# The recorder, the libraries it needs, busybox, and what to do.
make_initramfs() {
    files=$work/initramfs
    rm -rf "$files"
    mkdir -p "$files/bin" "$files/proc" "$files/sys" "$files/dev" "$files/etc"
    cp "$(command -v busybox)" "$files/bin/busybox"
    for applet in sh mount mkdir ip uname grep kill cat poweroff sleep nc ping nslookup timeout udhcpc udhcpd; do
        ln -s busybox "$files/bin/$applet"
    done
    cc -static -O1 -Wall -Werror -o "$files/bin/load_bpf" "$root/tests/kernels/load_bpf.c"
    cp "$recorder" "$files/bin/host-recorder"
    strip "$files/bin/host-recorder"
    ldd "$recorder" | grep -oE '/[^ ]+' | while read -r library; do
        mkdir -p "$files$(dirname "$library")"
        cp "$library" "$files$library"
    done
    echo 'root:x:0:0:root:/:/bin/sh' >"$files/etc/passwd"
    cp "$root/tests/kernels/init" "$files/init"
    chmod +x "$files/init"
    (cd "$files" && find . | cpio --quiet -o -H newc) | gzip -1 >"$work/initramfs.gz"
}

# An emulated kernel sometimes dies before its first process runs, of the emulator; then it is booted again.
boot() {
    for attempt in 1 2 3; do
        boot_once "$1"
        ! grep -q 'KERNEL [0-9]' "$work/$1/answer.log" || return 0
        echo "kernels: $1 did not reach its first process (attempt $attempt of 3)"
    done
}

boot_once() {
    timeout $boot_max_s qemu-system-x86_64 -accel tcg -cpu max -m 768 -nographic -no-reboot -nic none \
        -kernel "$work/$1/vmlinuz" -initrd "$work/initramfs.gz" \
        -append "console=ttyS0 quiet panic=-1" </dev/null >"$work/$1/console.log" 2>&1 || true
    tr -d '\r' <"$work/$1/console.log" >"$work/$1/answer.log"
}

# What must have been recorded: a word for it, and a line that says it.
check() {
    if grep -qE "$3" "$work/$1/answer.log"; then
        printf ' %-9s' "$2"
    else
        printf ' %-9s' "NO-$2"
        missing="$missing $1:$2"
    fi
}

build_arm64
make_initramfs
[ $# -gt 0 ] || set -- 5.10 6.1 6.12
missing=
for version in "$@"; do
    # Two words: the suite and the pattern.
    fetch "$version" $(suite_of "$version")
    echo "kernels: booting $version (under emulation, about half a minute)"
    boot "$version"
    printf 'kernels: %-6s %-28s' "$version" "$(grep -oE 'KERNEL [0-9][^ ]*' "$work/$version/answer.log" | cut -d' ' -f2)"
    check "$version" answered '^KERNEL-ANSWERED'
    check "$version" refused '^    to 127.0.0.1 ports 7001 .*1 refused'
    check "$version" udp '^    to 127.0.0.1 ports 53 '
    check "$version" icmp 'icmp out by RawIp'
    check "$version" frames '^    udhcpc -i lo .*\(root, pid'
    check "$version" closed '^    to 127.0.0.1 ports 7003 .*1 closed'
    check "$version" accepted 'tcp in by Socket'
    check "$version" dns '^  .* example.com type 1 asked'
    check "$version" hooks '^HOOKS-REFUSED 0$'
    check "$version" received '^RECEIVING-SEEN$'
    check "$version" bpf '^  .* BpfLoad program [0-9]+, tag [0-9a-f]{16} by pid [0-9]+ '
    check "$version" process 'nc -w 1 127.0.0.1 7001  \(root, pid'
    check "$version" lossless '^lost       nothing'
    echo
    case $missing in *" $version:"*) tail -n 60 "$work/$version/answer.log" ;; esac
done
[ -z "$missing" ] || { echo "kernels: not recorded:$missing" >&2; exit 1; }
