"""What the server says when it cannot start, and in its log when a client speaks what the port does not."""
import socket
import subprocess
import time

import pytest

from conftest import environment
from harness.server import Server, binary, free_port


def refusal(*flags, seconds=20):
    """What `gkick server` says when it ends at once; with 1, in one line, and in words that are free of a library's inside."""
    done = subprocess.run([binary(), "server", *flags], env=environment(""), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=seconds)
    assert done.returncode == 1, done
    said = [line for line in done.stderr.splitlines() if "CRITICAL" in line]
    assert len(said) == 1, done.stderr
    for inside in (".cc", "BoringSSL", "errno", "descriptor:", "NIO", "Error("):
        assert inside not in said[0], said[0]
    return said[0]


# --- at start -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flag", ["--listen", "--http"])
def test_a_port_in_use(flag):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        places = {"--listen": f"127.0.0.1:{free_port()}", "--http": "none"} | {flag: f"127.0.0.1:{port}"}
        said = refusal("--store", "memory:", *(word for pair in places.items() for word in pair))
    assert f"{flag} 127.0.0.1:{port}" in said and "in use" in said and "another port" in said


def test_an_address_of_another_machine_and_a_name_that_nobody_knows():
    for place, words in [("192.0.2.1:7450", "no such address"), ("no-such-host.invalid:7450", "name is not known")]:
        said = refusal("--store", "memory:", "--listen", place, "--anonymous", "--http", "none")
        assert place in said and words in said


def test_a_socket_where_none_can_be(tmp_path):
    said = refusal("--store", "memory:", "--listen", f"unix:{tmp_path}/none/s", "--http", "none")
    assert "no such folder" in said and f"{tmp_path}/none/s" in said


@pytest.mark.parametrize("flags,flag,file,reason", [
    (["none.pem", "server.key"], "--tls-cert", "none.pem", "No such file"),
    (["server.ext", "server.key"], "--tls-cert", "server.ext", "no certificate"),
    (["server.pem", "server.ext"], "--tls-key", "server.ext", "no private key"),
    (["server.pem", "other.key"], "--tls-key", "other.key", "not the key of the certificate"),
    (["server.pem", "server.key", "server.ext"], "--tls-client-ca", "server.ext", "no certificate"),
    # One file for two of them.
    (["server.ext", "server.ext"], "--tls-cert", "server.ext", "no certificate"),
    (["server.pem", "server.pem"], "--tls-key", "server.pem", "no private key"),
    (["server.pem", "server.key", "server.key"], "--tls-client-ca", "server.key", "no certificate"),
])
def test_a_bad_certificate_file_is_named(pem, flags, flag, file, reason):
    given = [word for name, one in zip(("--tls-cert", "--tls-key", "--tls-client-ca"), flags) for word in (name, pem(one))]
    said = refusal("--store", "memory:", "--listen", f"127.0.0.1:{free_port()}", "--http", "none", *given)
    assert f"{flag} {pem(file)}: " in said and reason in said and "PEM" in said


@pytest.mark.parametrize("scheme", ["redis://", "postgresql://user:secret@", "mysql://user:secret@"])
def test_a_store_that_is_away(scheme):
    port = free_port()
    said = refusal("--store", f"{scheme}127.0.0.1:{port}/0", "--store-wait", "300ms", "--listen", f"127.0.0.1:{free_port()}",
                   "--http", "none")
    assert f"127.0.0.1:{port}" in said and "--store-wait" in said and "300ms" in said and "secret" not in said


def test_a_store_that_another_server_has_and_a_folder_that_cannot_be_made(tmp_path):
    with Server(data=tmp_path / "data", store=f"embedded:{tmp_path}/data"):
        said = refusal("--store", f"embedded:{tmp_path}/data", "--listen", f"127.0.0.1:{free_port()}", "--http", "none")
        assert "another server holds" in said and f"{tmp_path}/data" in said and "Redis" in said
    (tmp_path / "file").write_text("")
    said = refusal("--store", f"embedded:{tmp_path}/file/data", "--store-wait", "300ms", "--listen", f"127.0.0.1:{free_port()}",
                   "--http", "none")
    assert f"{tmp_path}/file/data" in said and "may write" in said


# --- in its log -----------------------------------------------------------------------------------------------------------------


def told(server, words, seconds=10):
    """The line of its log, once it is there."""
    end = time.monotonic() + seconds
    while not (lines := [line for line in server.log().splitlines() if words in line]):
        assert time.monotonic() < end, server.log()
        time.sleep(0.02)
    assert " WARNING " in lines[0] and "peer=127.0.0.1:" in lines[0]
    return lines


def http(port, seconds=2):
    """A browser, a health check."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as one:
        one.sendall(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n")
        try:
            while one.recv(4096):
                pass
        except OSError:
            pass


def test_who_speaks_otherwise_to_a_plaintext_port(gkick):
    with Server() as server:
        http(server.port)
        assert "--http" in told(server, "speaks HTTP/1 to the port of gRPC")[0]
        gkick("info", "--tls", "--timeout", "3s", address=server.address, code=69)
        assert "--tls-cert" in told(server, "speaks TLS to a port without")[0]
        gkick("info", "--timeout", "3s", address=f"127.0.0.1:{server.http_port}", code=69)
        assert "--listen" in told(server, "speaks gRPC to the port of --http")[0]
        gkick("info", "--tls", "--timeout", "3s", address=f"127.0.0.1:{server.http_port}", code=69)
        assert "--http-tls" in told(server, "speaks TLS to a --http port without")[0]
        # Once, however many there are.
        for _ in range(20):
            http(server.port)
        server.enqueue("q")
        assert len(told(server, "speaks HTTP/1 to the port of gRPC")) == 1


def test_who_speaks_otherwise_to_a_port_with_tls(gkick, pem):
    with Server("--tls-cert", pem("server.pem"), "--tls-key", pem("server.key"), "--tls-client-ca", pem("ca.pem")) as server:
        def fails(*flags):
            gkick("info", "--timeout", "3s", *flags, address=server.address, code=69)

        fails()
        assert "--tls-ca FILE" in told(server, "speaks plaintext to a port with TLS")[0]
        fails("--tls-ca", pem("ca.pem"))
        assert "--tls-client-ca" in told(server, "shows no certificate")[0]
        fails("--tls-ca", pem("ca.pem"), "--tls-cert", pem("other.pem"), "--tls-key", pem("other.key"))
        assert "--tls-client-ca" in told(server, "certificate is not good")[0]
        fails("--tls-ca", pem("other.pem"), "--tls-cert", pem("client.pem"), "--tls-key", pem("client.key"))
        assert "--tls-ca FILE" in told(server, "does not trust the certificate of --tls-cert")[0]
