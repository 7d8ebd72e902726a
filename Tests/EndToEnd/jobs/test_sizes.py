"""Many big jobs, results and failures: in messages of at most 4 MiB, which is what a stock client takes."""
import pathlib
import time

import pytest
from harness import stores
from harness.asking import enqueue
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker, duration, subscriptions


def big(server, queue, count):
    return [enqueue(server, queue, payload=bytes([index]) * (1 << 20)).job_id for index in range(count)]


def test_big_jobs_come_in_messages_that_a_stock_client_takes(server, queue):
    big(server, queue, 12)
    with Worker(server, queue, slots=12) as worker:
        jobs = worker.take(12)
        assert [job.payload[0] for job in jobs] == list(range(12))
        for job in jobs:
            assert worker.succeed(job, b"r" * (1 << 20)) == 0
    found, token = [], ""
    while True:
        page = server.jobs.ListJobs(pb.ListJobsRequest(queue=queue, page_size=1000, page_token=token))
        found += page.jobs
        token = page.next_page_token
        if not token:
            break
    assert len(found) == 12 and all(len(job.result) == len(job.spec.payload) == 1 << 20 for job in found)
    server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=queue))


def test_big_jobs_by_fetch(server, queue):
    big(server, queue, 12)
    seen = 0
    while seen < 12:
        jobs = server.work.Fetch(pb.FetchRequest(worker_id=f"big-{queue}", queues=subscriptions(queue), max_jobs=1000)).jobs
        assert jobs
        seen += len(jobs)
        server.work.Report(pb.ReportRequest(
            worker_id=f"big-{queue}", outcomes=[pb.Outcome(lease=job.lease, success=pb.Success()) for job in jobs]))
    server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=queue))


def test_big_failures_in_events(server, queue):
    count = 150
    with Worker(server, queue, slots=count) as worker:
        for _ in range(count):
            enqueue(server, queue, retry=pb.RetryPolicy(max_attempts=1))
        for job in worker.take(count):
            worker.fail(job, backtrace="b" * 40_000, message="m" * 10_000, wait=False)
        worker.until(lambda: len(worker.results) == count, "results")
    events, after = [], "0"
    # Each batch is asked for anew, from the cursor of the one before.
    while len(events) < count:
        call = server.jobs.StreamEvents(pb.StreamEventsRequest(after_cursor=after, queues=[queue], types=[7]), timeout=10)
        batch = next(batch for batch in call if batch.events)
        call.cancel()
        events += batch.events
        after = batch.cursor
    assert len({event.job_id for event in events}) == len(events) == count
    assert all(len(event.failure.backtrace) == 32 << 10 for event in events)


def read_bytes(server):
    return int(next(line.split()[1] for line in pathlib.Path(f"/proc/{server.process.pid}/io").read_text().splitlines()
                    if line.startswith("rchar")))


@pytest.mark.skipif(not stores.embedded, reason="reads its store by files")
def test_results_are_carried_and_not_read_to_decide(tmp_path):
    """400 finished jobs with 250 KB each, 100 MB: opening the store, a list and a purge read none of it."""
    count, size = 400, 250_000
    with Server(data=tmp_path, lease="10s") as server:
        with Worker(server, "large", slots=20) as worker:
            for _ in range(count):
                server.enqueue("large")
            for _ in range(count):
                worker.succeed(worker.job(), result=b"r" * size, wait=False)
            end = time.monotonic() + 30
            while len(worker.results) < count and time.monotonic() < end:
                time.sleep(0.05)
        # Until what is acknowledged is in the database as well: then nothing is left to be taken from the log at the start.
        assert server.terminate() == 0
        server.start()
        opened = read_bytes(server)
        page = server.jobs.ListJobs(pb.ListJobsRequest(queue="large", states=[pb.JOB_STATE_DEAD], page_size=1000), timeout=20)
        assert not page.jobs
        listed = read_bytes(server)
        purged = server.admin.PurgeQueue(pb.PurgeQueueRequest(queue="large", states=[pb.JOB_STATE_SUCCEEDED]), timeout=60).deleted
        assert purged == count
        done = read_bytes(server)
    whole = count * size
    assert opened < whole / 5 and listed - opened < whole / 20 and done - listed < whole / 5, (opened, listed - opened, done - listed)
