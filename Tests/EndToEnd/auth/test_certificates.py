"""Principals by their TLS client certificates: the subject, or a name of it."""
import subprocess

import grpc
import pytest

from conftest import code_of
from harness.server import Server
from harness.stubs import pb


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def certificate(folder, name, subject, names, authority="ca"):
    """A key and a certificate that the authority has signed."""
    (folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
    openssl(folder, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", subject)
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{authority}.pem", "-CAkey", f"{authority}.key", "-CAcreateserial", "-days", "2",
            "-out", f"{name}.pem", "-extfile", f"{name}.ext")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "2", "-subj", "/CN=test authority")
    certificate(folder, "server", "/CN=server", "DNS:localhost,IP:127.0.0.1")
    certificate(folder, "worker", "/O=Example/CN=worker-1", "DNS:worker-1.example.org")
    certificate(folder, "watcher", "/CN=somebody", "DNS:x.example.org,DNS:watcher.example.org")
    certificate(folder, "stranger", "/CN=worker-1", "DNS:stranger.example.org")
    return folder


@pytest.fixture(scope="module")
def server(folder):
    file = folder / "auth"
    file.write_text("principal w\n  role worker\n  certificate CN=worker-1,O=Example\n"
                    "principal v\n  role watcher\n  certificate watcher.example.org\n")
    with Server("--auth", str(file), "--tls-cert", str(folder / "server.pem"), "--tls-key", str(folder / "server.key"), "--tls-client-ca",
                str(folder / "ca.pem"), "--auth-open", "none") as running:
        yield running


def stubs(server, folder, name):
    read = lambda file: (folder / file).read_bytes()  # noqa: E731
    channel = grpc.secure_channel(server.address, grpc.ssl_channel_credentials(read("ca.pem"), read(f"{name}.key"), read(f"{name}.pem")))
    return pb.AdminServiceStub(channel), pb.WorkerServiceStub(channel)


def test_the_subject_and_the_names_count(server, folder):
    fetch = pb.FetchRequest(worker_id="w")
    admin, work = stubs(server, folder, "worker")
    assert code_of(lambda: work.Fetch(fetch, timeout=5)) == "OK"
    assert code_of(lambda: admin.ListQueues(pb.ListQueuesRequest(), timeout=5)) == "PERMISSION_DENIED"
    admin, work = stubs(server, folder, "watcher")
    assert code_of(lambda: admin.ListQueues(pb.ListQueuesRequest(), timeout=5)) == "OK"
    assert code_of(lambda: work.Fetch(fetch, timeout=5)) == "PERMISSION_DENIED"


def test_a_certificate_that_nobody_knows_is_nobodys(server, folder):
    admin, work = stubs(server, folder, "stranger")
    assert code_of(lambda: admin.GetServerInfo(pb.GetServerInfoRequest(), timeout=5)) == "UNAUTHENTICATED"


def test_a_token_counts_before_the_certificate(server, folder):
    admin, _ = stubs(server, folder, "watcher")
    wrong = [("authorization", "Bearer gkick_" + "x" * 43)]
    assert code_of(lambda: admin.ListQueues(pb.ListQueuesRequest(), timeout=5, metadata=wrong)) == "UNAUTHENTICATED"
