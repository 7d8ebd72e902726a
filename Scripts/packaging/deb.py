"""The Debian package: executable, service, settings, completions, manual pages.

    deb.py EXECUTABLE OUT
"""
from __future__ import annotations

import gzip
import os
import sys
import tempfile
from pathlib import Path

import manual
import parts

FILES = Path(__file__).parent / "debian"
MAINTAINER = "The gKick authors <gkick@localhost>"
DEPLOY = parts.ROOT / "Examples" / "deploy"


class Tree:
    """The files as they will be installed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(self, name: str, data: bytes | str, mode: int = 0o644) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        path.chmod(mode)
        return path

    def add_compressed(self, name: str, text: str) -> None:
        self.add(name + ".gz", gzip.compress(text.encode(), 9, mtime=0))


def unit() -> str:
    """The unit of Examples/deploy, for where the package puts things, and with a user that stays: files in /etc can be that user's to read."""
    text = (DEPLOY / "gkick.service").read_text()
    start = text.index("[Unit]")
    text = text[start:]
    for there, here in [("/usr/local/bin/gkick", "/usr/bin/gkick"), ("DynamicUser=yes\n", "User=gkick\nGroup=gkick\n")]:
        assert there in text, f"{there!r} is no longer in Examples/deploy/gkick.service"
        text = text.replace(there, here)
    return "# From the package gkick. Change it by drop-ins: systemctl edit gkick\n" + text


def depends(program: Path) -> str:
    """The packages of the libraries that the program needs, with the versions that have what it calls."""
    with tempfile.TemporaryDirectory() as folder:
        control = Path(folder) / "debian" / "control"
        control.parent.mkdir()
        control.write_text("Source: gkick\n\nPackage: gkick\nArchitecture: any\n")
        said = parts.run("dpkg-shlibdeps", "-O", "--ignore-missing-info", f"-e{program}", cwd=folder)
        return said.split("shlibs:Depends=")[1].strip()


def make(executable: Path, out: Path) -> Path:
    architecture = parts.run("dpkg", "--print-architecture").strip()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        root.mkdir()
        root.chmod(0o755)
        tree = Tree(root)
        (root / "usr/bin").mkdir(parents=True)
        program = parts.stripped(executable, root / "usr/bin/gkick")
        # Debian's libraries are where they always are: nothing is looked for beside the executable.
        parts.run("patchelf", "--remove-rpath", program)

        tree.add("lib/systemd/system/gkick.service", unit())
        tree.add("usr/lib/sysusers.d/gkick.conf", (FILES / "sysusers.conf").read_text())
        tree.add("etc/gkick/server.yaml", (DEPLOY / "server.yaml").read_text())
        for shell, name in [("bash", "usr/share/bash-completion/completions/gkick"), ("zsh", "usr/share/zsh/vendor-completions/_gkick"),
                            ("fish", "usr/share/fish/vendor_completions.d/gkick.fish")]:
            script = parts.run(executable, "--generate-completion-script", shell)
            # It is read by a shell, never run.
            tree.add(name, script.removeprefix("#!/bin/bash\n"))
        for name, text in manual.pages(executable).items():
            tree.add_compressed(f"usr/share/man/man1/{name}", text)
        tree.add("usr/share/doc/gkick/copyright", (FILES / "copyright").read_text())
        licences = "\n".join(f"==== {name.removesuffix('.txt')}\n\n{text}" for name, text in parts.swift_licences().items())
        tree.add_compressed("usr/share/doc/gkick/swift-packages", licences)
        tree.add_compressed("usr/share/doc/gkick/changelog", (parts.ROOT / "CHANGELOG.md").read_text())
        tree.add_compressed("usr/share/doc/gkick/changelog.Debian", (
            f"gkick ({parts.VERSION}-1) stable; urgency=medium\n\n  * Version {parts.VERSION}: see changelog.gz.\n\n"
            f" -- {MAINTAINER}  {parts.date('%a, %d %b %Y %H:%M:%S +0000')}\n"))
        tree.add("usr/share/lintian/overrides/gkick", (FILES / "lintian-overrides").read_text())
        for path in root.rglob("*"):
            if path.is_dir():
                path.chmod(0o755)

        size = sum(path.stat().st_size for path in root.rglob("*") if path.is_file()) // 1024
        tree.add("DEBIAN/control", (
            f"Package: gkick\nVersion: {parts.VERSION}-1\nArchitecture: {architecture}\nMaintainer: {MAINTAINER}\n"
            f"Installed-Size: {size}\nDepends: {depends(program)}, init-system-helpers (>= 1.54), passwd, procps\n"
            "Recommends: ca-certificates, tzdata\nSuggests: postgresql, redis-server\nSection: net\nPriority: optional\n"
            "Description: background-job server over gRPC\n"
            " Producers in any language put jobs in, workers on any host hold a stream open\n"
            " and are given them the moment they are free: retries, priorities, unique keys,\n"
            " limits, dependencies, batches, recurring jobs.\n"
            " .\n"
            " The jobs live in an embedded, fsynced store beside the server, or in Redis,\n"
            " PostgreSQL or MariaDB with several servers over it.\n"))
        tree.add("DEBIAN/conffiles", "/etc/gkick/server.yaml\n")
        sums = [parts.run("md5sum", path.relative_to(root), cwd=root) for path in sorted(root.rglob("*"))
                if path.is_file() and path.relative_to(root).parts[0] not in ("DEBIAN", "etc")]
        tree.add("DEBIAN/md5sums", "".join(sums))
        for name in ("postinst", "prerm", "postrm"):
            tree.add(f"DEBIAN/{name}", (FILES / name).read_text(), 0o755)
        for path in [root, *root.rglob("*")]:
            os.utime(path, (parts.epoch(), parts.epoch()))
        file = out / f"gkick_{parts.VERSION}-1_{architecture}.deb"
        # One thread: what several threads write depends on how many they are.
        parts.run("dpkg-deb", "--root-owner-group", "--threads-max=1", "-Zxz", "-z2", "--build", root, file)
        return file


if __name__ == "__main__":
    print(make(Path(sys.argv[1]), Path(sys.argv[2])))
