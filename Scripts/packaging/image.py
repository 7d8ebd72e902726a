"""The container image, without a container engine: an OCI archive that podman, docker, skopeo and containerd load.

    image.py EXECUTABLE OUT

It holds the executable, the libraries that it needs, the authorities of TLS and the time zones: no shell, no package manager. How it is run
(user, ports, environment, health check) is what Examples/deploy/Containerfile says.
"""
from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shlex
import sys
import tarfile
import tempfile
from pathlib import Path

import parts

CONTAINERFILE = parts.ROOT / "Examples" / "deploy" / "Containerfile"
USER = 10001
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def seconds(text: str) -> int:
    """A health check's time, in nanoseconds, as the image's settings have it."""
    number, unit = re.fullmatch(r"(\d+)(s|m)", text).groups()
    return int(number) * {"s": 1, "m": 60}[unit] * 1_000_000_000


def settings() -> dict:
    """What the last stage of the Containerfile says of how the image is run."""
    text = CONTAINERFILE.read_text().replace("\\\n", " ")
    stage = text[text.rindex("\nFROM "):]
    config: dict = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"], "WorkingDir": "/"}
    for line in stage.splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "ENV":
            config["Env"] += shlex.split(rest)
        elif word == "USER":
            assert rest == str(USER), f"the Containerfile's user is {rest}, not {USER}"
            config["User"] = f"{USER}:{USER}"
        elif word == "VOLUME":
            config["Volumes"] = {rest: {}}
        elif word == "EXPOSE":
            config["ExposedPorts"] = {f"{port}/tcp": {} for port in rest.split()}
        elif word == "STOPSIGNAL":
            config["StopSignal"] = rest
        elif word == "ENTRYPOINT":
            config["Entrypoint"] = json.loads(rest)
        elif word == "CMD":
            config["Cmd"] = json.loads(rest)
        elif word == "HEALTHCHECK":
            flags = dict(re.findall(r"--(\S+)=(\S+)", rest))
            config["Healthcheck"] = {"Test": ["CMD", *json.loads(rest[rest.index("["):])], "Interval": seconds(flags["interval"]),
                                     "Timeout": seconds(flags["timeout"]), "StartPeriod": seconds(flags["start-period"])}
    for name in ("User", "Volumes", "ExposedPorts", "StopSignal", "Entrypoint", "Cmd", "Healthcheck"):
        assert name in config, f"the Containerfile says nothing of {name}"
    return config


class Layer:
    """A tar of files in the order they are named, all from one time and all root's, unless said otherwise."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[tarfile.TarInfo, bytes]] = {}

    def _put(self, name: str, kind: bytes, mode: int, data: bytes = b"", link: str = "", user: int = 0) -> None:
        for parent in list(Path(name).parents)[-2::-1]:
            if str(parent) not in self.files:
                self._put(str(parent), tarfile.DIRTYPE, 0o755)
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.size, info.mtime, info.linkname, info.uid, info.gid = kind, mode, len(data), parts.epoch(), link, user, user
        self.files[name] = (info, data)

    def folder(self, name: str, mode: int = 0o755, user: int = 0) -> None:
        self._put(name, tarfile.DIRTYPE, mode, user=user)

    def file(self, name: str, data: bytes | str | Path, mode: int = 0o644) -> None:
        self._put(name, tarfile.REGTYPE, mode, data.read_bytes() if isinstance(data, Path) else data.encode() if isinstance(data, str) else data)

    def link(self, name: str, to: str) -> None:
        self._put(name, tarfile.SYMTYPE, 0o777, link=to)

    def tar(self) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for name in sorted(self.files):
                info, data = self.files[name]
                archive.addfile(info, io.BytesIO(data))
        return out.getvalue()


def base(program: Path) -> Layer:
    """What changes with Debian, not with gKick: libraries, authorities, time zones, who there is."""
    layer = Layer()
    for one, to in [("bin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib64"), ("sbin", "usr/sbin")]:
        layer.link(one, to)
    plugins = parts.plugins()
    libraries = parts.libraries(program, *plugins, glibc=True)
    folder = plugins[0].parents[2].relative_to("/")  # usr/lib/x86_64-linux-gnu
    owners = {}
    for name, path in libraries.items():
        owners[name] = parts.owner(path)
        layer.file(f"{folder}/{name}", path, 0o755)
    loader = re.search(r"Requesting program interpreter: (\S+)\]", parts.run("readelf", "-l", program)).group(1)
    layer.file(f"usr{loader}", Path(loader).resolve(), 0o755)
    owners[Path(loader).name] = parts.owner(Path(loader))
    for path in plugins:
        layer.file(str(path.relative_to("/")), path)
    layer.file("etc/ssl/certs/ca-certificates.crt", Path("/etc/ssl/certs/ca-certificates.crt"))
    layer.file("usr/share/doc/ca-certificates/copyright", Path("/usr/share/doc/ca-certificates/copyright"))
    zones = Path("/usr/share/zoneinfo")
    for path in sorted(zones.rglob("*")):
        name = str(path.relative_to("/"))
        # The same zones again with leap seconds, and as POSIX calls them.
        if path.relative_to(zones).parts[0] in ("right", "posix") or path.is_dir():
            continue
        if path.is_symlink() and path.resolve().is_relative_to(zones):
            layer.link(name, str(path.readlink()))
        elif path.is_file():
            layer.file(name, path)
    layer.file("etc/passwd", f"root:x:0:0:root:/root:/sbin/nologin\ngkick:x:{USER}:{USER}:gkick:/var/lib/gkick:/sbin/nologin\n")
    layer.file("etc/group", f"root:x:0:\ngkick:x:{USER}:\n")
    layer.file("etc/nsswitch.conf", "hosts: files dns\n")
    layer.folder("tmp", 0o1777)
    layer.folder("var/lib/gkick", 0o700, USER)
    table = parts.sources_table(owners)
    layer.file("usr/share/doc/gkick/libraries/README", "From Debian 12, unchanged; sources: https://snapshot.debian.org\n\n" + table)
    for name, licence in parts.library_licences(owners).items():
        layer.file(f"usr/share/doc/gkick/libraries/{name}", licence)
    return layer


def application(program: Path) -> Layer:
    layer = Layer()
    layer.file("usr/local/bin/gkick", program, 0o755)
    layer.file("usr/share/doc/gkick/LICENSE", parts.ROOT / "LICENSE")
    for name, text in parts.swift_licences().items():
        layer.file(f"usr/share/doc/gkick/swift/{name}", text)
    return layer


def make(executable: Path, out: Path) -> Path:
    machine = parts.run("uname", "-m").strip()
    architecture = ARCHITECTURES[machine]
    with tempfile.TemporaryDirectory() as folder:
        program = parts.stripped(executable, Path(folder) / "gkick")
        parts.run("patchelf", "--remove-rpath", program)
        layers = [base(program).tar(), application(program).tar()]

    archive = Layer()
    created = parts.date("%Y-%m-%dT%H:%M:%SZ")

    def blob(data: bytes, kind: str) -> dict:
        digest = hashlib.sha256(data).hexdigest()
        archive.file(f"blobs/sha256/{digest}", data)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}

    packed = [blob(gzip.compress(layer, 6, mtime=0), "layer.v1.tar+gzip") for layer in layers]
    config = settings()
    config["Labels"] = {
        "org.opencontainers.image.title": "gkick", "org.opencontainers.image.version": parts.VERSION,
        "org.opencontainers.image.description": parts.DESCRIPTION, "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.base.name": "debian:12 (libraries, authorities and time zones only)",
    }
    image = blob(json.dumps({
        "architecture": architecture, "os": "linux", "created": created, "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]},
        "history": [{"created": created, "created_by": "Scripts/package image", "comment": comment} for comment in ("Debian's libraries", "gkick")],
    }, sort_keys=True).encode(), "config.v1+json")
    manifest = blob(json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": image, "layers": packed,
    }, sort_keys=True).encode(), "manifest.v1+json")
    tag = f"gkick:{parts.VERSION}"
    archive.file("oci-layout", '{"imageLayoutVersion":"1.0.0"}')
    archive.file("index.json", json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [manifest | {
        "platform": {"architecture": architecture, "os": "linux"},
        "annotations": {"org.opencontainers.image.ref.name": parts.VERSION, "io.containerd.image.name": f"docker.io/library/{tag}"},
    }]}, sort_keys=True))
    # For `docker load` of before it knew OCI's form.
    path = {one["digest"]: f"blobs/sha256/{one['digest'].removeprefix('sha256:')}" for one in [image, *packed]}
    archive.file("manifest.json", json.dumps([{
        "Config": path[image["digest"]], "RepoTags": [tag], "Layers": [path[one["digest"]] for one in packed]}]))
    file = out / f"gkick-{parts.VERSION}-{architecture}-oci.tar"
    file.write_bytes(archive.tar())
    return file


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), Path(sys.argv[2])))
