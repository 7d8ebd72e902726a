"""Several servers on one Redis."""
import collections
import os
import random
import signal
import threading
import time

import grpc
from harness.stubs import pb

from harness.calls import fetch, stored_start, succeed, until


def test_a_job_enqueued_at_one_server_runs_at_another(servers):
    a, b = servers(2)
    times = []
    for number in range(30):
        got = []
        waiting = threading.Thread(target=lambda: got.extend(fetch(b, "w", queue="q", wait=10)))
        waiting.start()
        time.sleep(0.05)
        start = time.monotonic()
        job = a.enqueue("q", payload=b"x")
        waiting.join()
        times.append(time.monotonic() - start)
        assert [given.lease.job_id for given in got] == [job]
        assert [result.status_code for result in succeed(b, "w", got)] == [0]
        assert a.job(job).state == pb.JOB_STATE_SUCCEEDED
    # Signals, not polling: even here, with Python on both ends, far below the beat of a second.
    assert sorted(times)[len(times) // 2] < 0.3, times


def test_events_are_the_same_at_every_server(servers):
    a, b = servers(2)
    jobs = [(a, b)[number % 2].enqueue("q") for number in range(20)]
    for job in fetch(a, "w", max_jobs=20):
        succeed(b, "w", [job])
    for job in jobs:
        assert b.wait(job).state == pb.JOB_STATE_SUCCEEDED
    seen = [[(event.cursor, event.type, event.job_id) for event in server.events()] for server in (a, b)]
    assert seen[0] == seen[1]
    assert len(seen[0]) >= 60


def test_waiting_at_one_server_for_a_job_that_ends_at_another(servers):
    a, b = servers(2)
    job = a.enqueue("q")
    ended = []
    waiting = threading.Thread(target=lambda: ended.append(a.wait(job, timeout=10).state))
    waiting.start()
    succeed(b, "w", fetch(b, "w"))
    waiting.join()
    assert ended == [pb.JOB_STATE_SUCCEEDED]


def test_a_dead_servers_jobs_go_to_others(servers):
    a, b = servers(2, lease="2s")
    job = a.enqueue("q")
    assert len(fetch(a, "w1", lease=2)) == 1
    stored_start(b, job)
    a.kill()
    start = time.monotonic()
    again = []
    while not again and time.monotonic() - start < 15:
        again = fetch(b, "w2", wait=3)
    assert [given.lease.job_id for given in again] == [job]
    assert again[0].attempt == 2
    assert [result.status_code for result in succeed(b, "w2", again)] == [0]


def test_while_redis_is_away_callers_hear_so_at_once_and_everything_goes_on_afterwards(servers, redis):
    (server,) = servers(1, lease="10s")
    job = server.enqueue("q")
    held = fetch(server, "w")
    stored_start(server, job)
    redis.kill()
    for _ in range(5):
        start = time.monotonic()
        try:
            server.enqueue("q")
            assert False, "an enqueue was acknowledged without Redis"
        except grpc.RpcError as error:
            assert error.code() == grpc.StatusCode.UNAVAILABLE
        assert time.monotonic() - start < 4
    redis.start()
    end = time.monotonic() + 15
    results = []
    while not results and time.monotonic() < end:
        try:
            results = [result.status_code for result in succeed(server, "w", held)]
            if results and results[0] == grpc.StatusCode.UNAVAILABLE.value[0]:
                results = []
        except grpc.RpcError:
            pass
        time.sleep(0.1)
    assert results == [0]
    assert server.job(job).state == pb.JOB_STATE_SUCCEEDED


def test_no_acknowledged_job_is_lost_whatever_dies(servers, redis):
    """A total queue: what was acknowledged ends exactly once as succeeded, nothing else appears; runs more than once are counted."""
    seed = int(os.environ.get("GKICK_SEED", "0")) or random.randrange(1 << 30)
    print("GKICK_SEED", seed)
    chance = random.Random(seed)
    fleet = servers(3, lease="2s")
    asked, acknowledged, runs = set(), set(), collections.Counter()
    stop, lock = threading.Event(), threading.Lock()
    producing = threading.Event()

    def produce(index):
        number = 0
        while not producing.is_set():
            job = f"job-{index}-{number}"
            number += 1
            asked.add(job)
            while not stop.is_set():
                try:
                    fleet[chance.randrange(3)].enqueue("q", id=job)
                    acknowledged.add(job)
                    break
                except grpc.RpcError:
                    time.sleep(0.05)
                    if producing.is_set():
                        break
            time.sleep(0.005)

    def work(index):
        worker = f"worker-{index}"
        while not stop.is_set():
            server = fleet[chance.randrange(3)]
            try:
                jobs = fetch(server, worker, max_jobs=8, wait=0.5, lease=2)
            except grpc.RpcError:
                time.sleep(0.05)
                continue
            with lock:
                for job in jobs:
                    runs[job.lease.job_id] += 1
            for _ in range(10):
                if not jobs:
                    break
                try:
                    succeed(fleet[chance.randrange(3)], worker, jobs)
                    break
                except grpc.RpcError:
                    time.sleep(0.1)

    threads = [threading.Thread(target=produce, args=(index,)) for index in range(2)]
    threads += [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    try:
        for round in range(4):
            time.sleep(0.7)
            victim = fleet[chance.randrange(3)]
            match round:
                case 0:
                    victim.restart()
                case 1:
                    redis.kill()
                    time.sleep(0.5)
                    redis.start()
                case 2:
                    # Beyond the lease: its workers' jobs go to others.
                    victim.process.send_signal(signal.SIGSTOP)
                    time.sleep(3)
                    victim.process.send_signal(signal.SIGCONT)
                case 3:
                    redis.process.send_signal(signal.SIGSTOP)
                    time.sleep(3)
                    redis.process.send_signal(signal.SIGCONT)
        time.sleep(1)
        producing.set()
        end = time.monotonic() + 60
        left = set(asked)
        while left and time.monotonic() < end:
            time.sleep(0.3)
            for job in list(left):
                try:
                    if fleet[0].job(job).state == pb.JOB_STATE_SUCCEEDED:
                        left.discard(job)
                except grpc.RpcError as error:
                    # Not acknowledged and not stored: that is allowed.
                    if error.code() == grpc.StatusCode.NOT_FOUND and job not in acknowledged:
                        left.discard(job)
    finally:
        producing.set()
        stop.set()
        for thread in threads:
            thread.join()
    assert not left, f"not ended: {sorted(left)[:10]} of {len(asked)}, seed {seed}"
    assert set(runs) <= asked, "a job that nobody asked for"
    assert acknowledged <= set(runs)
    succeeded = collections.Counter(
        event.job_id for event in fleet[0].events(types=[pb.EVENT_TYPE_SUCCEEDED]))
    assert all(succeeded[job] == 1 for job in acknowledged)
    print(f"{len(acknowledged)} acknowledged, {sum(runs.values()) - len(runs)} runs more than one per job")
