"""A gkick server as a child process."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import grpc

from . import stores
from .ports import free_port  # noqa: F401 - others take it from here
from .stubs import ROOT, pb

# A connection of its own per channel, and quick reconnects while servers come and go.
CHANNEL_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    # Also how long one attempt to connect may take: a tenth of a second is too little on a busy machine.
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 300),
]


def binary():
    path = os.environ.get("GKICK_BIN", str(ROOT / ".build/debug/gkick"))
    if not os.access(path, os.X_OK):
        raise RuntimeError(f"no executable {path}: run Scripts/build debug, or set GKICK_BIN")
    return path


def _without(flags, name):
    """The flags without this one and its value."""
    return [one for place, one in enumerate(flags) if name not in (one, flags[place - 1] if place else None)]


class Server:
    """Its data lives in a folder of its own, or in `data`, so that another Server can go on with it.

    Without a `store` it is on the run's store (see stores.py); then `leader` is the server that leads in its place, if the run is
    one through fronts. Both are started, killed and ended as one.
    """

    def __init__(self, *flags, lease="2s", data=None, start=True, store=None, environment=None, preexec=None, front=stores.FRONT):
        self.data = pathlib.Path(data or tempfile.mkdtemp(prefix="gkick-test-"))
        self.owns_data = data is None
        self.port, self.http_port = free_port(), free_port()
        self.flags = ["--lease", lease, *flags]
        self.leader = None
        if store is not None:
            self.store = store
        elif stores.embedded:
            self.store = f"embedded:{self.data}"
        else:
            self.store = stores.shared_url()
            # A Server with the same data finds its own again.
            self.flags += stores.flags(self.store, self.data.name)
            if front:
                self.leader = Server(
                    *_without(flags, "--listen"), lease=lease, data=self.data, start=False, environment=environment, preexec=preexec,
                    front=False)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("GKICK_")}
        self.environment |= environment or {}
        self.preexec = preexec
        self.process = None
        self.log_path = None
        self._channel = None
        if start:
            self.start()

    @property
    def store_kind(self):
        """As the server calls it."""
        return "redis" if self.store.startswith("redis") else self.store.split(":")[0]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def command(self):
        return [binary(), "server", "--listen", self.address, "--http", f"127.0.0.1:{self.http_port}",
                "--store", self.store, *self.flags]

    def start(self, timeout=30):
        if self.leader:
            self.leader.start(timeout)
        file, self.log_path = tempfile.mkstemp(prefix="gkick-log-")
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stderr=file, stdout=file, env=self.environment,
            preexec_fn=self.preexec)
        os.close(file)
        try:
            self._await_ready(timeout)
        except BaseException:
            # Whoever made it never gets it, and so could not end it.
            self.process.kill()
            self.process.wait()
            if self.leader:
                self.leader.kill()
            raise
        return self

    def _await_ready(self, timeout):
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log()}")
            if self.get("/readyz")[0] == 200:
                return
            time.sleep(0.01)
        raise RuntimeError(f"the server is not ready after {timeout} s:\n{self.log()}")

    def get(self, path):
        """Status and text of a page of the monitor; status 0: it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, urllib.error.URLError):
            return 0, ""

    def log(self):
        own = pathlib.Path(self.log_path).read_text(errors="replace") if self.log_path else ""
        return own + (self.leader.log() if self.leader else "")

    @property
    def engine(self):
        """The server whose engine decides: this one, or the one that leads in its place."""
        return self.leader or self

    def lives(self):
        return self.process.poll() is None and (self.leader is None or self.leader.lives())

    def kill(self):
        """kill -9."""
        if self.leader:
            self.leader.kill()
        self.process.kill()
        self.process.wait()

    def terminate(self, timeout=20):
        """SIGTERM; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout)
        return code or (self.leader.terminate(timeout) if self.leader else 0)

    def restart(self):
        self.kill()
        return self.start()

    def channel(self, **options):
        return grpc.insecure_channel(self.address, options=CHANNEL_OPTIONS + list(options.items()))

    @property
    def shared_channel(self):
        if self._channel is None:
            self._channel = self.channel()
        return self._channel

    @property
    def jobs(self):
        return pb.JobServiceStub(self.shared_channel)

    @property
    def work(self):
        return pb.WorkerServiceStub(self.shared_channel)

    @property
    def admin(self):
        return pb.AdminServiceStub(self.shared_channel)

    def enqueue(self, queue, name="t", payload=b"", **spec):
        return self.jobs.Enqueue(
            pb.EnqueueRequest(job=pb.JobSpec(queue=queue, name=name, payload=payload, **spec)), timeout=10).job_id

    def job(self, job_id):
        return self.jobs.GetJob(pb.GetJobRequest(job_id=job_id), timeout=10).job

    def wait(self, job_id, timeout=10):
        """The job when it is final, or as it is when the time is over."""
        return self.jobs.WaitJob(pb.WaitJobRequest(job_id=job_id), timeout=timeout).job

    def events(self, **request):
        """All stored events that match, by a stream that is left once a fence event has come by."""
        request.setdefault("after_cursor", "0")
        now = next(iter(self.jobs.StreamEvents(pb.StreamEventsRequest(), timeout=10))).cursor
        found = []
        call = self.jobs.StreamEvents(pb.StreamEventsRequest(**request), timeout=60)
        for batch in call:
            found.extend(batch.events)
            if int(batch.cursor) >= int(now):
                break
        call.cancel()
        return found

    def resident_mib(self):
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / (1 << 20)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self.leader:
            self.leader.close()
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.log_path:
            pathlib.Path(self.log_path).unlink(missing_ok=True)
            self.log_path = None
        if self.owns_data:
            shutil.rmtree(self.data, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
