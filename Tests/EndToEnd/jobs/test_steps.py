"""What is told of a job, and given to its worker, at each step and after a restart."""
import pytest

from harness.asking import CODE, SCHEDULED, enqueue, refused, report, retry, spec
from harness.calls import fetch, until
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker, duration


@pytest.fixture
def own():
    with Server() as running:
        yield running


def test_what_is_relaxed_survives_the_servers_crash(own):
    later = dict(delay=duration(600))
    relaxed = dict(durability=pb.DURABILITY_RELAXED)
    for _ in range(3):
        many = pb.EnqueueBatchRequest(jobs=[pb.ScheduleRequest(job=spec("q"), **later)] * 20, **relaxed)
        ids = [own.jobs.EnqueueBatch(many).results[-1].job_id]
        ids += [one.job_id for answer in own.jobs.EnqueueStream(iter([many] * 3)) for one in answer.results]
        ids += [own.jobs.Enqueue(pb.EnqueueRequest(job=spec("q"), **relaxed)).job_id for _ in range(10)]
        ids.append(own.jobs.Schedule(pb.ScheduleRequest(job=spec("q"), **later, **relaxed)).job_id)
        own.restart()
        assert {own.job(job_id).spec.id for job_id in ids} == set(ids)


def test_an_assignment_has_all_that_was_asked_for(own):
    needed = enqueue(own, "d").job_id
    job, = fetch(own, "f", "d")
    report(own, "f", outcomes=[pb.Outcome(lease=job.lease, success=pb.Success())])
    given = dict(
        name="nämé", payload=bytes(range(256)), content_type="application/é", priority=-3, metadata={"": "v", "k": "", "é": "☃"},
        depends_on=[needed], batch_id="b", timeout=duration(30), retry=pb.RetryPolicy(max_attempts=9, initial_backoff=duration(0)),
        unique=pb.Uniqueness(key="é"), concurrency_key="☃", fairness_key="f")
    job_id = enqueue(own, "q", **given).job_id

    def check(job, attempt):
        assert (job.lease.job_id, job.attempt, job.queue, job.max_attempts) == (job_id, attempt, "q", 9)
        for field in ("name", "payload", "content_type", "metadata", "priority", "batch_id", "depends_on"):
            assert getattr(job, field) == given[field], field
        shown = own.job(job_id)
        assert job.created_at == shown.created_at
        assert job.deadline.ToMicroseconds() - shown.started_at.ToMicroseconds() == 30_000_000

    with Worker(own, "q") as worker:
        job = worker.job()
        check(job, 1)
        assert worker.fail(job) == 0
        check(worker.job(), 2)
    own.restart()
    with Worker(own, "q") as worker:
        job = worker.job(timeout=20)
        check(job, 3)
        assert worker.release(job) == 0
        job = worker.job()
        check(job, 3)
        assert worker.fail(job, retryable=False) == 0
    own.restart()
    retry(own, job_id)
    job, = fetch(own, "f", "q")
    check(job, 4)


def test_why_a_job_waits_is_said_at_each_step(own):
    why = lambda job_id: own.job(job_id).waiting_reason  # noqa: E731
    first = enqueue(own, "q", name="a").job_id
    later = own.jobs.Schedule(pb.ScheduleRequest(job=spec("q", name="a", depends_on=[first]), delay=duration(600))).job_id
    assert (why(first), why(later)) == ("no worker takes this queue", "waits for 1 of 1 job")
    with Worker(own, "q", names=["b"], slots=1) as worker:
        assert why(first) == "no worker takes this name"
        busy = enqueue(own, "q", name="b").job_id
        worker.job()
        next_one = enqueue(own, "q", name="b").job_id
        assert (why(busy), why(next_one)) == ("", "all workers busy")
        own.admin.PauseQueue(pb.PauseQueueRequest(queue="q"))
        assert (why(first), why(next_one), why(busy)) == ("queue paused", "queue paused", "")
        own.admin.ResumeQueue(pb.ResumeQueueRequest(queue="q"))
        assert why(first) == "no worker takes this name"
    job, = fetch(own, "f", "q")
    assert job.lease.job_id == first
    report(own, "f", outcomes=[pb.Outcome(lease=job.lease, success=pb.Success())])
    until(lambda: why(later) == "waits for its time", "a job that waits for its time alone")
    assert why(first) == ""
    # The event that it waits for its time now says until when.
    event = own.events(job_ids=[later])[-1]
    assert event.type == pb.EVENT_TYPE_SCHEDULED and event.next_run_at == own.job(later).run_at


def test_a_time_to_wait_is_kept_over_a_restart(own):
    unique = pb.Uniqueness(key="k", on_conflict=pb.ON_CONFLICT_REJECT)
    job_id = enqueue(own, "q", unique=unique, retry=pb.RetryPolicy(initial_backoff=duration(2), jitter=-1)).job_id
    with Worker(own, "q") as worker:
        assert worker.fail(worker.job(), "T", "m", backtrace="b") == 0
    before = own.job(job_id)
    assert before.run_at.ToMilliseconds() - before.failures[0].at.ToMilliseconds() == 2000
    own.restart()
    assert own.job(job_id) == before
    assert refused(own.jobs.Enqueue, pb.EnqueueRequest(job=spec("q", unique=unique))).code() is CODE.ALREADY_EXISTS
    with Worker(own, "q") as worker:
        job = worker.job(timeout=20)
        assert job.attempt == 2 and own.job(job_id).started_at.ToNanoseconds() >= before.run_at.ToNanoseconds()
        assert worker.release(job, delay=600) == 0
    before = own.job(job_id)
    own.restart()
    assert own.job(job_id) == before and before.state == SCHEDULED and before.attempt == 1
