"""No message is larger than the 4 MiB that a stock client takes: it is measured whole, not by its payloads."""
import grpc

from harness.asking import enqueue, refused, spec
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker, duration, subscriptions

MOST = 4 << 20
METADATA = {f"k{n}": "v" * 250 for n in range(63)}


def batch(server, queue, count, **rest):
    jobs = [pb.ScheduleRequest(job=spec(queue, **rest)) for _ in range(count)]
    ids = []
    for start in range(0, count, 100):
        answer = server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=jobs[start:start + 100]), timeout=20)
        assert all(result.status_code == 0 for result in answer.results)
        ids += [result.job_id for result in answer.results]
    return ids


def test_fetch_counts_metadata(server, queue):
    ids = batch(server, queue, 300, metadata=METADATA, retry=pb.RetryPolicy(max_lost=1))
    seen, calls = set(), 0
    while len(seen) < 300:
        response = server.work.Fetch(pb.FetchRequest(
            worker_id=f"f-{queue}", queues=subscriptions(queue), max_jobs=1000, max_wait=duration(5)), timeout=20)
        assert response.jobs and response.ByteSize() <= MOST
        calls += 1
        for job in response.jobs:
            assert dict(job.metadata) == METADATA
            seen.add(job.lease.job_id)
        server.work.Report(pb.ReportRequest(
            worker_id=f"f-{queue}", outcomes=[pb.Outcome(lease=job.lease, success=pb.Success()) for job in response.jobs]))
    assert seen == set(ids) and calls < 30
    assert all(server.job(job_id).lost == 0 and server.job(job_id).attempt == 1 for job_id in ids[::50])


def test_a_stream_counts_metadata(server, queue):
    ids = batch(server, queue, 300, metadata=METADATA)
    with Worker(server, queue, slots=1000) as worker:
        jobs = worker.take(300, timeout=20)
        assert all(message.ByteSize() <= MOST for _, message in worker.messages)
        for job in jobs:
            worker.succeed(job, wait=False)
        worker.until(lambda: len(worker.results) == 300, "results", 20)
    assert {job.lease.job_id for job in jobs} == set(ids)


def test_lists_count_metadata_and_failures(server, queue):
    ids = batch(server, queue, 300, metadata=METADATA)
    found, token = [], ""
    while True:
        page = server.jobs.ListJobs(pb.ListJobsRequest(queue=queue, page_size=1000, page_token=token), timeout=20)
        assert page.ByteSize() <= MOST
        found += [job.spec.id for job in page.jobs]
        token = page.next_page_token
        if not token:
            break
    assert found == ids[::-1]
    server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=queue))


def test_workers_come_in_pages(server, queue):
    labels = {f"l{n}": "v" * 500 for n in range(30)}
    workers = [Worker(server, queue, worker_id=f"{queue}-{n:03}", labels=labels, heartbeat=False, connect=False) for n in range(300)]
    try:
        for worker in workers:
            worker.until(lambda worker=worker: worker.welcome, "a welcome", 30)
        found, token, sizes = [], "", []
        while True:
            page = server.admin.ListWorkers(pb.ListWorkersRequest(queue=queue, page_size=1000, page_token=token), timeout=20)
            sizes.append(page.ByteSize())
            found += [worker.worker_id for worker in page.workers]
            token = page.next_page_token
            if not token:
                break
        assert found == sorted(worker.hello.worker_id for worker in workers)
        assert len(sizes) > 1 and max(sizes) <= MOST
        assert len(server.admin.ListWorkers(pb.ListWorkersRequest()).workers) == 100, "0: 100"
        assert not server.admin.ListWorkers(pb.ListWorkersRequest(queue=f"{queue}-none")).workers
        small = server.admin.ListWorkers(pb.ListWorkersRequest(queue=queue, page_size=7))
        assert [worker.worker_id for worker in small.workers] == found[:7] and small.next_page_token
    finally:
        for worker in workers:
            worker.close()


def test_queues_come_in_pages():
    with Server() as server:
        names = [f"page-{n:05}-{'q' * 60}" for n in range(2_500)] + ["other"]
        stream = (
            pb.EnqueueBatchRequest(jobs=[pb.ScheduleRequest(job=spec(name)) for name in names[start:start + 500]])
            for start in range(0, len(names), 500))
        assert all(result.status_code == 0 for answer in server.jobs.EnqueueStream(stream, timeout=60) for result in answer.results)

        def read(size, prefix=""):
            found, token, pages = [], "", 0
            while True:
                page = server.admin.ListQueues(pb.ListQueuesRequest(prefix=prefix, page_size=size, page_token=token), timeout=20)
                found += [queue.name for queue in page.queues]
                assert len(page.queues) <= (size or 1000)
                pages += 1
                token = page.next_page_token
                if not token:
                    return found, pages

        assert read(0) == (sorted(names), 3)
        assert read(2**32 - 1) == (sorted(names), 1)
        assert read(600, "page-") == (sorted(names)[1:], 5)
        assert read(0, "oth") == (["other"], 1) and read(0, "none") == ([], 1)
        for token in ("x", "page-00001", "é" * 600):
            error = refused(server.admin.ListQueues, pb.ListQueuesRequest(page_token=token))
            assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_ten_thousand_results_at_once(server, queue):
    """One Report with many outcomes has an answer that can be read, whatever became of them."""
    leases = [pb.JobLease(job_id=f"{n:06}" + "x" * 60, token=n) for n in range(10_000)]
    answer = server.work.Report(pb.ReportRequest(
        worker_id="w", outcomes=[pb.Outcome(lease=lease, canceled=True) for lease in leases]), timeout=20)
    assert answer.ByteSize() <= MOST and [one.status_code for one in answer.results] == [9] * len(leases)
    many = [pb.JobLease(job_id="x" * 128, token=n) for n in range(15_000)]
    error = refused(server.work.Report, pb.ReportRequest(worker_id="w", extend=many))
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_job_that_no_message_could_hold():
    with Server("--max-payload", "4MiB") as server:
        error = refused(server.jobs.Enqueue, pb.EnqueueRequest(job=spec("q", payload=b"x" * (MOST - 1000))))
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT and "message" in error.details()
        payload = b"p" * (MOST - (100 << 10))
        job_id = enqueue(server, "q", payload=payload, metadata=METADATA).job_id
        job = server.work.Fetch(pb.FetchRequest(worker_id="w", queues=subscriptions("q"), max_wait=duration(5))).jobs[0]
        assert job.payload == payload
        result = b"r" * (3 << 20)
        assert server.work.Report(pb.ReportRequest(
            worker_id="w", outcomes=[pb.Outcome(lease=job.lease, success=pb.Success(result=result))])).results[0].status_code == 0
        shown = server.job(job_id)
        # Both do not fit: whoever asks wants the result.
        assert shown.result == result and not shown.spec.payload and shown.ByteSize() <= MOST
        listed = server.jobs.ListJobs(pb.ListJobsRequest()).jobs
        assert len(listed) == 1 and listed[0].result == result


def test_batches_count_their_callbacks(server, queue):
    callback = spec(queue, metadata=METADATA, concurrency_key="c" * 512, payload=b"p" * 1000)
    names = [f"{queue}-{number}" for number in range(200)]
    for name in names:
        server.jobs.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id=name, on_finished=callback, on_succeeded=callback)), timeout=5)
    found, token = [], ""
    while True:
        page = server.jobs.ListBatches(pb.ListBatchesRequest(page_size=1000, page_token=token), timeout=20)
        assert page.batches and page.ByteSize() <= MOST
        found += [one for one in page.batches if one.id.startswith(f"{queue}-")]
        token = page.next_page_token
        if not token:
            break
    assert [one.id for one in found] == names[::-1]
    assert all(dict(job.metadata) == METADATA and job.payload == callback.payload for one in found for job in (one.on_finished, one.on_succeeded))


def test_two_callbacks_that_no_message_could_hold():
    with Server("--max-payload", "4MiB") as server:
        large = spec("q", payload=b"p" * (3 << 20), metadata=METADATA)
        put = lambda **fields: server.jobs.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id="b", **fields)), timeout=10).batch
        assert put(on_finished=large).on_finished.payload == large.payload
        shown = [
            put(on_succeeded=large), server.jobs.GetBatch(pb.GetBatchRequest(batch_id="b"), timeout=10).batch,
            server.jobs.ListBatches(pb.ListBatchesRequest(), timeout=10).batches[0],
            server.jobs.CancelBatch(pb.CancelBatchRequest(batch_id="b"), timeout=10).batch,
        ]
        for one in shown:
            assert [dict(job.metadata) for job in (one.on_finished, one.on_succeeded)] == [METADATA] * 2
            assert not one.on_finished.payload and not one.on_succeeded.payload
        made = server.jobs.GetBatch(pb.GetBatchRequest(batch_id="b"), timeout=10).batch
        assert server.job(made.on_finished_job_id).spec.payload == large.payload
