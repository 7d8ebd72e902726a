import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.server import Server, free_port  # noqa: E402


class Redis:
    """A redis-server of a test's own: own port, own folder, AOF with fsync always."""

    def __init__(self, *settings):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="gkick-redis-")
        self.settings = settings
        self.process = None
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
             "--appendonly", "yes", "--appendfsync", "always", "--logfile", self.folder + "/log", *self.settings],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("redis-server does not come up")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


@pytest.fixture
def redis():
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed: Scripts/setup installs it")
    running = Redis()
    yield running
    running.close()


@pytest.fixture
def servers(redis):
    """Makes servers on the test's Redis."""
    made = []

    def make(count, **options):
        for _ in range(count):
            made.append(Server(store=redis.url, **options))
        return made[-count:]

    yield make
    for server in made:
        server.close()
