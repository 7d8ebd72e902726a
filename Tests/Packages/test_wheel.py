"""From nothing to the first job: pip, on a Debian that has never heard of Swift."""
import csv
import io
import os
import json
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile

import debian
import pytest

README = (debian.ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def wheelhouse(tmp_path_factory):
    """What the packages need from elsewhere, for the Python of Debian 12."""
    folder = tmp_path_factory.mktemp("wheels")
    debian.run(sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--only-binary", ":all:", "--python-version", "3.11",
               "--dest", folder, "grpcio", "protobuf")
    return folder


def answers(http, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{http}{path}", timeout=5) as answer:
            return answer.read().decode() or "yes"
    except (OSError, urllib.error.URLError):
        return None


def test_the_first_job_runs_without_swift_in_under_a_minute(folder, wheelhouse):
    for file in wheelhouse.iterdir():
        (folder.path / "packages" / file.name).write_bytes(file.read_bytes())
    # As the README begins, with ports that are free here in place of the usual ones.
    mail, script = re.search(r"```python\n(.*?)```\n\n```sh\n(.*?)```", README, re.S).groups()
    (folder.path / "srv/mail.py").write_text(mail)
    port, http = debian.free_port(), debian.free_port()
    where = [f"GKICK_LISTEN=127.0.0.1:{port}", f"GKICK_HTTP=127.0.0.1:{http}", f"GKICK_ADDRESS=127.0.0.1:{port}",
             "PIP_NO_INDEX=1"]
    (folder.path / "srv/dist").symlink_to("/packages")
    started = time.monotonic()
    said = folder.run("cd /srv\n" + script.replace("gkick server &", "gkick server >server.log 2>&1 &").replace(
        "mail:app &", "mail:app >worker.log 2>&1 &"), env=where)
    seconds = time.monotonic() - started
    assert said.strip() == "sent to ada@example.com", said
    print(f"from nothing to the first job: {seconds:.1f} s")
    assert seconds < 60

    # The same again as services: they end when they are told to, with all that was given to them.
    server = folder.start("cd /srv && exec venv/bin/gkick server", env=where)
    server.until(lambda: answers(http, "/readyz"))
    worker = folder.start("cd /srv && exec venv/bin/gkick-worker mail:app", env=where)
    assert "<!doctype html>" in answers(http, "/").lower()
    said = folder.run("""cd /srv && exec venv/bin/python -c 'if True:
        from mail import send_email
        print(send_email.enqueue(to="grace@example.com").result(timeout=50))'""", env=where)
    assert said.strip() == "sent to grace@example.com"
    assert worker.end() == 0, worker.said()
    assert server.end() == 0, server.said()

    # As a module, and by what the fixture for tests asks.
    assert folder.run("cd /srv && venv/bin/python -m gkick_server --version").split()[-1] == debian.ROOT.joinpath("VERSION").read_text().strip()
    assert folder.run("cd /srv && venv/bin/python -c 'import gkick_server; print(gkick_server.executable())'").strip() == "/srv/venv/bin/gkick"
    folder.run("cd /srv && venv/bin/pip install -q --no-index --find-links /packages --target t gkick-server")
    assert folder.run("cd /srv && PYTHONPATH=t python3 -c 'import gkick_server; print(gkick_server.executable())'").strip() == "/srv/t/bin/gkick"
    # A link to it, as pipx makes, finds the libraries too.
    folder.run("ln -s /srv/venv/bin/gkick /usr/local/bin/gkick && gkick --version")

    # Nothing of the machine's but glibc is loaded.
    loaded = dict(re.findall(r"^\s*(\S+) => (\S+) ", folder.run("ldd /srv/venv/bin/gkick"), re.M))
    own = {name for name, path in loaded.items() if "/lib/gkick/" in path}
    assert all(re.match(r"lib(c|m|resolv|dl|pthread|rt)\.so", name) for name in set(loaded) - own), loaded
    assert {"libpq.so.5", "libmariadb.so.3", "libssl.so.3", "libz.so.1", "libstdc++.so.6"} <= own

    folder.run("cd /srv && venv/bin/pip uninstall -q -y gkick-server && test ! -e venv/bin/gkick && test ! -e venv/lib/gkick/libpq.so.5")


def test_a_wheel_says_what_is_in_it_and_under_which_licence(packages):
    [file] = packages.glob("gkick_server-*.whl")
    assert "manylinux_2_" in file.name
    with zipfile.ZipFile(file) as wheel:
        names = wheel.namelist()
        [record] = [name for name in names if name.endswith("/RECORD")]
        rows = list(csv.reader(io.StringIO(wheel.read(record).decode())))
        assert [row[0] for row in rows] == names, "RECORD lists every file, in order"
        [table] = [wheel.read(name).decode() for name in names if name.endswith("licenses/LIBRARIES.txt")]
        carried = {name.split("/lib/gkick/")[1] for name in names if "/lib/gkick/" in name}
        assert {line.split()[0] for line in table.splitlines()[1:]} == carried
        texts = {name.rsplit("/", 1)[1] for name in names if "/licenses/libraries/" in name}
        assert {line.split()[1] + ".txt" for line in table.splitlines()[1:]} <= texts
        assert {"LGPL-2.1.txt", "GPL-3.txt"} <= texts, "also the texts that the others point to"
        swift = {name.rsplit("/", 1)[1] for name in names if "/licenses/swift/" in name}
        assert {"swift-nio.txt", "swift-nio-ssl.txt", "hummingbird.txt", "swift.txt"} <= swift


def test_nothing_is_known_of_the_folder_that_it_was_built_in(packages):
    """With it the bytes would differ from folder to folder."""
    [file] = packages.glob("gkick_server-*.whl")
    with zipfile.ZipFile(file) as wheel:
        [program] = [wheel.read(name) for name in wheel.namelist() if name.endswith("/scripts/gkick")]
    assert str(debian.ROOT).encode() not in program


def test_everything_is_made_twice_with_the_same_bytes(packages, tmp_path):
    """On another day, by another user's habits, in another folder, with Swift found through a program that stands for it, as swiftly's does."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/swift").write_text(f'#!/bin/sh\nexec "{shutil.which("swift")}" "$@"\n')
    (tmp_path / "bin/swift").chmod(0o755)
    env = os.environ | {"TZ": "Asia/Tokyo", "LC_ALL": "C.UTF-8", "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    command = f'umask 077; exec "{debian.ROOT}/Scripts/package" all --output "{tmp_path}/again"'
    done = subprocess.run(["bash", "-c", command], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=env, cwd="/")
    assert done.returncode == 0, done.stderr
    first, second = ((folder / "SHA256SUMS").read_text() for folder in (packages, tmp_path / "again"))
    assert first == second
    assert len(first.splitlines()) == 4
    debian.run("sha256sum", "--check", "--strict", "SHA256SUMS", cwd=packages)
