"""Every call by the Connect protocol, with plain HTTP and with buf as a client that is not ours."""
import base64
import gzip
import json
import signal
import socket
import ssl
import struct
import subprocess
import sys
import time
import pathlib

import pytest

from harness.calls import until
from harness.server import Server
from harness.stubs import ROOT, pb
from web import call, request


def test_a_job_s_life(server):
    status, stored = call(server, "Enqueue", {"job": {"queue": "web", "name": "t", "payload": base64.b64encode(b"hi").decode()}})
    assert status == 200 and stored["state"] == "JOB_STATE_READY" and stored["durability"] == "DURABILITY_SYNCED"
    assert server.job(stored["jobId"]).spec.payload == b"hi"
    status, found = call(server, "ListJobs", {"queue": "web", "states": ["JOB_STATE_READY"], "pageSize": 10})
    assert [job["spec"]["id"] for job in found["jobs"]] == [stored["jobId"]]
    status, canceled = call(server, "CancelJob", {"job_id": stored["jobId"], "reason": "enough"})
    assert status == 200 and canceled["job"]["state"] == "JOB_STATE_CANCELED"
    assert call(server, "DeleteJob", {"jobId": stored["jobId"]}) == (200, {})
    status, gone = call(server, "GetJob", {"jobId": stored["jobId"]})
    assert (status, gone["code"]) == (404, "not_found")


def test_binary_messages(server):
    body = pb.EnqueueRequest(job=pb.JobSpec(queue="web-binary", name="t")).SerializeToString()
    status, headers, data = request(server, "POST", "/gkick.v1.JobService/Enqueue", body, content_type="application/proto")
    assert status == 200 and headers["content-type"] == "application/proto"
    assert server.job(pb.EnqueueResponse.FromString(data).job_id).spec.queue == "web-binary"


@pytest.mark.parametrize("message, code, status, words", [
    ({"job": {"name": "t", "priority": 300}}, "invalid_argument", 400, "job.priority"),
    ({"job": {"nam": "t"}}, "invalid_argument", 400, '"nam"'),
    ({"job": {"name": 3}}, "invalid_argument", 400, ""),
    ({"job": {"name": "t", "timeout": "soon"}}, "invalid_argument", 400, "1.5s"),
    ({"job": {"name": "t"}, "durability": "DURABILITY_PERHAPS"}, "invalid_argument", 400, "enum"),
    ({}, "invalid_argument", 400, "job"),
])
def test_what_is_wrong_is_named(server, message, code, status, words):
    found, error = call(server, "Enqueue", message)
    assert (found, error["code"]) == (status, code) and words in error["message"]


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff\xfe", b'{"job":{"name":"t"}} trailing'])
def test_what_is_no_json(server, body):
    status, _, data = request(server, "POST", "/gkick.v1.JobService/Enqueue", body, content_type="application/json")
    assert status == 400 and json.loads(data)["code"] == "invalid_argument"


def test_the_mapping_of_codes(server):
    job = {"queue": "web-codes", "name": "t", "unique": {"key": "k", "onConflict": "ON_CONFLICT_REJECT"}}
    assert call(server, "Enqueue", {"job": job})[0] == 200
    status, error = call(server, "Enqueue", {"job": job})
    assert (status, error["code"]) == (409, "already_exists")
    done = call(server, "Enqueue", {"job": {"queue": "web-codes", "name": "t"}})[1]["jobId"]
    call(server, "CancelJob", {"jobId": done})
    status, error = call(server, "CancelJob", {"jobId": done})
    assert status == 200 or (status, error["code"]) == (400, "failed_precondition")


def test_wrong_verbs_types_and_methods(server):
    for path in ("/gkick.v1.JobService/Nope", "/gkick.v1.NoService/Enqueue"):
        status, _, data = request(server, "POST", path, "{}", content_type="application/json")
        assert (status, json.loads(data)["code"]) == (501, "unimplemented")
    status, headers, _ = request(server, "GET", "/gkick.v1.JobService/Enqueue")
    assert status == 405 and headers["allow"] == "POST"
    status, _, _ = request(server, "POST", "/gkick.v1.JobService/Enqueue", "{}", content_type="text/plain")
    assert status == 415
    status, _, _ = request(server, "POST", "/gkick.v1.JobService/StreamEvents", "{}", content_type="application/json")
    assert status == 415, "a stream has enveloped messages"
    status, _, _ = request(server, "POST", "/gkick.v1.JobService/Enqueue", "{}", content_type="application/json",
                           connect_protocol_version="2")
    assert status == 400
    assert request(server, "GET", "/nowhere")[0] == 404


def test_deadlines(server):
    job = call(server, "Enqueue", {"job": {"queue": "web-wait", "name": "t"}})[1]["jobId"]
    started = time.monotonic()
    status, answer = call(server, "WaitJob", {"jobId": job}, connect_timeout_ms="300")
    assert time.monotonic() - started < 3
    assert status == 200 and answer["job"]["state"] == "JOB_STATE_READY", "as gRPC: the state so far, just before the deadline"
    status, error = call(server, "WaitJob", {"jobId": job}, connect_timeout_ms="12345678901")
    assert (status, error["code"]) == (400, "invalid_argument")


def test_bodies_that_are_too_large(server):
    payload = base64.b64encode(bytes(2 << 20)).decode()
    status, error = call(server, "Enqueue", {"job": {"name": "t", "payload": payload}})
    assert status in (400, 429) and "payload" in error["message"]
    big = b'{"job":{"name":"t","payload":"' + b"A" * (8 << 20) + b'"}}'
    status, _, data = request(server, "POST", "/gkick.v1.JobService/Enqueue", big, content_type="application/json")
    assert (status, json.loads(data)["code"]) == (429, "resource_exhausted")
    bomb = gzip.compress(b" " * (64 << 20))
    status, _, data = request(server, "POST", "/gkick.v1.JobService/Enqueue", bomb, content_type="application/json", content_encoding="gzip")
    assert (status, json.loads(data)["code"]) == (429, "resource_exhausted")


def test_gzip(server):
    body = gzip.compress(json.dumps({"job": {"queue": "web-gzip", "name": "t", "metadata": {"a": "x" * 3000}}}).encode())
    status, _, data = request(server, "POST", "/gkick.v1.JobService/Enqueue", body, content_type="application/json", content_encoding="gzip")
    assert status == 200, data
    status, headers, data = request(server, "POST", "/gkick.v1.JobService/ListJobs", '{"queue":"web-gzip"}', content_type="application/json",
                                    accept_encoding="gzip")
    assert headers["content-encoding"] == "gzip" and len(json.loads(data)["jobs"]) == 1
    status, _, data = request(server, "POST", "/gkick.v1.JobService/ListJobs", b"no gzip", content_type="application/json", content_encoding="gzip")
    assert status == 400
    status, _, data = request(server, "POST", "/gkick.v1.JobService/ListJobs", "{}", content_type="application/json", content_encoding="br")
    assert (status, json.loads(data)["code"]) == (501, "unimplemented")


def envelope(message, flags=0):
    return struct.pack(">BI", flags, len(message)) + message


def envelopes(data):
    while data:
        flags, length = struct.unpack(">BI", data[:5])
        yield flags, data[5:5 + length]
        data = data[5 + length:]


def test_a_stream_of_enqueues(server):
    message = {"jobs": [{"job": {"queue": "web-stream", "name": "t"}}] * 3}
    body = envelope(json.dumps(message).encode()) * 2
    status, headers, data = request(server, "POST", "/gkick.v1.JobService/EnqueueStream", body, content_type="application/connect+json")
    assert status == 200 and headers["content-type"] == "application/connect+json"
    *answers, (flags, end) = envelopes(data)
    assert (flags, json.loads(end)) == (2, {})
    assert [len(json.loads(answer)["results"]) for _, answer in answers] == [3, 3]


def test_a_stream_that_fails_says_so_at_its_end(server):
    body = envelope(json.dumps({"afterCursor": "999999999"}).encode())
    status, _, data = request(server, "POST", "/gkick.v1.JobService/StreamEvents", body, content_type="application/connect+json")
    [(flags, end)] = envelopes(data)
    assert status == 200 and flags == 2 and json.loads(end)["error"]["code"] == "out_of_range"
    status, _, data = request(server, "POST", "/gkick.v1.JobService/StreamEvents", b"\x00\x00\x00", content_type="application/connect+json")
    assert status == 400


def buf(server, method, message, *flags, timeout=30):
    tool = pathlib.Path(sys.executable).parent / "buf"
    return subprocess.run(
        [tool, "curl", "--protocol", "connect", "--schema", ROOT / "Protos", "-d", json.dumps(message), *flags,
         f"http://127.0.0.1:{server.http_port}/gkick.v1.{method}"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)


def test_buf_as_a_client(server):
    done = buf(server, "AdminService/GetServerInfo", {})
    assert done.returncode == 0 and json.loads(done.stdout)["store"] == server.store_kind, done.stderr
    done = buf(server, "JobService/GetJob", {"job_id": "nobody"})
    assert done.returncode != 0 and json.loads(done.stderr)["code"] == "not_found"
    done = buf(server, "JobService/EnqueueStream", {"jobs": [{"job": {"queue": "buf", "name": "t"}}]})
    assert done.returncode == 0 and len(json.loads(done.stdout)["results"]) == 1, done.stderr


def test_whoever_waits_to_be_told_to_go_on_is_told(server, tmp_path):
    """curl asks so before it sends a body of more than a megabyte, and waits for a second if nobody answers."""
    payload = base64.b64encode(b"x" * 1_000_000).decode()
    (tmp_path / "body").write_text(json.dumps({"job": {"queue": "expect", "name": "t", "payload": payload}}))
    for path, status in [("/gkick.v1.JobService/Enqueue", 200), ("/session", 403)]:
        done = subprocess.run(
            ["curl", "-s", "-v", "-o", tmp_path / "answer", "-w", "%{http_code} %{time_total}", "-H", "content-type: application/json", "-H",
             "origin: https://elsewhere.example", "-H", "Expect: 100-continue", "--expect100-timeout", "10", "--data-binary", f"@{tmp_path}/body",
             f"http://127.0.0.1:{server.http_port}{path}"], capture_output=True, text=True, timeout=30, check=True)
        code, seconds = done.stdout.split()
        assert int(code) == status and float(seconds) < 5, done.stdout
        assert "< HTTP/1.1 100 Continue" in done.stderr, done.stderr
    assert json.loads((tmp_path / "answer").read_text())["code"] == "permission_denied"
    # What would be refused is not asked for.
    body = b"x" * (20 << 20)
    (tmp_path / "body").write_bytes(body)
    done = subprocess.run(
        ["curl", "-s", "-v", "-o", "/dev/null", "-w", "%{http_code} %{size_upload}", "-H", "content-type: application/json", "-H",
         "Expect: 100-continue", "--expect100-timeout", "10", "--data-binary", f"@{tmp_path}/body",
         f"http://127.0.0.1:{server.http_port}/gkick.v1.JobService/Enqueue"], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout == "429 0" and "100 Continue" not in done.stderr, done.stdout


def test_a_long_body_and_a_long_answer_over_http2(server, tmp_path):
    payload = base64.b64encode(bytes(range(256)) * 4_000).decode()
    (tmp_path / "body").write_text(json.dumps({"job": {"queue": "long", "name": "t", "payload": payload}}))

    def post(method, body):
        done = subprocess.run(
            ["curl", "-s", "--http2-prior-knowledge", "-w", "\n%{http_code} %{http_version}", "-H", "content-type: application/json",
             "--data-binary", body, f"http://127.0.0.1:{server.http_port}/gkick.v1.JobService/{method}"],
            capture_output=True, text=True, timeout=30, check=True)
        text, told = done.stdout.rsplit("\n", 1)
        assert told == "200 2", done.stdout[:300]
        return json.loads(text)

    made = post("Enqueue", f"@{tmp_path}/body")
    assert post("GetJob", json.dumps({"job_id": made["jobId"]}))["job"]["spec"]["payload"] == payload


def test_health_is_told_beside_idle_and_slow_connections(server):
    held = []
    try:
        for number in range(300):
            one = socket.create_connection(("127.0.0.1", server.http_port))
            if number % 2:
                one.sendall(b"POST /gkick.v1.JobService/Enqueue HTTP/1.1\r\nhost: x\r\n")
            held.append(one)
        for page in ("/healthz", "/readyz", "/metrics"):
            started = time.monotonic()
            assert server.get(page)[0] == 200
            assert time.monotonic() - started < 5
    finally:
        for one in held:
            one.close()


def test_tls_with_http2_and_the_end(tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key", "-out", tmp_path / "cert"],
                   check=True, stdin=subprocess.DEVNULL, capture_output=True)
    server = Server("--tls-cert", str(tmp_path / "cert"), "--tls-key", str(tmp_path / "key"), "--http-tls", start=False)
    server.get = lambda path: (curl(server, path, tmp_path), "")
    with server:
        server.start()
        for version in ("--http1.1", "--http2"):
            done = subprocess.run(
                ["curl", "-s", version, "--cacert", tmp_path / "cert", "-w", " %{http_version}", "-H", "content-type: application/json", "-d", "{}",
                 f"https://127.0.0.1:{server.http_port}/gkick.v1.AdminService/GetServerInfo"], capture_output=True, text=True, timeout=20)
            text, found = done.stdout.rsplit(" ", 1)
            assert json.loads(text)["store"] and found == {"--http1.1": "1.1", "--http2": "2"}[version]
        with socket.create_connection(("127.0.0.1", server.http_port)):
            # It has not even begun its handshake, and holds up nothing.
            time.sleep(0.3)
            started = time.monotonic()
            assert server.terminate() == 0
            assert time.monotonic() - started < 20


def test_a_renewed_certificate_is_shown_here_too(tmp_path):
    def make():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key", "-out", tmp_path / "cert"],
                       check=True, stdin=subprocess.DEVNULL, capture_output=True)
        return ssl.PEM_cert_to_DER_cert((tmp_path / "cert").read_text())

    def shown(port):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2", "http/1.1"])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, context.wrap_socket(plain) as one:
            return one.getpeercert(binary_form=True)

    first = make()
    with Server("--tls-cert", str(tmp_path / "cert"), "--tls-key", str(tmp_path / "key"), "--http-tls", start=False) as server:
        server.get = lambda path: (curl(server, path, tmp_path), "")
        server.start()
        assert shown(server.port) == shown(server.http_port) == first
        second = make()
        server.process.send_signal(signal.SIGHUP)
        until(lambda: shown(server.port) == second, "the renewed certificate")
        assert shown(server.http_port) == second
        # Without a signal: it looks every ten seconds.
        third = make()
        until(lambda: shown(server.http_port) == third, "the one renewed without a signal", timeout=120)
        assert shown(server.port) == third


def curl(server, path, folder):
    done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", folder / "cert",
                           f"https://127.0.0.1:{server.http_port}{path}"], capture_output=True, text=True, timeout=20)
    return int(done.stdout or 0)


def test_other_origins():
    with Server("--http-origin", "https://app.example.org") as server:
        asked = {"origin": "https://app.example.org", "access_control_request_method": "POST",
                 "access_control_request_headers": "content-type"}
        status, headers, _ = request(server, "OPTIONS", "/gkick.v1.JobService/Enqueue", **asked)
        assert status == 204 and headers["access-control-allow-origin"] == "https://app.example.org"
        status, headers, _ = request(server, "OPTIONS", "/gkick.v1.JobService/Enqueue", **(asked | {"origin": "https://evil.example"}))
        assert status == 403 and "access-control-allow-origin" not in headers
        status, headers, _ = request(server, "POST", "/gkick.v1.AdminService/GetServerInfo", "{}", content_type="application/json",
                                     origin="https://app.example.org")
        assert status == 200 and headers["access-control-allow-origin"] == "https://app.example.org"
        status, headers, _ = request(server, "POST", "/gkick.v1.AdminService/GetServerInfo", "{}", content_type="application/json",
                                     origin="https://evil.example")
        assert "access-control-allow-origin" not in headers
