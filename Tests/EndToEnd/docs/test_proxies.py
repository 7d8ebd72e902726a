"""Docs/proxies.md: its configurations of nginx and HAProxy are used as they are written, apart from ports and certificates."""
import contextlib
import os
import re
import socket
import subprocess
import time

import grpc
import pytest

from harness.server import Server, free_port
from harness.stubs import ROOT, pb
from harness.worker import Worker

PAGE = (ROOT / "Docs/proxies.md").read_text()


def block(language):
    return re.search(rf"```{language}\n(.*?)```", PAGE, re.S).group(1)


class Proxied:
    """What harness's Worker wants of a server, through a proxy."""

    def __init__(self, server, port):
        self.server, self.address = server, f"127.0.0.1:{port}"

    def channel(self):
        return grpc.insecure_channel(self.address, options=[("grpc.use_local_subchannel_pool", 1)])


def nginx(folder, server, port):
    text = block("nginx").replace("127.0.0.1:7450", server.address)
    text = text.replace("listen 8443 ssl http2; ", f"listen 127.0.0.1:{port} http2; ")
    text = re.sub(r"(?m)^ *ssl_certificate.*\n", "", text)
    paths = "".join(f"{name}_temp_path {folder}/{name};\n" for name in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"])
    text = text.replace("http {\n", f"http {{\n{paths}access_log off;\n", 1)
    (folder / "nginx.conf").write_text(
        f"daemon off;\npid {folder}/pid;\nerror_log {folder}/log;\nuser root;\nevents {{ worker_connections 1000; }}\n{text}")
    return ["/usr/sbin/nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "log")]


def haproxy(folder, server, port):
    text = block("haproxy").replace("127.0.0.1:7450", server.address).replace(":8450", f"127.0.0.1:{port}")
    text = text.replace("port 7451", f"port {server.http_port}").replace(" check-proto", " inter 200ms check-proto")
    (folder / "haproxy.cfg").write_text(text)
    return ["/usr/sbin/haproxy", "-db", "-f", str(folder / "haproxy.cfg")]


@pytest.fixture(params=[nginx, haproxy], ids=["nginx", "haproxy"])
def proxied(request, tmp_path):
    with Server(lease="3s") as server:
        port = free_port()
        command = request.param(tmp_path, server, port)
        if not os.access(command[0], os.X_OK):
            pytest.skip(f"no {command[0]}: run Scripts/setup test")
        with open(tmp_path / "output", "w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        try:
            end = time.monotonic() + 10
            while time.monotonic() < end:
                assert process.poll() is None, (tmp_path / "output").read_text()
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                time.sleep(0.05)
            # The first health check.
            time.sleep(1)
            yield Proxied(server, port)
        finally:
            process.terminate()
            process.wait(10)


def test_everything_passes(proxied):
    with proxied.channel() as channel:
        jobs = pb.JobServiceStub(channel)
        events = jobs.StreamEvents(pb.StreamEventsRequest(after_cursor="0"))
        next(events)
        # Silent but for heartbeats, for longer than a lease and than the heartbeats of events are apart.
        with Worker(proxied, "q", slots=4) as worker:
            time.sleep(7)
            job = jobs.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="q", name="n", payload=b"x" * 100_000)), timeout=5).job_id
            assigned = worker.job()
            assert assigned.lease.job_id == job
            waiting = jobs.WaitJob.future(pb.WaitJobRequest(job_id=job), timeout=20)
            worker.succeed(assigned)
            assert waiting.result().job.state == pb.JOB_STATE_SUCCEEDED
        seen = []
        for batch in events:
            seen += [event.type for event in batch.events if event.job_id == job]
            if pb.EVENT_TYPE_SUCCEEDED in seen:
                break
        assert seen[0] == pb.EVENT_TYPE_ENQUEUED
        events.cancel()
        fetched = pb.WorkerServiceStub(channel).Fetch(
            pb.FetchRequest(worker_id="w", queues=[pb.QueueSubscription(queue="none")], max_jobs=1), timeout=10)
        assert not fetched.jobs


def test_a_burst_passes(proxied):
    with proxied.channel() as channel:
        jobs = pb.JobServiceStub(channel)
        calls = [
            jobs.Enqueue.future(pb.EnqueueRequest(job=pb.JobSpec(queue="burst", name="n")), timeout=20) for _ in range(600)]
        assert all(call.result().job_id for call in calls)
