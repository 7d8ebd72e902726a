"""Every example is built and run as its reader would: a worker, a producer, the right results, and a clean end on SIGTERM."""
import hashlib
import json
import os
import signal
import subprocess
import sys
import time

import pytest

from harness.server import Server, binary
from harness.stubs import ROOT, pb

EXAMPLES = ROOT / "Examples"
WORDS = ["ada", "grace", "edsger"]


@pytest.fixture(scope="module")
def server():
    with Server(lease="10s") as running:
        yield running


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks who calls. Its `token` is a producer's and a worker's."""
    made = subprocess.run([binary(), "token", "new", "--name", "example", "--role", "producer", "--role", "worker"], capture_output=True,
                          text=True, check=True, timeout=30)
    token, entry = made.stdout.split("\n", 1)
    file = tmp_path_factory.mktemp("auth") / "auth"
    file.write_text(entry)
    with Server("--auth", str(file), lease="10s") as running:
        running.token = token
        yield running


def addresses(server):
    """The environment by which an example finds this server."""
    return os.environ | {"GKICK_ADDRESS": server.address, "GKICK_HTTP": f"http://127.0.0.1:{server.http_port}"}


def check(guarded, folder, worker, producer):
    def produce(environment):
        return subprocess.run([*producer, *WORDS], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120)

    nobody = addresses(guarded)
    refused = produce(nobody)
    assert refused.returncode != 0 and not refused.stdout.strip(), "without a token it is not let in"
    environment = nobody | {"GKICK_TOKEN": guarded.token}
    refused = produce(environment | {"GKICK_ADDRESS": "192.0.2.1:7450", "GKICK_HTTP": "http://192.0.2.1:7451"})
    assert refused.returncode != 0 and "plaintext" in refused.stderr and guarded.token not in refused.stderr
    running = subprocess.Popen(
        worker, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        out = produce(environment)
        assert out.returncode == 0, out.stdout + out.stderr
        results = [line.split()[-1] for line in out.stdout.splitlines()]
        assert results == [hashlib.sha256(word.encode()).hexdigest() for word in WORDS]
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 0, "the worker drains on SIGTERM"
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()


@pytest.mark.example("python")
def test_python_workflow(server, example):
    environment = os.environ | {"GKICK_ADDRESS": server.address, "GKICK_TOKEN": "shown also to whoever does not ask"}
    running = subprocess.Popen([sys.executable, "worker.py"], cwd=example, env=environment, stdin=subprocess.DEVNULL)
    try:
        out = subprocess.run([sys.executable, "workflow.py", *WORDS], cwd=example, env=environment, stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=120)
        assert out.returncode == 0, out.stdout + out.stderr
        together = hashlib.sha256(" ".join(WORDS).encode()).hexdigest()
        assert f"together {together}" in out.stdout and f"batch {len(WORDS) + 1} of {len(WORDS) + 1} succeeded" in out.stdout
        assert f"callback {hashlib.sha256(b'done').hexdigest()}" in out.stdout and f"recurring {hashlib.sha256(b'again').hexdigest()}" in out.stdout
        assert not server.admin.ListLimits(pb.ListLimitsRequest(), timeout=10).limits, "it leaves nothing behind"
        assert not server.admin.ListRecurringJobs(pb.ListRecurringJobsRequest(), timeout=10).recurring_jobs
    finally:
        running.kill()
        running.wait()


@pytest.mark.example("python")
def test_python_watcher(server, example):
    job_id = server.enqueue("watched", name="seen")
    watching = subprocess.Popen(
        [sys.executable, "watcher.py", "0"], cwd=example, env=os.environ | {"GKICK_ADDRESS": server.address},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        for line in watching.stdout:
            if job_id in line:
                assert "EVENT_TYPE_ENQUEUED seen" in line
                break
        else:
            pytest.fail("the watcher ended without the event")
    finally:
        watching.kill()
        watching.wait()


def check_survival(folder, worker):
    """The connection breaks by kill -9 of the server; the worker comes back by itself, and the job that it was given is run."""
    with Server(lease="8s") as own:
        running = subprocess.Popen(worker, cwd=folder, env=addresses(own), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   start_new_session=True)

        def runs(job_id):
            job = own.wait(job_id, 60)
            assert job.result.decode() == hashlib.sha256(b"ada").hexdigest()
            return job

        try:
            for _ in range(2):
                runs(own.enqueue("default", name="example.hash", payload=b"ada"))
                own.restart()
            # A job that comes to a worker which stands still, and then the server is gone: the worker runs it and says so to the next.
            for _ in range(20):
                runs(own.enqueue("default", name="example.hash", payload=b"ada"))
                os.killpg(running.pid, signal.SIGSTOP)
                job_id = own.enqueue("default", name="example.hash", payload=b"ada")
                if was_given(own, job_id):
                    break
                # One that polls was just not asking.
                os.killpg(running.pid, signal.SIGCONT)
            else:
                pytest.fail("it was never given the job")
            own.restart()
            os.killpg(running.pid, signal.SIGCONT)
            job = runs(job_id)
            # What came just before the connection broke is the gRPC library's to hand on or to drop: then the attempt is lost, not the job.
            assert job.attempt == job.lost + 1 and job.lost <= 1
        finally:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def was_given(server, job_id):
    end = time.monotonic() + 2
    while time.monotonic() < end:
        if server.job(job_id).state == pb.JOB_STATE_RUNNING:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.example("shell")
def test_shell(guarded, example):
    worker = [binary(), "work", "--queue", "default", "--name", "example.hash", "--exec", "./hash.sh"]
    check(guarded, example, worker, ["sh", "-c", PRODUCE, binary()])


def test_swift(server):
    """The example's sources as this package builds them; its own manifest has the same targets."""
    mailer = os.environ.get("SWIFT_EXAMPLE", str(ROOT / ".build/debug/Mailer"))
    if not os.access(mailer, os.X_OK):
        pytest.fail(f"no executable {mailer}: run Scripts/build debug Mailer, or set SWIFT_EXAMPLE")
    out = subprocess.run([mailer], env=os.environ | {"GKICK_ADDRESS": server.address}, stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out
    assert "102 mails sent" in out.stdout
    mails = server.jobs.ListJobs(pb.ListJobsRequest(queue="mail", page_size=1000), timeout=10).jobs
    assert len(mails) == 102 and {job.state for job in mails} == {pb.JOB_STATE_SUCCEEDED}


def test_swift_shows_its_token(guarded):
    mailer = os.environ.get("SWIFT_EXAMPLE", str(ROOT / ".build/debug/Mailer"))

    def run(environment):
        return subprocess.run([mailer], env=addresses(guarded) | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120)

    assert "102 mails sent" in run({"GKICK_TOKEN": guarded.token}).stdout
    assert run({}).returncode != 0
    refused = run({"GKICK_TOKEN": guarded.token, "GKICK_ADDRESS": "192.0.2.1:7450"})
    assert refused.returncode != 0 and "plaintext" in refused.stderr and guarded.token not in refused.stderr


def test_swift_workflow(server):
    mailer = os.environ.get("SWIFT_EXAMPLE", str(ROOT / ".build/debug/Mailer"))
    workflow = os.path.join(os.path.dirname(mailer), "Workflow")
    if not os.access(workflow, os.X_OK):
        pytest.fail(f"no executable {workflow}: run Scripts/build debug Workflow")
    out = subprocess.run([workflow], env=os.environ | {"GKICK_ADDRESS": server.address}, stdin=subprocess.DEVNULL,
                         capture_output=True, text=True, timeout=120)
    assert out.returncode == 0, out
    for tenant in ("ada", "grace"):
        assert f"{tenant}: 24 letters, 7 of 7 jobs succeeded" in out.stdout and f"{tenant}: receipt for {tenant}" in out.stdout
    assert "tick: workflow-tick" in out.stdout
    batches = server.jobs.ListBatches(pb.ListBatchesRequest(), timeout=10).batches
    assert {(batch.succeeded, bool(batch.on_succeeded_job_id)) for batch in batches if batch.description.startswith("words of")} == {(7, True)}


def test_the_manifest_of_the_swift_example(tmp_path):
    def dump(folder):
        # Beside whatever builds in the package's own folder.
        done = subprocess.run(["swift", "package", "--package-path", str(folder), "--scratch-path", str(tmp_path), "dump-package"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    ours, example = dump(ROOT), dump(EXAMPLES / "swift")
    products = {product["name"] for product in ours["products"]}
    paths = {target["name"]: target.get("path") for target in ours["targets"]}
    for target in example["targets"]:
        # The same folder, by both manifests: what is built and tested here is what the example builds.
        kind = "Tests" if target["type"] == "test" else "Sources"
        assert paths[target["name"]] == f"Examples/swift/{kind}/{target['name']}"
        for dependency in target["dependencies"]:
            if "product" in dependency and dependency["product"][1] == "gkick":
                assert dependency["product"][0] in products


# How each language's worker and producer are started. The slow builds last, so that they are done when their turn comes.
PROGRAMS = {
    "python": ([sys.executable, "worker.py"], [sys.executable, "producer.py"]),
    "ruby": (["ruby", "main.rb", "work"], ["ruby", "main.rb", "produce"]),
    "node": (["node", "main.mjs", "work"], ["node", "main.mjs", "produce"]),
    "php": (["php", "main.php", "work"], ["php", "main.php", "produce"]),
} | {name: (["./main", "work"], ["./main", "produce"]) for name in ("go", "cpp", "rust", "java")}
LANGUAGES = [pytest.param(name, marks=pytest.mark.example(name)) for name in PROGRAMS]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_worker_and_a_producer(guarded, example, language):
    check(guarded, example, *PROGRAMS[language])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_worker_survives_the_server(example, language):
    check_survival(example, PROGRAMS[language][0])


# A producer out of the command line alone.
PRODUCE = """
for word in "$@"; do
  id=$("$0" enqueue example.hash "$word") && echo "$id $("$0" wait "$id" --for 30s)"
done
"""
