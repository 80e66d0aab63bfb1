"""Packs a root file system as an image that `docker load` and `podman load` take, without a container engine.

How it is run (user, environment, entry point, health check) is read from the last stage of the Containerfile, so that
both ways to the image give the same. Its bytes depend on its content alone.
  image.py CONTAINERFILE ROOT TAG OUTPUT
"""
import gzip
import hashlib
import io
import json
import platform
import re
import shlex
import sys
import tarfile
from pathlib import Path

# The only folder that is not root's.
STATE, USER = "var/lib/gumshoe", 65532
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
SECONDS = {"s": 1, "m": 60, "h": 3600}


def last_stage(text):
    """Instructions after the last FROM, with lines that go on joined."""
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
    begins = max(number for number, line in enumerate(lines) if line.split()[0] == "FROM")
    if lines[begins].split() != ["FROM", "scratch"]:
        sys.exit("image: the last stage is not made from scratch")
    return [line.split(None, 1) for line in lines[begins + 1 :]]


def nanoseconds(text):
    return int(text[:-1]) * SECONDS[text[-1]] * 1_000_000_000


def configuration(containerfile):
    """What an engine is told of the image. An instruction that is not known here would be lost, so it is an error."""
    config = {"Env": ["PATH=/usr/bin"], "WorkingDir": "/"}
    for instruction, rest in last_stage(containerfile):
        if instruction == "COPY" and rest == "--from=build /image /":
            continue
        if instruction == "USER":
            config["User"] = rest
        elif instruction == "ENV":
            config["Env"] += shlex.split(rest)
        elif instruction == "VOLUME":
            config["Volumes"] = {rest: {}}
        elif instruction in ("ENTRYPOINT", "CMD"):
            config[instruction.capitalize()] = json.loads(rest)
        elif instruction == "HEALTHCHECK":
            flags, command = rest.split(" CMD ")
            given = dict(re.findall(r"--([a-z-]+)=(\S+)", flags))
            names = {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod"}
            check = {names[flag]: nanoseconds(value) for flag, value in given.items()}
            config["Healthcheck"] = {"Test": ["CMD", *json.loads(command)], **check}
        else:
            sys.exit(f"image: {instruction} {rest} is not known here")
    config["Entrypoint"] = config.pop("Entrypoint")
    return config


def tar(entries):
    """A tar of names and their files or bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                entry.size, entry.mode = len(content), 0o644
                archive.addfile(entry, io.BytesIO(content))
                continue
            entry.mode = content.stat().st_mode & 0o7777
            entry.uid = entry.gid = USER if name == STATE else 0
            if content.is_dir():
                entry.type = tarfile.DIRTYPE
                archive.addfile(entry)
            else:
                entry.size = content.stat().st_size
                with content.open("rb") as file:
                    archive.addfile(entry, file)
    return buffer.getvalue()


def digest(data):
    return hashlib.sha256(data).hexdigest()


def main():
    containerfile, root, tag, output = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    layer = tar((path.relative_to(root).as_posix(), path) for path in sorted(root.rglob("*")))
    about = {
        "architecture": ARCHITECTURES[platform.machine()],
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": configuration(containerfile.read_text(encoding="utf-8")),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest(layer)}"]},
        "history": [{"created": "1970-01-01T00:00:00Z", "created_by": "bot/packaging/image.sh"}],
    }
    about = json.dumps(about, indent=1).encode()
    manifest = [{"Config": f"{digest(about)}.json", "RepoTags": [tag], "Layers": [f"{digest(layer)}/layer.tar"]}]
    image = tar([(manifest[0]["Config"], about), (manifest[0]["Layers"][0], layer), ("manifest.json", json.dumps(manifest).encode())])
    output.write_bytes(gzip.compress(image, mtime=0))


main()
