"""A database that does what databases do: ends sessions, stops statements, takes no writes, has no connection left. On each kind."""
import threading
import time

import grpc
import pytest
from harness.calls import refused, until
from harness.database import Maria, Postgres
from harness.stubs import pb
from harness.worker import Worker

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture(params=["postgres", "maria"])
def database(request):
    return request.getfixturevalue(request.param)


def sessions(database):
    """Of gKick's servers, as the database numbers them."""
    if isinstance(database, Postgres):
        rows = database.ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'gkick'")
    else:
        rows = database.ask("SELECT id FROM information_schema.PROCESSLIST WHERE db = 'jobs'")
    return rows.split()


def end(database, session):
    try:
        database.ask(f"SELECT pg_terminate_backend({session})" if isinstance(database, Postgres) else f"KILL {session}")
    except RuntimeError:
        pass  # it has gone by itself


class Steady:
    """A producer and a worker, and what became of all that was acknowledged."""

    def __init__(self, server):
        self.server, self.acknowledged, self.codes, self.slowest = server, [], set(), 0
        self.worker = Worker(server, "q", slots=16, resume=30)
        self.stop, self.done = threading.Event(), threading.Event()
        self.threads = [threading.Thread(target=one, daemon=True) for one in (self.produce, self.work)]
        for thread in self.threads:
            thread.start()
        until(lambda: len(self.acknowledged) > 50, "a load")

    def produce(self):
        number = 0
        while not self.stop.is_set():
            number += 1
            began = time.monotonic()
            try:
                self.acknowledged.append(self.server.enqueue("q", id=f"job-{number}"))
            except grpc.RpcError as error:
                self.codes.add(error.code())
                self.slowest = max(self.slowest, time.monotonic() - began)
                number -= 1
                time.sleep(0.02)

    def work(self):
        while not self.done.is_set():
            with self.worker.changed:
                again = [one.lease for one in self.worker.results if one.status_code in (8, 14)]
                self.worker.results.clear()
            for lease in again:
                self.worker.succeed(lease, wait=False)
            try:
                self.worker.succeed(self.worker.job(timeout=0.1), wait=False)
            except AssertionError:
                pass

    def goes_on(self, most=3.0):
        before = len(self.acknowledged)
        until(lambda: len(self.acknowledged) > before + 50, "service again", timeout=30)
        assert self.codes <= {UNAVAILABLE}, self.codes
        assert self.slowest < most, f"an answer took {self.slowest} s"

    def finish(self):
        self.stop.set()
        self.threads[0].join()
        for job in self.acknowledged:
            until(lambda: self.server.job(job).state == pb.JOB_STATE_SUCCEEDED, f"end of {job}", timeout=30)
        self.done.set()
        self.threads[1].join()
        assert self.worker.ended is None, f"the worker stayed connected: {self.worker.details}"
        succeeded = [one.job_id for one in self.server.events(types=[pb.EVENT_TYPE_SUCCEEDED])]
        assert len(succeeded) == len(set(succeeded)) and set(succeeded) >= set(self.acknowledged)
        self.worker.close()


def test_sessions_that_are_ended(database, serve):
    load = Steady(serve(database.url))
    for _ in range(5):
        for session in sessions(database):
            end(database, session)
        load.goes_on()
    load.finish()


def test_a_database_that_takes_no_writes_for_a_while(database, serve):
    server = serve(database.url)
    load = Steady(server)
    if isinstance(database, Postgres):
        database.ask("ALTER SYSTEM SET default_transaction_read_only = on")
        database.ask("SELECT pg_reload_conf()")
        for session in sessions(database):
            end(database, session)
        end_at = time.monotonic() + 2
        while time.monotonic() < end_at:
            error, took = refused(lambda: server.enqueue("other"))
            assert error.code() == UNAVAILABLE and took < 3, f"{error} after {took} s"
            time.sleep(0.1)
        assert "read-only" in error.details()
        database.ask("ALTER SYSTEM RESET default_transaction_read_only")
        database.ask("SELECT pg_reload_conf()")
    else:
        database.ask("CREATE USER gkick@'127.0.0.1' IDENTIFIED BY 'x'; GRANT ALL ON other.* TO gkick@'127.0.0.1'; CREATE DATABASE other")
        plain = serve(f"mysql://gkick:x@127.0.0.1:{database.port}/other")
        plain.enqueue("q")
        database.ask("SET GLOBAL read_only = 1")
        error, took = refused(lambda: plain.enqueue("q"))
        assert error.code() == UNAVAILABLE and "read" in error.details() and took < 3
        assert plain.get("/readyz")[0] == 503
        database.ask("SET GLOBAL read_only = 0")
        until(lambda: plain.enqueue("q"), "service again")
    load.goes_on()
    load.finish()


def test_statements_that_are_stopped(database, serve):
    load = Steady(serve(database.url))
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        for session in sessions(database):
            try:
                database.ask(f"SELECT pg_cancel_backend({session})" if isinstance(database, Postgres) else f"KILL QUERY {session}")
            except RuntimeError:
                pass
    # MariaDB leaves the rest of a text unanswered when it is stopped between two of its statements: that takes as long as an answer may.
    load.goes_on(most=3 if isinstance(database, Postgres) else 8)
    load.finish()


def test_no_connection_left(database, serve):
    """Those that are there go on; a server that starts then waits, and says why."""
    server = serve(database.url)
    load = Steady(server)
    if isinstance(database, Postgres):
        database.ask("CREATE ROLE few LOGIN CONNECTION LIMIT 1")
        url, told = database.url.replace("postgres@", "few@"), "connections"
    else:
        database.ask("CREATE USER few@'127.0.0.1' IDENTIFIED BY 'x' WITH MAX_USER_CONNECTIONS 1; GRANT ALL ON jobs.* TO few@'127.0.0.1'")
        url, told = f"mysql://few:x@127.0.0.1:{database.port}/jobs", "connections"
    with pytest.raises(RuntimeError, match=told):
        serve(url, "--store-wait", "2s")
    load.goes_on()
    load.finish()


def test_transactions_that_lose_against_others(postgres, serve):
    """Somebody locks and changes gKick's rows in an order of his own: a deadlock ends one of the two, nothing is lost."""
    load = Steady(serve(postgres.url))
    for _ in range(3):
        deadlock(postgres)
    load.goes_on()
    load.finish()


def deadlock(postgres):
    try:
        postgres.ask("SET deadlock_timeout = '10ms'; BEGIN; LOCK TABLE gkick.running IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.3); "
                     "LOCK TABLE gkick.tick IN ACCESS EXCLUSIVE MODE; COMMIT")
    except RuntimeError as error:
        assert "deadlock" in str(error)


def test_promises_that_became_weaker_are_warned_of_after_reconnecting(database, serve):
    server = serve(database.url)
    weak = "synchronous_standby_names" if isinstance(database, Postgres) else "innodb_flush_log_at_trx_commit"
    assert weak not in server.log() and "fsync" not in server.log()
    if isinstance(database, Postgres):
        database.ask("ALTER SYSTEM SET fsync = off")
        weak = "fsync = off"
        database.ask("SELECT pg_reload_conf()")
    else:
        database.ask("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    for session in sessions(database):
        end(database, session)
    until(lambda: server.enqueue("q"), "service again")
    until(lambda: weak in server.log(), "warning")
