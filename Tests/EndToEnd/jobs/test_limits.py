"""What a server is short of, and how it says so."""
import contextlib
import resource
import socket
import subprocess
import time

import grpc
import pytest

from harness.server import Server, binary
from harness.stubs import pb


def test_few_descriptors_are_told_and_some_kept_back():
    def few():
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, 300))

    with Server("--loops", "1", preexec=few) as server:
        assert "lets this process open 300 files" in server.log() and "--max-connections" in server.log()
        server.enqueue("q")
        crowd = []
        try:
            for _ in range(400):
                with contextlib.suppress(OSError):
                    crowd.append(socket.create_connection(("127.0.0.1", server.port), timeout=2))
            time.sleep(0.3)
            for _ in range(3):
                assert server.get("/healthz")[0] == 200
                assert server.get("/readyz")[0] == 200
            # Who was there before still is served, and its job stored.
            server.enqueue("q")
        finally:
            for connection in crowd:
                connection.close()


def test_enough_descriptors_are_not_talked_about():
    with Server("--max-connections", "100") as server:
        assert "files" not in server.log()


@pytest.mark.parametrize("broken,said", [
    ("missing", "No such file"), ("text", "holds no certificate"), ("key", "holds no private key")])
def test_tls_errors_name_the_file(tmp_path, broken, said):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout", "good.key",
            "-out", "good.pem", "-subj", "/CN=test")
    (tmp_path / "text.pem").write_text("nothing\n")
    files = {"missing": ("missing.pem", "good.key", "missing.pem"), "text": ("text.pem", "good.key", "text.pem"),
             "key": ("good.pem", "text.pem", "text.pem")}
    certificate, key, named = files[broken]
    ended = subprocess.run(
        [binary(), "server", "--listen", "127.0.0.1:0", "--http", "none", "--store", "memory:", "--tls-cert", tmp_path / certificate,
         "--tls-key", tmp_path / key], capture_output=True, text=True, timeout=20)
    assert ended.returncode != 0
    assert str(tmp_path / named) in ended.stderr and said in ended.stderr, ended.stderr


def test_a_thousand_calls_on_one_connection(server):
    """Each waits for a job; the next one is not kept waiting by them, and all may be canceled together."""
    with server.channel() as channel:
        jobs = pb.JobServiceStub(channel)
        waiting = server.enqueue("nobody-takes-these")
        for _ in range(2):
            calls = [jobs.WaitJob.future(pb.WaitJobRequest(job_id=waiting), timeout=30) for _ in range(600)]
            started = time.monotonic()
            jobs.GetJob(pb.GetJobRequest(job_id=waiting), timeout=5)
            assert time.monotonic() - started < 4
            for call in calls:
                call.cancel()
        jobs.GetJob(pb.GetJobRequest(job_id=waiting), timeout=5)
        assert "too_many" not in server.log()


def test_a_burst_before_the_limit_is_known(server):
    with server.channel() as channel:
        jobs = pb.JobServiceStub(channel)
        calls = [
            jobs.Enqueue.future(pb.EnqueueRequest(job=pb.JobSpec(queue="burst", name="n")), timeout=20) for _ in range(600)]
        assert all(call.result().job_id for call in calls)


def test_keepalive_of_a_stock_client_is_let(server):
    """Every ten seconds, also while nothing else happens."""
    options = [("grpc.keepalive_time_ms", 10_000), ("grpc.keepalive_permit_without_calls", 1),
               ("grpc.http2.max_pings_without_data", 0), ("grpc.use_local_subchannel_pool", 1)]
    waiting = server.enqueue("nobody-takes-these")
    with grpc.insecure_channel(server.address, options=options) as channel:
        started = time.monotonic()
        pb.JobServiceStub(channel).WaitJob(pb.WaitJobRequest(job_id=waiting), timeout=48)
        assert time.monotonic() - started > 45
    assert "too_many_pings" not in server.log()
