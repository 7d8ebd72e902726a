"""PutBatch, GetBatch, ListBatches, CancelBatch: every promise of the contract."""
import time

import pytest

from harness.asking import CODE, refused
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker


def put(server, **batch):
    return server.jobs.PutBatch(pb.PutBatchRequest(batch=pb.Batch(**batch)), timeout=5).batch


def get(server, id):
    return server.jobs.GetBatch(pb.GetBatchRequest(batch_id=id), timeout=5).batch


def finished(server, id, timeout=10):
    end = time.monotonic() + timeout
    while not get(server, id).HasField("finished_at"):
        assert time.monotonic() < end, get(server, id)
        time.sleep(0.01)
    return get(server, id)


def counts(batch):
    return batch.jobs, batch.waiting, batch.running, batch.succeeded, batch.dead, batch.canceled


def test_the_first_job_makes_it_and_counts_are_exact(server, queue):
    id = f"b-{queue}"
    for _ in range(4):
        server.enqueue(queue, batch_id=id)
    assert counts(get(server, id)) == (4, 4, 0, 0, 0, 0)
    with Worker(server, queue, slots=3) as worker:
        jobs = worker.take(3)
        assert counts(get(server, id)) == (4, 1, 3, 0, 0, 0)
        worker.succeed(jobs[0])
        worker.fail(jobs[1], retryable=False)
        last = worker.take(1)[0]
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=jobs[2].lease.job_id), timeout=5)
        worker.outcome(jobs[2], canceled=True)
        assert counts(get(server, id)) == (4, 0, 1, 1, 1, 1)
        assert not get(server, id).closed
        worker.succeed(last)
    put(server, id=id, closed=True)
    batch = finished(server, id)
    assert counts(batch) == (4, 0, 0, 2, 1, 1) and batch.closed
    assert len(list(server.jobs.ListJobs(pb.ListJobsRequest(batch_id=id), timeout=5).jobs)) == 4
    assert [event.type for event in server.events(batch_id=id, types=[pb.EVENT_TYPE_BATCH_FINISHED])] == [pb.EVENT_TYPE_BATCH_FINISHED]


def test_callbacks_come_once(server, queue):
    id, cb = f"b-{queue}", queue + "-cb"
    made = put(server, id=id, description="import", on_finished=pb.JobSpec(queue=cb, name="fin", payload=b"\0x"),
               on_succeeded=pb.JobSpec(queue=cb, name="good", id=f"{queue}-good"))
    assert made.description == "import" and made.on_finished.payload == b"\0x" and made.HasField("created_at")
    server.enqueue(queue, batch_id=id)
    # What is left out stays as it was.
    assert put(server, id=id, closed=True).description == "import"
    assert put(server, id=id).closed
    with Worker(server, queue) as worker:
        worker.succeed(worker.job())
    batch = finished(server, id)
    assert batch.on_succeeded_job_id == f"{queue}-good" and batch.on_finished_job_id
    with Worker(server, cb, slots=5) as worker:
        jobs = worker.take(2)
        assert sorted((job.name, job.payload) for job in jobs) == [("fin", b"\0x"), ("good", b"")]
        worker.idle(0.2)
    late = refused(server.jobs.PutBatch, pb.PutBatchRequest(batch=pb.Batch(id=id, on_finished=pb.JobSpec(name="x"))))
    assert late.code() is CODE.FAILED_PRECONDITION
    assert put(server, id=id, description="still possible").description == "still possible"


def test_an_empty_one_is_finished_at_once(server, queue):
    batch = put(server, closed=True, on_finished=pb.JobSpec(queue=queue, name="fin"))
    assert batch.id and batch.HasField("finished_at") and batch.on_finished_job_id
    with Worker(server, queue) as worker:
        assert worker.job().name == "fin"


def test_succeeded_later_by_a_retry(server, queue):
    id = f"b-{queue}"
    job_id = server.enqueue(queue, batch_id=id)
    put(server, id=id, closed=True, on_succeeded=pb.JobSpec(queue=queue + "-cb", name="good"))
    with Worker(server, queue) as worker:
        worker.fail(worker.job(), retryable=False)
        assert not finished(server, id).on_succeeded_job_id
        server.jobs.RetryJob(pb.RetryJobRequest(job_id=job_id), timeout=5)
        worker.succeed(worker.job())
    with Worker(server, queue + "-cb") as worker:
        assert worker.job().name == "good"
    assert counts(get(server, id)) == (1, 0, 0, 1, 0, 0)


def test_a_closed_one_grows_only_from_inside(server, queue):
    id = f"b-{queue}"
    server.enqueue(queue, batch_id=id)
    put(server, id=id, closed=True)
    spec = pb.JobSpec(queue=queue, name="t", batch_id=id)
    assert refused(server.jobs.Enqueue, pb.EnqueueRequest(job=spec)).code() is CODE.FAILED_PRECONDITION
    with Worker(server, queue) as worker:
        job = worker.job()
        server.jobs.Enqueue(pb.EnqueueRequest(job=spec), timeout=5)
        worker.succeed(job)
        assert not get(server, id).HasField("finished_at")
        worker.succeed(worker.job())
    assert finished(server, id).jobs == 2
    assert refused(server.jobs.Enqueue, pb.EnqueueRequest(job=spec)).code() is CODE.FAILED_PRECONDITION


def test_nested_by_callbacks(server, queue):
    outer, inner = f"o-{queue}", f"i-{queue}"
    put(server, id=inner, on_finished=pb.JobSpec(queue=queue, name="collect", batch_id=outer))
    server.enqueue(queue, batch_id=inner)
    put(server, id=outer, on_finished=pb.JobSpec(queue=queue, name="end"))
    put(server, id=inner, closed=True)
    with Worker(server, queue) as worker:
        worker.succeed(worker.job())
        collect = worker.job()
        assert collect.name == "collect" and collect.batch_id == outer
        put(server, id=outer, closed=True)
        worker.succeed(collect)
        assert worker.job().name == "end"


def test_cancel(server, queue):
    id = f"b-{queue}"
    server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[
        pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t", batch_id=id)) for _ in range(1000)]), timeout=10)
    put(server, id=id, on_finished=pb.JobSpec(queue=queue + "-cb", name="fin"))
    with Worker(server, queue) as worker:
        job = worker.job()
        batch = server.jobs.CancelBatch(pb.CancelBatchRequest(batch_id=id, reason="enough"), timeout=30).batch
        assert batch.closed and batch.canceled == 999
        assert worker.cancellation().lease == job.lease
        worker.outcome(job, canceled=True)
    assert finished(server, id).canceled == 1000
    missing = refused(server.jobs.CancelBatch, pb.CancelBatchRequest(batch_id="none-such"))
    assert missing.code() is CODE.NOT_FOUND
    assert refused(server.jobs.GetBatch, pb.GetBatchRequest(batch_id="none-such")).code() is CODE.NOT_FOUND


def test_list_is_newest_first_in_pages(server, queue):
    ids = [f"l-{queue}-{index}" for index in range(5)]
    for index, id in enumerate(ids):
        put(server, id=id, closed=index == 2)
    found, token = [], ""
    while True:
        page = server.jobs.ListBatches(pb.ListBatchesRequest(page_size=2, page_token=token), timeout=5)
        found += [batch.id for batch in page.batches]
        token = page.next_page_token
        if not token:
            break
    assert [id for id in found if id in ids] == ids[::-1] and len(found) == len(set(found))
    open_ones = server.jobs.ListBatches(pb.ListBatchesRequest(unfinished_only=True, page_size=1000), timeout=5).batches
    assert [batch.id for batch in open_ones if batch.id in ids] == [ids[4], ids[3], ids[1], ids[0]]


@pytest.mark.parametrize("batch", [
    {"id": "a b"}, {"description": "x" * 257}, {"id": "x", "on_finished": {"name": "f", "batch_id": "x"}},
    {"on_finished": {"name": "f", "depends_on": ["y"]}}, {"on_succeeded": {"queue": "q"}},
])
def test_what_is_refused(server, batch):
    request = pb.PutBatchRequest(batch=pb.Batch(**batch))
    assert refused(server.jobs.PutBatch, request).code() is CODE.INVALID_ARGUMENT


def test_exact_over_crashes():
    with Server() as server:
        server.jobs.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id="b", on_finished=pb.JobSpec(queue="cb", name="fin"))), timeout=5)
        server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[
            pb.ScheduleRequest(job=pb.JobSpec(queue="q", name="t", batch_id="b")) for _ in range(60)]), timeout=10)
        server.jobs.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id="b", closed=True)), timeout=5)
        for _ in range(3):
            with Worker(server, "q", slots=20) as worker:
                for job in worker.take(20, timeout=10):
                    worker.succeed(job, wait=False)
                time.sleep(0.02)
            server.restart()
        deadline = time.monotonic() + 30
        while not get(server, "b").HasField("finished_at"):
            assert time.monotonic() < deadline, get(server, "b")
            with Worker(server, "q", slots=20) as worker:
                time.sleep(0.5)
                for job in list(worker.jobs):
                    worker.succeed(job)
        assert counts(get(server, "b")) == (60, 0, 0, 60, 0, 0)
        server.restart()
        with Worker(server, "cb", slots=5) as worker:
            assert worker.job().name == "fin"
            worker.idle(0.3)
