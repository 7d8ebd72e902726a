"""A store that dies, hangs, or is followed by its replica: what callers hear, that workers stay, and that everything goes on by itself."""
import subprocess
import threading
import time

import grpc
import pytest
from harness.calls import refused, retry_hint, stored_start, until
from harness.database import Postgres, Replica
from harness.server import binary
from harness.stubs import pb
from harness.worker import Worker

from load import leader_of, listed
from replicas import Pair

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def two(fleet, **options):
    """The one that leads, and a front."""
    servers = fleet(2, **options)
    until(lambda: all(len(listed(one)) == 2 for one in servers), "two servers")
    leader = leader_of(servers)
    return leader, next(one for one in servers if one is not leader)


def held(worker, server, job):
    """A job that runs, as the store knows."""
    taken = worker.job(timeout=15)
    stored_start(server, job)
    return taken


def test_a_store_that_is_away_for_long(fleet, store):
    """For longer than a lead lasts, and than a lease: nobody could renew, so nobody has lost anything when it is back."""
    leader, front = two(fleet, lease="3s")
    with Worker(leader, "a", slots=2) as direct, Worker(front, "b", slots=2) as behind:
        first, second = leader.enqueue("a"), leader.enqueue("b")
        jobs = [(direct, held(direct, leader, first)), (behind, held(behind, leader, second))]
        stream = front.jobs.StreamEvents(pb.StreamEventsRequest(), timeout=60)
        began_at = next(iter(stream)).cursor
        store.kill()
        refused(lambda: leader.enqueue("q"))
        end = time.monotonic() + 7
        while time.monotonic() < end:
            for server in (leader, front):
                error, took = refused(lambda: server.enqueue("q"))
                assert error.code() == UNAVAILABLE and took < 2.5, f"{error} after {took} s"
                assert retry_hint(error)
                error, took = refused(lambda: server.job(first))
                assert error.code() == UNAVAILABLE and took < 2.5, f"{error} after {took} s"
            time.sleep(0.3)
        assert leader.get("/readyz")[0] == 503 and front.get("/readyz")[0] == 503
        store.start()
        late = until(lambda: front.enqueue("q"), "service again", timeout=15)
        for worker, job in jobs:
            until(lambda: worker.succeed(job, timeout=20) == 0, "stored outcome")
            assert worker.ended is None, f"the worker stayed connected: {worker.details}"
        for job in (first, second):
            done = until(lambda: leader.job(job), "the job")
            assert done.state == pb.JOB_STATE_SUCCEEDED and done.attempt == 1 and done.lost == 0
        # The watcher as well: it hears of what came later.
        seen = set()
        for message in stream:
            seen |= {event.job_id for event in message.events if int(event.cursor) > int(began_at)}
            if late in seen:
                break
        stream.cancel()
    until(lambda: leader.get("/readyz")[0] == 200 and front.get("/readyz")[0] == 200, "readiness")


def test_a_store_that_hangs(fleet, store):
    leader, front = two(fleet, lease="3s")
    with Worker(front, "a") as worker:
        job = leader.enqueue("a")
        mine = held(worker, leader, job)
        store.pause()
        try:
            # Only who is the first to find out waits.
            error, took = refused(lambda: leader.enqueue("q"))
            assert error.code() == UNAVAILABLE and took < 8, f"{error} after {took} s"
            for server in (leader, front, leader, front):
                error, took = refused(lambda: server.enqueue("q"))
                assert error.code() == UNAVAILABLE and took < 2.5, f"{error} after {took} s"
        finally:
            store.go_on()
        until(lambda: front.enqueue("q"), "service again")
        until(lambda: worker.succeed(mine, timeout=20) == 0, "stored outcome")
        assert worker.ended is None
    done = until(lambda: leader.job(job), "the job")
    assert done.state == pb.JOB_STATE_SUCCEEDED and done.attempt == 1 and done.lost == 0


def test_no_server_serves_before_there_is_a_store(fleet, store):
    """One gives up, another waits until it is there."""
    store.kill()
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="waiting for it"):
        fleet(1, "--store-wait", "1s")
    assert 0.9 < time.monotonic() - began < 10
    waiting = threading.Thread(target=lambda: servers.extend(fleet(1)))
    servers = []
    waiting.start()
    time.sleep(2)
    store.start()
    waiting.join()
    servers[0].enqueue("q")


def test_a_server_whose_port_is_taken_ends(fleet, store):
    """On a store that is shared as on one of its own: it does not wait for a part in leading that it never had."""
    (server,) = fleet(1)
    command = [binary(), "server", "--listen", server.address, "--http", "none", "--store", store.url]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "cannot listen" in done.stderr
    server.enqueue("q")


def test_a_failover_to_a_replica_that_lags_loses_what_it_must_and_repeats_nothing(fleet, store, clean):
    both = Pair(store, clean)
    servers = fleet(2, lease="5s")
    for one in servers:
        one.to_store.lead_to(both.way.port)
    until(lambda: all(len(listed(one)) == 2 for one in servers), "two servers")
    leader = leader_of(servers)
    front = next(one for one in servers if one is not leader)
    with Worker(front, "q", slots=100) as worker:
        until(lambda: leader.enqueue("other"), "service by the other way")
        kept = [leader.enqueue("q", id=f"kept-{number}") for number in range(20)]
        first = worker.take(20, timeout=15)
        stored_start(leader, *kept)
        until(both.in_step, "replica in step")
        # From here on the replica hears nothing.
        both.link.cut()
        gone = [leader.enqueue("q", id=f"gone-{number}") for number in range(20)]
        lost = worker.take(20, timeout=15)
        shown = int(next(iter(leader.jobs.StreamEvents(pb.StreamEventsRequest(), timeout=10))).cursor)
        both.fail_over()
        until(lambda: front.enqueue("other"), "service again", timeout=30)
        for job in kept:
            assert until(lambda: leader.job(job), "kept job").state == pb.JOB_STATE_RUNNING
        for job in gone:
            error, _ = refused(lambda: leader.job(job))
            assert error.code() == grpc.StatusCode.NOT_FOUND
        # What is no longer known is nobody's; what is known ends.
        for job in first:
            until(lambda: worker.succeed(job, timeout=20) == 0, "stored outcome")
        for job in lost:
            assert worker.succeed(job, timeout=20) == grpc.StatusCode.FAILED_PRECONDITION.value[0]
        new = [leader.enqueue("q", id=job) for job in gone]
        again = worker.take(20, timeout=15)
        assert {job.lease.job_id for job in again} == set(new)
        tokens = [job.lease.token for job in first + lost + again]
        assert len(set(tokens)) == len(tokens), "a token was given twice"
        now = int(next(iter(leader.jobs.StreamEvents(pb.StreamEventsRequest(), timeout=10))).cursor)
        assert now > shown, "cursors that were shown are given again"
        for job in again:
            assert worker.succeed(job) == 0
        assert worker.ended is None
    assert "has lost change sets" in leader.log() + front.log()


def test_postgresql_fails_over_to_the_host_that_takes_writes(fleet, store, clean, make_servers):
    """No way is turned: the servers find the new primary by the hosts in their URL."""
    if not isinstance(store, Postgres):
        pytest.skip("is about libpq's target_session_attrs")
    replica = Replica(store)
    clean(replica)
    a, b = make_servers(store.url_at(replica.port, store.port), count=2, lease="5s")
    assert "replicas" in a.log(), "a fail-over may lose what it waits for nowhere: that is said"
    with Worker(b, "q", slots=10) as worker:
        jobs = [a.enqueue("q", id=f"job-{number}") for number in range(10)]
        running = worker.take(10, timeout=15)
        stored_start(a, *jobs)
        until(lambda: store.ask("SELECT pg_current_wal_lsn()") == replica.ask("SELECT pg_last_wal_replay_lsn()"), "replica in step")
        store.kill()
        error, _ = refused(lambda: a.enqueue("q"))
        assert error.code() == UNAVAILABLE
        replica.promote()
        until(lambda: a.enqueue("other"), "service again", timeout=30)
        for job in running:
            until(lambda: worker.succeed(job, timeout=20) == 0, "stored outcome")
        for job in jobs:
            done = until(lambda: b.job(job), "the job")
            assert done.state == pb.JOB_STATE_SUCCEEDED and done.attempt == 1 and done.lost == 0
        assert worker.ended is None
