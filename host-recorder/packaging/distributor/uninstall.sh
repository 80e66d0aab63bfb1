#!/bin/sh
# Removes the recorder and keeps its settings and history: they may be what is asked for next. May be run again.
# Distributor also runs it before the new version's install.sh.
set -eu
root=${GUMSHOE_ROOT-}
if [ -z "$root" ] && [ "$(id -u)" -ne 0 ]; then
    echo "host-recorder: uninstall as root" >&2
    exit 1
fi
if [ -z "$root" ] && [ -d /run/systemd/system ] && [ -e /etc/systemd/system/host-recorder.service ]; then
    systemctl disable --now --quiet host-recorder.service host-recorder-archive.service || :
fi
rm -f "$root/usr/bin/host-recorder" "$root/etc/systemd/system/host-recorder.service" \
    "$root/usr/bin/host-recorder-archive" "$root/etc/systemd/system/host-recorder-archive.service" \
    "$root/etc/systemd/system/multi-user.target.wants/host-recorder.service"
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
fi
if [ -d "$root/var/lib/host-recorder" ]; then
    echo "host-recorder: removed; the history in /var/lib/host-recorder is kept"
fi
