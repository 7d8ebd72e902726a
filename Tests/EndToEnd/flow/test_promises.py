"""The contract's sentences on limits and dependencies that the other files do not come by, each tried as a stranger would."""
import time

import pytest

from harness.asking import CODE, at, refused
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker, duration
from words import BLOCKED, CANCELED, DEAD, EXPIRED, READY, SCHEDULED, batch, enqueue, limit, put_batch, schedule, spec, together, unlimit, until, usage

# --- limits -------------------------------------------------------------------------------------------------------------------


def test_every_start_counts_in_the_rate_retries_and_given_back_ones_too(server, queue):
    limit(server, queue=queue, rate_count=3, rate_period=duration(600))
    first = enqueue(server, queue, retry=pb.RetryPolicy(initial_backoff=duration(0.01), jitter=-1)).job_id
    others = [enqueue(server, queue).job_id for _ in range(3)]
    with Worker(server, queue) as worker:
        worker.fail(worker.job())
        until(lambda: server.job(first).attempt == 2 or server.job(others[0]).attempt == 1)
        worker.release(worker.job())
        worker.release(worker.job())
        worker.idle()
    started = server.events(queues=[queue], types=[pb.EVENT_TYPE_STARTED])
    assert len(started) == 3
    use = usage(server, queue=queue)
    # Of four, all wait; those whose backoff is over are held back.
    assert (use.started_in_period, use.running, use.waiting, use.held_back) == (3, 0, 4, 4)
    explained = server.jobs.ExplainJob(pb.ExplainJobRequest(job_id=others[2]), timeout=5).reasons
    rate = next(reason for reason in explained if reason.hindrance == pb.HINDRANCE_RATE_LIMIT)
    assert "3 of 3" in rate.text and 590 < rate.not_before.seconds - time.time() < 601
    unlimit(server, queue=queue)


def test_max_waiting_counts_all_that_is_unfinished_and_does_not_run(server, queue):
    limit(server, queue=queue, max_waiting=3)
    root = enqueue(server, queue + "-root").job_id
    ready = enqueue(server, queue, id=f"{queue}-ready", unique=pb.Uniqueness(key="u"))
    schedule(server, queue, 600)
    blocked = enqueue(server, queue, depends_on=[root])
    assert blocked.state == BLOCKED
    full = refused(server.jobs.Enqueue, pb.EnqueueRequest(job=spec(queue)))
    assert full.code() is CODE.RESOURCE_EXHAUSTED and int(dict(full.trailing_metadata())["grpc-retry-pushback-ms"]) > 0
    # Doubled ones store nothing.
    assert enqueue(server, queue, id=ready.job_id).duplicate and enqueue(server, queue, unique=pb.Uniqueness(key="u")).duplicate
    replaced = enqueue(server, queue, unique=pb.Uniqueness(key="u", on_conflict=pb.ON_CONFLICT_REPLACE), priority=9)
    assert replaced.duplicate and server.job(ready.job_id).spec.priority == 9
    # One of a batch costs that one only; with all_or_nothing all.
    mixed = together(server, spec(queue + "-root"), spec(queue), spec(queue, id=ready.job_id))
    assert [result.status_code for result in mixed] == [0, 8, 0] and mixed[2].duplicate
    nothing = together(server, spec(queue + "-root", id=f"{queue}-none"), spec(queue), all_or_nothing=True)
    assert nothing[1].status_code == 8 and nothing[0].status_code != 0
    assert refused(server.jobs.GetJob, pb.GetJobRequest(job_id=f"{queue}-none")).code() is CODE.NOT_FOUND
    # What runs does not wait.
    with Worker(server, queue) as worker:
        job = worker.job()
        assert enqueue(server, queue).state == READY
        # What comes back is never refused.
        worker.fail(job)
        use = usage(server, queue=queue)
        assert use.waiting + use.running == 4
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job.lease.job_id), timeout=5)
        # Retried by hand neither.
        server.jobs.RetryJob(pb.RetryJobRequest(job_id=job.lease.job_id), timeout=5)
    unlimit(server, queue=queue)


def test_what_the_server_makes_itself_is_never_refused(server, queue):
    limit(server, queue=queue, max_waiting=1)
    enqueue(server, queue)
    put_batch(server, id=f"{queue}-b", on_finished=spec(queue), closed=True)
    until(lambda: batch(server, f"{queue}-b").on_finished_job_id)
    assert server.job(batch(server, f"{queue}-b").on_finished_job_id).state == READY
    server.admin.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=pb.RecurringJob(
        id=f"{queue}-r", every=duration(0.2), job=spec(queue))), timeout=5)
    until(lambda: server.jobs.ListJobs(pb.ListJobsRequest(recurring_job_id=f"{queue}-r"), timeout=5).jobs)
    triggered = server.admin.TriggerRecurringJob(pb.TriggerRecurringJobRequest(id=f"{queue}-r"), timeout=5).job_id
    assert server.job(triggered).state == READY
    server.admin.DeleteRecurringJob(pb.DeleteRecurringJobRequest(id=f"{queue}-r"), timeout=5)
    assert refused(server.jobs.Enqueue, pb.EnqueueRequest(job=spec(queue))).code() is CODE.RESOURCE_EXHAUSTED
    unlimit(server, queue=queue)


def test_limits_change_live(server, queue):
    limit(server, concurrency_key=queue, max_running=3, rate_count=1000, rate_period=duration(1))
    ids = [enqueue(server, queue, concurrency_key=queue).job_id for _ in range(8)]
    with Worker(server, queue, slots=10) as worker:
        running = worker.take(3)
        worker.idle()
        # Below what runs: nothing is stopped, nothing starts.
        limit(server, concurrency_key=queue, max_running=1)
        assert usage(server, concurrency_key=queue).running == 3
        shown = next(one for one in server.admin.ListLimits(pb.ListLimitsRequest(page_size=1000), timeout=5).limits if one.concurrency_key == queue)
        assert shown.rate_count == 0 and not shown.HasField("rate_period"), "the rate went with the limit that was replaced"
        for job in running[:2]:
            worker.succeed(job)
        worker.idle()
        text = server.jobs.ExplainJob(pb.ExplainJobRequest(job_id=ids[7]), timeout=5).reasons[0].text
        assert text == f"1 of 1 running for key {queue}", text
        worker.succeed(running[2])
        last = worker.job()
        worker.idle()
        # Raised: at once.
        limit(server, concurrency_key=queue, max_running=3)
        worker.take(2)
        # Gone: all.
        unlimit(server, concurrency_key=queue)
        worker.take(2)
        assert last.lease.job_id in ids


def test_a_rate_that_is_put_again_has_not_forgotten_what_started(server, queue):
    limit(server, queue=queue, rate_count=3, rate_period=duration(600))
    for _ in range(6):
        enqueue(server, queue)
    with Worker(server, queue, slots=10) as worker:
        worker.take(3)
        limit(server, queue=queue, rate_count=3, rate_period=duration(600))
        limit(server, queue=queue, rate_count=3, rate_period=duration(900), max_running=100, max_waiting=3)
        worker.idle()
        assert usage(server, queue=queue).started_in_period == 3
        limit(server, queue=queue, rate_count=4, rate_period=duration(600))
        worker.take(1)
        worker.idle()
    unlimit(server, queue=queue)


def test_several_limits_cover_a_job_and_all_must_let_it(server, queue):
    limit(server, queue=queue, max_running=3)
    limit(server, concurrency_key=f"{queue}:a", max_running=2)
    limit(server, concurrency_key_prefix=f"{queue}:", max_running=1)
    limit(server, concurrency_key_prefix=queue, max_running=5)
    for key in ("a", "a", "b", "b", "c", "d"):
        enqueue(server, queue, concurrency_key=f"{queue}:{key}")
    with Worker(server, queue, slots=10) as worker:
        jobs = worker.take(3)
        worker.idle()
        assert len({server.job(job.lease.job_id).spec.concurrency_key for job in jobs}) == 3
        assert usage(server, queue=queue).held_back == 3
        prefix = usage(server, concurrency_key_prefix=f"{queue}:")
        assert (prefix.running, prefix.waiting, prefix.keys) == (3, 3, 4)
        for job in jobs:
            worker.succeed(job)
        worker.take(3)
    for scope in ({"queue": queue}, {"concurrency_key": f"{queue}:a"}, {"concurrency_key_prefix": f"{queue}:"}, {"concurrency_key_prefix": queue}):
        unlimit(server, **scope)


def test_a_slot_is_freed_however_a_job_ends(server, queue):
    limit(server, concurrency_key=queue, max_running=1)
    for _ in range(6):
        enqueue(server, queue, concurrency_key=queue, retry=pb.RetryPolicy(max_attempts=1))
    last = enqueue(server, queue, concurrency_key=queue, timeout=duration(0.3), retry=pb.RetryPolicy(max_attempts=1)).job_id
    with Worker(server, queue, slots=10) as worker:
        worker.succeed(worker.job())
        worker.fail(worker.job())
        worker.outcome(worker.job(), failure=pb.Failure(type="E", retryable=False))
        given = worker.job()
        worker.release(given, delay=600)
        canceled = worker.job()
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=canceled.lease.job_id), timeout=5)
        worker.cancellation()
        worker.outcome(canceled, canceled=True)
        worker.succeed(worker.job())
        assert worker.job().lease.job_id == last
        assert usage(server, concurrency_key=queue).running == 1
        # Out of time.
        until(lambda: server.job(last).state == DEAD, 40)
        assert usage(server, concurrency_key=queue).running == 0
    unlimit(server, concurrency_key=queue)


def test_fairness_is_within_a_priority_and_jobs_without_a_key_are_one_tenant(server, queue):
    for name, key, priority in [("a1", "a", 0), ("a2", "a", 0), ("a3", "a", 0), ("n1", "", 0), ("n2", "", 0), ("b1", "b", 0), ("a0", "a", 5), ("a00", "a", 5)]:
        enqueue(server, queue, id=f"{queue}-{name}", fairness_key=key, priority=priority)
    with Worker(server, queue, slots=8) as worker:
        order = [job.lease.job_id.removeprefix(queue + "-") for job in worker.take(8)]
    assert order == ["a0", "a00", "a1", "n1", "b1", "a2", "n2", "a3"]


# --- dependencies -------------------------------------------------------------------------------------------------------------


def test_up_to_a_hundred_and_doubled_ones_count_once(server, queue):
    ids = [result.job_id for result in together(server, *(spec(queue) for _ in range(101)))]
    assert refused(server.jobs.Enqueue, pb.EnqueueRequest(job=spec(queue, depends_on=ids))).code() is CODE.INVALID_ARGUMENT
    doubled = enqueue(server, queue, depends_on=ids[:100] + ids[:50])
    job = server.job(doubled.job_id)
    assert (len(job.spec.depends_on), job.dependencies_open) == (100, 100)
    many = enqueue(server, queue, depends_on=[ids[0]] * 500)
    assert list(server.job(many.job_id).spec.depends_on) == [ids[0]]
    for bad in ("", "a b", "x" * 129):
        assert refused(server.jobs.Enqueue, pb.EnqueueRequest(job=spec(queue, depends_on=[bad]))).code() is CODE.INVALID_ARGUMENT


def test_final_ones_count_at_once(server, queue):
    good, bad = enqueue(server, queue).job_id, enqueue(server, queue, retry=pb.RetryPolicy(max_attempts=1)).job_id
    with Worker(server, queue) as worker:
        worker.succeed(worker.job())
        worker.fail(worker.job())
    gone = enqueue(server, queue + "-idle").job_id
    server.jobs.CancelJob(pb.CancelJobRequest(job_id=gone), timeout=5)
    assert enqueue(server, queue, depends_on=[good]).state == READY
    assert enqueue(server, queue, depends_on=[good, bad], on_dependency_failure=pb.ON_DEPENDENCY_FAILURE_RUN).state == READY
    for failed in (bad, gone):
        canceled = enqueue(server, queue, depends_on=[good, failed])
        job = server.job(canceled.job_id)
        assert canceled.state == job.state == CANCELED
        assert job.failures[-1].type == "dependency" and failed in job.failures[-1].message
    # And so on down the tree: the id that began it.
    below = server.job(enqueue(server, queue, depends_on=[canceled.job_id]).job_id)
    assert below.state == CANCELED and gone in below.failures[-1].message
    later = schedule(server, queue, 600, depends_on=[good])
    assert later.state == SCHEDULED


def test_the_order_within_one_request(server, queue):
    a, b, c = (f"{queue}-{name}" for name in "abc")
    results = together(server, spec(queue, id=a), spec(queue, id=b, depends_on=[a]), spec(queue, id=c, depends_on=[f"{queue}-d"]), spec(queue, id=f"{queue}-d"))
    assert [result.status_code for result in results] == [0, 0, 9, 0]
    assert results[1].state == BLOCKED
    e, f, g = (f"{queue}-{name}" for name in "efg")
    results = together(server, spec(queue, id=e, depends_on=[f]), spec(queue, id=f, depends_on=[g]), spec(queue, id=g), all_or_nothing=True)
    assert [result.state for result in results] == [BLOCKED, BLOCKED, READY]
    circle = together(server, spec(queue, id=f"{queue}-x", depends_on=[f"{queue}-y"]), spec(queue, id=f"{queue}-y", depends_on=[f"{queue}-x"]), all_or_nothing=True)
    assert 3 in [result.status_code for result in circle] and all(result.status_code for result in circle)
    assert refused(server.jobs.GetJob, pb.GetJobRequest(job_id=f"{queue}-x")).code() is CODE.NOT_FOUND
    assert refused(server.jobs.Enqueue, pb.EnqueueRequest(job=spec(queue, id=f"{queue}-self", depends_on=[f"{queue}-self"]))).code() is CODE.INVALID_ARGUMENT


@pytest.mark.parametrize("which", ["replaces in vain", "replaces into a circle", "replaces into a closed batch", "waits for an id that a key keeps away"])
def test_one_refused_costs_an_all_or_nothing_batch_all(server, queue, which):
    """Also when that shows only where a unique key meets what the others ask for."""
    held = enqueue(server, queue, unique=pb.Uniqueness(key="k"), payload=b"as it was").job_id
    put_batch(server, id=f"{queue}-closed", closed=True)
    replacing = dict(unique=pb.Uniqueness(key="k", on_conflict=pb.ON_CONFLICT_REPLACE), payload=b"changed")
    last, code = {
        "replaces in vain": ([spec(queue, depends_on=["none"], **replacing)], CODE.FAILED_PRECONDITION),
        "replaces into a circle": (
            [spec(queue, id=f"{queue}-behind", depends_on=[held]), spec(queue, depends_on=[f"{queue}-behind"], **replacing)], CODE.INVALID_ARGUMENT),
        "replaces into a closed batch": ([spec(queue, batch_id=f"{queue}-closed", **replacing)], CODE.FAILED_PRECONDITION),
        "waits for an id that a key keeps away": (
            [spec(queue, id=f"{queue}-new", **replacing), spec(queue, depends_on=[f"{queue}-new"])], CODE.FAILED_PRECONDITION),
    }[which]
    *others, refused_one = together(server, spec(queue, id=f"{queue}-first"), *last, all_or_nothing=True)
    assert refused_one.status_code == code.value[0]
    assert all(one.status_code == CODE.ABORTED.value[0] for one in others)
    there = server.jobs.ListJobs(pb.ListJobsRequest(queue=queue), timeout=5).jobs
    assert [(job.spec.id, job.spec.payload) for job in there] == [(held, b"as it was")]


def test_a_circle_by_replacing_is_refused(server, queue):
    first = enqueue(server, queue, unique=pb.Uniqueness(key="u")).job_id
    second = enqueue(server, queue, depends_on=[first]).job_id
    circle = refused(server.jobs.Enqueue, pb.EnqueueRequest(
        job=spec(queue, depends_on=[second], unique=pb.Uniqueness(key="u", on_conflict=pb.ON_CONFLICT_REPLACE))))
    assert circle.code() is CODE.INVALID_ARGUMENT
    assert server.job(first).state == READY and not server.job(first).spec.depends_on
    root = enqueue(server, queue + "-root").job_id
    replaced = enqueue(server, queue, depends_on=[root], unique=pb.Uniqueness(key="u", on_conflict=pb.ON_CONFLICT_REPLACE))
    assert replaced.duplicate and server.job(first).state == BLOCKED and server.job(first).dependencies_open == 1
    with Worker(server, queue + "-root") as worker:
        worker.succeed(worker.job())
    until(lambda: server.job(first).state == READY)


def test_a_blocked_job_can_be_canceled_deleted_expired_and_counted(server, queue):
    root = enqueue(server, queue + "-root").job_id
    ids = [enqueue(server, queue, depends_on=[root]).job_id for _ in range(4)]
    below = enqueue(server, queue, depends_on=[ids[0]]).job_id
    figures = next(one for one in server.admin.ListQueues(pb.ListQueuesRequest(prefix=queue), timeout=5).queues if one.name == queue)
    assert figures.blocked == 5 and figures.ready == 0
    assert len(server.jobs.ListJobs(pb.ListJobsRequest(queue=queue, states=[BLOCKED]), timeout=5).jobs) == 5
    canceled = server.jobs.CancelJob(pb.CancelJobRequest(job_id=ids[0], reason="why"), timeout=5).job
    assert canceled.state == CANCELED
    assert until(lambda: server.job(below).state == CANCELED)
    assert ids[0] in server.job(below).failures[-1].message
    server.jobs.DeleteJob(pb.DeleteJobRequest(job_id=ids[1]), timeout=5)
    late = enqueue(server, queue, depends_on=[root], start_before=at(0.3)).job_id
    until(lambda: server.job(late).state == EXPIRED)
    assert refused(server.jobs.RetryJob, pb.RetryJobRequest(job_id=ids[2])).code() is CODE.FAILED_PRECONDITION
    changed = server.admin.ChangeJobs(pb.ChangeJobsRequest(action=pb.BULK_ACTION_CANCEL, queue=queue, states=[BLOCKED]), timeout=10).changed
    assert changed == 2
    with Worker(server, [queue, queue + "-root"], slots=5) as worker:
        worker.succeed(worker.job())
        worker.idle()
    assert {job.state for job in server.jobs.ListJobs(pb.ListJobsRequest(queue=queue), timeout=5).jobs} <= {CANCELED, EXPIRED}


def test_run_waits_until_all_are_final(server, queue):
    a, b = enqueue(server, queue, retry=pb.RetryPolicy(max_attempts=1)).job_id, enqueue(server, queue).job_id
    after = enqueue(server, queue + "-after", depends_on=[a, b], on_dependency_failure=pb.ON_DEPENDENCY_FAILURE_RUN).job_id
    with Worker(server, queue, slots=2) as worker:
        jobs = {job.lease.job_id: job for job in worker.take(2)}
        worker.fail(jobs[a])
        time.sleep(0.2)
        assert server.job(after).state == BLOCKED and server.job(after).dependencies_open == 1
        worker.succeed(jobs[b])
    until(lambda: server.job(after).state == READY)


def test_a_deep_chain_and_a_wide_fan_over_a_kill():
    with Server() as server:
        together(server, *(spec("deep", id=f"d{n}", depends_on=[f"d{n - 1}"] if n else []) for n in range(300)))
        roots = [result.job_id for result in together(server, *(spec("wide") for _ in range(100)))]
        joined = enqueue(server, "join", depends_on=roots).job_id
        with Worker(server, "wide", slots=100) as worker:
            for job in worker.take(60):
                worker.succeed(job)
        server.restart()
        assert server.job(joined).dependencies_open == 40 and server.job("d299").state == BLOCKED
        with Worker(server, "wide", slots=100) as worker:
            for _ in range(40):
                worker.succeed(worker.job(timeout=20))
        until(lambda: server.job(joined).state == READY)
        # The first is canceled: all below it are, also when the server is killed meanwhile.
        server.jobs.CancelJob(pb.CancelJobRequest(job_id="d0"), timeout=5)
        server.restart()
        until(lambda: server.job("d299").state == CANCELED, 20)
        assert "d0" in server.job("d299").failures[-1].message
