#!/bin/sh
# Installs what building and testing need and this machine lacks: system packages, and a Python
# environment with the AWS stand-in's libraries. May be run again at any time; then it is quick.
# With the argument `bench`, also what is measured with; with `peers`, also the recorders that ours is measured beside;
# with `packages`, also what packages are tried with; with `rings`, also the programs whose runs are recorded as fixtures.
# Needs Debian 12+ or Ubuntu 22.04+, root or sudo, and the package registries.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
log=$target/setup.log
mkdir -p "$target"

# The first line builds the recorder, the second the Python environment; the rest is the lab.
packages="build-essential pkg-config clang libelf-dev zlib1g-dev
    python3 python3-venv
    anacron at bind9-dnsutils busybox-static chromium containerd cron curl dbus dbus-user-session dropbear-bin fcgiwrap git hostname
    hping3 hydra inetutils-inetd inetutils-telnetd iproute2 iputils-arping iputils-ping libpam-systemd libpcap0.8 masscan mosh mount mtr-tiny ncat nftables
    nginx-light nmap opendoas openssh-client openssh-server parallel passwd perl-base php-fpm pkexec polkitd procps
    python3-paramiko rsh-redone-server rsync rsyslog runc screen shellinabox socat spawn-fcgi sudo systemd systemd-container tcpdump tmux traceroute util-linux zmap"
case ${1-} in
    '') ;;
    bench) packages="$packages redis-server redis-tools zstd" ;;
    peers) packages="$packages redis-server redis-tools zstd auditd bpftrace libbpf-tools" ;;
    packages) packages="$packages debootstrap rpm unzip" ;;
    rings) packages="$packages memcached netcat-openbsd tinyproxy tor" ;;
    *)
        echo "setup: $1 is nothing that can be set up: bench, packages, peers, rings, or no argument" >&2
        exit 2
        ;;
esac

sudo=
[ "$(id -u)" -eq 0 ] || sudo=sudo

# Runs a long step with its output in the log, and says every ten seconds that it goes on.
step() { # what, command...
    what=$1
    shift
    echo "setup: $what"
    "$@" >>"$log" 2>&1 &
    job=$!
    seconds=0
    while kill -0 "$job" 2>/dev/null; do
        sleep 0.5
        seconds=$((seconds + 1))
        [ $((seconds % 20)) -ne 0 ] || echo "setup: ... $((seconds / 2)) s"
    done
    if ! wait "$job"; then
        tail -n 30 "$log" >&2
        echo "setup: failed: $what (all of it is in $log)" >&2
        exit 1
    fi
}

installed() {
    dpkg-query -W -f '${db:Status-Abbrev}' "$1" 2>/dev/null | grep -q '^ii'
}

# A virtual or renamed package counts where its successor is there (libpcap0.8t64).
missing_packages() {
    for package in $packages; do
        installed "$package" || installed "${package}t64" || printf '%s ' "$package"
    done
}

# Installs without starting anything: this machine is not to run an ssh server because of a test.
install_packages() { # package...
    policy=/usr/sbin/policy-rc.d
    made=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
        $sudo chmod 0755 "$policy"
        made=1
    fi
    status=0
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        -o DPkg::Lock::Timeout=300 "$@" || status=$?
    [ -z "$made" ] || $sudo rm -f "$policy"
    for package in "$@"; do
        case $package in
            openssh-server) units='ssh.service ssh.socket' ;;
            rsyslog | cron | containerd | redis-server | auditd | memcached | tinyproxy | tor) units=$package.service ;;
            anacron) units='anacron.service anacron.timer' ;;
            at) units=atd.service ;;
            fcgiwrap) units='fcgiwrap.service fcgiwrap.socket' ;;
            inetutils-inetd) units=inetutils-inetd.service ;;
            nginx-light) units=nginx.service ;;
            php-fpm) units=$(cd /lib/systemd/system && echo php*-fpm.service) ;;
            *) continue ;;
        esac
        # shellcheck disable=SC2086 # two unit names
        ! command -v systemctl >/dev/null || $sudo systemctl disable $units || :
    done
    return "$status"
}

make_venv() {
    rm -rf "$target/venv"
    python3 -m venv "$target/venv" &&
        "$target/venv/bin/pip" install --disable-pip-version-check --no-input -r "$root/tests/standins/requirements.txt"
}

: >"$log"
missing=$(missing_packages)
if [ -n "$missing" ]; then
    if ! command -v apt-get >/dev/null; then
        echo "setup: this machine has no apt-get; install by hand: $missing" >&2
        exit 1
    fi
    # Asked for here, once: a password prompt in a step would not be seen.
    if [ -n "$sudo" ] && ! sudo -v; then
        echo "setup: root or sudo is needed to install: $missing" >&2
        exit 1
    fi
    step "reading the package lists" $sudo apt-get update -o DPkg::Lock::Timeout=300
    # shellcheck disable=SC2086 # a list of packages
    step "installing system packages (1-2 min): $missing" install_packages $missing
fi

wanted=$(sha256sum <"$root/tests/standins/requirements.txt")-$(python3 -V)
stamp=$target/venv/stamp
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
    step "installing the AWS stand-in's Python libraries (about 40 s)" make_venv
    echo "$wanted" >"$stamp"
fi
echo "setup: done"
