import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

import pytest

from gkick import App

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture
def app(gkick_server):
    """The example app as a producer, on the run's server."""
    import jobs_of_tests

    old = jobs_of_tests.app.address
    jobs_of_tests.app.address = App(gkick_server.address).address
    yield jobs_of_tests
    jobs_of_tests.app.close()
    jobs_of_tests.app.address = old


def until(condition, timeout=15):
    """Asks until the answer is something."""
    end = time.monotonic() + timeout
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < end
        time.sleep(0.02)


class WorkerProcess:
    def __init__(self, address, *flags, app="jobs_of_tests:app", cwd=HERE):
        self.file = tempfile.NamedTemporaryFile(prefix="gkick-worker-", suffix=".log")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "gkick.worker.cli", app, "--address", address, *flags], cwd=cwd,
            stdin=subprocess.DEVNULL, stderr=self.file,
            # Set for Python 3.9's sake by who runs these tests, which start processes themselves; the worker has to do without.
            env={name: value for name, value in os.environ.items() if name != "GRPC_ENABLE_FORK_SUPPORT"})

    def log(self):
        return pathlib.Path(self.file.name).read_text(errors="replace")

    def wait_for(self, words, timeout=20):
        end = time.monotonic() + timeout
        while words not in self.log():
            assert self.process.poll() is None and time.monotonic() < end, self.log()
            time.sleep(0.02)

    def terminate(self, timeout=30):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.file.close()


@pytest.fixture
def worker(gkick_server):
    made = []

    def start(*flags, address=None):
        one = WorkerProcess(address or gkick_server.address, *flags)
        made.append(one)
        one.wait_for("connected to")
        return one

    yield start
    for one in made:
        one.close()


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Makes a module an app that workers and this test import."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name, text):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        monkeypatch.delitem(sys.modules, name, raising=False)
        return __import__(name)

    return make
