"""Two wheels: gkick, the Python package, and gkick-server, the executable with every library that it needs but glibc's.

    wheel.py pure OUT | wheel.py server EXECUTABLE OUT
"""
from __future__ import annotations

import base64
import hashlib
import os
import platform
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import parts

# What builds the pure wheel; another version might write other bytes.
SETUPTOOLS = "setuptools==75.8.0"


def pure(out: Path) -> Path:
    """By setuptools, from a copy without what is not in the sources."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "gkick"
        shutil.copytree(parts.ROOT / "Clients" / "python", copy, ignore=shutil.ignore_patterns(
            "__pycache__", "*.pyc", "*.egg-info", "build", "dist", "tests", ".mypy_cache", ".pytest_cache"))
        shutil.copy(parts.ROOT / "LICENSE", copy / "LICENSE")
        for path in [copy, *copy.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        constraint = Path(folder) / "constraint"
        constraint.write_text(SETUPTOOLS + "\n")
        parts.run(sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps", "--wheel-dir", folder, copy,
                  env=os.environ | {"PIP_CONSTRAINT": str(constraint)})
        [made] = Path(folder).glob("gkick-*.whl")
        assert made.name == f"gkick-{parts.VERSION}-py3-none-any.whl", f"{made.name} is not version {parts.VERSION}: see pyproject.toml"
        return Path(shutil.copy(made, out / made.name))


class Wheel:
    """A zip file with sorted times and modes, and the list of its contents that installers check."""

    def __init__(self, file: Path, info: str) -> None:
        self.zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6)
        self.info = info
        self.record: list[str] = []

    def add(self, name: str, data: bytes, mode: int = 0o644) -> None:
        entry = zipfile.ZipInfo(name, time.gmtime(max(parts.epoch(), 315532800))[:6])
        entry.external_attr = (0o100000 | mode) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self.zip.writestr(entry, data, compresslevel=6)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        self.record.append(f"{name},sha256={digest},{len(data)}\n")

    def close(self) -> None:
        name = f"{self.info}/RECORD"
        self.record.append(f"{name},,\n")
        entry = zipfile.ZipInfo(name, time.gmtime(max(parts.epoch(), 315532800))[:6])
        entry.external_attr = 0o100644 << 16
        self.zip.writestr(entry, "".join(self.record), zipfile.ZIP_DEFLATED)
        self.zip.close()


def server(executable: Path, out: Path) -> Path:
    """The executable goes where programs go (bin), the libraries beside it (lib/gkick), where its rpath finds them from there."""
    with tempfile.TemporaryDirectory() as folder:
        program = parts.stripped(executable, Path(folder) / "gkick")
        plugins = parts.plugins()
        libraries = parts.libraries(program, *plugins)
        # An rpath of the old kind also holds for what the libraries need, which therefore stay as Debian built them, byte for byte.
        parts.run("patchelf", "--force-rpath", "--set-rpath", "$ORIGIN/../lib/gkick", program)
        major, minor = parts.glibc_wanted(program, *libraries.values(), *plugins)
        tag = f"py3-none-manylinux_{major}_{minor}_{platform.machine()}"
        base = f"gkick_server-{parts.VERSION}"
        file = out / f"{base}-{tag}.whl"
        wheel = Wheel(file, f"{base}.dist-info")

        wheel.add(f"{base}.data/scripts/gkick", program.read_bytes(), 0o755)
        for name, path in libraries.items():
            wheel.add(f"{base}.data/data/lib/gkick/{name}", path.read_bytes())
        for path in plugins:
            wheel.add(f"{base}.data/data/lib/gkick/plugin/{path.name}", path.read_bytes())
        for path in sorted((Path(__file__).parent / "gkick_server").glob("*.py*")):
            wheel.add(f"gkick_server/{path.name}", path.read_bytes())
        wheel.add("gkick_server/py.typed", b"")

        owners = {name: parts.owner(path) for name, path in [*libraries.items(), *((f"plugin/{path.name}", path) for path in plugins)]}
        table = parts.sources_table(owners)
        readme = (Path(__file__).parent / "gkick_server" / "README.md").read_text().replace("@LIBRARIES@", table.rstrip())
        wheel.add(f"{base}.dist-info/METADATA", (
            f"Metadata-Version: 2.1\nName: gkick-server\nVersion: {parts.VERSION}\nSummary: The gKick server, as an executable: {parts.DESCRIPTION}\n"
            "License: Apache-2.0; the libraries that go along each under their own, see licenses\n"
            "Requires-Python: >=3.9\nClassifier: Operating System :: POSIX :: Linux\nDescription-Content-Type: text/markdown\n"
            f"\n{readme}").encode())
        wheel.add(f"{base}.dist-info/WHEEL", f"Wheel-Version: 1.0\nGenerator: Scripts/package\nRoot-Is-Purelib: false\nTag: {tag}\n".encode())
        wheel.add(f"{base}.dist-info/licenses/LICENSE", (parts.ROOT / "LICENSE").read_bytes())
        wheel.add(f"{base}.dist-info/licenses/LIBRARIES.txt", table.encode())
        for name, licence in parts.library_licences(owners).items():
            wheel.add(f"{base}.dist-info/licenses/libraries/{name}", licence)
        for name, licence in parts.swift_licences().items():
            wheel.add(f"{base}.dist-info/licenses/swift/{name}", licence.encode())
        wheel.close()
        return file


if __name__ == "__main__":
    if sys.argv[1] == "pure":
        print(pure(Path(sys.argv[2])))
    else:
        print(server(Path(sys.argv[2]), Path(sys.argv[3])))
