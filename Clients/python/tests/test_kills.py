"""kill -9 of all that can be killed: nothing is lost, and what a killed process ran runs again soon."""
import os
import random
import signal
import time

import pytest

from gkick import App
from gkick.testing import Server

from conftest import WorkerProcess, until

STORM = """
import os, time
from gkick import App, JobContext, Retry

app = App(queue="storm", retry=Retry(max_attempts=50, initial_backoff=0.1, max_backoff=0.5))

@app.job(name="note")
def note(number: int, context: JobContext) -> int:
    time.sleep(0.02)
    descriptor = os.open("ran", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{number}\\n".encode())
    os.close(descriptor)
    return number
"""


def children(process):
    """The processes that run jobs."""
    with open(f"/proc/{process.pid}/task/{process.pid}/children") as file:
        return [int(pid) for pid in file.read().split()]


def test_nothing_is_lost_when_all_are_killed_in_turn(program):
    module = program("storm_of_kills", STORM)
    chance = random.Random(7)
    with Server("--lease", "2s") as server:
        module.app.address = App(server.address).address

        def worker():
            return WorkerProcess(server.address, "--processes", "2", "--concurrency", "4", "--resume-window", "1", app="storm_of_kills:app", cwd=".")

        workers = [worker(), worker()]
        try:
            handles = []
            for victim in ["child", "worker", "server", "child", "server", "worker", "child"]:
                handles += module.note.enqueue_many([{"number": len(handles) + n} for n in range(60)])
                time.sleep(0.3)
                one = chance.randrange(2)
                if victim == "child":
                    workers[one].wait_for("connected to")
                    born = until(lambda: children(workers[one].process))
                    os.kill(chance.choice(born), signal.SIGKILL)
                elif victim == "worker":
                    workers[one].close()
                    workers[one] = worker()
                else:
                    server.kill()
                    server.start()
            assert [one.result(60) for one in handles] == list(range(len(handles)))
            with open("ran") as file:
                assert {int(line) for line in file} == set(range(len(handles))), "each ran, at least once"
        finally:
            for one in workers:
                one.close()
            module.app.close()


def test_the_job_of_a_killed_child_runs_again_within_two_seconds(program, gkick_server):
    module = program("killed_once", """
        import os, time
        from gkick import App, JobContext

        app = App(queue="killed-once")

        @app.job(name="told")
        def told(context: JobContext) -> int:
            with open("started", "a") as file:
                file.write(f"{os.getpid()} {time.time()}\\n")
            if context.attempt == 1:
                time.sleep(60)
            return context.attempt
    """)
    module.app.address = App(gkick_server.address).address
    worker = WorkerProcess(gkick_server.address, app="killed_once:app", cwd=".")
    try:
        handle = module.told.enqueue()

        def starts():
            return [line.split() for line in open("started")] if os.path.exists("started") else []

        [[pid, _]] = until(starts)
        killed = time.time()
        os.kill(int(pid), signal.SIGKILL)
        assert handle.result(20) == 2
        assert float(starts()[1][1]) - killed < 2
        [failure] = handle.info().failures
        assert failure.type == "ProcessDied" and "SIGKILL" in failure.message
    finally:
        worker.close()
        module.app.close()


def test_a_process_that_dies_before_it_is_ready_costs_no_attempt(program, gkick_server):
    module = program("died_young", """
        import os, signal, sys, time
        from gkick import App, JobContext, Retry

        app = App(queue="died-young")

        @app.job(name="born", retry=Retry(max_attempts=1), isolate=True)
        def born(context: JobContext) -> int:
            return context.attempt

        if sys.argv[0].endswith("child.py") and not os.path.exists("died"):
            open("died", "w").close()
            time.sleep(0.5)
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    module.app.address = App(gkick_server.address).address
    handle = module.born.enqueue()
    worker = WorkerProcess(gkick_server.address, "--isolate", app="died_young:app", cwd=".")
    try:
        assert handle.result(20) == 1
        assert os.path.exists("died") and handle.info().failures == []
        assert "before it was ready" in worker.log()
    finally:
        worker.close()
        module.app.close()
