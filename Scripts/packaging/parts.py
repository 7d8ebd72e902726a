"""What all packages are made of: the stripped executable, the libraries that it needs, their licences, files that come out the same twice."""
from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = (ROOT / "VERSION").read_text().strip()
DESCRIPTION = "Background jobs over gRPC: one server, producers and workers in any language"
# Part of glibc, which is the one thing that is not carried along.
GLIBC = re.compile(r"^(ld-linux.*|lib(c|m|dl|pthread|rt|resolv|util|anl|nss_.*))\.so\.\d+$")

# What each of Debian's source packages is under, in short; the whole text goes with it. A library that is not here stops the build, so that
# somebody looks before it is given to others.
LICENCES = {
    "cyrus-sasl2": "BSD-4-Clause-like (Carnegie Mellon)", "e2fsprogs": "MIT-like (libcom_err)", "gcc-12": "GPL-3.0 with the runtime library exception",
    "gmp": "LGPL-3.0 or GPL-2.0", "gnutls28": "LGPL-2.1", "hiredis": "BSD-3-Clause", "keyutils": "LGPL-2.0", "krb5": "MIT", "libffi": "MIT",
    "libidn2": "LGPL-3.0 or GPL-2.0", "libtasn1-6": "LGPL-2.1", "libunistring": "LGPL-3.0 or GPL-2.0", "mariadb": "LGPL-2.1 (the client library)",
    "nettle": "LGPL-3.0 or GPL-2.0", "nghttp2": "MIT", "openldap": "OpenLDAP Public License", "openssl": "Apache-2.0", "p11-kit": "BSD-3-Clause",
    "postgresql-15": "PostgreSQL", "protobuf-c": "BSD-2-Clause", "sqlite3": "public domain", "zlib": "Zlib",
    "glibc": "LGPL-2.1", "brotli": "MIT", "libzstd": "BSD-3-Clause or GPL-2.0", "libxcrypt": "LGPL-2.1",
}


def run(*command: str | Path, **more) -> str:
    """What it prints. Ends the program with what it said when it fails."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise SystemExit(f"Scripts/package: {' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def epoch() -> int:
    """The time that all files are said to be from: SOURCE_DATE_EPOCH, which Scripts/package takes from the commit."""
    return int(os.environ["SOURCE_DATE_EPOCH"])


def date(form: str) -> str:
    return time.strftime(form, time.gmtime(epoch()))


def stripped(executable: Path, out: Path) -> Path:
    """The executable without debugging symbols, and without what depends on the folder that it was built in: Swift's hash of each module's way to
    its sources is blank, and the linker's of the whole, that one included, is made anew."""
    shutil.copyfile(executable, out)
    run("strip", "--strip-all", out)
    data = bytearray(out.read_bytes())
    # A number, name, type and address, then where it is in the file and how long.
    places = {name: (int(offset, 16), int(size, 16)) for name, offset, size in re.findall(
        r"(?m)^\s*\[\s*\d+\]\s+(\.swift_modhash|\.note\.gnu\.build-id)\s+\S+\s+\S+\s+(\S+)\s+(\S+)", run("readelf", "-SW", out))}
    if ".swift_modhash" in places:
        start, size = places[".swift_modhash"]
        data[start:start + size] = bytes(size)
    if ".note.gnu.build-id" in places:
        start, size = places[".note.gnu.build-id"]
        # The note's head is 16 bytes: lengths, type, "GNU".
        start, size = start + 16, size - 16
        data[start:start + size] = bytes(size)
        data[start:start + size] = hashlib.shake_128(data).digest(size)
    out.write_bytes(data)
    out.chmod(0o755)
    return out


def needed(file: Path) -> list[str]:
    return re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", file))


def found(file: Path) -> dict[str, Path]:
    """Where the loader finds each library that the file needs, of itself or through another."""
    lines = re.findall(r"^\s*(\S+) => (\S+) \(", run("ldd", file), re.M)
    return {name: Path(path) for name, path in lines}


def libraries(*files: Path, glibc: bool = False) -> dict[str, Path]:
    """All that the files need, by the name they are looked for under; glibc's own only if asked for."""
    every: dict[str, Path] = {}
    for file in files:
        every |= found(file)
    return {name: path.resolve() for name, path in sorted(every.items()) if glibc or not GLIBC.match(name)}


def plugins() -> list[Path]:
    """libmariadb's ways to sign in, which it opens by name when a server asks for them: MySQL 8 does."""
    return sorted(Path("/usr/lib").glob("*-linux-gnu/libmariadb3/plugin/*.so"))


def glibc_wanted(*files: Path) -> tuple[int, int]:
    """The newest version of glibc that one of the files asks for."""
    versions = {(0, 0)}
    for file in files:
        versions |= {(int(a), int(b)) for a, b in re.findall(r"GLIBC_(\d+)\.(\d+)", run("readelf", "-V", file))}
    return max(versions)


def owner(file: Path) -> dict[str, str]:
    """Debian's package of a file: name, version, source and its licence."""
    real = file.resolve()
    # Debian 12 lists files under /lib that are seen under /usr/lib.
    for name in (real, Path(str(real).removeprefix("/usr"))):
        done = subprocess.run(["dpkg", "-S", str(name)], capture_output=True, text=True)
        if done.returncode == 0:
            package = done.stdout.split(": ")[0]
            break
    else:
        raise SystemExit(f"Scripts/package: no Debian package owns {file}: build on Debian 12")
    shown = run("dpkg-query", "-W", "-f", "${Package}|${Version}|${source:Package}|${source:Version}", package)
    name, version, source, source_version = shown.split("|")
    if source not in LICENCES:
        raise SystemExit(f"Scripts/package: the licence of {source} ({file}) is not in Scripts/packaging/parts.py: look it up and add it")
    return {"package": name, "version": version, "source": source, "source_version": source_version, "licence": LICENCES[source]}


def library_licences(owners: dict[str, dict[str, str]]) -> dict[str, bytes]:
    """The licences of the libraries as Debian gives them, and the common ones that they point to, by file name."""
    texts = {f"{package}.txt": Path("/usr/share/doc", package, "copyright").read_bytes() for package in sorted({one["package"] for one in owners.values()})}
    common = {name.decode() for text in texts.values() for name in re.findall(rb"common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9])", text)}
    return texts | {f"common/{name}.txt": Path("/usr/share/common-licenses", name).read_bytes() for name in sorted(common)}


def swift_licences() -> dict[str, str]:
    """The licences of what is linked into the executable: the Swift packages and the language's own runtime, by file name. One that is not
    found stops the build: packages without it must not be given to others, and would not be the same bytes as those with it."""
    resolved = ROOT / "Package.resolved"
    if not resolved.exists() or not shutil.which("swift"):
        raise SystemExit("Scripts/package: the licences of the Swift packages are not here: run `swift package resolve`, also where GKICK_BIN is packed")
    texts = {}
    for pin in sorted(json.loads(resolved.read_text())["pins"], key=lambda pin: pin["identity"]):
        folder = ROOT / ".build" / "checkouts" / Path(pin["location"]).name.removesuffix(".git")
        version = pin["state"].get("version", pin["state"].get("revision", ""))
        text = "".join(f"{file.read_text(errors='replace').rstrip()}\n\n" for file in sorted(folder.glob("*"))
                       if re.match(r"(?i)(licen[cs]e|notice)(\.(txt|md))?$", file.name))
        if not text:
            raise SystemExit(f"Scripts/package: no licence in {folder}")
        texts[f"{pin['identity']}.txt"] = f"{pin['identity']} {version}, {pin['location']}\n\n{text}"
    # What is on the PATH may only stand for the toolchain, as swiftly's does: the compiler itself knows where it is.
    runtime = Path(json.loads(run("swift", "-print-target-info"))["paths"]["runtimeResourcePath"])
    licence = runtime.parents[1] / "share" / "swift" / "LICENSE.txt"
    if not licence.exists():
        raise SystemExit(f"Scripts/package: no licence of Swift in {licence}")
    texts["swift.txt"] = "The Swift runtime, standard library and Foundation, https://swift.org\n\n" + licence.read_text(errors="replace")
    return texts


def sources_table(owners: dict[str, dict[str, str]]) -> str:
    """Which libraries go along, from where, under what: a table in text."""
    rows = [("library", "Debian package", "source package", "licence")]
    rows += [(name, f"{one['package']} {one['version']}", f"{one['source']} {one['source_version']}", one["licence"])
             for name, one in sorted(owners.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join("  ".join([cell.ljust(width) for cell, width in zip(row, widths)] + [row[3]]) for row in rows) + "\n"
