"""A Redis that dies, hangs, forgets, is full or may not be written to: what callers hear, and that everything goes on."""
import threading
import time

import grpc
from harness.stubs import pb
from harness.worker import Worker

from harness.calls import fetch, refused, retry_hint, stored_start, succeed, until

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def test_a_redis_that_dies_and_comes_back_with_its_log_has_lost_nothing(servers, redis):
    a, b = servers(2, lease="20s")
    jobs = [a.enqueue("q") for _ in range(30)]
    with Worker(b, "q", slots=3) as worker:
        running = worker.take(3)
        stored_start(a, *(job.lease.job_id for job in running))
        redis.kill()
        assert refused(lambda: a.enqueue("q"))[0].code() == UNAVAILABLE
        redis.start()
        until(lambda: a.job(jobs[0]).state, "answer of the first server")
        # Its worker stayed connected, and ends what it began.
        for job in running:
            until(lambda: worker.succeed(job, timeout=20) == 0, "stored outcome")
        for _ in jobs[3:]:
            assert worker.succeed(worker.job(timeout=20), timeout=20) == 0
    for job in jobs:
        done = until(lambda: (found := a.job(job)).state == pb.JOB_STATE_SUCCEEDED and found, "end of the job")
        assert done.attempt == 1 and done.lost == 0


def test_a_redis_that_comes_back_empty_confuses_nobody(make_redis, make_servers):
    redis = make_redis("--appendonly", "no")
    a, b = make_servers(redis.url, count=2, lease="3s")
    assert "appendonly" in a.log()
    old = a.enqueue("q", id="chosen")
    with Worker(b, "q", worker_id="w", slots=2) as worker:
        held = worker.job()
        redis.kill()
        # What was refused as UNAVAILABLE may yet be stored: not in the queue that is looked at below.
        refused(lambda: a.enqueue("other"))
        redis.start()
        until(lambda: [server.enqueue("other") for server in (a, b)], "answer of both")
        # The job is unknown, its lease is nobody's, and there is no ghost of it.
        error, _ = refused(lambda: b.job(old))
        assert error.code() == grpc.StatusCode.NOT_FOUND
        said = until(lambda: (code := worker.succeed(held, timeout=20)) != UNAVAILABLE.value[0] and code, "refusal")
        assert said == grpc.StatusCode.FAILED_PRECONDITION.value[0]
        new = a.enqueue("q", id="chosen")
        given = worker.job(timeout=20)
        assert given.lease.job_id == new and given.attempt == 1 and given.lease.token != held.lease.token
        assert worker.succeed(given) == 0
        assert a.wait(new).state == pb.JOB_STATE_SUCCEEDED
    queues = {queue.name: queue for queue in a.admin.ListQueues(pb.ListQueuesRequest(), timeout=10).queues}
    assert queues["q"].running == 0 and queues["q"].succeeded_total == 1
    assert "has lost change sets" in a.log() + b.log()
    # A new server finds the same store.
    assert make_servers(redis.url)[0].job(new).state == pb.JOB_STATE_SUCCEEDED


def test_a_redis_that_hangs_is_told_soon_and_with_a_hint(servers, redis):
    """Beyond the lease: nobody could renew, so nobody has lost anything when it goes on."""
    a, b = servers(2, lease="2s")
    job = a.enqueue("q")
    with Worker(b, "q", worker_id="w") as worker:
        held = worker.job()
        stored_start(a, job)
        redis.pause()
        try:
            stopped = time.monotonic()
            error, took = refused(lambda: a.enqueue("q"))
            assert error.code() == UNAVAILABLE and took < 8, f"{error} after {took} s"
            assert retry_hint(error) and 0 < retry_hint(error) <= 10_000
            # From then on at once; readers too.
            times = [refused(lambda: a.enqueue("q"))[1] for _ in range(5)]
            assert sorted(times)[2] < 1, times
            assert refused(lambda: a.job(job))[0].code() == UNAVAILABLE
            time.sleep(max(0, 5 - (time.monotonic() - stopped)))
        finally:
            redis.go_on()
        until(lambda: a.enqueue("other"), "answer afterwards")
        until(lambda: worker.succeed(held, timeout=20) == 0, "stored outcome")
        assert worker.ended is None, "the worker stayed connected"
    done = until(lambda: a.job(job), "answer")
    assert done.state == pb.JOB_STATE_SUCCEEDED and done.attempt == 1 and done.lost == 0


def taken(call):
    """Its answer; nothing while there is no memory."""
    try:
        return call()
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return None


def test_used_up_memory_is_told_as_such_and_jobs_end_when_there_is_some(servers, redis):
    (server,) = servers(1)
    job = server.enqueue("q")
    with Worker(server, "q") as worker:
        held = worker.job()
        stored_start(server, job)
        redis.ask("CONFIG", "SET", "maxmemory", "1mb")
        error, _ = refused(lambda: server.enqueue("q"))
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED and "maxmemory" in error.details()
        # Others go on putting jobs in. What is in one change set with theirs is to be sent again, as its code says; soon it is stored.
        over = threading.Event()

        def push():
            while not over.is_set():
                taken(lambda: server.enqueue("q"))

        pushing = [threading.Thread(target=push) for _ in range(4)]
        for one in pushing:
            one.start()
        try:
            codes = []
            while not codes or codes[-1] != 0:
                codes.append(worker.succeed(held))
                assert codes[-1] in (0, grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]) and len(codes) < 20, codes
                time.sleep(0.1)
            assert server.job(job).state == pb.JOB_STATE_SUCCEEDED
        finally:
            over.set()
            for one in pushing:
                one.join()
        redis.ask("CONFIG", "SET", "maxmemory", "0")
        until(lambda: taken(lambda: server.enqueue("other")), "answer when there is memory again")


def test_a_redis_that_may_only_be_read_is_told_as_such(servers, redis, make_redis):
    (server,) = servers(1)
    server.enqueue("q")
    redis.ask("REPLICAOF", "127.0.0.1", make_redis().port)
    error, _ = refused(lambda: server.enqueue("q"))
    # Where the replica has already been filled from its empty master, who led is forgotten as well.
    assert error.code() == UNAVAILABLE and retry_hint(error)
    assert "replica" in error.details() or "does not lead" in error.details()
    redis.ask("REPLICAOF", "NO", "ONE")
    until(lambda: server.enqueue("q"), "answer of the master that it is again")


def test_weak_promises_are_warned_of(make_redis, make_servers):
    strong = make_servers(make_redis().url)[0]
    assert "appendfsync" not in strong.log() and "appendonly" not in strong.log()
    weak = make_servers(make_redis("--appendfsync", "everysec").url)[0]
    assert "appendfsync everysec" in weak.log()
    weaker = make_servers(make_redis("--appendonly", "no").url)[0]
    assert "appendonly no" in weaker.log()


def test_promises_that_became_weaker_are_warned_of_after_reconnecting(redis, make_servers):
    (server,) = make_servers(redis.url)
    assert "appendfsync" not in server.log()
    redis.kill()
    redis.settings = ("--appendfsync", "everysec")
    redis.start()
    until(lambda: server.enqueue("q"), "service again")
    until(lambda: "appendfsync everysec" in server.log(), "warning")


def test_replicas_that_were_asked_to_confirm_do(redis, make_redis, make_servers):
    (server,) = make_servers(redis.url, "--redis-wait", "1")
    assert "0 replicas" in server.log()
    error, _ = refused(lambda: server.enqueue("q", id="one"))
    assert error.code() == UNAVAILABLE and "replicas" in error.details()
    replica = make_redis("--replicaof", f"127.0.0.1 {redis.port}")
    until(lambda: "master_link_status:up" in replica.ask("INFO", "replication"), "replica in step")
    # Said again, it is a duplicate, and safe.
    again = until(lambda: server.jobs.Enqueue(
        pb.EnqueueRequest(job=pb.JobSpec(id="one", queue="q", name="t")), timeout=10), "confirmed commit")
    assert again.duplicate and again.durability == pb.DURABILITY_SYNCED


def test_a_server_that_dies_at_work_loses_nothing_that_was_acknowledged(servers):
    """kill -9 while jobs come in and run: all that were acknowledged end once, and nothing else appears."""
    a, b = servers(2, lease="2s")
    acknowledged, asked, stop = [], [], threading.Event()

    def produce():
        number = 0
        while not stop.is_set():
            number += 1
            asked.append(f"job-{number}")
            try:
                acknowledged.append(a.enqueue("q", id=asked[-1]))
            except grpc.RpcError:
                return

    def work(server, name):
        while not stop.is_set():
            try:
                jobs = fetch(server, name, max_jobs=8, wait=0.5, lease=2)
                time.sleep(0.02)
                succeed(server, name, jobs)
            except grpc.RpcError:
                return

    threads = [threading.Thread(target=produce)]
    threads += [threading.Thread(target=work, args=(server, f"w{index}")) for index, server in enumerate((a, a, b))]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(acknowledged) >= 200, "200 acknowledged jobs", timeout=60)
        a.kill()

        def open_jobs():
            queues = {queue.name: queue for queue in b.admin.ListQueues(pb.ListQueuesRequest(), timeout=10).queues}
            return queues["q"].ready + queues["q"].scheduled + queues["q"].running

        until(lambda: open_jobs() == 0, "end of all jobs", timeout=60)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    ended = [event.job_id for event in b.events(types=[pb.EVENT_TYPE_SUCCEEDED])]
    assert len(ended) == len(set(ended)), "a job succeeded twice"
    assert set(acknowledged) <= set(ended) <= set(asked)


def test_passwords_and_databases(make_redis, make_servers):
    redis = make_redis("--requirepass", "s3cret")
    (server,) = make_servers(redis.url.replace("://", "://:s3cret@") + "/3")
    server.enqueue("q")
    assert "s3cret" not in server.log()
