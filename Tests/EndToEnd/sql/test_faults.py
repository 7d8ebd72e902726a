"""A database that does what databases do: ends sessions, stops statements, takes no writes, has no connection left. On each kind."""
import subprocess
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


def url_of_a_user(database):
    """Of one without rights over the database: settings and limits are for such a user, root may do more."""
    if isinstance(database, Postgres):
        database.ask("CREATE ROLE plain LOGIN; CREATE SCHEMA gkick AUTHORIZATION plain")
        return database.url.replace("postgres@", "plain@")
    database.ask("CREATE USER plain@'127.0.0.1' IDENTIFIED BY 'x'; GRANT ALL ON jobs.* TO plain@'127.0.0.1'")
    return database.url.replace("root@", "plain:x@")


def is_refused_at_once(server, word, seconds=2.0):
    """For so long, each time."""
    end_at = time.monotonic() + seconds
    while time.monotonic() < end_at:
        error, took = refused(lambda: server.enqueue("other"))
        assert error.code() == UNAVAILABLE and took < 3, f"{error} after {took} s"
        time.sleep(0.1)
    assert word in error.details(), error.details()
    assert server.get("/readyz")[0] == 503


def test_a_table_that_is_away_for_a_while(database, serve):
    """Somebody's mistake, put right by hand: until then callers are to come again, and nothing that is under way ends otherwise than it would have."""
    server = serve(database.url)
    load = Steady(server)
    here, there = ("gkick.job", "hidden") if isinstance(database, Postgres) else ("jobs.gkick_job", "jobs.gkick_hidden")
    database.ask(f"ALTER TABLE {here} RENAME TO {there}")
    is_refused_at_once(server, here)
    database.ask("ALTER TABLE gkick.hidden RENAME TO job" if isinstance(database, Postgres) else f"ALTER TABLE {there} RENAME TO {here}")
    load.goes_on()
    load.finish()


def test_a_database_that_takes_no_writes_for_a_while(database, serve):
    server = serve(url_of_a_user(database))
    load = Steady(server)
    if isinstance(database, Postgres):
        database.ask("ALTER SYSTEM SET default_transaction_read_only = on")
        database.ask("SELECT pg_reload_conf()")
        for session in sessions(database):
            end(database, session)
    else:
        database.ask("SET GLOBAL read_only = 1")
    is_refused_at_once(server, "read-only")
    if isinstance(database, Postgres):
        database.ask("ALTER SYSTEM RESET default_transaction_read_only")
        database.ask("SELECT pg_reload_conf()")
    else:
        database.ask("SET GLOBAL read_only = 0")
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


def test_no_connection_left_for_one_that_must_connect_again(database, serve):
    """Its sessions are ended while others have all that there are."""
    server = serve(url_of_a_user(database))
    load = Steady(server)
    others = []
    if isinstance(database, Postgres):
        database.ask("ALTER ROLE plain CONNECTION LIMIT 0")
    else:
        # Fewer it does not take. Root has one beyond them.
        others = [subprocess.Popen(
            ["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(database.port), "-u", "plain", "-px", "-e", "SELECT SLEEP(60)"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(10)]
        until(lambda: database.ask("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE info LIKE 'SELECT SLEEP%'") == "10", "others")
    try:
        ended = sessions(database)
        if isinstance(database, Postgres):
            for session in ended:
                end(database, session)
        else:
            # By one session that is there already: until they are gone root gets none either.
            database.ask("SET GLOBAL max_connections = 10; " + "; ".join(f"KILL {session}" for session in ended))
        is_refused_at_once(server, "connections")
    finally:
        for other in others:
            other.kill()
            other.wait()
        if isinstance(database, Postgres):
            database.ask("ALTER ROLE plain CONNECTION LIMIT -1")
        else:
            database.ask("SET GLOBAL max_connections = 400")
    load.goes_on()
    load.finish()


@pytest.mark.parametrize("victim", ["gkick", "other"])
def test_transactions_that_lose_against_others(database, serve, victim):
    """Somebody locks gkick's rows in an order of his own: a deadlock ends one of the two. It is tried again, nothing is lost, nobody hears of it."""
    load = Steady(serve(database.url))
    if isinstance(database, Postgres):
        # Whoever waits for so long looks whether somebody waits for him.
        database.ask(f"ALTER SYSTEM SET deadlock_timeout = '{'150ms' if victim == 'gkick' else '60s'}'")
        database.ask("SELECT pg_reload_conf()")
    else:
        database.ask("CREATE TABLE mine (n INT)", "jobs")
    before, lost = deadlocks(database), 0
    until_at = time.monotonic() + 30
    while deadlocks(database) < before + 3 and time.monotonic() < until_at:
        lost += deadlock(database, victim)
    assert deadlocks(database) >= before + 3
    # Which of two small ones MariaDB ends is its own affair.
    assert lost == 0 if victim == "gkick" else lost >= (3 if isinstance(database, Postgres) else 0)
    load.goes_on()
    assert not load.codes, load.codes
    load.finish()


def deadlocks(database):
    if isinstance(database, Postgres):
        return int(database.ask("SELECT deadlocks FROM pg_stat_database WHERE datname = 'postgres'"))
    return int(database.ask("SELECT COUNT FROM information_schema.INNODB_METRICS WHERE NAME = 'lock_deadlocks'"))


def deadlock(database, victim):
    """- Returns: whether it was this transaction that was ended."""
    try:
        if isinstance(database, Postgres):
            own = "60s" if victim == "gkick" else "10ms"
            # Each write of gKick's begins with a tick and goes on with jobs.
            database.ask(f"SET deadlock_timeout = '{own}'; BEGIN; LOCK TABLE gkick.job IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(0.05); "
                         "LOCK TABLE gkick.tick IN ACCESS EXCLUSIVE MODE; COMMIT")
        else:
            # The one with fewer changes is ended.
            changes = "INSERT INTO mine SELECT seq FROM seq_1_to_1000;" if victim == "gkick" else ""
            database.ask(f"SET innodb_lock_wait_timeout = 20; BEGIN; {changes} SELECT COUNT(*) FROM gkick_job FOR UPDATE; "
                         "SELECT SLEEP(0.05); SELECT COUNT(*) FROM gkick_tick FOR UPDATE; COMMIT", "jobs")
    except RuntimeError as error:
        assert "eadlock" in str(error), error
        return True
    return False


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
