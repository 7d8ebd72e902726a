"""Telling a job to stop, by cancel and by time-out, in each of the three ways that jobs run: thread, event loop, process."""
import time
from datetime import timedelta

import pytest

from gkick import App, JobFailed

from conftest import WorkerProcess, until

PROGRAM = """
import asyncio, multiprocessing, os, subprocess, time
from gkick import App, JobCanceled, JobContext, Retry

app = App(queue="stopping", retry=Retry(max_attempts=1))


def note(context, what):
    with open(f"seen-{context.job_id}", "a") as file:
        file.write(what)


@app.job(name="thread")
def thread(context: JobContext) -> None:
    note(context, "began ")
    try:
        while True:
            context.checkpoint()
            time.sleep(0.01)
    except JobCanceled as error:
        note(context, f"told {error.reason}")
        raise


@app.job(name="loop")
async def loop(context: JobContext) -> None:
    note(context, "began ")
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        note(context, f"told {context._reason}")
        raise


@app.job(name="process", isolate=True)
def process(context: JobContext) -> None:
    note(context, "began ")
    while True:
        time.sleep(0.1)


@app.job(name="polite", isolate=True)
def polite(context: JobContext) -> None:
    note(context, "began ")
    try:
        context.sleep(60)
    except JobCanceled as error:
        note(context, f"told {error.reason}")
        raise


@app.job(name="family", isolate=True)
def family(context: JobContext) -> None:
    with open(f"family-{context.job_id}", "w") as file:
        file.write(str(subprocess.Popen(["sleep", "60"]).pid))
    note(context, "began ")
    time.sleep(60)


@app.job(name="forks")
def forks(context: JobContext) -> int:
    pid = os.fork()
    if pid == 0:
        context.progress(50)
        os._exit(7)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) if hasattr(os, "waitstatus_to_exitcode") else 7


@app.job(name="both")
def both() -> int:
    os.fork()
    return os.getppid()


@app.job(name="orphans", retry=Retry(max_attempts=2, initial_backoff=0.05))
def orphans(context: JobContext) -> int:
    if context.attempt == 1:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
        os.kill(os.getpid(), 9)
    return context.attempt


@app.job(name="ends_what_it_started")
def ends_what_it_started() -> list:
    program = subprocess.Popen(["sleep", "60"])
    program.terminate()
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
    time.sleep(0.2)
    os.kill(pid, 15)
    return [program.wait(5), os.waitpid(pid, 0)[1]]


def _square(number):
    return number * number


@app.job(name="pool")
def pool() -> list:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return pool.map(_square, [1, 2, 3])
"""


@pytest.fixture(scope="module")
def stopping(tmp_path_factory, gkick_server):
    folder = tmp_path_factory.mktemp("stopping")
    (folder / "stopping_jobs.py").write_text(PROGRAM)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        module = __import__("stopping_jobs")
        module.app.address = App(gkick_server.address).address
        worker = WorkerProcess(gkick_server.address, "--kill-grace", "0.5", app="stopping_jobs:app", cwd=folder)
        worker.wait_for("connected to")

        def seen(handle):
            file = folder / f"seen-{handle.id}"
            return file.read_text() if file.exists() else ""

        module.seen, module.folder = seen, folder
        yield module
        worker.close()
        module.app.close()


def ended(handle, seconds):
    started = time.monotonic()
    with pytest.raises(JobFailed) as caught:
        handle.result(20)
    assert time.monotonic() - started < seconds
    return caught.value.job


@pytest.mark.parametrize("name, is_told", [("thread", True), ("loop", True), ("polite", True), ("process", False)])
def test_cancel(stopping, name, is_told):
    handle = getattr(stopping, name).enqueue()
    until(lambda: stopping.seen(handle))
    handle.cancel("enough")
    job = ended(handle, 5)
    assert job.state == "CANCELED" and [(one.type, one.message) for one in job.failures] == [("canceled", "enough")]
    assert ("told" in stopping.seen(handle)) == is_told


@pytest.mark.parametrize("name, is_told", [("thread", True), ("loop", True), ("process", False)])
def test_time_out(stopping, name, is_told):
    handle = getattr(stopping, name).options_with(timeout=0.6).enqueue()
    job = ended(handle, 8)
    assert job.state == "DEAD" and [one.type for one in job.failures] == ["timeout"]
    assert job.finished_at - job.started_at >= timedelta(seconds=0.59)
    if is_told:
        assert until(lambda: stopping.seen(handle).endswith("told timeout"))


def test_what_a_killed_job_had_started_goes_with_it(stopping):
    handle = stopping.family.enqueue()
    until(lambda: stopping.seen(handle))
    pid = int((stopping.folder / f"family-{handle.id}").read_text())
    handle.cancel()
    ended(handle, 5)

    def gone():
        try:
            with open(f"/proc/{pid}/stat") as file:
                return file.read().rsplit(") ", 1)[1][0] == "Z"
        except FileNotFoundError:
            return True

    until(gone)


def test_a_job_may_fork(stopping):
    assert stopping.forks.enqueue().result(20) == 7
    # Both come to the job's end: one of them is the job.
    assert stopping.both.enqueue().result(20) > 1
    assert stopping.both.enqueue().result(20) > 1
    assert stopping.pool.enqueue().result(40) == [1, 4, 9]


def test_what_a_job_starts_can_be_told_to_end(stopping):
    assert stopping.ends_what_it_started.enqueue().result(20) == [-15, 15]


def test_the_death_of_a_process_shows_though_what_it_forked_lives_on(stopping):
    started = time.monotonic()
    assert stopping.orphans.enqueue().result(20) == 2
    assert time.monotonic() - started < 10
