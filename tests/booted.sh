# Sourced: boots a root file system's own systemd, in namespaces and a cgroup of its own, without a network.
#   boot ROOT LOG     afterwards `inside COMMAND...` runs a command there
#   unboot            ends all of it; may be called at any time
booted_group=
booted_job=
booted_pid=

boot() { # root, log
    tree=$(findmnt --types cgroup2 --noheadings --output TARGET | head -n 1)
    [ -n "$tree" ] || {
        echo "no cgroup v2 tree is mounted" >&2
        return 1
    }
    booted_group=$tree/gumshoe-booted-$$
    mkdir "$booted_group"
    # shellcheck disable=SC2016
    sh -euc '
        echo $$ >"$1/cgroup.procs"
        exec unshare --pid --mount --ipc --uts --net --cgroup --fork --kill-child sh -euc "$3" boot "$2"
    ' boot "$booted_group" "$1" '
        cd "$1"
        mount --make-rprivate / && mount --bind . . && cd "$1"
        mount -t proc proc proc && mount -t sysfs -o ro sysfs sys
        # Where this machine has v1 hierarchies beside it, the mount point lies below a folder of theirs.
        mount -t tmpfs -o mode=0755 cgroup sys/fs/cgroup && mount -t cgroup2 none sys/fs/cgroup
        mount -t tmpfs -o mode=0755 run run && mount -t tmpfs tmp tmp && mount --rbind /dev dev
        hostname booted
        pivot_root . mnt && umount -l /mnt
        exec env -i container=lab PATH=/usr/sbin:/usr/bin:/sbin:/bin \
            /lib/systemd/systemd --system --unit=multi-user.target --log-target=console --show-status=no
    ' >"$2" 2>&1 &
    booted_job=$!
    for _ in $(seq 150); do
        booted_pid=$(systemd_of "$booted_group")
        if [ -n "$booted_pid" ] && inside systemctl is-system-running --wait >/dev/null 2>&1; then
            return 0
        fi
        kill -0 "$booted_job" 2>/dev/null || break
        sleep 0.2
    done
    tail -n 20 "$2" >&2
    return 1
}

# The first process of the namespace: the systemd that is no other's child in the cgroup.
systemd_of() { # cgroup
    find "$1" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -n | while read -r pid; do
        if grep -qs '^NSpid:.*[[:space:]]1$' "/proc/$pid/status" && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = systemd ]; then
            echo "$pid"
            break
        fi
    done
}

inside() {
    nsenter --target "$booted_pid" --mount --uts --ipc --net --pid --cgroup --root --wd \
        env -i DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

unboot() {
    [ -n "$booted_group" ] || return 0
    echo 1 >"$booted_group/cgroup.kill" 2>/dev/null || :
    [ -z "$booted_job" ] || wait "$booted_job" 2>/dev/null || :
    for _ in $(seq 100); do
        find "$booted_group" -depth -type d -exec rmdir {} + 2>/dev/null && break
        [ -d "$booted_group" ] || break
        sleep 0.1
    done
    booted_group=
}
