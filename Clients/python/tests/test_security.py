"""Over TLS, with client certificates, and with tokens: clients of both kinds and the worker."""
import asyncio
import subprocess

import pytest

from gkick import Address, App, AsyncClient, Client, DeadlineExceeded, PermissionDenied, Unauthenticated, Unavailable
from gkick.testing import Server
from gkick.testing.server import executable

from conftest import WorkerProcess

PROGRAM = """
from gkick import App

app = App(queue="secret")


@app.job(name="add")
def add(a: int, b: int) -> int:
    return a + b
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """An authority, a server's and a client's."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem")
    for name, also in (("server", "subjectAltName=DNS:localhost,IP:127.0.0.1"), ("client", "subjectAltName=DNS:worker-1")):
        (folder / f"{name}.ext").write_text(also)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2", "-extfile", f"{name}.ext", "-out",
                f"{name}.pem")
    return folder


def works(module, address, environment, monkeypatch):
    """A producer, a worker that has its address from the environment, and an asynchronous client."""
    for name, value in environment.items():
        monkeypatch.setenv(name, str(value))
    module.app.close()
    module.app.address = Address.of(address)
    worker = WorkerProcess(address, app="secret_jobs:app", cwd=".")
    try:
        handle = module.add.enqueue(1, 2)
        assert handle.result(20) == 3

        async def ask():
            async with AsyncClient(Address.of(address)) as client:
                return await client.get(handle.id)

        assert asyncio.run(ask()).state == "SUCCEEDED"
    finally:
        worker.close()
        module.app.close()


def test_tls(program, certificates, monkeypatch):
    module = program("secret_jobs", PROGRAM)
    with Server("--tls-cert", str(certificates / "server.pem"), "--tls-key", str(certificates / "server.key")) as server:
        trust = {"GKICK_TLS_CA": certificates / "ca.pem"}
        works(module, server.address, trust, monkeypatch)
        # Several by name: certificates are for the first one's.
        port = server.address.rpartition(":")[2]
        works(module, f"localhost:{port},127.0.0.1:{port}", trust, monkeypatch)
        # A server that it does not trust is none: the call waits for another.
        with Client(Address(server.address, tls=True), timeout=1) as client, pytest.raises((Unavailable, DeadlineExceeded)):
            client.get("x")


def test_client_certificates(program, certificates, monkeypatch):
    module = program("secret_jobs", PROGRAM)
    who = certificates / "auth"
    who.write_text("principal both\n  role producer\n  role worker\n  certificate worker-1\n")
    flags = ["--tls-cert", "server.pem", "--tls-key", "server.key", "--tls-client-ca", "ca.pem", "--auth", "auth"]
    with Server(*(str(certificates / one) if not one.startswith("--") else one for one in flags)) as server:
        works(module, server.address, {
            "GKICK_TLS_CA": certificates / "ca.pem", "GKICK_TLS_CERT": certificates / "client.pem", "GKICK_TLS_KEY": certificates / "client.key"},
            monkeypatch)


def test_tokens(program, tmp_path, monkeypatch):
    module = program("secret_jobs", PROGRAM)
    tokens, entries = {}, []
    for role in ("producer", "worker"):
        said = subprocess.run([executable(), "token", "new", "--name", role, "--role", role, "--queue", "secret"], check=True, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True).stdout
        tokens[role], _, entry = said.partition("\n")
        entries.append(entry)
    (tmp_path / "auth").write_text("\n".join(entries))
    (tmp_path / "worker.token").write_text(tokens["worker"] + "\n")
    with Server("--auth", str(tmp_path / "auth")) as server:
        module.app.address = Address(server.address, token=tokens["producer"])
        monkeypatch.setenv("GKICK_TOKEN_FILE", str(tmp_path / "worker.token"))
        worker = WorkerProcess(server.address, app="secret_jobs:app", cwd=".")
        try:
            assert module.add.enqueue(2, 3).result(20) == 5
        finally:
            worker.close()
        with pytest.raises(PermissionDenied):
            module.add.options_with(queue="other").enqueue(1, 1)
        module.app.close()
        # Without a token: a client is told, a worker ends and says why.
        monkeypatch.delenv("GKICK_TOKEN_FILE")
        with Client(server.address) as client, pytest.raises(Unauthenticated):
            client.get("x")
        unknown = WorkerProcess(server.address, app="secret_jobs:app", cwd=".")
        assert unknown.process.wait(20) == 1 and "refused this worker" in unknown.log()
        unknown.close()
