#!/bin/sh
# Installs or upgrades the recorder from the folder that this script lies in. May be run again: then it changes what is
# another, and restarts the recorder only if something was. Settings and history are kept. GUMSHOE_ROOT installs below
# another root, for images.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=${GUMSHOE_ROOT-}

if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
    echo "host-recorder: install as root" >&2
    exit 1
fi
# Before anything is replaced: a program for another processor would end what records now.
if ! "$here/host-recorder" --version >/dev/null 2>&1; then
    echo "host-recorder: the program in this package does not run here ($(uname -m))" >&2
    exit 1
fi

changed=
# The new file takes the place of the old in one step, so that a running program is never written to.
put() { # mode, source, target
    if ! cmp -s "$2" "$root$3"; then
        mkdir -p "$root$(dirname "$3")"
        cp "$2" "$root$3.new"
        chmod "$1" "$root$3.new"
        mv -f "$root$3.new" "$root$3"
        changed=1
    fi
}

put 0755 "$here/host-recorder-archive" /usr/bin/host-recorder-archive
put 0644 "$here/host-recorder-archive.service" /etc/systemd/system/host-recorder-archive.service
put 0755 "$here/host-recorder" /usr/bin/host-recorder
put 0644 "$here/host-recorder.service" /etc/systemd/system/host-recorder.service
# Settings are the owner's once they are there.
[ -e "$root/etc/host-recorder.toml" ] || put 0644 "$here/host-recorder.toml" /etc/host-recorder.toml
mkdir -p "$root/var/lib/host-recorder"
chmod 0700 "$root/var/lib/host-recorder"

if [ -n "$root" ]; then
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -sf /etc/systemd/system/host-recorder.service "$root/etc/systemd/system/multi-user.target.wants/host-recorder.service"
elif [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl enable --quiet host-recorder.service
    if [ -n "$changed" ] || ! systemctl is-active --quiet host-recorder.service; then
        systemctl restart host-recorder.service
        systemctl try-restart host-recorder-archive.service
    fi
    # It copies nothing until it is told where to.
    [ ! -e /etc/default/host-recorder-archive ] || systemctl enable --now --quiet host-recorder-archive.service
else
    echo "host-recorder: systemd does not run here; start 'host-recorder record' yourself"
fi
"$here/host-recorder" --version
