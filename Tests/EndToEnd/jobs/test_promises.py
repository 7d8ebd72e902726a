"""Promises of the contract that are easily forgotten: defaults, edges, answers of rare calls."""
import re
import time

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from harness.asking import (CANCELED, CODE, DEAD, EXPIRED, READY, RETRYING, RUNNING, SCHEDULED, SUCCEEDED, at, enqueue, put_in, refused,
                            schedule, spec)
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker, duration, subscriptions


# MARK: Defaults

def test_partial_policies_have_the_rest_filled_in(server, queue):
    retry = server.job(enqueue(server, queue, retry=pb.RetryPolicy(max_attempts=7)).job_id).spec.retry
    assert (retry.max_attempts, retry.initial_backoff.seconds, retry.max_backoff.seconds) == (7, 1, 3600)
    assert (retry.multiplier, retry.jitter, retry.max_lost) == (2.0, pytest.approx(0.1), 5)
    none = server.job(enqueue(server, queue, retry=pb.RetryPolicy(jitter=-0.5)).job_id).spec.retry
    assert none.jitter < 0, "negative stays: 0 would mean the default"
    unique = server.job(enqueue(server, queue, unique=pb.Uniqueness(key="k")).job_id).spec.unique
    assert unique.on_conflict == pb.ON_CONFLICT_KEEP and not unique.HasField("hold_for")


def test_times_of_a_job(server, queue):
    job_id = enqueue(server, queue).job_id
    ready = server.job(job_id)
    assert ready.run_at == ready.created_at and not ready.HasField("lease_expires_at") and not ready.worker_id
    with Worker(server, queue) as worker:
        job = worker.job()
        running = server.job(job_id)
        assert running.started_at.ToNanoseconds() >= running.created_at.ToNanoseconds()
        assert 0 < running.lease_expires_at.ToNanoseconds() / 1e9 - time.time() <= 2.1
        assert job.created_at == ready.created_at and not running.waiting_reason
        worker.succeed(job, b"r")
    done = server.job(job_id)
    assert done.finished_at.ToNanoseconds() >= done.started_at.ToNanoseconds()
    assert not done.HasField("lease_expires_at") and not done.waiting_reason
    assert done.worker_id == worker.id


def test_a_batch_takes_its_own_durability(server, queue):
    job = pb.ScheduleRequest(job=spec(queue), durability=99)
    one = server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[job])).results[0]
    assert one.status_code == 0, "that of a single job is not looked at"
    assert refused(server.jobs.EnqueueBatch, pb.EnqueueBatchRequest(durability=99)).code() is CODE.INVALID_ARGUMENT


# MARK: Bounds

def test_metadata_of_exactly_16_KiB(server, queue):
    enqueue(server, queue, metadata={"k": "v" * (16384 - 1)})
    error = refused(server.jobs.Enqueue, pb.EnqueueRequest(job=spec(queue, metadata={"k": "v" * 16384})))
    assert error.code() is CODE.INVALID_ARGUMENT and "metadata" in error.details()


def test_absurd_times(server, queue):
    far = schedule(server, queue, 365 * 86400 * 90)
    assert server.job(far.job_id).state == SCHEDULED
    edge = Timestamp(seconds=253_402_300_799, nanos=999_999_999)
    last = server.jobs.Schedule(pb.ScheduleRequest(job=spec(queue), run_at=edge))
    assert last.state == SCHEDULED and server.job(last.job_id).run_at.seconds >= 253_402_300_799 - 1
    for bad in (Timestamp(seconds=253_402_300_800), Timestamp(seconds=2**62), Timestamp(nanos=10**9), Timestamp(nanos=-1)):
        error = refused(server.jobs.Schedule, pb.ScheduleRequest(job=spec(queue), run_at=bad))
        assert error.code() is CODE.INVALID_ARGUMENT and "run_at" in error.details()
    for bad in (Duration(seconds=-1), Duration(nanos=-1), Duration(seconds=2**62), Duration(nanos=2 * 10**9)):
        error = refused(server.jobs.Schedule, pb.ScheduleRequest(job=spec(queue), delay=bad))
        assert error.code() is CODE.INVALID_ARGUMENT and "delay" in error.details()
    assert schedule(server, queue, 0).state == READY
    epoch = server.jobs.Schedule(pb.ScheduleRequest(job=spec(queue), run_at=Timestamp(seconds=-62_135_596_800)))
    assert epoch.state == READY
    error = refused(server.jobs.Schedule, pb.ScheduleRequest(job=spec(queue)))
    assert error.code() is CODE.INVALID_ARGUMENT


def test_bounds_of_times_hold_to_the_nanosecond(server, queue):
    """Times are kept to the microsecond; what is too short before it is rounded is refused."""
    every = lambda nanos: pb.RecurringJob(id=queue, every=Duration(nanos=nanos), paused=True, job=spec(queue))  # noqa: E731
    error = refused(server.admin.PutRecurringJob, pb.PutRecurringJobRequest(recurring_job=every(99_999_999)))
    assert error.code() is CODE.INVALID_ARGUMENT and "every" in error.details()
    server.admin.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=every(100_000_000)))
    rate = lambda **period: pb.Limit(queue=queue, rate_count=1, rate_period=Duration(**period))  # noqa: E731
    for bad in (dict(nanos=999_999), dict(seconds=31 * 86400, nanos=1)):
        error = refused(server.admin.PutLimit, pb.PutLimitRequest(limit=rate(**bad)))
        assert error.code() is CODE.INVALID_ARGUMENT and "rate_period" in error.details()
    for good in (dict(nanos=1_000_000), dict(seconds=31 * 86400)):
        server.admin.PutLimit(pb.PutLimitRequest(limit=rate(**good)))


def test_the_longest_resume_window_there_is_is_taken_as_ten_minutes(server, queue):
    with Worker(server, queue, resume=315_576_000_000) as worker:
        assert worker.welcome.worker_id


def test_unknown_enum_values_are_refused_by_name(server, queue):
    for request, call, name in [
        (pb.EnqueueRequest(job=spec(queue), durability=7), server.jobs.Enqueue, "durability"),
        (pb.EnqueueRequest(job=spec(queue, unique=pb.Uniqueness(key="k", on_conflict=9))), server.jobs.Enqueue, "on_conflict"),
        (pb.ListJobsRequest(states=[10]), server.jobs.ListJobs, "states"),
        (pb.PurgeQueueRequest(queue=queue, states=[77]), server.admin.PurgeQueue, "states"),
        (pb.RetryJobsRequest(queue=queue, states=[77]), server.admin.RetryJobs, "states"),
    ]:
        error = refused(call, request)
        assert error.code() is CODE.INVALID_ARGUMENT and name in error.details(), error.details()


# MARK: Uniqueness

@pytest.mark.parametrize("state", [SCHEDULED, READY, RETRYING])
def test_replace_gives_a_waiting_job_payload_and_time(server, queue, state):
    unique = pb.Uniqueness(key="k", on_conflict=pb.ON_CONFLICT_REPLACE)
    job_id, _ = put_in(server, queue, state, unique=unique, payload=b"old")
    later = schedule(server, queue, 300, unique=unique, payload=b"new")
    assert (later.duplicate, later.job_id, later.state) == (True, job_id, SCHEDULED)
    job = server.job(job_id)
    assert job.spec.payload == b"new" and abs(job.run_at.ToNanoseconds() / 1e9 - time.time() - 300) < 5
    assert job.run_at == later.run_at
    now = enqueue(server, queue, unique=unique, payload=b"newest")
    assert (now.duplicate, now.job_id, now.state) == (True, job_id, READY)
    with Worker(server, queue) as worker:
        assert worker.job().payload == b"newest"


def test_keep_tells_the_existing_jobs_time(server, queue):
    unique = pb.Uniqueness(key="k")
    first = schedule(server, queue, 500, unique=unique)
    second = schedule(server, queue, 5, unique=unique)
    assert second.duplicate and second.run_at == first.run_at and second.state == SCHEDULED


def test_a_dead_job_whose_key_is_taken_stays_dead(server, queue):
    job_id, _ = put_in(server, queue, DEAD, unique=pb.Uniqueness(key="k"))
    enqueue(server, queue, unique=pb.Uniqueness(key="k"))
    error = refused(server.jobs.RetryJob, pb.RetryJobRequest(job_id=job_id))
    assert error.code() is CODE.FAILED_PRECONDITION and "unique key" in error.details()
    assert server.admin.RetryJobs(pb.RetryJobsRequest(queue=queue)).retried == 0
    assert server.job(job_id).state == DEAD


# MARK: Expiry

def test_what_can_no_longer_start_expires_at_once(server, queue):
    job_id = enqueue(server, queue, start_before=at(-5)).job_id
    assert server.wait(job_id, timeout=3).state == EXPIRED
    with Worker(server, queue) as worker:
        later = schedule(server, queue, 0.6, start_before=at(0.3)).job_id
        assert server.wait(later, timeout=3).state == EXPIRED
        worker.idle(0.5)


# MARK: Events

def test_what_events_carry(server, queue):
    job_id = enqueue(server, queue, name="n", batch_id="bb", retry=pb.RetryPolicy(max_attempts=2, initial_backoff=duration(0.05)))
    job_id = job_id.job_id
    with Worker(server, queue) as worker:
        worker.fail(worker.job(), "T1", "m1")
        job = worker.job()
        worker.send(progress=[pb.ProgressReport(lease=job.lease, progress=pb.Progress(percent=100, message="p"))])
        time.sleep(0.1)
        worker.fail(job, "T2", "m2", backtrace="bt")
    events = server.events(job_ids=[job_id])
    assert [event.type for event in events] == [2, 3, 6, 2, 3, 4, 7]
    assert [event.attempt for event in events] == [0, 1, 1, 1, 2, 2, 2]
    for event in events:
        assert (event.job_id, event.queue, event.name, event.batch_id) == (job_id, queue, "n", "bb") and event.HasField("at")
        assert event.worker_id == ("" if event.type == 2 else worker.id), event
        assert event.HasField("failure") == (event.type in (6, 7)) and event.HasField("progress") == (event.type == 4)
        assert event.HasField("next_run_at") == (event.type == 6)
    dead = events[-1].failure
    assert (dead.type, dead.message, dead.backtrace, dead.attempt, dead.worker_id, dead.retryable) == (
        "T2", "m2", "bt", 2, worker.id, True)


def test_a_cursor_of_another_store_is_out_of_range(server):
    error = refused(lambda request, timeout: next(iter(server.jobs.StreamEvents(request, timeout=timeout))),
                    pb.StreamEventsRequest(after_cursor=str(10**15)))
    assert error.code() is CODE.OUT_OF_RANGE


def test_a_cursor_that_nobody_was_given_yet_is_out_of_range(server, queue):
    def first(after):
        return next(iter(server.jobs.StreamEvents(pb.StreamEventsRequest(after_cursor=after), timeout=10)))

    server.enqueue(queue)

    newest = int(first("").cursor)
    # On a shared store the newest is far above zero: what counts is what comes after it.
    for ahead in (100, 1 << 20, 10**9):
        error = refused(lambda request, timeout: next(iter(server.jobs.StreamEvents(request, timeout=timeout))),
                        pb.StreamEventsRequest(after_cursor=str(newest + ahead)))
        assert error.code() is CODE.OUT_OF_RANGE and int(re.findall(r"\d+", error.details())[-1]) >= newest, error.details()
    assert int(first(str(newest)).cursor) >= newest


def test_events_past_their_retention_are_out_of_range_with_the_oldest_cursor():
    with Server("--event-retention", "1s") as own:
        own.enqueue("q")
        first = own.events()[0].cursor
        end = time.monotonic() + 30
        # Resuming after the last one that was trimmed misses nothing yet.
        while any(int(event.cursor) <= int(first) + 1 for event in own.events()[:1]):
            assert time.monotonic() < end, "nothing was trimmed"
            time.sleep(0.3)
            own.enqueue("q")
        error = refused(lambda request, timeout: list(own.jobs.StreamEvents(request, timeout=timeout)),
                        pb.StreamEventsRequest(after_cursor=first))
        assert error.code() is CODE.OUT_OF_RANGE
        oldest = re.search(r"\d+", error.details()).group()
        own.enqueue("q")
        resumed = own.jobs.StreamEvents(pb.StreamEventsRequest(after_cursor=oldest), timeout=5)
        assert int(next(batch for batch in resumed if batch.events).events[0].cursor) == int(oldest) + 1


# MARK: Work

def outcome_codes(server, queue, **kind):
    enqueue(server, queue)
    with Worker(server, queue) as worker:
        return worker.outcome(worker.job(), **kind)


def test_an_outcome_without_how_is_refused(server, queue):
    with Worker(server, queue) as worker:
        enqueue(server, queue)
        job = worker.job()
        assert worker.outcome(job) == CODE.INVALID_ARGUMENT.value[0]
        assert worker.succeed(job) == 0


def test_canceled_by_the_worker_without_being_told(server, queue):
    job_id = enqueue(server, queue).job_id
    with Worker(server, queue) as worker:
        assert worker.outcome(worker.job(), canceled=True) == 0
        assert server.job(job_id).state in (CANCELED, READY, RETRYING)


def test_results_keep_the_order_of_the_outcomes(server, queue):
    for _ in range(20):
        enqueue(server, queue)
    with Worker(server, queue, slots=20) as worker:
        jobs = worker.take(20)[::-1]
        worker.send(outcomes=[pb.Outcome(lease=job.lease, success=pb.Success()) for job in jobs])
        worker.until(lambda: len(worker.results) == 20, "results")
        assert [one.lease for one in worker.results] == [job.lease for job in jobs]


def test_takeover_without_a_resume_window(server, queue):
    job_id = enqueue(server, queue).job_id
    first = Worker(server, queue, worker_id=f"w-{queue}")
    job = first.job()
    time.sleep(0.1)
    with Worker(server, queue, worker_id=f"w-{queue}", held=[job.lease]) as second:
        assert first.end() is CODE.ABORTED and not second.welcome.lost
        assert second.succeed(job) == 0
    assert server.job(job_id).state == SUCCEEDED and server.job(job_id).lost == 0


def test_takeover_gives_away_what_is_not_held(server, queue):
    enqueue(server, queue)
    first = Worker(server, queue, worker_id=f"w-{queue}", resume=30)
    job = first.job()
    time.sleep(0.1)
    with Worker(server, queue, worker_id=f"w-{queue}", resume=30) as second:
        again = second.job()
        assert again.lease.job_id == job.lease.job_id and again.lease.token != job.lease.token
        assert second.succeed(job) == 9 and second.succeed(again) == 0
    first.close()


def test_what_is_held_by_nobody_is_answered_lost(server, queue):
    strange = [pb.JobLease(job_id="nobody", token=5), pb.JobLease(job_id=enqueue(server, queue + "x").job_id, token=1)]
    with Worker(server, queue, held=strange, resume=3) as worker:
        assert list(worker.welcome.lost) == strange


def test_capacity_counts_what_a_resumed_worker_holds(server, queue):
    for _ in range(3):
        enqueue(server, queue)
    first = Worker(server, queue, slots=2, resume=10)
    held = first.take(2)
    time.sleep(0.1)
    first.break_connection()
    with Worker(server, queue, slots=2, worker_id=first.id, resume=10, held=[job.lease for job in held]) as again:
        again.idle()
        assert again.succeed(held[0]) == 0
        again.job()


def test_progress_of_a_lost_lease_is_answered_with_a_cancellation(server, queue):
    with Worker(server, queue) as worker:
        lease = pb.JobLease(job_id="nobody", token=9)
        worker.send(progress=[pb.ProgressReport(lease=lease, progress=pb.Progress(percent=1))])
        notice = worker.cancellation()
        assert notice.lease == lease and notice.reason == "lease lost"


def test_report_answers_outcomes_then_extends(server, queue):
    for _ in range(4):
        enqueue(server, queue)
    jobs = server.work.Fetch(pb.FetchRequest(worker_id="r", queues=subscriptions(queue), max_jobs=4)).jobs
    lost = pb.JobLease(job_id="nobody", token=3)
    answer = server.work.Report(pb.ReportRequest(
        worker_id="r", outcomes=[pb.Outcome(lease=jobs[3].lease, success=pb.Success()), pb.Outcome(lease=lost, canceled=True),
                                 pb.Outcome(lease=jobs[0].lease, release=pb.Release(delay=duration(100)))],
        extend=[jobs[2].lease, lost, jobs[1].lease]))
    assert [one.lease for one in answer.results] == [jobs[3].lease, lost, jobs[0].lease, jobs[2].lease, lost, jobs[1].lease]
    assert [one.status_code for one in answer.results] == [0, 9, 0, 0, 9, 0]
    assert all(one.status_message for one in answer.results if one.status_code)


# MARK: Admin

def test_workers_that_poll_are_listed(server, queue):
    enqueue(server, queue)
    server.work.Fetch(pb.FetchRequest(worker_id=f"p-{queue}", queues=subscriptions(queue), names=["t"], max_jobs=3))
    found = next(one for one in server.admin.ListWorkers(pb.ListWorkersRequest()).workers if one.worker_id == f"p-{queue}")
    assert (list(found.queues), list(found.names), found.running) == ([queue], ["t"], 1)
    assert found.HasField("last_seen_at") and found.server_id


def test_a_worker_that_lost_jobs_says_so(server, queue):
    enqueue(server, queue)
    worker = Worker(server, queue, heartbeat=False, worker_id=f"l-{queue}")
    worker.job()
    notice = worker.cancellation(timeout=6)
    assert notice.reason == "lease lost"
    worker.send()
    found = next(one for one in server.admin.ListWorkers(pb.ListWorkersRequest()).workers if one.worker_id == f"l-{queue}")
    assert found.lost_total == 1
    worker.close()


def test_purge_by_each_state(server, queue):
    for state in (SCHEDULED, READY, RETRYING, SUCCEEDED, DEAD, CANCELED, EXPIRED):
        one = f"{queue}p{state}"
        put_in(server, one, state)
        others = [other for other in range(1, 9) if other not in (state, RUNNING)]
        assert server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=one, states=others)).deleted == 0
        assert server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=one, states=[state])).deleted == 1
    assert refused(server.admin.PurgeQueue, pb.PurgeQueueRequest()).code() is CODE.INVALID_ARGUMENT


def test_bulk_retry_by_each_state(server, queue):
    for state in (RETRYING, DEAD, CANCELED, EXPIRED):
        one = f"{queue}r{state}"
        job_id, _ = put_in(server, one, state)
        assert server.admin.RetryJobs(pb.RetryJobsRequest(queue=one, states=[state], name="other")).retried == 0
        assert server.admin.RetryJobs(pb.RetryJobsRequest(queue=one, states=[state])).retried == 1
        assert server.job(job_id).state == READY


# MARK: Streams of enqueues

def test_an_invalid_request_ends_the_stream_after_the_answers_before_it(server, queue):
    requests = [pb.EnqueueBatchRequest(jobs=[pb.ScheduleRequest(job=spec(queue))] * count) for count in (1, 2, 1001, 1)]
    answers = []
    with pytest.raises(grpc.RpcError) as refusal:
        for answer in server.jobs.EnqueueStream(iter(requests), timeout=10):
            answers.append(len(answer.results))
    assert refusal.value.code() is CODE.INVALID_ARGUMENT and answers == [1, 2]


def test_all_or_nothing_holds_within_a_stream(server, queue):
    bad = pb.ScheduleRequest(job=spec(queue, name=""))
    good = pb.ScheduleRequest(job=spec(queue))
    requests = [pb.EnqueueBatchRequest(jobs=[good, bad], all_or_nothing=True), pb.EnqueueBatchRequest(jobs=[good, bad])]
    answers = list(server.jobs.EnqueueStream(iter(requests), timeout=10))
    assert [[one.status_code != 0 for one in answer.results] for answer in answers] == [[True, True], [False, True]]
    assert len(server.jobs.ListJobs(pb.ListJobsRequest(queue=queue)).jobs) == 1
