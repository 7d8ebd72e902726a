"""--otlp: spans of jobs, as a collector gets them."""
import json
import os
import re
import secrets
import subprocess
import time
import urllib.request

import grpc
import pytest

from collector import Collector
from harness.server import Server, binary
from harness.stubs import pb
from harness.worker import Worker, duration

SERVER, INTERNAL, CONSUMER = 2, 1, 5
ERROR = 2


def traceparent(sampled=True):
    """A producer's place in a new trace: the header, the trace's id, the span's id."""
    trace, span = secrets.token_hex(16), secrets.token_hex(8)
    return f"00-{trace}-{span}-0{int(sampled)}", trace, span


def figures(server):
    """The outcomes of spans as /metrics tells them."""
    text = server.get("/metrics")[1]
    return {name: float(value) for name, value in re.findall(r'^gkick_spans_total\{outcome="(\w+)"\} (\S+)$', text, re.M)}


@pytest.fixture(scope="module")
def collector():
    with Collector() as running:
        yield running


@pytest.fixture(scope="module")
def traced(collector):
    with Server("--otlp", f"http://127.0.0.1:{collector.port}") as server:
        yield server


def test_a_sampled_job_has_a_span_for_enqueue_wait_and_attempt(traced, collector):
    header, trace, producer = traceparent()
    before = time.time()
    job = traced.enqueue("one", name="mail.send", metadata={"traceparent": header, "tracestate": "vendor=1"})
    enqueue, = collector.of(job, 1)
    assert (enqueue.name, enqueue.kind, enqueue.trace, enqueue.parent) == ("enqueue mail.send", SERVER, trace, producer)
    assert before - 0.1 < enqueue.start <= enqueue.end < time.time() + 0.1
    assert enqueue.state == "vendor=1"
    with Worker(traced, "one") as worker:
        taken = worker.job()
        time.sleep(0.2)
        worker.succeed(taken)
        spans = collector.of(job, 3)
    assert [span.what for span in spans] == ["enqueue", "wait", "attempt"] and {span.trace for span in spans} == {trace}
    _, wait, attempt = spans
    assert wait.parent == attempt.parent == enqueue.id and (wait.kind, attempt.kind) == (INTERNAL, CONSUMER)
    assert wait.start == pytest.approx(enqueue.start, abs=0.05) and wait.end == attempt.start
    assert 0.2 <= attempt.end - attempt.start < 5
    assert attempt.attributes | {
        "messaging.system": "gkick", "messaging.destination.name": "one", "gkick.job.name": "mail.send", "gkick.job.attempt": 1,
        "gkick.worker.id": worker.id, "gkick.job.outcome": "succeeded"} == attempt.attributes
    assert attempt.status.code == 0
    assert attempt.resource["service.name"] == "gkick" and attempt.resource["service.instance.id"]


def test_what_the_producer_does_not_sample_is_not_traced(traced, collector):
    header, _, _ = traceparent(sampled=False)
    quiet = [traced.enqueue("quiet", metadata={"traceparent": header}), traced.enqueue("quiet"),
             traced.enqueue("quiet", metadata={"traceparent": "nonsense"})]
    with Worker(traced, "quiet", slots=4) as worker:
        for _ in quiet:
            worker.succeed(worker.job())
        loud = traced.enqueue("quiet", metadata={"traceparent": traceparent()[0]})
        worker.succeed(worker.job())
    collector.of(loud, 3)
    assert not [span for span in collector.spans if span.job in quiet]


def test_retries_failures_and_losses(traced, collector):
    header, trace, _ = traceparent()
    retry = pb.RetryPolicy(max_attempts=5, max_lost=1, initial_backoff=duration(0.3), multiplier=1, jitter=-1)
    job = traced.enqueue("bad", metadata={"traceparent": header}, retry=retry)
    with Worker(traced, "bad") as worker:
        worker.fail(worker.job())
        worker.release(worker.job())
        worker.job()
        # The worker goes, with the job: lost, for the last time.
    spans = collector.of(job, 7, timeout=30)
    assert {span.trace for span in spans} == {trace} and len({span.id for span in spans}) == 7
    assert sorted(span.what for span in spans) == ["attempt"] * 3 + ["enqueue"] + ["wait"] * 3
    first, second, lost = [span for span in spans if span.what == "attempt"]
    assert first.attributes["gkick.job.outcome"] == "failed" and first.status.code == ERROR
    assert first.events[0].name == "exception"
    assert second.start - first.end >= 0.29
    # The wait for the second attempt begins when it is due, not when the first one failed.
    waits = [span for span in spans if span.what == "wait"]
    assert waits[1].start - first.end >= 0.29
    assert lost.attributes["gkick.job.outcome"] == "lost" and lost.status.code == ERROR


@pytest.mark.parametrize("way", ["batch", "stream", "fetch", "json"])
def test_every_way_in_and_out(traced, collector, way):
    header, trace, producer = traceparent()
    spec = pb.JobSpec(queue=f"way-{way}", name="t", metadata={"traceparent": header})
    if way == "stream":
        batch = pb.EnqueueBatchRequest(jobs=[pb.ScheduleRequest(job=spec)])
        job = next(iter(traced.jobs.EnqueueStream(iter([batch]), timeout=10))).results[0].job_id
    elif way == "json":
        body = json.dumps({"job": {"queue": spec.queue, "name": "t", "metadata": {"traceparent": header}}}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{traced.http_port}/gkick.v1.JobService/Enqueue", body, {"content-type": "application/json"})
        job = json.load(urllib.request.urlopen(request, timeout=10))["jobId"]
    else:
        job = traced.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[pb.ScheduleRequest(job=spec)]), timeout=10).results[0].job_id
    if way == "fetch":
        fetched = traced.work.Fetch(pb.FetchRequest(worker_id="f", queues=[pb.QueueSubscription(queue=spec.queue)], max_jobs=1), timeout=10)
        lease = fetched.jobs[0].lease
        traced.work.Report(pb.ReportRequest(worker_id="f", outcomes=[pb.Outcome(lease=lease, success=pb.Success())]), timeout=10)
    else:
        with Worker(traced, spec.queue) as worker:
            worker.succeed(worker.job())
    spans = collector.of(job, 3)
    assert [span.what for span in spans] == ["enqueue", "wait", "attempt"]
    assert {span.trace for span in spans} == {trace} and spans[0].parent == producer


def test_a_job_that_is_canceled_while_it_waits(traced, collector):
    job = traced.enqueue("never", metadata={"traceparent": traceparent()[0]})
    traced.jobs.CancelJob(pb.CancelJobRequest(job_id=job), timeout=10)
    enqueue, wait = collector.of(job, 2)
    assert (enqueue.what, wait.what, wait.attributes["gkick.job.outcome"]) == ("enqueue", "wait", "canceled")


def test_the_ratio_decides_for_jobs_without_a_trace(collector):
    with Server("--otlp", f"http://127.0.0.1:{collector.port}/", "--otlp-sample", "0.25") as server:
        jobs = set()
        for _ in range(4):
            request = pb.EnqueueBatchRequest(jobs=[pb.ScheduleRequest(job=pb.JobSpec(queue="r", name="t"))] * 500)
            jobs |= {result.job_id for result in server.jobs.EnqueueBatch(request, timeout=10).results}
        unsampled = server.enqueue("r", metadata={"traceparent": traceparent(sampled=False)[0]})
        last = server.enqueue("r", metadata={"traceparent": traceparent()[0]})
        assert server.terminate() == 0
    # What is there at the end is sent before the server ends.
    found = [span for span in collector.spans if span.job in jobs]
    assert 400 <= len(found) <= 600 and all(span.parent == "" for span in found)
    assert len({span.trace for span in found}) == len(found)
    assert not [span for span in collector.spans if span.job == unsampled]
    assert [span.what for span in collector.spans if span.job == last] == ["enqueue"]


def test_a_collector_that_is_away_stops_nothing_and_gets_the_spans_later():
    collector = Collector()
    with Server("--otlp", f"http://127.0.0.1:{collector.port}") as server:
        jobs = [server.enqueue("q", metadata={"traceparent": traceparent()[0]}) for _ in range(20)]
        with Worker(server, "q", slots=20) as worker:
            for _ in jobs:
                worker.succeed(worker.job())
        assert server.wait(jobs[-1]).state == pb.JOB_STATE_SUCCEEDED
        # Far more than there is room for: what is over is dropped and counted, and enqueues go on.
        header = traceparent()[0]
        spec = pb.ScheduleRequest(job=pb.JobSpec(queue="much", name="t", metadata={"traceparent": header}))
        for _ in range(20):
            assert len(server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[spec] * 1_000), timeout=30).results) == 1_000
        end = time.monotonic() + 20
        while not (figures(server)["dropped"] >= 1_000 and "does not take spans" in server.log()) and time.monotonic() < end:
            time.sleep(0.1)
        assert figures(server)["dropped"] >= 1_000 and figures(server)["sent"] == 0
        with collector:
            # The oldest are kept.
            for job in jobs:
                assert len(collector.of(job, 3, timeout=30)) == 3
            end = time.monotonic() + 20
            while "takes spans again" not in server.log() and time.monotonic() < end:
                time.sleep(0.1)
            assert "takes spans again" in server.log()
            assert figures(server)["sent"] >= 60


def test_an_answer_that_says_try_again_is_heeded():
    refusals = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED]

    def answer(context):
        if refusals:
            context.abort(refusals.pop(0), "not now")

    with Collector(answer=answer) as collector, Server("--otlp", f"http://127.0.0.1:{collector.port}") as server:
        job = server.enqueue("q", metadata={"traceparent": traceparent()[0]})
        assert len(collector.of(job, 1)) == 1 and collector.requests == 3 and not refusals


def test_an_answer_that_says_never_drops_the_batch():
    def answer(context):
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, "what is this")

    with Collector(answer=answer) as collector, Server("--otlp", f"http://127.0.0.1:{collector.port}") as server:
        server.enqueue("q", metadata={"traceparent": traceparent()[0]})
        end = time.monotonic() + 15
        while figures(server)["dropped"] < 1 and time.monotonic() < end:
            time.sleep(0.05)
        assert figures(server)["dropped"] == 1 and collector.requests == 1 and "refused spans" in server.log()


def test_an_attempt_that_outlives_the_server(tmp_path, collector):
    header, trace, _ = traceparent()
    flags = ("--otlp", f"http://127.0.0.1:{collector.port}")
    with Server(*flags, data=tmp_path, lease="10s") as server:
        job = server.enqueue("long", metadata={"traceparent": header})
        with Worker(server, "long", worker_id="w", resume=30) as worker:
            lease = worker.job().lease
            collector.of(job, 2)
            server.kill()
        server.start()
        with Worker(server, "long", worker_id="w", resume=30, held=[lease]) as worker:
            worker.succeed(pb.Assignment(lease=lease))
            spans = collector.of(job, 3)
    assert [span.what for span in spans] == ["enqueue", "wait", "attempt"] and {span.trace for span in spans} == {trace}
    assert spans[2].parent == spans[0].id and spans[2].start == pytest.approx(spans[1].end, abs=0.01)


def test_over_tls(tmp_path):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=tmp_path, check=True, capture_output=True)
    credentials = grpc.ssl_server_credentials([((tmp_path / "key.pem").read_bytes(), (tmp_path / "cert.pem").read_bytes())])
    with Collector(credentials=credentials) as collector:
        flags = ("--otlp", f"https://127.0.0.1:{collector.port}")
        with Server(*flags, "--otlp-ca", str(tmp_path / "cert.pem")) as server:
            job = server.enqueue("q", metadata={"traceparent": traceparent()[0]})
            assert len(collector.of(job, 1)) == 1
        # Not trusted: nothing is sent, and it is told.
        with Server(*flags) as server:
            server.enqueue("q", metadata={"traceparent": traceparent()[0]})
            end = time.monotonic() + 15
            while "does not take spans" not in server.log() and time.monotonic() < end:
                time.sleep(0.05)
            assert "does not take spans" in server.log() and figures(server)["sent"] == 0


def test_headers_go_along():
    seen = []
    with Collector(answer=lambda context: seen.append(dict(context.invocation_metadata()))) as collector:
        flags = ("--otlp-header", "X-Api-Key=secret=1", "--otlp-header", "x-team=jobs")
        with Server("--otlp", f"http://127.0.0.1:{collector.port}", *flags) as server:
            job = server.enqueue("q", metadata={"traceparent": traceparent()[0]})
            assert len(collector.of(job, 1)) == 1
            assert seen[0]["x-api-key"] == "secret=1" and seen[0]["x-team"] == "jobs" and "secret" not in server.log()
        with Server("--otlp", f"http://127.0.0.1:{collector.port}", environment={"GKICK_OTLP_HEADER": "a=1, b=2"}) as server:
            seen.clear()
            job = server.enqueue("q", metadata={"traceparent": traceparent()[0]})
            assert len(collector.of(job, 1)) == 1 and (seen[0]["a"], seen[0]["b"]) == ("1", "2")


@pytest.mark.parametrize("flags, words", [
    (["--otlp", "127.0.0.1:4317"], "--otlp: '127.0.0.1:4317' is not http://HOST"),
    (["--otlp", "http://c:4317/v1/traces"], "without a path"),
    (["--otlp-sample", "0.5"], "--otlp-sample: needs --otlp"),
    (["--otlp", "http://c", "--otlp-sample", "2"], "a number from 0 to 1"),
    (["--otlp", "http://c", "--otlp-ca", "x"], "needs --otlp https://"),
    (["--otlp-header", "a=b"], "--otlp-header: needs --otlp"),
    (["--otlp", "https://c", "--otlp-header", "a"], "NAME=VALUE"),
    (["--otlp", "https://c", "--otlp-header", "grpc-a=b"], "NAME=VALUE"),
    (["--otlp", "https://c", "--otlp-header", "a b=c"], "NAME=VALUE"),
    (["--otlp", "http://c", "--otlp-header", "a=b"], "plaintext"),
])
def test_what_is_refused(flags, words):
    done = subprocess.run([binary(), "server", *flags], capture_output=True, text=True, timeout=20,
                          env={k: v for k, v in os.environ.items() if not k.startswith("GKICK_")})
    assert done.returncode == 64 and words in done.stderr
