"""Clients that speak HTTP/2 and no gRPC get a real HTTP answer with a body."""

import subprocess

import pytest


def curl(*arguments):
    form = "%{http_code} %{http_version} %{size_download}"
    command = ["curl", "-s", "-o", "/dev/null", "-w", form, "--max-time", "10", *arguments]
    return subprocess.run(command, capture_output=True, text=True).stdout.split()


@pytest.mark.parametrize(
    "arguments, status",
    [
        ([], "405"),
        (["-X", "POST", "-H", "content-type: text/plain", "-d", "x"], "415"),
        (["-X", "POST", "-H", "content-type:", "-d", "x"], "415"),
    ],
    ids=["GET", "text", "no content-type"],
)
def test_curl(server, arguments, status):
    code, version, size = curl("--http2-prior-knowledge", *arguments, f"http://{server.address}/")
    assert (code, version) == (status, "2") and int(size) >= 5


def test_who_asks_for_the_head_is_sent_no_body(server):
    command = ["curl", "-s", "-S", "-I", "--http2-prior-knowledge", "--max-time", "10", f"http://{server.address}/"]
    answer = subprocess.run(command, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("HTTP/2 405") and "allow: POST" in answer.stdout


def test_curl_over_tls(tls_server, certificates):
    code, version, size = curl("--cacert", str(certificates / "ca.pem"), f"https://localhost:{tls_server.port}/")
    assert (code, version) == ("405", "2") and int(size) >= 5


def test_curl_with_grpc_content_type(server):
    arguments = ["-X", "POST", "-H", "content-type: application/grpc", "-H", "te: trailers", "--data-binary", "@-"]
    command = ["curl", "-s", "-i", "--http2-prior-knowledge", *arguments, f"http://{server.address}/grpc.testing.TestService/EmptyCall"]
    answer = subprocess.run(command, input=bytes(5), capture_output=True).stdout
    assert b"grpc-status: 0" in answer


def test_http1_is_refused_in_a_way_its_client_understands(server):
    command = ["curl", "-s", "--http1.1", "--max-time", "5", f"http://{server.address}/"]
    assert subprocess.run(command, capture_output=True).returncode not in (0, 28), "it must end, not hang"


@pytest.mark.parametrize("arguments", [[], ["-d", "/dev/null"]], ids=["GET", "POST"])
def test_nghttp(server, arguments):
    command = ["nghttp", "-v", *arguments, f"http://{server.address}/"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=10).stdout
    assert (":status: 415" if arguments else ":status: 405") in answer
    assert "RST_STREAM" not in answer or "NO_ERROR" in answer


def test_tls_without_alpn_or_with_another_protocol_is_closed(tls_server, certificates):
    for protocols in (["http/1.1"], None):
        command = ["openssl", "s_client", "-connect", f"localhost:{tls_server.port}", "-CAfile", str(certificates / "ca.pem")]
        if protocols:
            command += ["-alpn", ",".join(protocols)]
        result = subprocess.run(command, input=b"GET / HTTP/1.1\r\n\r\n", capture_output=True, timeout=10)
        assert b"HTTP/1.1 200" not in result.stdout


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_tls_versions(tls_server, certificates, version):
    command = ["openssl", "s_client", version, "-alpn", "h2", "-connect", f"localhost:{tls_server.port}", "-CAfile", str(certificates / "ca.pem")]
    result = subprocess.run(command, input=b"", capture_output=True, timeout=10)
    assert b"ALPN protocol: h2" in result.stdout and b"Verify return code: 0" in result.stdout


def test_old_tls_is_refused(tls_server):
    command = ["openssl", "s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", "-connect", f"localhost:{tls_server.port}"]
    result = subprocess.run(command, input=b"", capture_output=True, timeout=10)
    assert b"Cipher is (NONE)" in result.stdout
