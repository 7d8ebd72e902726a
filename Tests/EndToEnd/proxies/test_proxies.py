"""gRPC through nginx, HAProxy and Envoy, configured as Docs/proxies.md says."""
import time

import grpc
import pytest

from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker
from proxies import envoy, haproxy, nginx, through

@pytest.fixture(params=[nginx, haproxy, envoy], ids=lambda one: one.__name__)
def proxied(request, tmp_path):
    with Server(lease="3s") as server, through(request.param, tmp_path / "proxy", server) as one:
        yield one


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


def test_haproxy_asks_whether_the_server_is_ready(tmp_path):
    with Server(data=tmp_path / "data") as server, through(haproxy, tmp_path / "proxy", server) as proxied, proxied.channel() as channel:
        jobs = pb.JobServiceStub(channel)

        def enqueue():
            return jobs.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="q", name="n")), timeout=5).job_id

        def code():
            try:
                return enqueue() and grpc.StatusCode.OK
            except grpc.RpcError as error:
                return error.code()

        assert code() == grpc.StatusCode.OK
        server.kill()
        end = time.monotonic() + 10
        while code() != grpc.StatusCode.UNAVAILABLE and time.monotonic() < end:
            time.sleep(0.1)
        # It is known to be down: refused at once, without an attempt to connect.
        start = time.monotonic()
        assert code() == grpc.StatusCode.UNAVAILABLE and time.monotonic() - start < 1
        server.start()
        end = time.monotonic() + 10
        while code() != grpc.StatusCode.OK and time.monotonic() < end:
            time.sleep(0.1)
        assert code() == grpc.StatusCode.OK


def test_a_server_that_drains_hands_its_callers_over(proxied):
    """Who is connected through the proxy hears of the end as without one: the worker is told to finish."""
    with Worker(proxied, "q", slots=1) as worker, proxied.channel() as channel:
        job = pb.JobServiceStub(channel).Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="q", name="n")), timeout=5).job_id
        assigned = worker.job()
        proxied.server.process.send_signal(15)
        worker.until(lambda: worker.draining, "word of the end")
        assert worker.succeed(assigned) == 0 and assigned.lease.job_id == job
        assert proxied.server.process.wait(20) == 0
