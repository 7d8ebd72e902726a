"""How attempts end: retries, dead jobs, lost workers, time-outs, cancellation, release, expiry, progress."""
import time

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from harness.stubs import pb
from harness.worker import Worker, duration

SCHEDULED, READY, RUNNING, RETRYING, SUCCEEDED, DEAD, CANCELED, EXPIRED = range(1, 9)


def quick(**rest):
    """A policy whose waits a test can sit out."""
    return pb.RetryPolicy(**(dict(initial_backoff=duration(0.1), max_backoff=duration(0.4), jitter=-1) | rest))


def kinds(server, job_id):
    return [pb.EventType.Name(event.type).removeprefix("EVENT_TYPE_") for event in server.events(job_ids=[job_id])]


def test_a_failed_job_is_retried_with_growing_waits_and_then_dead(server, queue):
    job_id = server.enqueue(queue, retry=quick(max_attempts=4))
    with Worker(server, queue) as worker:
        for attempt in range(1, 5):
            job = worker.job()
            assert job.attempt == attempt and job.max_attempts == 4
            assert worker.fail(job, "ValueError", f"no {attempt}", backtrace="at x") == 0
        worker.idle()
    events = server.events(job_ids=[job_id])
    failed = [event for event in events if event.type == pb.EVENT_TYPE_FAILED]
    waits = [(event.next_run_at.ToNanoseconds() - event.at.ToNanoseconds()) / 1e9 for event in failed]
    assert waits == [pytest.approx(wait, abs=1e-5) for wait in (0.1, 0.2, 0.4)], waits
    started = [event.at.ToNanoseconds() for event in events if event.type == pb.EVENT_TYPE_STARTED]
    assert all(at >= event.next_run_at.ToNanoseconds() for at, event in zip(started[1:], failed)), "none before its time"
    job = server.job(job_id)
    assert job.state == DEAD and job.attempt == 4 and job.HasField("finished_at")
    assert [failure.message for failure in job.failures] == ["no 1", "no 2", "no 3", "no 4"]
    last = job.failures[-1]
    assert (last.type, last.backtrace, last.attempt, last.worker_id) == ("ValueError", "at x", 4, worker.id)
    assert abs(last.at.ToNanoseconds() / 1e9 - time.time()) < 5
    assert kinds(server, job_id) == ["ENQUEUED", "STARTED", "FAILED"] + ["ENQUEUED", "STARTED", "FAILED"] * 2 + [
        "ENQUEUED", "STARTED", "DEAD"]


def test_the_wait_is_spread_by_jitter(server, queue):
    waits = set()
    with Worker(server, queue, slots=20) as worker:
        for _ in range(20):
            server.enqueue(queue, retry=pb.RetryPolicy(initial_backoff=duration(100), jitter=0.5))
        for job in worker.take(20):
            worker.fail(job)
            waits.add(round(server.job(job.lease.job_id).run_at.ToNanoseconds() / 1e9 - time.time()))
    assert len(waits) > 5 and min(waits) >= 48 and max(waits) <= 151, waits


def test_not_retryable_is_dead_at_once(server, queue):
    job_id = server.enqueue(queue)
    with Worker(server, queue) as worker:
        worker.fail(worker.job(), retryable=False)
    assert server.job(job_id).state == DEAD
    assert kinds(server, job_id)[-1] == "DEAD"


def test_max_attempts_1_is_never_retried(server, queue):
    job_id = server.enqueue(queue, retry=pb.RetryPolicy(max_attempts=1))
    with Worker(server, queue) as worker:
        worker.fail(worker.job())
    assert server.job(job_id).state == DEAD


def test_only_the_latest_ten_failures_are_kept(server, queue):
    job_id = server.enqueue(queue, retry=pb.RetryPolicy(max_attempts=14, initial_backoff=duration(0.001), jitter=-1,
                                                        max_backoff=duration(0.001)))
    with Worker(server, queue) as worker:
        for attempt in range(1, 14):
            worker.fail(worker.job(), message=str(attempt))
        worker.job()
        assert [failure.message for failure in server.job(job_id).failures] == [str(n) for n in range(4, 14)]


def test_a_job_that_kills_its_workers_is_put_aside(server, queue):
    job_id = server.enqueue(queue, retry=pb.RetryPolicy(max_lost=3))
    for round_ in range(3):
        victim = Worker(server, queue)
        job = victim.job()
        assert job.lease.job_id == job_id
        time.sleep(0.1)
        victim.break_connection()
    job = server.wait(job_id, timeout=5)
    assert job.state == DEAD and job.lost == 3
    with Worker(server, queue) as worker:
        worker.idle()
    assert kinds(server, job_id).count("LEASE_LOST") == 3 and kinds(server, job_id)[-1] == "DEAD"


def test_an_attempt_that_takes_too_long_is_told_and_counted_as_failed(server, queue):
    job_id = server.enqueue(queue, timeout=duration(0.5), retry=quick(max_attempts=2))
    with Worker(server, queue) as worker:
        job = worker.job()
        assert job.deadline.ToNanoseconds() - server.job(job_id).started_at.ToNanoseconds() == pytest.approx(5e8, abs=1e4)
        notice = worker.cancellation(timeout=3)
        assert notice.reason == "timeout" and notice.lease == job.lease
        assert time.time() >= job.deadline.ToNanoseconds() / 1e9 - 0.005
        assert worker.outcome(job, canceled=True) == 0
        job = worker.job(timeout=3)
        assert job.attempt == 2
        worker.succeed(job)
    assert server.job(job_id).state == SUCCEEDED
    assert len(server.job(job_id).failures) == 1


def test_a_worker_that_ignores_the_timeout_loses_the_lease(server, queue):
    job_id = server.enqueue(queue, timeout=duration(0.3), retry=quick(max_attempts=1))
    with Worker(server, queue) as worker:
        job = worker.job()
        worker.cancellation(timeout=3)
        done = server.wait(job_id, timeout=20)
        assert done.state == DEAD and done.failures[-1].type == "timeout"
        # It was given no longer than a lease to stop.
        assert done.finished_at.ToNanoseconds() - job.deadline.ToNanoseconds() < 5e9
        assert worker.succeed(job) == 9


def test_cancel_while_waiting(server, queue):
    for job_id in (server.enqueue(queue), server.jobs.Schedule(
            pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t"), delay=duration(60))).job_id):
        job = server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id, reason="why")).job
        assert job.state == CANCELED and job.HasField("finished_at")
    with Worker(server, queue) as worker:
        worker.idle()


def test_cancel_while_running(server, queue):
    job_id = server.enqueue(queue)
    with Worker(server, queue) as worker:
        job = worker.job()
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id, reason="changed my mind"))
        notice = worker.cancellation(timeout=2)
        assert notice.lease == job.lease and notice.reason.startswith("canceled")
        assert server.job(job_id).state == RUNNING
        assert worker.outcome(job, canceled=True) == 0
        assert server.job(job_id).state == CANCELED
        worker.idle()
    assert kinds(server, job_id)[-1] == "CANCELED"


def test_who_cancels_later_changes_no_reason(server, queue):
    job_id = server.enqueue(queue)
    with Worker(server, queue) as worker:
        job = worker.job()
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id, reason="first"))
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id, reason="second"))
        server.admin.ChangeJobs(pb.ChangeJobsRequest(action=pb.BULK_ACTION_CANCEL, queue=queue, reason="third"))
        worker.cancellation()
        assert worker.outcome(job, canceled=True) == 0
    assert [one.message for one in server.job(job_id).failures] == ["first"]


def test_a_canceled_job_whose_worker_dies_is_canceled(server, queue):
    job_id = server.enqueue(queue)
    worker = Worker(server, queue)
    worker.job()
    server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id))
    worker.cancellation()
    worker.break_connection()
    assert server.wait(job_id, timeout=8).state == CANCELED


def test_success_beats_a_cancellation_that_came_too_late(server, queue):
    job_id = server.enqueue(queue)
    with Worker(server, queue) as worker:
        job = worker.job()
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id))
        assert worker.succeed(job, b"done") == 0
    assert server.job(job_id).state in (SUCCEEDED, CANCELED)


def test_cancel_of_a_final_job_is_refused(server, queue):
    job_id = server.enqueue(queue)
    with Worker(server, queue) as worker:
        worker.succeed(worker.job())
    with pytest.raises(grpc.RpcError) as refusal:
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id))
    assert refusal.value.code() is grpc.StatusCode.FAILED_PRECONDITION


def test_release_counts_no_attempt(server, queue):
    job_id = server.enqueue(queue)
    with Worker(server, queue) as worker:
        job = worker.job()
        assert worker.release(job) == 0
        again = worker.job()
        assert again.attempt == 1 and again.lease.token != job.lease.token
        began = time.time()
        assert worker.release(again, delay=0.5) == 0
        assert server.job(job_id).state in (SCHEDULED, RETRYING)
        third = worker.job(timeout=3)
        assert time.time() - began > 0.45 and third.attempt == 1
        worker.succeed(third)
    assert server.job(job_id).attempt == 1


def test_a_released_job_keeps_its_place(server, queue):
    ids = [server.enqueue(queue) for _ in range(3)]
    with Worker(server, queue) as worker:
        first = worker.job()
        worker.send(capacity=pb.SetCapacity(max_in_flight=0))
        worker.release(first)
        worker.send(capacity=pb.SetCapacity(max_in_flight=1))
        order = []
        for _ in ids:
            job = worker.job()
            order.append(job.lease.job_id)
            worker.succeed(job)
    assert order == ids


def test_what_is_not_started_in_time_expires(server, queue):
    limit = Timestamp()
    limit.FromNanoseconds(round((time.time() + 0.5) * 1e9))
    job_id = server.enqueue(queue, start_before=limit)
    job = server.wait(job_id, timeout=5)
    assert job.state == EXPIRED
    assert 0 <= job.finished_at.ToNanoseconds() - limit.ToNanoseconds() < 1e9
    with Worker(server, queue) as worker:
        worker.idle()
    assert kinds(server, job_id) == ["ENQUEUED", "EXPIRED"]


def test_retry_of_dead_canceled_and_retrying_jobs(server, queue):
    with Worker(server, queue) as worker:
        dead = server.enqueue(queue, retry=pb.RetryPolicy(max_attempts=1))
        worker.fail(worker.job())
        assert server.jobs.RetryJob(pb.RetryJobRequest(job_id=dead, reset_attempts=True)).job.state in (READY, RUNNING)
        job = worker.job()
        assert job.lease.job_id == dead and job.attempt == 1
        worker.succeed(job)
        retrying = server.enqueue(queue, retry=pb.RetryPolicy(initial_backoff=duration(600)))
        worker.fail(worker.job())
        server.jobs.RetryJob(pb.RetryJobRequest(job_id=retrying))
        job = worker.job()
        assert job.lease.job_id == retrying and job.attempt == 2
        worker.succeed(job)
        with pytest.raises(grpc.RpcError) as refusal:
            server.jobs.RetryJob(pb.RetryJobRequest(job_id=retrying))
        assert refusal.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    canceled = server.enqueue(queue)
    server.jobs.CancelJob(pb.CancelJobRequest(job_id=canceled))
    assert server.jobs.RetryJob(pb.RetryJobRequest(job_id=canceled)).job.state == READY


def test_delete(server, queue):
    job_id = server.enqueue(queue)
    with Worker(server, queue) as worker:
        job = worker.job()
        with pytest.raises(grpc.RpcError) as refusal:
            server.jobs.DeleteJob(pb.DeleteJobRequest(job_id=job_id))
        assert refusal.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        worker.succeed(job)
    server.jobs.DeleteJob(pb.DeleteJobRequest(job_id=job_id))
    for call, request in [
        (server.jobs.GetJob, pb.GetJobRequest), (server.jobs.DeleteJob, pb.DeleteJobRequest),
        (server.jobs.CancelJob, pb.CancelJobRequest), (server.jobs.RetryJob, pb.RetryJobRequest),
        (server.jobs.WaitJob, pb.WaitJobRequest), (server.jobs.ExplainJob, pb.ExplainJobRequest),
    ]:
        with pytest.raises(grpc.RpcError) as refusal:
            call(request(job_id=job_id), timeout=5)
        assert refusal.value.code() is grpc.StatusCode.NOT_FOUND, call


def test_progress_is_shown_and_told(server, queue):
    job_id = server.enqueue(queue)
    with Worker(server, queue) as worker:
        job = worker.job()
        report = pb.ProgressReport(lease=job.lease, progress=pb.Progress(percent=40, message="almost"))
        worker.send(progress=[report])
        deadline = time.time() + 3
        while not server.job(job_id).HasField("progress") and time.time() < deadline:
            time.sleep(0.02)
        shown = server.job(job_id).progress
        assert (shown.percent, shown.message) == (40, "almost")
        worker.succeed(job)
    told = [event for event in server.events(job_ids=[job_id]) if event.type == pb.EVENT_TYPE_PROGRESS]
    assert [event.progress.percent for event in told] == [40]


def test_retention_of_a_job_is_its_own(server, queue):
    short = server.enqueue(queue, retention=duration(0.5))
    long = server.enqueue(queue)
    with Worker(server, queue, slots=2) as worker:
        for job in worker.take(2):
            worker.succeed(job)
    assert server.job(short).state == SUCCEEDED
    deadline = time.time() + 10
    while time.time() < deadline:
        try:
            server.job(short)
        except grpc.RpcError as error:
            assert error.code() is grpc.StatusCode.NOT_FOUND
            break
        time.sleep(0.1)
    else:
        raise AssertionError("the job outlived its retention by 9 s")
    assert server.job(long).state == SUCCEEDED
