"""Who gets what, and in which order."""
from collections import Counter

from harness.stubs import pb
from harness.worker import Worker


def drain(worker, count):
    """Runs `count` jobs one after the other; their names and queues as they came."""
    seen = []
    for _ in range(count):
        job = worker.job()
        seen.append((job.queue, job.name))
        worker.succeed(job)
    return seen


def test_priority_first_then_first_in_first_out(server, queue):
    wanted = []
    for index in range(40):
        priority = (index * 7) % 5 - 2
        server.enqueue(queue, f"{index}", priority=priority)
        wanted.append((-priority, index))
    with Worker(server, queue) as worker:
        assert [name for _, name in drain(worker, 40)] == [str(index) for _, index in sorted(wanted)]


def test_the_extremes_of_priority(server, queue):
    for priority in (-100, 0, 100):
        server.enqueue(queue, str(priority), priority=priority)
    with Worker(server, queue) as worker:
        assert [name for _, name in drain(worker, 3)] == ["100", "0", "-100"]


def test_strict_subscriptions_empty_the_first_queue_first(server, queue):
    low, high = queue + "low", queue + "high"
    for index in range(5):
        server.enqueue(low, priority=100)
        server.enqueue(high)
    with Worker(server, [high, low]) as worker:
        assert [name for name, _ in drain(worker, 10)] == [high] * 5 + [low] * 5


def test_weighted_subscriptions_share(server, queue):
    heavy, light = queue + "heavy", queue + "light"
    for _ in range(400):
        server.enqueue(heavy, priority=-5)
        server.enqueue(light, priority=5)
    with Worker(server, [(heavy, 3), (light, 1)]) as worker:
        count = Counter(name for name, _ in drain(worker, 400))
    assert 240 <= count[heavy] <= 360, count
    server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=heavy))
    server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=light))


def test_a_weighted_worker_takes_from_the_one_queue_that_has_jobs(server, queue):
    light = queue + "light"
    for _ in range(20):
        server.enqueue(light)
    with Worker(server, [(queue + "heavy", 1000), (light, 1)]) as worker:
        assert len(drain(worker, 20)) == 20


def test_prefix_subscriptions(server, queue):
    with Worker(server, queue + ".*") as worker:
        server.enqueue(queue + ".a", "a")
        server.enqueue(queue + ".b.c", "b")
        server.enqueue(queue, "not mine")
        assert {name for _, name in drain(worker, 2)} == {"a", "b"}
        worker.idle()
    with Worker(server, queue + ".*") as worker:
        for index in range(6):
            server.enqueue(f"{queue}.{index % 3}", str(index), priority=index)
        drain(worker, 6)


def test_everything(server, queue):
    with Worker(server, "*") as worker:
        server.enqueue(queue, "x")
        while (job := worker.job()).queue != queue:
            worker.release(job, delay=60)
        worker.succeed(job)


def test_names_filter(server, queue):
    for name in ("a", "b", "a", "c", "b"):
        server.enqueue(queue, name)
    with Worker(server, queue, names=["b"]) as worker:
        assert [name for _, name in drain(worker, 2)] == ["b", "b"]
        worker.idle()
    with Worker(server, queue, names=["c", "a"]) as worker:
        assert [name for _, name in drain(worker, 3)] == ["a", "a", "c"]


def test_few_jobs_are_spread_over_all_workers(server, queue):
    workers = [Worker(server, queue, slots=10) for _ in range(5)]
    try:
        requests = [pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t")) for _ in range(5)]
        server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=requests))
        for worker in workers:
            worker.job()
            assert not worker.jobs
    finally:
        for worker in workers:
            worker.close()


def test_many_jobs_fill_all_workers(server, queue):
    workers = [Worker(server, queue, slots=slots) for slots in (2, 5, 10)]
    try:
        requests = [pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t")) for _ in range(30)]
        server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=requests))
        for worker, slots in zip(workers, (2, 5, 10)):
            worker.take(slots)
        for worker in workers:
            worker.idle(0.1)
    finally:
        for worker in workers:
            worker.close()
    server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=queue))


def test_paused_queues_wait_and_resume(server, queue):
    running = server.enqueue(queue)
    with Worker(server, queue, slots=2) as worker:
        job = worker.job()
        server.admin.PauseQueue(pb.PauseQueueRequest(queue=queue))
        waiting = server.enqueue(queue)
        worker.idle()
        assert server.job(waiting).waiting_reason
        assert worker.succeed(job) == 0, "what runs goes on"
        server.admin.ResumeQueue(pb.ResumeQueueRequest(queue=queue))
        assert worker.job().lease.job_id == waiting
    assert server.job(running).state == pb.JOB_STATE_SUCCEEDED
    kinds = [event.type for event in server.events(queues=[queue])]
    assert pb.EVENT_TYPE_QUEUE_PAUSED in kinds and pb.EVENT_TYPE_QUEUE_RESUMED in kinds
