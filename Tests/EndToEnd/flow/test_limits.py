"""Limits and fairness: every promise of PutLimit, Limit, LimitUsage and JobSpec's keys."""
import time

import grpc
import pytest

from harness.asking import CODE, at, refused
from harness.calls import until
from harness.rates import STARTED, Takers, check
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker, duration


def put(server, **limit):
    server.admin.PutLimit(pb.PutLimitRequest(limit=pb.Limit(**limit)), timeout=5)


def usage(server, **scope):
    answer = server.admin.ListLimits(pb.ListLimitsRequest(page_size=1000), timeout=5)
    (field, value), = scope.items()
    return next(use for limit, use in zip(answer.limits, answer.usage) if limit.WhichOneof("scope") == field and getattr(limit, field) == value)


def starts(server, queue):
    events = server.events(queues=[queue], types=[pb.EVENT_TYPE_STARTED])
    return [event.at.ToNanoseconds() / 1e9 for event in events]


@pytest.mark.parametrize("limit", [
    {}, {"queue": "q"}, {"queue": "", "max_running": 1}, {"queue": "a b", "max_running": 1}, {"max_running": 1},
    {"concurrency_key": "", "max_running": 1}, {"queue": "q", "rate_count": 5}, {"queue": "q", "rate_period": duration(1)},
    {"queue": "q", "rate_count": 1_000_001, "rate_period": duration(1)},
    {"queue": "q", "rate_count": 1, "rate_period": duration(0.0009)},
    {"queue": "q", "rate_count": 1, "rate_period": duration(31 * 86400 + 1)},
    {"concurrency_key": "k" * 513, "max_running": 1},
])
def test_what_is_no_limit_is_refused(server, limit):
    assert refused(server.admin.PutLimit, pb.PutLimitRequest(limit=pb.Limit(**limit))).code() is CODE.INVALID_ARGUMENT


def test_lists_queues_then_keys_then_prefixes_by_name(server):
    for name in ("lb", "la"):
        put(server, queue=name, max_running=1)
        put(server, concurrency_key=name, max_waiting=5)
        put(server, concurrency_key_prefix=name, rate_count=2, rate_period=duration(2))
    found, token = [], ""
    while True:
        page = server.admin.ListLimits(pb.ListLimitsRequest(page_size=2, page_token=token), timeout=5)
        assert len(page.limits) == len(page.usage) <= 2
        found += [(one.WhichOneof("scope"), getattr(one, one.WhichOneof("scope"))) for one in page.limits]
        token = page.next_page_token
        if not token:
            break
    kinds = ["queue", "concurrency_key", "concurrency_key_prefix"]
    assert found == sorted(found, key=lambda pair: (kinds.index(pair[0]), pair[1]))
    assert {("queue", "la"), ("concurrency_key", "lb"), ("concurrency_key_prefix", "la")} <= set(found)
    assert refused(server.admin.ListLimits, pb.ListLimitsRequest(page_token="?")).code() is CODE.INVALID_ARGUMENT
    for name in ("la", "lb"):
        for scope in kinds:
            server.admin.DeleteLimit(pb.DeleteLimitRequest(limit=pb.Limit(**{scope: name})), timeout=5)
    gone = refused(server.admin.DeleteLimit, pb.DeleteLimitRequest(limit=pb.Limit(queue="la")))
    assert gone.code() is CODE.NOT_FOUND


def test_an_empty_prefix_is_each_key_and_listed_as_it_was_put(server, queue):
    put(server, concurrency_key_prefix="", max_running=1)
    try:
        found = {one.WhichOneof("scope"): one for one in server.admin.ListLimits(pb.ListLimitsRequest(page_size=1000), timeout=5).limits}
        assert found["concurrency_key_prefix"].max_running == 1 and None not in found
        for key in ("a", "a", "b"):
            server.enqueue(queue, concurrency_key=queue + key)
        with Worker(server, queue, slots=3) as worker:
            worker.take(2)
            worker.idle()
    finally:
        server.admin.DeleteLimit(pb.DeleteLimitRequest(limit=pb.Limit(concurrency_key_prefix="")), timeout=5)


def test_a_key_is_held_back_and_never_holds_others(server, queue):
    key = f"k-{queue}"
    put(server, concurrency_key=key, max_running=2)
    held = [server.enqueue(queue, concurrency_key=key) for _ in range(5)]
    free = [server.enqueue(queue) for _ in range(3)]
    with Worker(server, queue, slots=10) as worker:
        got = worker.take(5)
        assert sorted(job.lease.job_id for job in got) == sorted(held[:2] + free)
        worker.idle(0.2)
        use = usage(server, concurrency_key=key)
        assert (use.running, use.waiting, use.held_back) == (2, 3, 3)
        why = server.jobs.ExplainJob(pb.ExplainJobRequest(job_id=held[2]), timeout=5)
        limit = next(reason for reason in why.reasons if reason.hindrance == pb.HINDRANCE_CONCURRENCY_LIMIT)
        assert f"2 of 2 running for key {key}" in limit.text
        mine = [job for job in got if job.lease.job_id in held]
        worker.succeed(mine[0])
        assert worker.job().lease.job_id == held[2]
        # Lowering stops nothing that runs; raising lets more start at once.
        put(server, concurrency_key=key, max_running=1)
        worker.succeed(mine[1])
        worker.idle(0.2)
        put(server, concurrency_key=key, max_running=3)
        assert {job.lease.job_id for job in worker.take(2)} == set(held[3:])


def test_each_key_of_a_prefix_on_its_own(server, queue):
    prefix = f"p-{queue}-"
    put(server, concurrency_key_prefix=prefix, max_running=1)
    for tenant in "abc":
        for _ in range(4 if tenant == "b" else 2):
            server.enqueue(queue, concurrency_key=prefix + tenant)
    with Worker(server, queue, slots=10) as worker:
        got = worker.take(3)
        worker.idle(0.2)
        use = usage(server, concurrency_key_prefix=prefix)
        assert (use.running, use.waiting, use.keys, use.busiest_key) == (3, 5, 3, prefix + "b")
        for job in got:
            worker.succeed(job)
        worker.take(3)


def test_a_lost_worker_frees_its_slot(server, queue):
    put(server, queue=queue, max_running=1)
    first, second = server.enqueue(queue), server.enqueue(queue)
    with Worker(server, queue, slots=5) as worker:
        assert worker.job().lease.job_id == first
        worker.idle(0.2)
        time.sleep(0.2)
        worker.break_connection()
    with Worker(server, queue, slots=5) as worker:
        # It goes first again, as its place says, and alone.
        job = worker.job()
        assert job.lease.job_id == first
        worker.idle(0.2)
        worker.succeed(job)
        assert worker.job().lease.job_id == second


def test_the_rate_is_exact_and_used(server, queue):
    put(server, queue=queue, rate_count=20, rate_period=duration(0.5))
    for _ in range(2):
        server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[
            pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t")) for _ in range(60)]), timeout=10)
    started = time.time()
    with Worker(server, queue, slots=200) as worker:
        worker.until(lambda: len(worker.jobs) >= 100, "a hundred jobs", 10)
    assert time.time() - started < 4
    times = starts(server, queue)
    for index in range(20, len(times)):
        assert times[index] - times[index - 20] >= 0.5
    why = server.jobs.ListJobs(pb.ListJobsRequest(queue=queue, states=[pb.JOB_STATE_READY], page_size=1), timeout=5)
    reasons = server.jobs.ExplainJob(pb.ExplainJobRequest(job_id=why.jobs[0].spec.id), timeout=5).reasons
    assert any(reason.hindrance == pb.HINDRANCE_RATE_LIMIT for reason in reasons) or usage(server, queue=queue).started_in_period < 20


def test_a_large_rate_is_spread(server, queue):
    put(server, queue=queue, rate_count=400, rate_period=duration(2))
    for _ in range(2):
        server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[
            pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t")) for _ in range(500)]), timeout=10)
    with Worker(server, queue, slots=1000) as worker:
        worker.until(lambda: len(worker.jobs) >= 780, "780 jobs", 12)
    times = starts(server, queue)
    for index in range(400, len(times)):
        assert times[index] - times[index - 400] >= 2
    first = [time for time in times if time < times[0] + 0.4]
    assert len(first) < 160


def test_max_waiting_refuses_with_pushback(server, queue):
    put(server, queue=queue, max_waiting=2)
    server.enqueue(queue, id=f"{queue}-a")
    server.jobs.Schedule(pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t"), run_at=at(600)), timeout=5)
    error = refused(server.jobs.Enqueue, pb.EnqueueRequest(job=pb.JobSpec(queue=queue, name="t")))
    assert error.code() is CODE.RESOURCE_EXHAUSTED
    assert int(dict(error.trailing_metadata())["grpc-retry-pushback-ms"]) > 0
    # A duplicate is not refused.
    again = server.jobs.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue=queue, name="t", id=f"{queue}-a")), timeout=5)
    assert again.duplicate
    batch = server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[
        pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t"))]), timeout=5)
    assert batch.results[0].status_code == CODE.RESOURCE_EXHAUSTED.value[0]
    # What runs does not wait; a retry comes back all the same.
    with Worker(server, queue) as worker:
        job = worker.job()
        server.enqueue(queue)
        worker.fail(job)
    queues = server.admin.ListQueues(pb.ListQueuesRequest(prefix=queue), timeout=5).queues
    assert next(one for one in queues if one.name == queue).scheduled == 2


def test_tenants_take_turns(server, queue):
    server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[
        pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t", fairness_key="big")) for _ in range(500)]), timeout=10)
    small = server.enqueue(queue, fairness_key="small")
    nobody = server.enqueue(queue)
    with Worker(server, queue, slots=4) as worker:
        got = [job.lease.job_id for job in worker.take(4)]
        assert small in got[:3] and nobody in got[:3]


def test_limits_and_rates_hold_over_a_crash():
    with Server() as server:
        put(server, concurrency_key="k", max_running=2)
        put(server, queue="r", rate_count=5, rate_period=duration(3))
        for _ in range(6):
            server.enqueue("q", concurrency_key="k")
        for _ in range(20):
            server.enqueue("r")
        worker = Worker(server, "q", slots=10, worker_id="w1", resume=10)
        got = worker.take(2)
        rated = Worker(server, "r", slots=50)
        rated.take(5)
        before = time.time()
        worker.close()
        rated.close()
        server.restart()
        with Worker(server, "r", slots=50) as rated, Worker(
                server, "q", slots=10, worker_id="w1", resume=10, held=[job.lease for job in got]) as worker:
            worker.idle(0.3)
            for job in got:
                worker.succeed(job)
            worker.take(2)
            rated.until(lambda: len(rated.jobs) >= 5, "the next five", 10)
            assert time.time() - before >= 2.5
        times = starts(server, "r")
        for index in range(5, len(times)):
            assert times[index] - times[index - 5] >= 3
        assert usage(server, concurrency_key="k").running <= 2


def test_a_rate_over_kills_with_fetches_on_their_way():
    """Whoever is killed while a start is on its way to the worker has stored it, or nobody heard of it."""
    count, period = 10, 0.5
    with Server() as server:
        put(server, queue="q", rate_count=count, rate_period=duration(period))
        jobs = [pb.ScheduleRequest(job=pb.JobSpec(queue="q", name="t"))] * 500
        server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=jobs), timeout=20)
        takers = Takers([server], "q", fetching=6)
        try:
            for number in range(6):
                before = len(takers.starts)
                until(lambda: len(takers.starts) > before, "starts", timeout=20)
                # At another place of its period each time.
                time.sleep(0.1 + number * period / 5)
                server.restart()
            before, since = len(takers.starts), time.time()
            until(lambda: len(takers.starts) >= before + 4 * count, "its rate", timeout=20)
            assert time.time() - since < 20 * period
        finally:
            takers.close()
        check(server.events(queues=["q"], types=STARTED), takers, count, period)
