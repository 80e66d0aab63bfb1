# Waits until standard input ends, then removes one lab.
# $1: the lab's directory; $2: its cgroup. Exits 1 when something is left.
trap '' HUP INT TERM
read -r _ || :
if [ -e "$2/cgroup.kill" ]; then
    echo 1 >"$2/cgroup.kill"
    tries=0
    while grep -q 'populated 1' "$2/cgroup.events" && [ "$tries" -lt 500 ]; do
        sleep 0.02
        tries=$((tries + 1))
    done
    find "$2" -depth -type d -exec rmdir {} \;
fi
rm -rf --one-file-system "$1"
rmdir "$(dirname "$1")"
[ ! -e "$1" ] && [ ! -e "$2" ]
