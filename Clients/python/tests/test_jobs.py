"""Producers and workers through a real server."""
import asyncio
import os
import signal
import subprocess
import time
from datetime import datetime, timedelta, timezone

import pytest

from gkick import AsyncClient, Client, DeadlineExceeded, InvalidArgument, JobFailed, JobPending, NotFound, Unique
from gkick.testing import Server

from conftest import WorkerProcess, until


def test_values_go_there_and_back(app, worker):
    worker()
    assert app.add.enqueue(1).result(20) == 3
    assert app.aadd.enqueue(a=1, b=5).result(20) == 6
    points = [app.Point(1, 2), app.Point(3, 4)]
    moved = app.move.enqueue(points, by=app.Point(1, 1), at=datetime.now(timezone.utc)).result(20)
    assert moved == [app.Point(2, 3), app.Point(4, 5)]
    assert app.upper.enqueue(b"abc").result(20) == b"ABC"
    seen = app.who.options_with(metadata={"tenant": "7"}).enqueue().result(20)
    assert seen["attempt"] == 1 and seen["metadata"]["tenant"] == "7"


def test_arguments_are_checked_where_they_are_given(app):
    with pytest.raises(TypeError):
        app.add.enqueue()
    with pytest.raises(TypeError):
        app.add.enqueue(1, c=2)
    with pytest.raises(TypeError):
        app.add.options_with(colour="red")


def test_what_the_server_refuses_is_named(app):
    with pytest.raises(InvalidArgument, match="priority"):
        app.add.options_with(priority=101).enqueue(1)
    with Client(app.app.address) as client, pytest.raises(NotFound):
        client.get("nobody")


def test_a_server_that_is_not_there_is_named():
    server = Server(start=False)
    with Client(server.address, timeout=0.3) as client, pytest.raises(DeadlineExceeded, match=f"no answer from {server.address}"):
        client.get("x")

    async def ask():
        async with AsyncClient(server.address, timeout=0.3) as client:
            await client.get("x")

    with pytest.raises(DeadlineExceeded, match=f"no answer from {server.address}"):
        asyncio.run(ask())
    server.close()


def test_one_of_several_servers_is_enough(app):
    """By name or number; the others are away."""
    with Server() as server:
        port = server.address.rpartition(":")[2]
        for target in (f"127.0.0.1:1,127.0.0.1:{port}", f"localhost:1,localhost:{port}", f"nowhere.invalid:7450,localhost:{port}"):
            with Client(target) as client:
                job_id = client.enqueue("add", b'{"a": 1}', queue="tests").id
            one = WorkerProcess(target)
            try:
                with Client(server.address) as client:
                    assert client.wait(job_id, 20).result == b"3"

                async def ask():
                    async with AsyncClient(target) as client:
                        return await client.get(job_id)

                assert asyncio.run(ask()).state == "SUCCEEDED"
            finally:
                one.close()


def test_asyncio(app, worker):
    worker()

    async def main():
        handle = await app.aadd.aenqueue(2, 3)
        assert await handle.result(20) == 5
        handles = await app.add.aenqueue_many([{"a": n} for n in range(5)])
        assert [await one.result(20) for one in handles] == [2, 3, 4, 5, 6]
        await app.app.async_client.close()

    asyncio.run(main())


def test_many_at_once(app, worker):
    worker()
    handles = app.add.enqueue_many([{"a": n, "b": 1} for n in range(2_500)])
    assert [one.result(60) for one in handles] == [n + 1 for n in range(2_500)]


def test_a_failed_job_is_tried_again(app, worker):
    worker()
    assert app.flaky.enqueue(until=3).result(20) == 3
    with pytest.raises(JobFailed, match="ValueError: attempt 3") as caught:
        app.flaky.enqueue(until=9).result(20)
    assert [one.type for one in caught.value.job.failures] == ["ValueError"] * 3
    assert "raise ValueError" in caught.value.job.failures[-1].backtrace


def test_a_job_that_says_there_is_no_use_is_dead_at_once(app, worker):
    worker()
    with pytest.raises(JobFailed) as caught:
        app.hopeless.enqueue().result(20)
    assert caught.value.job.state == "DEAD" and caught.value.job.attempt == 1


def test_a_released_job_comes_back(app, worker):
    worker()
    handle = app.later.enqueue()
    assert handle.result(20) is None and handle.info().attempt == 1


def test_scheduled(app, worker):
    worker()
    handle = app.add.schedule(1, in_=0.5)
    assert handle.info().state == "SCHEDULED"
    with pytest.raises(JobPending):
        handle.result(0.05)
    assert handle.result(20) == 3
    with pytest.raises(TypeError):
        app.add.schedule(1)
    assert app.add.schedule(1, at=datetime.now() - timedelta(seconds=1)).result(20) == 3


def test_unique(app, worker):
    first = app.slow.options_with(unique=Unique("one"), delay=0.3).enqueue(0)
    again = app.slow.options_with(unique="one").enqueue(0)
    assert again.duplicate and again.id == first.id
    worker()
    assert first.result(20) == "done"


def test_cancel_reaches_the_job(app, worker):
    worker()
    for job in (app.slow, app.aslow):
        handle = job.enqueue(seconds=60)
        until(lambda: handle.info().state == "RUNNING")
        handle.cancel("enough")
        with pytest.raises(JobFailed) as caught:
            handle.result(10)
        assert caught.value.job.state == "CANCELED"


def test_progress_shows(app, worker):
    worker()
    handle = app.slow.enqueue(seconds=1)
    until(lambda: handle.info().progress is not None)
    assert (handle.info().progress.percent, handle.info().progress.message) == (50, "half")
    assert handle.result(20) == "done"


def test_an_isolated_job_that_does_not_stop_is_killed(app, worker):
    worker()
    started = time.monotonic()
    with pytest.raises(JobFailed, match="timeout"):
        app.deaf.enqueue().result(20)
    assert time.monotonic() - started < 8
    assert app.add.enqueue(1).result(20) == 3, "the others go on"


@pytest.mark.parametrize("how", ["segfault", "exit", "sys.exit", "kill"])
def test_a_job_that_ends_its_process_ends_that_attempt_only(app, worker, how):
    worker("--concurrency", "4")
    neighbours = [app.slow.enqueue(seconds=1) for _ in range(2)]
    until(lambda: all(one.info().state == "RUNNING" for one in neighbours))
    handle = app.crash.enqueue(how=how)
    assert handle.result(20) == "survived"
    assert [one.attempt for one in handle.info().failures] == [1]
    for one in neighbours:
        assert one.result(20) == "done" and one.info().failures == []


def test_leases_are_kept_while_a_job_holds_the_interpreter(app):
    with Server("--lease", "1s") as server:
        process = WorkerOn(server)
        try:
            handle = process.app.hog.enqueue(seconds=4)
            assert handle.result(20) == "done"
            assert handle.info().attempt == 1 and handle.info().lost == 0
        finally:
            process.close()


class WorkerOn:
    """A worker and a producer on a server of the test's own."""

    def __init__(self, server, *flags):
        import jobs_of_tests
        from gkick import App

        self.app = jobs_of_tests
        jobs_of_tests.app.close()
        self.old = jobs_of_tests.app.address
        jobs_of_tests.app.address = App(server.address).address
        self.worker = WorkerProcess(server.address, *flags)
        self.worker.wait_for("connected to")

    def close(self):
        self.worker.close()
        self.app.app.close()
        self.app.app.address = self.old


def test_the_server_may_be_killed(app):
    with Server("--lease", "2s") as server:
        process = WorkerOn(server)
        try:
            handle = process.app.slow.enqueue(seconds=2)
            until(lambda: handle.info().state == "RUNNING")
            server.kill()
            server.start()
            assert handle.result(30) == "done"
            assert handle.info().attempt == 1, "the worker came back for it"
        finally:
            process.close()


def test_sigterm_finishes_what_runs(app, worker):
    one = worker()
    handle = app.slow.enqueue(seconds=1)
    until(lambda: handle.info().state == "RUNNING")
    assert one.terminate() == 0
    assert handle.info().state == "SUCCEEDED"


def test_a_second_sigterm_gives_back(app, worker):
    one = worker()
    handle = app.slow.enqueue(seconds=60)
    # Running, the server says as soon as it has sent the job; that the worker has it, and this job alone, its progress says.
    until(lambda: handle.info().progress is not None)
    one.process.send_signal(signal.SIGTERM)
    one.wait_for("finishing what runs, jobs: 1;")
    one.process.send_signal(signal.SIGTERM)
    assert one.process.wait(10) == 0
    info = handle.info()
    assert (info.state, info.attempt, info.lost) == ("READY", 0, 0)
    handle.cancel()


def test_a_job_that_was_on_its_way_when_the_others_went_back(app, worker):
    """Sent before the server heard of the end, come after the second signal."""
    for _ in range(5):
        one = worker()
        handle = app.slow.enqueue(seconds=60)
        one.process.send_signal(signal.SIGTERM)
        one.wait_for("finishing what runs, jobs: ")
        one.process.send_signal(signal.SIGTERM)
        assert one.process.wait(10) == 0
        info = handle.info()
        assert (info.state, info.attempt, info.lost) == ("READY", 0, 0)
        handle.cancel()


def test_a_killed_worker_leaves_no_process_behind(app, worker):
    one = worker("--processes", "2")
    pid = app.pid.enqueue().result(20)
    one.process.kill()
    one.process.wait()
    until(lambda: not os.path.exists(f"/proc/{pid}") or b"Z" in open(f"/proc/{pid}/stat", "rb").read().split(b")")[-1][:3])


def test_jobs_are_spread_over_processes(app, worker):
    worker("--processes", "3", "--concurrency", "1")
    handles = [app.pid.enqueue(seconds=0.3) for _ in range(6)]
    assert len({one.result(20) for one in handles}) == 3


def test_without_a_server_it_says_so_and_goes_on(program):
    """And writes the recurring jobs when it is there."""
    program("came_first", """
        from gkick import App

        app = App()

        @app.recurring("later", every=3600)
        @app.job(name="later")
        def later() -> None:
            pass
    """)
    server = Server(start=False)
    one = WorkerProcess(server.address, app="came_first:app", cwd=".")
    try:
        one.wait_for("no connection to")
        server.start()
        one.wait_for("connected to")
        with Client(server.address) as client:
            until(lambda: [recurring.id for recurring in client.recurring()] == ["later"])
    finally:
        one.close()
        server.close()


def test_an_app_that_is_not_there(tmp_path):
    def run(target):
        done = subprocess.run(["gkick-worker", target], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=30, env=os.environ | {"PATH": os.path.dirname(os.sys.executable) + ":" + os.environ["PATH"]})
        assert done.returncode == 1
        return done.stderr

    assert "no module 'nowhere'" in run("nowhere:app")
    (tmp_path / "here.py").write_text("x = 1\n")
    assert "has no App called 'app'" in run("here")
    assert "is no gkick.App" in run("here:x")


@pytest.mark.parametrize("flag, value", [
    ("--concurrency", "0"), ("--processes", "-1"), ("--queue", ""), ("--queue", "=3"), ("--queue", "mail=much"), ("--queue", "mail=-1"),
    ("--drain-timeout", "-1"), ("--kill-grace", "nan"), ("--resume-window", "inf"), ("--log-level", "loud")])
def test_a_flag_that_makes_no_sense_is_named(flag, value, capsys):
    from gkick.worker import cli

    with pytest.raises(SystemExit) as caught:
        cli.main(["jobs_of_tests:app", f"{flag}={value}"])
    assert caught.value.code == 2
    assert f"argument {flag}" in capsys.readouterr().err


def test_events_go_on_after_the_server_was_away(app):
    with Server() as server, Client(server.address) as client:
        client.enqueue("one", queue="other")
        found = client.events("0", types=["ENQUEUED"])
        assert next(found).name == "one"
        server.kill()
        server.start()
        client.enqueue("two", queue="other")
        assert next(found).name == "two"


def test_the_async_client(app):
    async def main():
        async with AsyncClient(app.app.address) as client:
            stored = await client.enqueue("t", b"x", queue="other", delay=60)
            assert stored.state == "SCHEDULED"
            assert [one.id async for one in client.jobs(queue="other", states=["SCHEDULED"])] == [stored.id]
            reasons = await client.explain(stored.id)
            assert reasons[0].hindrance == "NOT_DUE"
            assert (await client.cancel(stored.id, "no")).state == "CANCELED"
            await client.delete(stored.id)
            with pytest.raises(NotFound):
                await client.get(stored.id)

    asyncio.run(main())
