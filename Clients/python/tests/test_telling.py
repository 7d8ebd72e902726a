"""What can be followed from outside: logs with the job in them, and OpenTelemetry's context from producer to job."""
import json

import pytest

from gkick import App

from conftest import WorkerProcess

LOGGED = """
import logging
from gkick import App

app = App(queue="telling")
log = logging.getLogger("mine")


@app.job(name="logged")
def logged(text: str) -> None:
    log.warning("heard %s", text)


@app.job(name="alogged")
async def alogged(text: str) -> None:
    log.warning("heard %s", text)
"""

TRACED = """
import json, os
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from gkick import App, JobContext

class File(SpanExporter):
    def export(self, spans):
        with open(os.path.dirname(os.path.abspath(__file__)) + "/spans", "a") as file:
            for span in spans:
                file.write(json.dumps([span.name, f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}",
                                       f"{span.parent.span_id:016x}" if span.parent else "", dict(span.attributes)]) + "\\n")
        return SpanExportResult.SUCCESS

provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(File()))
trace.set_tracer_provider(provider)
app = App(queue="traced")


@app.job(name="traced")
def traced() -> str:
    return f"{trace.get_current_span().get_span_context().trace_id:032x}"


@app.job(name="atraced")
async def atraced() -> str:
    # A job that a job enqueues belongs to the same trace.
    handle = await traced.aenqueue()
    return await handle.result(20)
"""


@pytest.fixture
def started(program, gkick_server):
    made = []

    def start(name, text, *flags):
        module = program(name, text)
        module.app.address = App(gkick_server.address).address
        worker = WorkerProcess(gkick_server.address, *flags, app=f"{name}:app", cwd=".")
        made.append((worker, module.app))
        return module, worker

    yield start
    for worker, app in made:
        worker.close()
        app.close()


def test_log_lines_say_which_job_it_was(started):
    module, worker = started("logged_as_text", LOGGED)
    for job in (module.logged, module.alogged):
        handle = job.enqueue(text="this")
        handle.result(20)
        assert f"WARNING heard this job={handle.id} name={job.name}" in worker.log()


def test_log_lines_for_machines(started):
    module, worker = started("logged_as_json", LOGGED, "--log-format", "json")
    handle = module.logged.enqueue(text="that")
    handle.result(20)
    lines = [json.loads(line) for line in worker.log().splitlines()]
    [line] = [line for line in lines if line["message"] == "heard that"]
    assert (line["level"], line["logger"], line["job_id"], line["job"], line["attempt"]) == ("warning", "mine", handle.id, "logged", 1)


def test_a_trace_goes_on_in_the_job(started):
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry import trace

    module, _ = started("traced_jobs", TRACED)
    with trace.get_tracer("test").start_as_current_span("request") as span:
        handle, other = module.traced.enqueue(), module.atraced.enqueue()
    known = span.get_span_context()
    assert handle.result(20) == other.result(20) == f"{known.trace_id:032x}"
    with open("spans") as file:
        spans = [json.loads(line) for line in file]
    run = {one[4]["gkick.job_id"]: one for one in spans if one[0].startswith("run ")}
    assert run[handle.id][1] == f"{known.trace_id:032x}" and run[handle.id][3] == f"{known.span_id:016x}"
    assert run[handle.id][0] == "run traced" and run[handle.id][4]["gkick.attempt"] == 1
    assert len(run) == 3 and {one[1] for one in run.values()} == {f"{known.trace_id:032x}"}
