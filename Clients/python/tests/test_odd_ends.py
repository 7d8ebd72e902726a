"""Jobs that end, or speak, as nobody should: each costs its own attempt and nothing else. There is one place for jobs, so what is stuck shows."""
import pytest

from gkick import App, JobFailed

from conftest import WorkerProcess

JOBS = """
import asyncio, os
from gkick import App, Fail, JobCanceled, JobContext, Release, Retry

app = App(queue="odd", retry=Retry(max_attempts=1))

class Untold(Exception):
    def __str__(self):
        raise RuntimeError("no text")

class Text(str):
    pass

class Object:
    pass

class Codec:
    content_type = "x"
    def encode(self, value):
        return "text" if value == "t" else b""
    def decode(self, data, annotation):
        return {}

def name_of_a_file():
    return os.fsdecode(b"caf\\xe9")

def end(how: str, context: JobContext):
    if how == "a file's name that is no text":
        raise ValueError("cannot read " + name_of_a_file())
    if how == "an exception without a text":
        raise Untold()
    if how == "KeyboardInterrupt":
        raise KeyboardInterrupt()
    if how == "GeneratorExit":
        raise GeneratorExit()
    if how == "sys.exit":
        raise SystemExit(name_of_a_file())
    if how == "a cancellation that nobody asked for":
        raise JobCanceled(Object())
    if how == "a release for no time":
        raise Release(delay="soon")
    if how == "a failure that is an object":
        raise Fail(Object())
    if how == "a result that is no text":
        return name_of_a_file()
    if how == "a result that is no value":
        return Object()
    return "well"

@app.job(name="sync")
def sync(how: str, context: JobContext) -> str:
    return end(how, context)

@app.job(name="async")
async def async_(how: str, context: JobContext) -> str:
    await asyncio.sleep(0)
    return end(how, context)

@app.job(name="speak")
def speak(context: JobContext) -> str:
    context.progress(10**30, name_of_a_file())
    context.progress(-1, Text("x" * 100_000))
    context.progress(1.5, Object())
    return "well"

@app.job(name="coded", codec=Codec())
def coded() -> str:
    return "t"

@app.job(name="deaf")
def deaf() -> str:
    # The line to the worker is among them.
    os.closerange(3, 100)
    return "said to nobody"
"""

HOWS = ["a file's name that is no text", "an exception without a text", "KeyboardInterrupt", "GeneratorExit", "sys.exit", "a release for no time", "a failure that is an object", "a result that is no text",
        "a result that is no value", "a cancellation that nobody asked for"]


@pytest.fixture(scope="module")
def odd(gkick_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    (folder / "odd_jobs.py").write_text(JOBS)
    import sys

    sys.path.insert(0, str(folder))
    import odd_jobs

    odd_jobs.app.address = App(gkick_server.address).address
    process = WorkerProcess(gkick_server.address, "--concurrency", "1", app="odd_jobs:app", cwd=folder)
    process.wait_for("connected to")
    yield odd_jobs
    assert process.terminate() == 0
    process.close()
    odd_jobs.app.close()
    sys.path.remove(str(folder))


@pytest.mark.parametrize("job", ["sync", "async_"])
@pytest.mark.parametrize("how", HOWS)
def test_an_odd_end_is_told_and_the_next_job_runs(odd, job, how):
    run = getattr(odd, job)
    handle = run.enqueue(how=how)
    with pytest.raises(JobFailed) as failed:
        handle.result(30)
    info = failed.value.job
    assert info.state == "DEAD" and len(info.failures) == 1
    said = f"{info.failures[0].type} {info.failures[0].message}"
    for word in {"a file's name that is no text": "caf\\udce9", "an exception without a text": "Untold", "KeyboardInterrupt": "KeyboardInterrupt",
                 "GeneratorExit": "GeneratorExit", "sys.exit": "exit(", "a release for no time": "delay"}.get(how, "").split():
        assert word in said, said
    assert run.enqueue(how="none").result(30) == "well"


def test_whatever_is_said_of_progress_the_job_goes_on(odd):
    handle = odd.speak.enqueue()
    assert handle.result(30) == "well"


def test_a_codec_that_makes_no_bytes_is_told(odd):
    with pytest.raises(JobFailed, match="bytes"):
        odd.coded.enqueue().result(30)
    assert odd.sync.enqueue(how="none").result(30) == "well"


def test_a_process_that_cannot_speak_any_more_ends(odd):
    with pytest.raises(JobFailed, match="ProcessDied"):
        odd.deaf.enqueue().result(30)
    assert odd.sync.enqueue(how="none").result(30) == "well"
