"""Where two promises of the contract meet: one kind of a job's end with another kind of wait, a key with a time, a lease with a restart."""
import threading
import time

import grpc
import pytest

from harness.asking import (BLOCKED, CANCELED, CODE, DEAD, EXPIRED, READY, RETRYING, RUNNING, SCHEDULED, SUCCEEDED, at, cancel, enqueue, refused,
                            report, retry, schedule, spec, told)
from harness.calls import fetch, stored_start, until
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker, duration

KEEP, REJECT, REPLACE = 1, 2, 3


@pytest.fixture
def own():
    with Server() as running:
        yield running


def lease_left(server, job_id):
    return server.job(job_id).lease_expires_at.ToNanoseconds() / 1e9 - time.time()


# MARK: Waiting, and every way a job ends

def awaited(server, job_id, act):
    """What a WaitJob that began before says, and after how long."""
    call = server.jobs.WaitJob.future(pb.WaitJobRequest(job_id=job_id), timeout=20)
    time.sleep(0.2)
    act()
    began = time.monotonic()
    job = call.result().job
    assert time.monotonic() - began < 10, "only when the call's deadline was near"
    return job


def test_a_wait_is_answered_however_the_job_ends(server, queue):
    nothing = lambda: None  # noqa: E731
    assert awaited(server, enqueue(server, queue, start_before=at(0.5)).job_id, nothing).state == EXPIRED
    first = enqueue(server, queue).job_id
    middle = enqueue(server, queue, depends_on=[first]).job_id
    last = enqueue(server, queue, depends_on=[middle]).job_id
    ended = awaited(server, last, lambda: cancel(server, first))
    assert ended.state == CANCELED and first in ended.failures[0].message
    gone = enqueue(server, queue).job_id
    waiter = enqueue(server, queue, depends_on=[gone]).job_id
    assert awaited(server, waiter, lambda: server.jobs.DeleteJob(pb.DeleteJobRequest(job_id=gone))).state == CANCELED
    member = enqueue(server, queue, batch_id=queue).job_id
    ended = awaited(server, member, lambda: server.jobs.CancelBatch(pb.CancelBatchRequest(batch_id=queue, reason="of all")))
    assert ended.state == CANCELED and ended.failures[0].message == "of all"
    change = pb.ChangeJobsRequest(action=pb.BULK_ACTION_CANCEL, queue=queue, name="bulk")
    assert awaited(server, enqueue(server, queue, name="bulk").job_id, lambda: server.admin.ChangeJobs(change)).state == CANCELED
    replaced = enqueue(server, queue, unique=pb.Uniqueness(key="k")).job_id
    new = spec(queue, unique=pb.Uniqueness(key="k", on_conflict=REPLACE), depends_on=[first])
    assert awaited(server, replaced, lambda: server.jobs.Enqueue(pb.EnqueueRequest(job=new))).state == CANCELED


def test_a_wait_is_answered_when_an_attempt_ends_without_its_worker(server, queue):
    with Worker(server, queue) as worker:
        job_id = enqueue(server, queue, retry=pb.RetryPolicy(max_lost=1)).job_id
        worker.job()
        stored_start(server, job_id)
        assert awaited(server, job_id, worker.break_connection).state == DEAD
    with Worker(server, queue) as worker:
        job_id = enqueue(server, queue, timeout=duration(0.3), retry=pb.RetryPolicy(max_attempts=1)).job_id
        worker.job()
        ended = awaited(server, job_id, lambda: None)
        assert ended.state == DEAD and ended.failures[0].type == "timeout" and ended.lost == 0
    job_id = enqueue(server, queue).job_id
    fetch(server, queue, queue)
    assert awaited(server, job_id, lambda: cancel(server, job_id)).state == CANCELED, "its lease ends"


def is_gone(server, job_id):
    try:
        server.job(job_id)
    except grpc.RpcError as error:
        return error.code() is CODE.NOT_FOUND
    return False


def test_a_wait_is_answered_with_the_end_of_a_job_that_is_kept_no_time(server, queue):
    with Worker(server, queue) as worker:
        for number in range(30):
            job_id = enqueue(server, queue, retention=duration(0)).job_id
            job = worker.job()
            call = server.jobs.WaitJob.future(pb.WaitJobRequest(job_id=job_id), timeout=20)
            worker.succeed(job, str(number).encode())
            ended = call.result().job
            assert ended.state == SUCCEEDED and ended.result == str(number).encode()
    job_id = enqueue(server, queue, retention=duration(0)).job_id
    assert cancel(server, job_id).state == CANCELED, "the answer has the job"
    until(lambda: is_gone(server, job_id), "end of its retention")


# MARK: Cancel

def test_cancel_within_the_resume_window(server, queue):
    worker = Worker(server, queue, worker_id=queue, resume=60)
    job_id = enqueue(server, queue).job_id
    job = worker.job()
    stored_start(server, job_id)
    worker.break_connection()
    until(lambda: lease_left(server, job_id) > 31, "worker that is away")
    assert cancel(server, job_id, "meanwhile").state == RUNNING
    assert lease_left(server, job_id) < 31, "not longer than a worker that was told to stop has"
    with Worker(server, queue, worker_id=queue, resume=60, held=[job.lease]) as back:
        assert not back.welcome.lost and back.cancellation().reason == "canceled"
        assert back.fail(job) == 0
    ended = server.job(job_id)
    assert ended.state == CANCELED and [one.message for one in ended.failures] == ["m", "meanwhile"]


def test_a_canceled_job_whose_resume_window_ends_is_canceled(server, queue):
    worker = Worker(server, queue, resume=1)
    job_id = enqueue(server, queue).job_id
    worker.job()
    stored_start(server, job_id)
    worker.break_connection()
    cancel(server, job_id, "meanwhile")
    ended = server.wait(job_id, timeout=15)
    assert (ended.state, ended.lost, ended.failures[-1].message) == (CANCELED, 1, "meanwhile")
    assert told(server, job_id)[-2:] == ["LEASE_LOST", "CANCELED"]


def test_a_cancellation_is_told_after_a_restart(own):
    worker = Worker(own, "q", worker_id="w", resume=60)
    streamed = enqueue(own, "q").job_id
    job = worker.job()
    polled = enqueue(own, "p").job_id
    poll, = fetch(own, "poller", "p", lease=60)
    stored_start(own, streamed, polled)
    for job_id in (streamed, polled):
        cancel(own, job_id, "before")
    own.restart()
    with Worker(own, "q", worker_id="w", resume=60, held=[job.lease]) as back:
        assert not back.welcome.lost and back.cancellation().reason == "canceled"
        assert back.outcome(job, canceled=True) == 0
    answer = report(own, "poller", extend=[poll.lease])
    assert [one.status_code for one in answer.results] == [0] and [one.reason for one in answer.cancellations] == ["canceled"]
    report(own, "poller", outcomes=[pb.Outcome(lease=poll.lease, canceled=True)])
    for job_id in (streamed, polled):
        ended = own.job(job_id)
        assert ended.state == CANCELED and [one.message for one in ended.failures] == ["before"]


def test_a_job_given_back_because_it_was_canceled_has_no_attempt(server, queue):
    job_id = enqueue(server, queue).job_id
    with Worker(server, queue) as worker:
        job = worker.job()
        worker.send(progress=[pb.ProgressReport(lease=job.lease, progress=pb.Progress(percent=5))])
        cancel(server, job_id, "r")
        worker.cancellation()
        assert worker.release(job) == 0
        ended = server.job(job_id)
        assert ended.state == CANCELED and ended.attempt == 0 and ended.HasField("finished_at")
        assert not ended.HasField("started_at") and not ended.worker_id and not ended.HasField("progress")
        assert server.events(job_ids=[job_id])[-1].worker_id == worker.id


# MARK: Leases of those that poll, over a restart

def test_a_longer_lease_outlives_a_restart(own):
    job_id = enqueue(own, "q").job_id
    job, = fetch(own, "w", "q", lease=60)
    stored_start(own, job_id)
    assert lease_left(own, job_id) > 50
    own.restart()
    assert lease_left(own, job_id) > 50, "a full term, of what it was promised"
    assert [one.status_code for one in report(own, "w", extend=[job.lease]).results] == [0]
    assert lease_left(own, job_id) > 50, "not only what the server gives to others"
    # It fetches again, without saying how long this time.
    assert not fetch(own, "w", "q", wait=0)
    report(own, "w", progress=[pb.ProgressReport(lease=job.lease, progress=pb.Progress(percent=1))])
    assert lease_left(own, job_id) > 50
    assert [one.status_code for one in report(own, "w", outcomes=[pb.Outcome(lease=job.lease, success=pb.Success())]).results] == [0]


@pytest.mark.parametrize("window", [None, 3])
def test_a_window_begins_when_the_server_is_back(window):
    """The worker never comes back; a lease's length has nothing to do with it."""
    with Server(lease="90s") as own:
        worker = Worker(own, "q", resume=window)
        job_id = enqueue(own, "q").job_id
        worker.job()
        stored_start(own, job_id)
        own.kill()
        killed = time.time()
        own.start()
        with Worker(own, "q") as other:
            again = other.job(timeout=45)
            assert (again.lease.job_id, again.attempt, own.job(job_id).lost) == (job_id, 2, 1)
        lost = next(event for event in own.events(job_ids=[job_id]) if event.type == pb.EVENT_TYPE_LEASE_LOST)
        assert lost.at.ToNanoseconds() / 1e9 - killed >= (window or 0)
        worker.close()


@pytest.mark.parametrize("way", ["extend", "progress"])
def test_a_time_that_is_over_is_told_after_a_restart(own, way):
    job_id = enqueue(own, "q", timeout=duration(1), retry=pb.RetryPolicy(initial_backoff=duration(600))).job_id
    job, = fetch(own, "w", "q", lease=60)
    stored_start(own, job_id)
    own.restart()
    said = dict(extend=[job.lease]) if way == "extend" else dict(
        progress=[pb.ProgressReport(lease=job.lease, progress=pb.Progress(percent=1))])
    notice, = until(lambda: list(report(own, "w", **said).cancellations), "cancellation")
    assert notice.reason == "timeout" and notice.lease == job.lease
    assert [one.status_code for one in report(own, "w", outcomes=[pb.Outcome(lease=job.lease, canceled=True)]).results] == [0]
    waiting = own.job(job_id)
    assert (waiting.state, [one.type for one in waiting.failures]) == (RETRYING, ["timeout"])


# MARK: An attempt's time, progress, retries

def test_each_attempt_has_its_own_time_and_progress(server, queue):
    retries = pb.RetryPolicy(max_attempts=2, initial_backoff=duration(0.05), jitter=-1)
    job_id = enqueue(server, queue, timeout=duration(0.5), retry=retries).job_id
    with Worker(server, queue) as worker:
        first = worker.job()
        worker.send(progress=[pb.ProgressReport(lease=first.lease, progress=pb.Progress(percent=50, message="half"))])
        assert worker.cancellation().reason == "timeout"
        # It is told, not ended: what it says until its lease ends counts.
        worker.send(progress=[pb.ProgressReport(lease=first.lease, progress=pb.Progress(percent=60))])
        assert worker.outcome(first, canceled=True) == 0
        second = worker.job()
        running = server.job(job_id)
        assert (running.attempt, running.HasField("progress"), [one.type for one in running.failures]) == (2, False, ["timeout"])
        started = running.started_at.ToMilliseconds()
        assert second.deadline.ToMilliseconds() - started == 500
        assert worker.cancellation().reason == "timeout"
        assert worker.release(second, delay=0.05) == 0
        third = worker.job()
        assert third.attempt == 2, "one that was given back is none"
        assert worker.succeed(third, b"r") == 0
    ended = server.job(job_id)
    assert (ended.state, ended.attempt, ended.result, len(ended.failures)) == (SUCCEEDED, 2, b"r", 1)
    assert told(server, job_id) == ["ENQUEUED", "STARTED", "PROGRESS", "PROGRESS", "FAILED", "ENQUEUED", "STARTED", "SCHEDULED", "ENQUEUED",
                                    "STARTED", "SUCCEEDED"]


@pytest.mark.parametrize("retryable", [True, False])
def test_a_failure_after_the_attempts_time_is_as_the_worker_said(server, queue, retryable):
    """It may have failed by itself just then."""
    job_id = enqueue(server, queue, timeout=duration(0.2), retry=pb.RetryPolicy(initial_backoff=duration(600))).job_id
    with Worker(server, queue) as worker:
        job = worker.job()
        assert worker.cancellation().reason == "timeout"
        assert worker.fail(job, "ValueError", "m", retryable=retryable) == 0
    ended = server.job(job_id)
    assert ended.state == (RETRYING if retryable else DEAD)
    assert [(one.type, one.message, one.retryable) for one in ended.failures] == [("ValueError", "m", retryable)]


def test_lost_attempts_do_not_lengthen_the_wait(server, queue):
    retries = pb.RetryPolicy(max_attempts=3, max_lost=2, initial_backoff=duration(0.2), multiplier=1000, jitter=-1)
    job_id = enqueue(server, queue, retry=retries).job_id
    for _ in range(2):
        with Worker(server, queue) as worker:
            worker.job()
            stored_start(server, job_id)
            worker.break_connection()
        until(lambda: server.job(job_id).state != RUNNING, "lost lease")
        if server.job(job_id).state == DEAD:
            break
        with Worker(server, queue) as worker:
            assert worker.fail(worker.job()) == 0
        waiting = server.job(job_id)
        assert (waiting.attempt, waiting.lost) == (2, 1)
        assert waiting.run_at.ToMilliseconds() - waiting.failures[-1].at.ToMilliseconds() == 200
    ended = server.job(job_id)
    assert (ended.state, ended.attempt, ended.lost) == (DEAD, 3, 2)
    assert told(server, job_id)[-2:] == ["LEASE_LOST", "DEAD"]
    assert retry(server, job_id, reset_attempts=True).lost == 0


def test_a_draining_workers_call_ends_when_its_last_lease_does(server, queue):
    with Worker(server, queue) as worker:
        job_id = enqueue(server, queue, timeout=duration(0.3), retry=pb.RetryPolicy(max_attempts=1)).job_id
        worker.job()
        worker.send(drain=True)
        assert worker.end(timeout=15) is CODE.OK
    assert server.job(job_id).state == DEAD


# MARK: Expiry

def test_a_job_that_is_held_back_expires_and_can_be_retried(server, queue):
    server.admin.PutLimit(pb.PutLimitRequest(limit=pb.Limit(queue=queue, max_running=1)))
    enqueue(server, queue)
    with Worker(server, queue, slots=5) as worker:
        running = worker.job()
        late = enqueue(server, queue, start_before=at(0.4)).job_id
        assert server.job(late).waiting_reason == f"1 of 1 running in queue {queue}"
        assert server.wait(late).state == EXPIRED and told(server, late) == ["ENQUEUED", "EXPIRED"]
        assert retry(server, late).state == READY, "not ended again by the time that is over"
        worker.idle(0.2)
        worker.succeed(running)
        assert worker.job().lease.job_id == late


def test_what_is_retried_in_time_may_expire_again(own):
    job_id = enqueue(own, "q", start_before=at(3)).job_id
    cancel(own, job_id)
    assert retry(own, job_id).state == READY
    own.restart()
    assert own.wait(job_id, timeout=20).state == EXPIRED
    assert told(own, job_id) == ["ENQUEUED", "CANCELED", "ENQUEUED", "EXPIRED"]


# MARK: Keys

def test_a_key_with_a_time_in_a_paused_queue(own):
    own.admin.PauseQueue(pb.PauseQueueRequest(queue="q"))
    unique = pb.Uniqueness(key="k", on_conflict=REPLACE)
    with Worker(own, "q") as worker:
        job_id = schedule(own, "q", 0.2, unique=unique).job_id
        until(lambda: own.job(job_id).state == READY, "its time")
        assert own.job(job_id).waiting_reason == "queue paused" and told(own, job_id) == ["SCHEDULED", "ENQUEUED"]
        again = enqueue(own, "q", unique=unique, payload=b"2", start_before=at(0.3))
        assert (again.duplicate, again.job_id, again.state) == (True, job_id, READY)
        assert own.wait(job_id).state == EXPIRED
        other = enqueue(own, "q", unique=unique)
        assert not other.duplicate, "the key is free"
        for _ in range(2):
            error = refused(own.jobs.RetryJob, pb.RetryJobRequest(job_id=job_id))
            assert error.code() is CODE.FAILED_PRECONDITION and "unique key" in error.details()
            rejected = spec("q", unique=pb.Uniqueness(key="k", on_conflict=REJECT))
            assert refused(own.jobs.Enqueue, pb.EnqueueRequest(job=rejected)).code() is CODE.ALREADY_EXISTS
            assert own.job(other.job_id).waiting_reason == "queue paused"
            own.restart()
        assert not worker.jobs


def test_a_key_that_is_held_for_a_time_outlives_a_restart_but_no_deletion(own):
    held = pb.Uniqueness(key="k", hold_for=duration(600))
    with Worker(own, "q") as worker:
        done = enqueue(own, "q", unique=held, retention=duration(0)).job_id
        worker.succeed(worker.job())
        failed = enqueue(own, "p", unique=held).job_id
    with Worker(own, "p") as worker:
        worker.fail(worker.job(), retryable=False)
    own.restart()
    for queue, job_id in (("q", done), ("p", failed)):
        for conflict in (KEEP, REPLACE):
            found = enqueue(own, queue, unique=pb.Uniqueness(key="k", on_conflict=conflict))
            assert (found.duplicate, found.job_id, found.state) == (True, job_id, SUCCEEDED if queue == "q" else DEAD)
        rejected = spec(queue, unique=pb.Uniqueness(key="k", on_conflict=REJECT))
        assert job_id in refused(own.jobs.Enqueue, pb.EnqueueRequest(job=rejected)).details()
    assert retry(own, failed).state == READY, "its key is its own"
    assert own.job(done).state == SUCCEEDED, "it is kept as long as its key is"
    own.jobs.DeleteJob(pb.DeleteJobRequest(job_id=done))
    assert not enqueue(own, "q", unique=held).duplicate


def test_a_key_with_a_time_and_dependencies(own):
    first = enqueue(own, "q", name="first").job_id
    unique = pb.Uniqueness(key="k", on_conflict=REPLACE)
    made = own.jobs.Schedule(pb.ScheduleRequest(job=spec("q", unique=unique, depends_on=[first]), delay=duration(600)))
    assert made.state == BLOCKED and made.run_at.seconds > time.time() + 500
    own.restart()
    assert (own.job(made.job_id).state, own.job(made.job_id).dependencies_open) == (BLOCKED, 1)
    # Without the dependency it waits for its time; with it again, for both; then for neither.
    later = schedule(own, "q", 600, unique=unique)
    assert (later.duplicate, later.job_id, later.state) == (True, made.job_id, SCHEDULED)
    both = own.jobs.Schedule(pb.ScheduleRequest(job=spec("q", unique=unique, depends_on=[first]), delay=duration(500)))
    assert (both.job_id, both.state) == (made.job_id, BLOCKED)
    with Worker(own, "q", names=["first"]) as worker:
        worker.succeed(worker.job())
    until(lambda: own.job(made.job_id).state == SCHEDULED, "its time alone")
    own.restart()
    now = enqueue(own, "q", unique=unique, depends_on=[first])
    assert (now.job_id, now.state) == (made.job_id, READY), "one that is final already counts at once"
    assert told(own, made.job_id) == ["BLOCKED", "SCHEDULED", "BLOCKED", "SCHEDULED", "ENQUEUED"]
    # One that depends on what has failed takes the place too, and ends at once: the key is free.
    failed = enqueue(own, "q", name="failed").job_id
    cancel(own, failed)
    ended = enqueue(own, "q", unique=unique, depends_on=[failed])
    assert (ended.duplicate, ended.job_id, ended.state) == (True, made.job_id, CANCELED)
    assert not enqueue(own, "q", unique=unique).duplicate


def test_a_replaced_job_leaves_its_batch_for_the_new_ones(own):
    unique = pb.Uniqueness(key="k", on_conflict=REPLACE)
    enqueue(own, "q", unique=unique, batch_id="a")
    own.jobs.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id="a", closed=True)))
    same = enqueue(own, "q", unique=unique, batch_id="a", payload=b"2")
    assert same.duplicate, "it is of this batch already"
    enqueue(own, "q", unique=unique, batch_id="b")
    get = lambda name: own.jobs.GetBatch(pb.GetBatchRequest(batch_id=name), timeout=5).batch  # noqa: E731
    until(lambda: get("a").HasField("finished_at"), "end of the batch that has no job left")
    for _ in range(2):
        assert (get("a").jobs, get("a").waiting, get("b").jobs, get("b").waiting) == (0, 0, 1, 1)
        refusal = refused(own.jobs.Enqueue, pb.EnqueueRequest(job=spec("q", unique=unique, batch_id="a")))
        assert refusal.code() is CODE.FAILED_PRECONDITION and own.job(same.job_id).spec.batch_id == "b"
        own.restart()


def test_an_id_comes_before_a_key(server, queue):
    mine, other = f"{queue}-1", f"{queue}-2"
    key = lambda conflict: pb.Uniqueness(key="k", on_conflict=conflict)  # noqa: E731
    enqueue(server, queue, id=mine, unique=key(KEEP))
    replaced = enqueue(server, queue, id=other, unique=key(REPLACE), payload=b"2")
    assert (replaced.duplicate, replaced.job_id) == (True, mine) and server.job(mine).spec.payload == b"2"
    assert refused(server.jobs.GetJob, pb.GetJobRequest(job_id=other)).code() is CODE.NOT_FOUND
    # The same enqueue again, as after an answer that was lost, changes nothing and is never refused.
    for conflict in (REPLACE, REJECT):
        again = enqueue(server, queue, id=mine, unique=key(conflict), payload=b"3")
        assert (again.duplicate, again.job_id) == (True, mine) and server.job(mine).spec.payload == b"2"
    server.admin.PutLimit(pb.PutLimitRequest(limit=pb.Limit(queue=queue, max_waiting=1)))
    server.jobs.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id=queue, closed=True)))
    for fields in (dict(), dict(batch_id=queue), dict(depends_on=["nobody"])):
        assert enqueue(server, queue, id=mine, **fields).duplicate


# MARK: One of many

def test_what_is_wrong_with_one_outcome_costs_that_one_only(server, queue):
    with Worker(server, queue) as worker:
        job_id = enqueue(server, queue).job_id
        lease = worker.job().lease
        wrong = [pb.JobLease(job_id=lease.job_id, token=lease.token + 1), pb.JobLease(job_id="other", token=lease.token),
                 pb.JobLease(job_id=lease.job_id)]
        worker.send(outcomes=[pb.Outcome(lease=one, success=pb.Success()) for one in wrong]
                    + [pb.Outcome(success=pb.Success()), pb.Outcome(lease=lease),
                       pb.Outcome(lease=lease, success=pb.Success(result=b"first")), pb.Outcome(lease=lease, failure=pb.Failure())])
        worker.until(lambda: len(worker.results) == 7, "seven results")
        codes = {}
        for one in worker.results:
            codes.setdefault((one.lease.job_id, one.lease.token), []).append(one.status_code)
        assert [codes[one.job_id, one.token] for one in wrong] == [[9], [9], [9]] and codes["", 0] == [3]
        assert sorted(codes[lease.job_id, lease.token]) == [0, 3, 9]
    assert server.job(job_id).result == b"first"


def test_more_slots_than_there_may_be_are_taken_as_the_most(server, queue):
    def slots(worker):
        found = server.admin.ListWorkers(pb.ListWorkersRequest(page_size=1000), timeout=5).workers
        return next(one.max_in_flight for one in found if one.worker_id == worker.id)

    with Worker(server, queue, slots=10_001) as worker:
        assert slots(worker) == 10_000
        for asked, had in ((9_999, 9_999), (2**32 - 1, 10_000), (10_000, 10_000), (0, 0)):
            worker.send(capacity=pb.SetCapacity(max_in_flight=asked))
            until(lambda: slots(worker) == had, f"{had} slots")


def test_every_wait_ends_with_its_job_and_no_other(server, queue):
    """Many wait for many at once, each for its own."""
    ids = [enqueue(server, queue).job_id for _ in range(40)]
    ended = {}

    def wait(job_id):
        ended[job_id] = server.wait(job_id, timeout=30)

    threads = [threading.Thread(target=wait, args=(job_id,)) for job_id in ids for _ in range(2)]
    for thread in threads:
        thread.start()
    with Worker(server, queue, slots=40) as worker:
        for job in worker.take(40):
            worker.succeed(job, job.lease.job_id.encode())
        for thread in threads:
            thread.join(30)
    assert {job_id: job.result.decode() for job_id, job in ended.items()} == {job_id: job_id for job_id in ids}
