"""Fetch and Report: the same for callers without streams."""
import threading
import time

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration

from harness.stubs import pb
from harness.worker import Worker, duration, subscriptions


def fetch(server, queue, worker_id="f", max_wait=0.0, timeout=10, **rest):
    return server.work.Fetch(
        pb.FetchRequest(worker_id=worker_id, queues=subscriptions(queue), max_wait=duration(max_wait), **rest),
        timeout=timeout)


def report(server, worker_id="f", **rest):
    return server.work.Report(pb.ReportRequest(worker_id=worker_id, **rest), timeout=10)


def test_fetch_and_report(server, queue):
    ids = [server.enqueue(queue, payload=str(n).encode()) for n in range(3)]
    response = fetch(server, queue, max_jobs=2)
    assert [job.payload for job in response.jobs] == [b"0", b"1"] and response.lease.seconds == 2
    results = report(server, outcomes=[
        pb.Outcome(lease=response.jobs[0].lease, success=pb.Success(result=b"r")),
        pb.Outcome(lease=response.jobs[1].lease, failure=pb.Failure(message="m", retryable=False)),
        pb.Outcome(lease=pb.JobLease(job_id=ids[2], token=77), success=pb.Success()),
    ]).results
    assert [one.status_code for one in results] == [0, 0, 9]
    assert server.job(ids[0]).result == b"r" and server.job(ids[1]).state == pb.JOB_STATE_DEAD
    assert len(fetch(server, queue).jobs) == 1, "0 means one"


def test_a_long_poll_wakes_at_once(server, queue):
    found = []
    thread = threading.Thread(target=lambda: found.append((fetch(server, queue, max_wait=8), time.time())))
    thread.start()
    time.sleep(0.5)
    began = time.time()
    job_id = server.enqueue(queue)
    thread.join(7)
    response, ended = found[0]
    # By the server's clock: a busy machine may be late to run Python.
    job = server.job(job_id)
    assert len(response.jobs) == 1 and job.started_at.ToNanoseconds() - job.created_at.ToNanoseconds() < 2e8
    assert ended - began < 5


def test_a_long_poll_comes_back_empty_after_its_time(server, queue):
    began = time.time()
    assert not fetch(server, queue, max_wait=0.7).jobs
    assert 0.6 < time.time() - began < 4
    began = time.time()
    assert not fetch(server, queue).jobs
    assert time.time() - began < 2


def test_a_poller_that_goes_away_takes_no_job(server, queue):
    call = server.work.Fetch.future(pb.FetchRequest(worker_id="gone", queues=subscriptions(queue), max_wait=duration(30)))
    time.sleep(0.3)
    call.cancel()
    time.sleep(0.2)
    server.enqueue(queue)
    with Worker(server, queue) as worker:
        worker.job(timeout=1)


def test_the_lease_ends_unless_extended(server, queue):
    job_id = server.enqueue(queue)
    job = fetch(server, queue, lease=duration(1)).jobs[0]
    for _ in range(4):
        time.sleep(0.5)
        assert [one.status_code for one in report(server, extend=[job.lease]).results] == [0]
    assert server.job(job_id).state == pb.JOB_STATE_RUNNING
    with Worker(server, queue) as worker:
        taken = worker.job(timeout=6)
        assert taken.lease.job_id == job_id
        late = report(server, outcomes=[pb.Outcome(lease=job.lease, success=pb.Success())], extend=[job.lease])
        assert [one.status_code for one in late.results] == [9, 9]
        assert worker.succeed(taken) == 0


def test_what_is_not_extended_is_lost_whatever_else_its_worker_calls(server, queue):
    ids = [server.enqueue(queue) for _ in range(2)]
    jobs = fetch(server, queue, max_jobs=2, lease=duration(1)).jobs
    assert [job.lease.job_id for job in jobs] == ids
    again, end = [], time.monotonic() + 10
    while not again:
        assert time.monotonic() < end
        assert report(server, extend=[jobs[0].lease]).results[0].status_code == 0
        again = fetch(server, queue, lease=duration(1), max_wait=0.2).jobs
    assert [job.lease.job_id for job in again] == ids[1:] and again[0].attempt == 2
    assert server.job(ids[1]).lost == 1 and server.job(ids[0]).lost == 0


def test_report_tells_of_cancellations(server, queue):
    job_id = server.enqueue(queue)
    job = fetch(server, queue).jobs[0]
    server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id, reason="r"))
    response = report(server, extend=[job.lease])
    assert [one.lease for one in response.cancellations] == [job.lease]
    report(server, outcomes=[pb.Outcome(lease=job.lease, canceled=True)])
    assert server.job(job_id).state == pb.JOB_STATE_CANCELED


def test_filters_and_order_hold_for_fetch_too(server, queue):
    for name, priority in (("a", 0), ("b", 5), ("a", 9)):
        server.enqueue(queue, name, priority=priority)
    assert [job.priority for job in fetch(server, queue, names=["a"], max_jobs=1000).jobs] == [9, 0]


@pytest.mark.parametrize("bad", [
    dict(worker_id=""), dict(max_wait=duration(-1)), dict(lease=duration(-1)),
    dict(queues=[pb.QueueSubscription(queue="a b")]),
])
def test_bad_fetches(server, queue, bad):
    request = dict(worker_id="w", queues=subscriptions(queue)) | bad
    with pytest.raises(grpc.RpcError) as refusal:
        server.work.Fetch(pb.FetchRequest(**request), timeout=5)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert next(iter(bad)) in refusal.value.details()


def test_more_than_the_most_is_taken_as_the_most(server, queue):
    began = time.time()
    server.enqueue(queue)
    assert len(fetch(server, queue, max_jobs=2**32 - 1, max_wait=2**31).jobs) == 1
    assert time.time() - began < 5


def test_the_longest_wait_there_is_is_taken_as_a_minute(server, queue):
    began = time.time()
    request = pb.FetchRequest(worker_id="f", queues=subscriptions(queue), max_wait=Duration(seconds=315_576_000_000))
    assert not server.work.Fetch(request, timeout=1).jobs
    assert time.time() - began < 1


def test_a_thousand_at_once(server, queue):
    for count in (1_000, 200):
        jobs = [pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t"))] * count
        server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=jobs), timeout=20)
    found = fetch(server, queue, max_jobs=2_000).jobs
    assert len(found) == 1_000
    assert len(fetch(server, queue, max_jobs=2_000).jobs) == 200
    results = report(server, outcomes=[pb.Outcome(lease=job.lease, success=pb.Success()) for job in found]).results
    assert [one.status_code for one in results] == [0] * 1_000


def test_as_many_as_fit_into_four_mebibytes(server, queue):
    for _ in range(6):
        server.enqueue(queue, payload=bytes(1_000_000))
    assert len(fetch(server, queue, max_jobs=1_000).jobs) == 4
    assert len(fetch(server, queue, max_jobs=1_000).jobs) == 2


def test_the_wait_ends_before_the_deadline(server, queue):
    """An empty answer, not DEADLINE_EXCEEDED, and before the deadline: a job that comes then is not given to who has given up."""
    for timeout in (0.5, 1.5):
        began = time.time()
        assert not fetch(server, queue, max_wait=50, timeout=timeout).jobs
        assert timeout / 2 < time.time() - began < timeout
