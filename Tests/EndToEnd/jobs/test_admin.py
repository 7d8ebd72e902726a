"""AdminService: queues, purge, bulk retry, workers, server info."""
import time

import grpc
import pytest

from harness.stubs import pb
from harness.worker import Worker, duration


def stats(server, queue):
    return next((one for one in server.admin.ListQueues(pb.ListQueuesRequest()).queues if one.name == queue), None)


def test_queues_count_what_is_in_them(server, queue):
    for _ in range(3):
        server.enqueue(queue)
    server.jobs.Schedule(pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t"), delay=duration(60)))
    time.sleep(0.2)
    found = stats(server, queue)
    assert (found.ready, found.scheduled, found.running, found.paused) == (3, 1, 0, False)
    assert 0.1 < found.oldest_ready_age.ToMilliseconds() / 1000 < 5
    with Worker(server, queue) as worker:
        job = worker.job()
        found = stats(server, queue)
        assert (found.ready, found.running, found.workers) == (2, 1, 1)
        worker.succeed(job)
        worker.fail(worker.job(), retryable=False)
        worker.fail(worker.job())
        found = stats(server, queue)
        assert (found.ready, found.scheduled, found.running, found.dead) == (0, 2, 0, 1)
        assert (found.succeeded_total, found.failed_total) == (1, 2)


def test_a_paused_queue_is_known_before_it_has_jobs(server, queue):
    server.admin.PauseQueue(pb.PauseQueueRequest(queue=queue))
    assert stats(server, queue).paused
    server.admin.PauseQueue(pb.PauseQueueRequest(queue=queue))
    server.admin.ResumeQueue(pb.ResumeQueueRequest(queue=queue))
    with pytest.raises(grpc.RpcError) as refusal:
        server.admin.PauseQueue(pb.PauseQueueRequest(queue="a b"))
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_purge(server, queue):
    with Worker(server, queue) as worker:
        server.enqueue(queue)
        worker.succeed(worker.job())
        server.enqueue(queue)
        worker.fail(worker.job(), retryable=False)
        running = server.enqueue(queue)
        worker.job()
        for _ in range(1500):
            server.enqueue(queue)
        with pytest.raises(grpc.RpcError) as refusal:
            server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=queue, states=[pb.JOB_STATE_RUNNING]))
        assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=queue, states=[pb.JOB_STATE_DEAD])).deleted == 1
        assert server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=queue)).deleted == 1501
        assert server.job(running).state == pb.JOB_STATE_RUNNING
        found = stats(server, queue)
        assert (found.ready, found.running, found.dead) == (0, 1, 0)


def test_bulk_retry(server, queue):
    ids = [server.enqueue(queue, name, retry=pb.RetryPolicy(max_attempts=1)) for name in "aab"]
    with Worker(server, queue, slots=3) as worker:
        for job in worker.take(3):
            worker.fail(job)
    retried = server.admin.RetryJobs(pb.RetryJobsRequest(queue=queue, name="a", reset_attempts=True)).retried
    assert retried == 2
    assert [server.job(job_id).state for job_id in ids] == [pb.JOB_STATE_READY] * 2 + [pb.JOB_STATE_DEAD]
    assert server.admin.RetryJobs(pb.RetryJobsRequest(queue=queue)).retried == 1
    with Worker(server, queue, slots=3) as worker:
        assert sorted(job.attempt for job in worker.take(3)) == [1, 1, 2]


def test_bulk_retry_of_all_queues(server, queue):
    queues = [queue, f"{queue}-other"]
    name = f"{queue}-name"
    ids = [server.enqueue(one, name, retry=pb.RetryPolicy(max_attempts=1)) for one in queues for _ in range(2)]
    other = server.enqueue(queue, "another", retry=pb.RetryPolicy(max_attempts=1))
    with Worker(server, queues, slots=5) as worker:
        for job in worker.take(5):
            worker.fail(job)
    assert server.admin.RetryJobs(pb.RetryJobsRequest(name=name)).retried == 4
    assert [server.job(job_id).state for job_id in ids] == [pb.JOB_STATE_READY] * 4
    assert server.job(other).state == pb.JOB_STATE_DEAD
    # An empty filter means all.
    assert server.admin.RetryJobs(pb.RetryJobsRequest()).retried >= 1
    assert server.job(other).state == pb.JOB_STATE_READY


def test_workers_are_listed(server, queue):
    def find():
        return next((one for one in server.admin.ListWorkers(pb.ListWorkersRequest()).workers
                     if one.worker_id == f"w{queue}"), None)

    with Worker(server, [queue, "p*"], names=["n"], slots=4, worker_id=f"w{queue}", labels={"pid": "7"}) as worker:
        server.enqueue(queue, "n")
        job = worker.job()
        found = find()
        assert list(found.queues) == [queue, "p*"] and list(found.names) == ["n"] and dict(found.labels) == {"pid": "7"}
        assert (found.max_in_flight, found.running, found.draining) == (4, 1, False)
        assert found.address.startswith("127.0.0.1:") and found.server_id == worker.welcome.server_id
        assert abs(found.connected_at.ToNanoseconds() / 1e9 - time.time()) < 10
        worker.succeed(job)
        assert find().succeeded_total == 1 and find().running == 0
    deadline = time.time() + 5
    while find() is not None and time.time() < deadline:
        time.sleep(0.05)
    assert find() is None


def test_drain_worker(server, queue):
    server.enqueue(queue)
    server.enqueue(queue)
    with Worker(server, queue, worker_id=f"w{queue}") as worker:
        job = worker.job()
        server.admin.DrainWorker(pb.DrainWorkerRequest(worker_id=f"w{queue}"))
        worker.until(lambda: worker.draining, "drain")
        assert worker.succeed(job) == 0
        assert worker.end(3) is grpc.StatusCode.OK and not worker.jobs
    with pytest.raises(grpc.RpcError) as refusal:
        server.admin.DrainWorker(pb.DrainWorkerRequest(worker_id="nobody"))
    assert refusal.value.code() is grpc.StatusCode.NOT_FOUND


def test_server_info(server):
    info = server.admin.GetServerInfo(pb.GetServerInfoRequest())
    assert info.server_id and info.version and info.store == server.store_kind
    assert 0 <= time.time() - info.started_at.ToNanoseconds() / 1e9 < 3600
