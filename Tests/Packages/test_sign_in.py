"""Databases that ask who is there, and do so over TLS: from the wheel with its own libraries, and from the Debian package with Debian's."""
import hashlib
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import threading

import debian
import pytest
from harness.database import Maria, Postgres

PASSWORD = "se%63ret"  # in a URL; one of its letters is written as a URL may
PLAIN = "secret"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    debian.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
               "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key", "-out", folder / "certificate")
    return folder


def own(certificate, user):
    """Key and certificate in a folder of that user's, as databases want it."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gkick-certificate-"))
    for name in ("key", "certificate"):
        shutil.copy(certificate / name, folder)
        (folder / name).chmod(0o600)
    for path in (folder, *folder.iterdir()):
        shutil.chown(path, user, user)
    return folder


@pytest.fixture(scope="module")
def postgres(certificate):
    """Takes gkick by SCRAM over TLS only."""
    folder = own(certificate, "postgres")
    database = Postgres("ssl=on", f"ssl_cert_file={folder}/certificate", f"ssl_key_file={folder}/key", "password_encryption=scram-sha-256")
    database.ask(f"CREATE ROLE gkick LOGIN PASSWORD '{PLAIN}'")
    database.ask("CREATE DATABASE jobs OWNER gkick")
    rules = pathlib.Path(database.folder, "data/pg_hba.conf")
    rules.write_text("host all postgres 127.0.0.1/32 trust\nhostssl all gkick 127.0.0.1/32 scram-sha-256\n")
    database.ask("SELECT pg_reload_conf()")
    yield database
    database.close()
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def maria(certificate):
    """Has users of each kind, one of them over TLS only."""
    folder = own(certificate, "mysql")
    database = Maria(f"--ssl-cert={folder}/certificate", f"--ssl-key={folder}/key")
    database.ask("INSTALL SONAME 'auth_ed25519'")
    database.ask(f"CREATE USER native@'%' IDENTIFIED BY '{PLAIN}'; GRANT ALL ON jobs.* TO native@'%';"
                 f"CREATE USER curve@'%' IDENTIFIED VIA ed25519 USING PASSWORD('{PLAIN}') REQUIRE SSL; GRANT ALL ON jobs.* TO curve@'%'")
    yield database
    database.close()
    shutil.rmtree(folder)


@pytest.fixture(scope="module", params=["wheel", "deb"])
def gkick(request, packages, certificate):
    """A fresh Debian with the executable of the one or of the other; how it is called."""
    folder = debian.Folder(debian.base())
    (folder.path / "packages").mkdir()
    shutil.copy(certificate / "certificate", folder.path / "srv/ca.pem")
    if request.param == "wheel":
        shutil.copy(next(packages.glob("gkick_server-*.whl")), folder.path / "packages")
        folder.run("python3 -m venv /srv/venv && /srv/venv/bin/pip install -q --no-index /packages/*.whl")
        yield folder, "/srv/venv/bin/gkick"
    else:
        for file in [*request.getfixturevalue("needed").iterdir(), *packages.glob("gkick_*.deb")]:
            shutil.copy(file, folder.path / "packages")
        folder.run("cd /packages && dpkg -i $(ls *.deb | grep -v '^gkick_') && dpkg -i gkick_*.deb")
        yield folder, "gkick"
    folder.close()


URLS = {
    "PostgreSQL, SCRAM over TLS": ("postgres", "postgresql://gkick:{password}@127.0.0.1:{port}/jobs?sslmode=verify-full&sslrootcert=/srv/ca.pem"),
    "PostgreSQL, SCRAM bound to TLS": ("postgres", "postgresql://gkick:{password}@127.0.0.1:{port}/jobs?sslmode=require&channel_binding=require"),
    "MariaDB, password": ("maria", "mysql://native:{password}@127.0.0.1:{port}/jobs"),
    "MariaDB, password over TLS": ("maria", "mysql://native:{password}@127.0.0.1:{port}/jobs?ssl-mode=verify&ssl-ca=/srv/ca.pem"),
    "MariaDB, ed25519 over TLS": ("maria", "mysql://curve:{password}@127.0.0.1:{port}/jobs?ssl-mode=required"),
}


@pytest.mark.parametrize("kind", URLS)
def test_a_database_that_asks_who_is_there(gkick, kind, request):
    folder, program = gkick
    name, url = URLS[kind]
    url = url.format(port=request.getfixturevalue(name).port, password=PASSWORD)
    port, http = debian.free_port(), debian.free_port()

    def command(url):
        return f"{program} server --store '{url}' --listen 127.0.0.1:{port} --http 127.0.0.1:{http} --store-wait 5s"

    server = folder.start("exec " + command(url))
    server.until(lambda: debian.ready(http))
    job = folder.run(f"{program} enqueue greet hello --address 127.0.0.1:{port}").strip()
    assert job in folder.run(f"{program} jobs --address 127.0.0.1:{port}")
    assert server.end() == 0, server.said()
    # And not with another password.
    said = folder.run(command(url.replace(PASSWORD, "other")), code=1)
    assert "password" in said or "denied" in said, said


def test_the_certificate_is_looked_at(gkick, postgres, maria):
    """Without the authority the other side is nobody."""
    folder, program = gkick
    for url in (f"postgresql://gkick:{PASSWORD}@127.0.0.1:{postgres.port}/jobs?sslmode=verify-full&sslrootcert=system",
                f"mysql://native:{PASSWORD}@127.0.0.1:{maria.port}/jobs?ssl-mode=verify"):
        said = folder.run(f"{program} server --store '{url}' --listen 127.0.0.1:{debian.free_port()} --http none --store-wait 1s", code=1)
        assert "certificate" in said.lower() or "ssl" in said.lower(), said


class OfMySQL8(threading.Thread):
    """As much of MySQL 8 as it takes to sign in: asks by caching_sha2_password, and notes whether the answer was right."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.was_right = threading.Event()
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self.greet(connection)
                except (OSError, AssertionError):
                    continue

    def greet(self, connection):
        nonce = bytes(1 + byte % 127 for byte in os.urandom(20))
        capabilities = 0x000FA68D | 0x00080000  # 4.1, plugins, secure connection, with a database, statements
        head = b"\x0a8.0.36\x00" + struct.pack("<I", 7) + nonce[:8] + b"\x00" + struct.pack("<HBHHB", capabilities & 0xFFFF, 45, 2, capabilities >> 16, 21)
        self.send(connection, 0, head + bytes(10) + nonce[8:] + b"\x00caching_sha2_password\x00")
        answer = self.receive(connection)
        once = hashlib.sha256(PLAIN.encode()).digest()
        mask = hashlib.sha256(hashlib.sha256(once).digest() + nonce).digest()
        assert bytes(a ^ b for a, b in zip(once, mask)) in answer
        self.was_right.set()
        self.send(connection, 2, b"\x01\x03")
        self.send(connection, 3, b"\x00\x00\x00\x02\x00\x00\x00")

    @staticmethod
    def send(connection, number, data):
        connection.sendall(len(data).to_bytes(3, "little") + bytes([number]) + data)

    @staticmethod
    def receive(connection):
        def exactly(count):
            data = b""
            while len(data) < count:
                more = connection.recv(count - len(data))
                assert more
                data += more
            return data

        return exactly(int.from_bytes(exactly(4)[:3], "little"))

    def close(self):
        self.listener.close()


def test_a_mysql_that_asks_by_caching_sha2_password(gkick):
    """The one way to sign in that no database in Debian has: MySQL 8's usual one, which libmariadb loads when it is asked for."""
    folder, program = gkick
    database = OfMySQL8()
    try:
        url = f"mysql://gkick:{PASSWORD}@127.0.0.1:{database.port}/jobs"
        server = debian.Program(folder.command(
            f"exec {program} server --store '{url}' --listen 127.0.0.1:{debian.free_port()} --http none --store-wait 20s"))
        # It ends, or waits for a database that does more than this one.
        assert database.was_right.wait(20), server.said()
        server.process.kill()
        server.process.wait()
    finally:
        database.close()
