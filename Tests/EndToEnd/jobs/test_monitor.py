"""The command's outside: health, metrics, start-up, flags, sockets, TLS, the standard services."""
import http.client
import json
import re
import signal
import socket
import subprocess
import time

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from harness.server import Server, binary
from harness.stubs import pb
from harness.worker import Worker


def parse(text):
    """Prometheus text as {name: {labels: value}}; fails on what is not of the format."""
    families, samples = {}, {}
    sample = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\.)*",?)*)\})? (\S+)$')
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in families, f"{name} comes twice"
            families[name] = kind
        elif not line.startswith("#"):
            found = sample.match(line)
            assert found, line
            name, labels, value = found.groups()
            family = re.sub(r"_(bucket|sum|count)$", "", name)
            assert name in families or families.get(family) == "histogram", f"{name} has no TYPE"
            key = labels or ""
            assert key not in samples.setdefault(name, {}), f"{line} comes twice"
            samples[name][key] = float(value)
    return samples


def test_metrics(server, queue):
    with Worker(server, queue) as worker:
        server.enqueue(queue)
        worker.succeed(worker.job())
        server.enqueue(queue)
        worker.fail(worker.job())
        server.enqueue(queue)
        worker.job()
        status, text = server.engine.get("/metrics")
    assert status == 200
    metrics = parse(text)
    jobs = metrics["gkick_queue_jobs"]
    assert jobs[f'queue="{queue}",state="running"'] == 1 and jobs[f'queue="{queue}",state="scheduled"'] == 1
    total = metrics["gkick_jobs_total"]
    assert [total[f'queue="{queue}",outcome="{name}"'] for name in ("enqueued", "started", "succeeded", "failed")] == [
        3, 3, 1, 1]
    assert metrics["gkick_job_wait_seconds_count"][f'queue="{queue}"'] == 3
    assert metrics["gkick_job_run_seconds_count"][f'queue="{queue}"'] == 2
    assert metrics["gkick_rpcs_total"]['method="gkick.v1.JobService/Enqueue",code="ok"'] >= 3
    assert metrics["gkick_workers"]['state="active"'] >= 1
    assert metrics["gkick_commits_total"]['durability="synced"'] >= 3 and metrics["gkick_ticks_total"][""] >= 3
    assert metrics["gkick_commit_seconds_count"][""] >= 3
    assert metrics["gkick_connections"][""] >= 1 and metrics["process_resident_memory_bytes"][""] > 1e6


def test_metrics_of_very_many_queues():
    """A thousand are told one by one, all others together, under a name that no queue can have."""
    names = [f"many{number:04}" for number in range(1_200)]
    with Server() as server:
        for start in range(0, len(names), 400):
            server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[
                pb.ScheduleRequest(job=pb.JobSpec(queue=name, name="n")) for name in names[start:start + 400]]))
        metrics = parse(server.engine.get("/metrics")[1])
        shown = {label for label in metrics["gkick_queue_jobs"] if label.endswith('state="ready"')}
        assert len(shown) == 1_000 and metrics["gkick_queues_not_shown"][""] == 200
        enqueued = {label: count for label, count in metrics["gkick_jobs_total"].items()
                    if label.endswith('outcome="enqueued"')}
        assert len(enqueued) == 1_001 and sum(enqueued.values()) == 1_200
        assert enqueued['queue="(other)",outcome="enqueued"'] == 200
        with pytest.raises(grpc.RpcError):
            server.enqueue("(other)")


def test_health_pages(server):
    assert server.get("/healthz")[0] == 200 and server.get("/readyz")[0] == 200
    assert server.get("/nothing")[0] == 404
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=5)
    connection.request("POST", "/metrics", b"x")
    assert connection.getresponse().status == 405
    connection.close()


def test_the_monitor_survives_nonsense(server):
    for data in (b"\0" * 1000, b"GET / HTTP/9.9\r\n\r\n", b"GET /" + b"a" * 200_000, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.http_port), timeout=5) as peer:
            try:
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
                peer.recv(1000)
            except OSError:
                pass
    idle = [socket.create_connection(("127.0.0.1", server.http_port)) for _ in range(100)]
    for peer in idle:
        peer.close()
    time.sleep(0.2)
    assert server.get("/healthz")[0] == 200


def test_standard_health_service(server):
    health = health_pb2_grpc.HealthStub(server.shared_channel)
    for name in ("", "gkick.v1.JobService", "gkick.v1.WorkerService", "gkick.v1.AdminService"):
        assert health.Check(health_pb2.HealthCheckRequest(service=name)).status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as refusal:
        health.Check(health_pb2.HealthCheckRequest(service="nobody"))
    assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


def test_reflection(server):
    database = ProtoReflectionDescriptorDatabase(server.shared_channel)
    assert {"gkick.v1.JobService", "gkick.v1.WorkerService", "gkick.v1.AdminService", "grpc.health.v1.Health"} <= set(
        database.get_services())
    assert database.FindFileContainingSymbol("gkick.v1.JobService").name == "gkick/v1/job_service.proto"


def test_the_start_up_line_and_warnings():
    with Server("--durability", "relaxed") as own:
        log = own.log()
        line = next(line for line in log.splitlines() if own.address in line and "pid" in line)
        assert str(own.process.pid) in line and own.store_kind in line and "relaxed" in line
        assert re.search(r"WARN.*relaxed", log)
    with Server("--log-format", "json") as own:
        for line in own.log().splitlines():
            assert {"time", "level", "message"} <= set(json.loads(line))


def test_the_log_says_nothing_of_a_quiet_life(server):
    assert "ERROR" not in server.log()


@pytest.mark.parametrize("flags,named", [
    (["--lease", "5"], "--lease"), (["--listen", "nowhere"], "--listen"), (["--store", "mongo://x"], "--store"),
    (["--durability", "maybe"], "--durability"), (["--max-payload", "lots"], "--max-payload"),
    (["--tls-cert", "x"], "--tls-cert"), (["--http", "x"], "--http"), (["--loops", "0"], "--loops"),
    (["--frobnicate"], "--frobnicate"),
])
def test_bad_flags_are_refused_by_name(flags, named):
    refused = subprocess.run([binary(), "server", *flags], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    assert refused.returncode == 64 and named in refused.stderr, refused.stderr


def test_bad_variables_are_refused_by_name():
    refused = subprocess.run([binary(), "server"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10,
                             env={"GKICK_LEASE": "soon"})
    assert refused.returncode == 64 and "GKICK_LEASE" in refused.stderr


def test_a_port_in_use_is_said(server):
    refused = subprocess.run(
        [binary(), "server", "--listen", server.address, "--http", "none", "--store", "memory:"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
    assert refused.returncode not in (0, 64) and refused.returncode > 0 and server.address in refused.stderr


def test_the_environment_sets_what_flags_do_not():
    with Server("--max-payload", "2KiB", environment={"GKICK_MAX_PAYLOAD": "1KiB", "GKICK_RETENTION": "7s"}) as own:
        own.enqueue("q", payload=b"x" * 2048)
        with pytest.raises(grpc.RpcError):
            own.enqueue("q", payload=b"x" * 2049)


def test_unix_socket(tmp_path):
    path = tmp_path / "gkick.sock"
    with Server("--listen", f"unix:{path}") as own:
        with grpc.insecure_channel(f"unix:{path}") as channel:
            assert pb.AdminServiceStub(channel).GetServerInfo(pb.GetServerInfoRequest(), timeout=5).store == own.store_kind
        own.restart()
        with grpc.insecure_channel(f"unix:{path}") as channel:
            assert pb.AdminServiceStub(channel).GetServerInfo(pb.GetServerInfoRequest(), timeout=5).store == own.store_kind
        assert own.terminate() == 0


def make_certificate(folder, name, authority=None, subject="localhost"):
    key, cert = folder / f"{name}.key", folder / f"{name}.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
               "-keyout", str(key), "-out", str(cert), "-subj", f"/CN={subject}",
               "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    if authority:
        command += ["-CA", str(authority[1]), "-CAkey", str(authority[0]), "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return key, cert


def secure_call(own, cert, pair=None):
    key, chain = (pair[0].read_bytes(), pair[1].read_bytes()) if pair else (None, None)
    credentials = grpc.ssl_channel_credentials(cert.read_bytes(), key, chain)
    with grpc.secure_channel(f"localhost:{own.port}", credentials, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        return pb.AdminServiceStub(channel).GetServerInfo(pb.GetServerInfoRequest(), timeout=5).store


def test_tls_and_reload(tmp_path):
    key, cert = make_certificate(tmp_path, "server")
    with Server("--tls-cert", str(cert), "--tls-key", str(key)) as own:
        assert secure_call(own, cert) == own.store_kind
        old = tmp_path / "old.pem"
        old.write_bytes(cert.read_bytes())
        make_certificate(tmp_path, "server")
        own.process.send_signal(signal.SIGHUP)
        deadline = time.time() + 5
        while True:
            try:
                assert secure_call(own, cert) == own.store_kind
                break
            except grpc.RpcError:
                assert time.time() < deadline
        with pytest.raises(grpc.RpcError):
            secure_call(own, old)
        cert.write_text("nonsense")
        own.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        assert own.process.poll() is None, "a certificate that cannot be read leaves the old one"


def test_mutual_tls(tmp_path):
    authority = make_certificate(tmp_path, "authority", subject="authority")
    key, cert = make_certificate(tmp_path, "server")
    client = make_certificate(tmp_path, "client", authority, "client-7")
    with Server("--tls-cert", str(cert), "--tls-key", str(key), "--tls-client-ca", str(authority[1])) as own:
        assert secure_call(own, cert, client) == own.store_kind
        with pytest.raises(grpc.RpcError):
            secure_call(own, cert)
        with pytest.raises(grpc.RpcError):
            secure_call(own, cert, (key, cert))
