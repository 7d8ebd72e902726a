"""Every example is built and run as its reader would: a worker, a producer, the right results, and a clean end on SIGTERM."""
import hashlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.server import Server, binary  # noqa: E402
from harness.stubs import ROOT  # noqa: E402

EXAMPLES = ROOT / "Examples"
WORDS = ["ada", "grace", "edsger"]


@pytest.fixture(scope="module")
def server():
    with Server(lease="10s") as running:
        yield running


@pytest.fixture
def copy(tmp_path):
    """The examples in a folder of their own, beside Protos, so that a build leaves nothing in the tree."""
    shutil.copytree(EXAMPLES, tmp_path / "Examples", ignore=shutil.ignore_patterns(".build", "main", "stubs", "gkick"))
    (tmp_path / "Protos").symlink_to(ROOT / "Protos")
    return tmp_path / "Examples"


def need(*tools):
    for tool in tools:
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not installed: Scripts/setup test installs it on Debian")


def build(command, folder):
    made = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
                          env=os.environ | {"PYTHON": sys.executable})
    assert made.returncode == 0, made.stdout + made.stderr


def check(server, folder, worker, producer):
    environment = os.environ | {"GKICK_ADDRESS": server.address}
    running = subprocess.Popen(
        worker, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        out = subprocess.run([*producer, *WORDS], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, timeout=60)
        assert out.returncode == 0, out.stdout + out.stderr
        results = [line.split()[-1] for line in out.stdout.splitlines()]
        assert results == [hashlib.sha256(word.encode()).hexdigest() for word in WORDS]
        running.send_signal(signal.SIGTERM)
        assert running.wait(15) == 0, "the worker drains on SIGTERM"
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()


def test_python(server, copy):
    folder = copy / "python"
    build(["./stubs.sh"], folder)
    check(server, folder, [sys.executable, "worker.py"], [sys.executable, "producer.py"])


def test_python_watcher(server, copy):
    folder = copy / "python"
    build(["./stubs.sh"], folder)
    job_id = server.enqueue("watched", name="seen")
    watching = subprocess.Popen(
        [sys.executable, "watcher.py", "0"], cwd=folder, env=os.environ | {"GKICK_ADDRESS": server.address},
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


def test_python_worker_survives_the_server(copy):
    """The connection breaks by kill -9 of the server; the worker comes back by itself."""
    folder = copy / "python"
    build(["./stubs.sh"], folder)
    with Server(lease="5s") as own:
        environment = os.environ | {"GKICK_ADDRESS": own.address}
        running = subprocess.Popen([sys.executable, "worker.py"], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL)
        try:
            for _ in range(2):
                job_id = own.enqueue("default", name="example.hash", payload=b"ada")
                assert own.wait(job_id, 20).result.decode() == hashlib.sha256(b"ada").hexdigest()
                own.restart()
        finally:
            running.kill()
            running.wait()


def test_go(server, copy):
    need("go", "protoc-gen-go", "protoc-gen-go-grpc")
    build(["./build.sh"], copy / "go")
    check(server, copy / "go", ["./main", "work"], ["./main", "produce"])


def test_cpp(server, copy):
    need("c++", "make", "grpc_cpp_plugin")
    build(["make"], copy / "cpp")
    check(server, copy / "cpp", ["./main", "work"], ["./main", "produce"])


def test_ruby(server, copy):
    need("ruby", "grpc_ruby_plugin")
    build(["./stubs.sh"], copy / "ruby")
    check(server, copy / "ruby", ["ruby", "main.rb", "work"], ["ruby", "main.rb", "produce"])


def test_node(server, copy):
    need("node")
    check(server, copy / "node", ["node", "main.mjs", "work"], ["node", "main.mjs", "produce"])


def test_shell(server, copy):
    worker = [binary(), "work", "--queue", "default", "--name", "example.hash", "--exec", "./hash.sh"]
    check(server, copy / "shell", worker, ["sh", "-c", PRODUCE, binary()])


# A producer out of the command line alone.
PRODUCE = """
for word in "$@"; do
  id=$("$0" enqueue example.hash "$word") && echo "$id $("$0" wait "$id" --for 30s)"
done
"""
