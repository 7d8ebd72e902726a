"""JobSpec.depends_on: every promise of the contract."""
import time

import pytest

from harness.asking import CODE, at, refused
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker

BLOCKED, READY, SCHEDULED, SUCCEEDED, DEAD, CANCELED = 9, 2, 1, 5, 6, 7


def after(*ids, **rest):
    return dict(depends_on=list(ids), **rest)


def put(server, queue, **spec):
    return server.jobs.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue=queue, name="t", **spec)), timeout=5)


def state(server, job_id, wanted, timeout=5):
    end = time.monotonic() + timeout
    while server.job(job_id).state != wanted and time.monotonic() < end:
        time.sleep(0.01)
    return server.job(job_id)


def test_waits_for_all_within_and_across_queues(server, queue):
    a, b = put(server, queue).job_id, put(server, queue + "-other").job_id
    answer = put(server, queue, **after(a, b, a))
    assert answer.state == BLOCKED
    job = server.job(answer.job_id)
    assert job.dependencies_open == 2 and list(job.spec.depends_on) == [a, b] and job.waiting_reason
    reason = server.jobs.ExplainJob(pb.ExplainJobRequest(job_id=answer.job_id), timeout=5).reasons[0]
    assert reason.hindrance == pb.HINDRANCE_DEPENDENCY and "2 of 2" in reason.text and set(reason.job_ids) == {a, b}
    with Worker(server, [queue, queue + "-other"], slots=5) as worker:
        for job in worker.take(2):
            worker.succeed(job, b"result of " + job.lease.job_id.encode())
        last = worker.job()
        assert last.lease.job_id == answer.job_id and list(last.depends_on) == [a, b]
        assert server.job(a).result == b"result of " + a.encode()
        worker.succeed(last)
    kinds = [event.type for event in server.events(job_ids=[answer.job_id])]
    assert kinds == [pb.EVENT_TYPE_BLOCKED, pb.EVENT_TYPE_ENQUEUED, pb.EVENT_TYPE_STARTED, pb.EVENT_TYPE_SUCCEEDED]


def test_then_waits_for_its_time(server, queue):
    a = put(server, queue).job_id
    answer = server.jobs.Schedule(
        pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t", depends_on=[a]), run_at=at(600)), timeout=5)
    assert answer.state == BLOCKED
    why = {reason.hindrance: reason for reason in server.jobs.ExplainJob(pb.ExplainJobRequest(job_id=answer.job_id), timeout=5).reasons}
    assert why[pb.HINDRANCE_NOT_DUE].not_before == answer.run_at and pb.HINDRANCE_DEPENDENCY in why
    with Worker(server, queue) as worker:
        worker.succeed(worker.job())
    assert state(server, answer.job_id, SCHEDULED).state == SCHEDULED
    # One that has succeeded counts at once.
    assert put(server, queue, **after(a)).state == READY


def test_failure_cancels_down_the_tree(server, queue):
    a = put(server, queue).job_id
    b = put(server, queue, **after(a)).job_id
    c = put(server, queue, **after(b)).job_id
    anyway = put(server, queue, **after(b, on_dependency_failure=pb.ON_DEPENDENCY_FAILURE_RUN)).job_id
    with Worker(server, queue) as worker:
        worker.fail(worker.job(), retryable=False)
        assert worker.job().lease.job_id == anyway
    for job_id in (b, c):
        job = state(server, job_id, CANCELED)
        assert job.state == CANCELED and job.failures[-1].type == "dependency" and a in job.failures[-1].message
    # Final already: at once.
    late = put(server, queue, **after(c))
    assert late.state == CANCELED and a in server.job(late.job_id).failures[-1].message


def test_a_deleted_one_counts_as_failed(server, queue):
    a = put(server, queue).job_id
    b = put(server, queue, **after(a)).job_id
    server.jobs.DeleteJob(pb.DeleteJobRequest(job_id=a), timeout=5)
    assert state(server, b, CANCELED).failures[-1].type == "dependency"


def test_what_is_refused(server, queue):
    unknown = refused(server.jobs.Enqueue, pb.EnqueueRequest(job=pb.JobSpec(queue=queue, name="t", depends_on=["no-such-job"])))
    assert unknown.code() is CODE.FAILED_PRECONDITION
    itself = pb.JobSpec(queue=queue, name="t", id=f"{queue}-x", depends_on=[f"{queue}-x"])
    assert refused(server.jobs.Enqueue, pb.EnqueueRequest(job=itself)).code() is CODE.INVALID_ARGUMENT
    many = pb.JobSpec(queue=queue, name="t", depends_on=[f"j{index}" for index in range(101)])
    assert refused(server.jobs.Enqueue, pb.EnqueueRequest(job=many)).code() is CODE.INVALID_ARGUMENT


def batch(server, queue, *jobs, all_or_nothing=False):
    requests = [pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t", id=id, depends_on=ids)) for id, ids in jobs]
    return server.jobs.EnqueueBatch(
        pb.EnqueueBatchRequest(jobs=requests, all_or_nothing=all_or_nothing), timeout=5).results


def test_inside_a_batch(server, queue):
    a, b, c = (f"{queue}-{name}" for name in "abc")
    # Earlier ones, in any batch.
    results = batch(server, queue, (a, []), (b, [a]), (f"{queue}-early", [c]), (c, []))
    assert [result.status_code for result in results] == [0, 0, 9, 0] and results[1].state == BLOCKED
    # Any with all or nothing; order does not matter.
    d, e, f = (f"{queue}-{name}" for name in "def")
    results = batch(server, queue, (d, [e, f]), (e, [f]), (f, []), all_or_nothing=True)
    assert [(result.job_id, result.state) for result in results] == [(d, BLOCKED), (e, BLOCKED), (f, READY)]
    with Worker(server, queue, slots=9) as worker:
        seen = []
        while len(seen) < 6:
            job = worker.job()
            seen.append(job.lease.job_id)
            worker.succeed(job)
        assert seen.index(f) < seen.index(e) < seen.index(d)


def test_jobs_of_a_batch_in_any_order_are_found_by_the_ids_that_were_given(server, queue):
    last = f"{queue}-last"
    names = [("", [last]), ("", []), ("", [last]), (last, []), ("", [])]
    requests = [pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t", id=id, depends_on=ids, payload=b"%d" % place))
                for place, (id, ids) in enumerate(names)]
    results = server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=requests, all_or_nothing=True), timeout=5).results
    ids = [result.job_id for result in results]
    assert len(set(ids)) == 5
    assert [server.job(one).spec.payload for one in ids] == [b"0", b"1", b"2", b"3", b"4"]
    told = [event.job_id for event in server.events(queues=[queue], types=[pb.EVENT_TYPE_ENQUEUED, pb.EVENT_TYPE_BLOCKED])]
    assert sorted(told) == sorted(ids)
    with Worker(server, queue, slots=5) as worker:
        got = {}
        while len(got) < 5:
            job = worker.job()
            got[job.lease.job_id] = job.payload
            worker.succeed(job)
    assert [got[one] for one in ids] == [b"0", b"1", b"2", b"3", b"4"]


def test_a_circle_is_refused(server, queue):
    g, h, i = (f"{queue}-{name}" for name in "ghi")
    results = batch(server, queue, (g, [i]), (h, [g]), (i, [h]), all_or_nothing=True)
    assert {result.status_code for result in results} <= {3, 10} and 3 in {result.status_code for result in results}
    for job_id in (g, h, i):
        assert refused(server.jobs.GetJob, pb.GetJobRequest(job_id=job_id)).code() is CODE.NOT_FOUND


def test_retry_by_hand_waits_only_for_the_unfinished(server, queue):
    a, x = put(server, queue).job_id, put(server, queue + "-x").job_id
    b = put(server, queue, **after(a, x)).job_id
    with Worker(server, queue) as worker:
        worker.fail(worker.job(), retryable=False)
        assert state(server, b, CANCELED).state == CANCELED
        again = server.jobs.RetryJob(pb.RetryJobRequest(job_id=b), timeout=5).job
        assert again.state == BLOCKED and again.dependencies_open == 1
        with Worker(server, queue + "-x") as other:
            other.succeed(other.job())
        assert worker.job().lease.job_id == b


@pytest.mark.parametrize("call", ["ChangeJobs", "RetryJobs"])
def test_what_is_retried_in_bulk_waits_for_what_it_depends_on(server, queue, call):
    """Also when that is in another slice of the work; each chain begins with the one job that failed."""
    chains, length = 3, 250
    for chain in range(chains):
        results = batch(server, queue, *((f"{queue}-{chain}-{n}", [f"{queue}-{chain}-{n - 1}"] if n else []) for n in range(length)))
        assert not any(result.status_code for result in results)
    with Worker(server, queue, slots=chains) as worker:
        for job in worker.take(chains):
            worker.fail(job, retryable=False)
        for chain in range(chains):
            assert state(server, f"{queue}-{chain}-{length - 1}", CANCELED).state == CANCELED
    # Nothing runs while it is looked at.
    if call == "ChangeJobs":
        assert server.admin.ChangeJobs(pb.ChangeJobsRequest(action=pb.BULK_ACTION_RETRY, queue=queue, states=[READY, SUCCEEDED]), timeout=30).changed == 0
        done = server.admin.ChangeJobs(pb.ChangeJobsRequest(action=pb.BULK_ACTION_RETRY, queue=queue), timeout=30).changed
    else:
        done = server.admin.RetryJobs(pb.RetryJobsRequest(queue=queue, states=[DEAD, CANCELED]), timeout=30).retried
    assert done == chains * length
    for n in (0, 1, length - 1):
        for chain in range(chains):
            job = server.job(f"{queue}-{chain}-{n}")
            assert (job.state, job.dependencies_open) == ((BLOCKED, 1) if n else (READY, 0))
    row = next(one for one in server.admin.ListQueues(pb.ListQueuesRequest(prefix=queue), timeout=5).queues if one.name == queue)
    assert (row.ready, row.blocked, row.dead) == (chains, chains * (length - 1), 0)
    with Worker(server, queue, slots=chains) as worker:
        for n in range(3):
            for job in worker.take(chains):
                assert job.lease.job_id.endswith(f"-{n}")
                worker.succeed(job)


@pytest.mark.parametrize("call", ["PurgeQueue", "ChangeJobs"])
def test_a_chain_that_waits_is_deleted_as_a_whole(server, queue, call):
    """Though each deleted one cancels the next, which then is in another state than asked for."""
    root, length = put(server, queue + "-root", id=f"{queue}-0").job_id, 400
    assert not any(one.status_code for one in batch(server, queue, *((f"{queue}-{n}", [f"{queue}-{n - 1}"]) for n in range(1, length + 1))))
    outside = put(server, queue + "-after", **after(f"{queue}-{length}")).job_id
    if call == "PurgeQueue":
        done = server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=queue, states=[BLOCKED]), timeout=30).deleted
    else:
        done = server.admin.ChangeJobs(pb.ChangeJobsRequest(action=pb.BULK_ACTION_DELETE, queue=queue, states=[BLOCKED]), timeout=30).changed
    assert done == length and not server.jobs.ListJobs(pb.ListJobsRequest(queue=queue), timeout=5).jobs
    assert server.job(root).state == READY
    assert state(server, outside, CANCELED).failures[-1].type == "dependency"


def test_a_dependency_is_kept_until_its_dependents_are_final():
    with Server("--retention", "1s") as server:
        a = put(server, "q").job_id
        b = put(server, "p", **after(a)).job_id
        with Worker(server, "q") as worker:
            worker.succeed(worker.job(), b"kept")
        time.sleep(3)
        assert server.job(a).result == b"kept"
        assert server.job(b).state == READY


@pytest.mark.parametrize("fails", [False, True])
def test_a_cascade_survives_a_crash(fails):
    with Server() as server:
        a = put(server, "q", id="root").job_id
        for start in range(0, 3000, 1000):
            server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[
                pb.ScheduleRequest(job=pb.JobSpec(queue="p", name="t", id=f"d{start + index}", depends_on=[a]))
                for index in range(1000)]), timeout=20)
        with Worker(server, "q") as worker:
            job = worker.job()
            if fails:
                worker.fail(job, retryable=False)
            else:
                worker.succeed(job)
        server.restart()
        end = time.monotonic() + 20
        while time.monotonic() < end:
            row = next(one for one in server.admin.ListQueues(pb.ListQueuesRequest(), timeout=5).queues if one.name == "p")
            if row.blocked == 0:
                break
            time.sleep(0.05)
        assert row.blocked == 0 and row.ready == (0 if fails else 3000)
        last = server.job("d2999")
        assert last.state == (CANCELED if fails else READY)
