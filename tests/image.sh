# Sourced: tries the bot's image as an engine would run it, without one.
#   try_image IMAGE DIRECTORY     checks and unpacks it, and runs it there by its own configuration: as its user, with a root
#                                 that is read-only, in namespaces of its own, beside a stand-in of AWS. Needs tests/setup.sh.
try_image() { # image, directory
    image_root=$2
    mkdir "$image_root"
    python3 - "$1" "$image_root" >"$image_root.sh" <<'PYTHON' || fail "the image is none that can be loaded"
"""Checks an image's digests, unpacks its layer, and prints how it is run, for a shell."""
import hashlib
import json
import shlex
import sys
import tarfile

with tarfile.open(sys.argv[1]) as image:
    [manifest] = json.load(image.extractfile("manifest.json"))
    about = image.extractfile(manifest["Config"]).read()
    assert manifest["Config"] == hashlib.sha256(about).hexdigest() + ".json"
    about = json.loads(about)
    [layer] = manifest["Layers"]
    digest = hashlib.sha256(image.extractfile(layer).read()).hexdigest()
    assert about["rootfs"]["diff_ids"] == [f"sha256:{digest}"], about
    with tarfile.open(fileobj=image.extractfile(layer)) as files:
        assert not [entry.name for entry in files if entry.mode & 0o6002], "setuid, or anybody's to write"
        files.extractall(sys.argv[2], numeric_owner=True)
config = about["config"]
[check, *health] = config["Healthcheck"]["Test"]
assert check == "CMD" and config["Healthcheck"]["Interval"] >= 10**9, config
for name, words in [
    ("image_user", [config["User"]]),
    ("image_env", config["Env"]),
    ("image_command", config["Entrypoint"] + config["Cmd"]),
    ("image_health", health),
    ("image_state", list(config["Volumes"])),
]:
    print(f"{name}={shlex.quote(shlex.join(words))}")
PYTHON
    # shellcheck disable=SC1090
    . "$image_root.sh"
    [ "$image_user" = 65532:65532 ] || fail "the image is run as $image_user"
    [ "$(stat -c %u:%a "$image_root$image_state")" = 65532:700 ] || fail "its state folder is another's"
    # shellcheck disable=SC2016
    timeout 120 unshare --mount --pid --net --fork --kill-child sh -euc "$IMAGE_RUN" run "$image_root" "$root/tests/standins" \
        "${CARGO_TARGET_DIR:-$root/target}/venv/bin/python" >"$image_root.log" 2>&1 || fail "the image does not run: $(tail -n 20 "$image_root.log")"
}

IMAGE_RUN='
. "$1.sh"
image=$1
mount --make-rprivate /
ip link set lo up
mkdir -p "$image/proc" "$image/dev"
mount --bind "$image" "$image"
mount --bind /dev "$image/dev"
mount -t proc proc "$image/proc"
mount -t tmpfs -o "uid=${image_user%:*},mode=0700" state "$image$image_state"
mount -o remount,bind,ro "$image"
! touch "$image/written" 2>/dev/null || { echo "its root can be written"; exit 1; }
mkdir "$1.hosts"
"$3" "$2/moto_aws.py" "$1.hosts" >"$1.port" 2>"$1.aws" &
for _ in $(seq 150); do [ -s "$1.port" ] && break; sleep 0.2; done
endpoint=http://127.0.0.1:$(tr -dc 0-9 <"$1.port")
export AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
queue=$("$3" -c "import boto3,sys; print(boto3.client(\"sqs\", endpoint_url=sys.argv[1]).create_queue(QueueName=\"notices\")[\"QueueUrl\"])" "$endpoint")
settings="queue_url = \"$queue\"
regions = [\"us-east-1\"]
[operations]
listen = \"127.0.0.1:9464\""
in_image() {
    exec env -i $image_env GUMSHOE_SETTINGS="$settings" AWS_ENDPOINT_URL="$endpoint" AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=none \
        AWS_SECRET_ACCESS_KEY=none /usr/sbin/chroot --userspec="$image_user" "$image" "$@"
}
! (in_image $image_health) || { echo "it is healthy before it runs"; exit 1; }
in_image $image_command &
bot=$!
for _ in $(seq 100); do
    if (in_image $image_health); then healthy=1; break; fi
    kill -0 $bot
    sleep 0.2
done
[ -n "${healthy-}" ] || { echo "it is never healthy"; exit 1; }
grep -q "^Uid:.65532.65532.65532.65532" "$image/proc/$bot/status" || { echo "it runs as another user"; exit 1; }
[ -n "$(ls "$image$image_state")" ] || { echo "it keeps nothing"; exit 1; }
kill -TERM $bot
wait $bot
'
