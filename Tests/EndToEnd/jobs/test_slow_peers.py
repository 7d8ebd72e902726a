"""Peers that stop halfway: each costs its own connection, after a time that is known, and nobody else anything."""
import contextlib
import os
import pathlib
import queue as queue_module
import signal
import socket
import subprocess
import sys
import time

import grpc
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "rpc"))

from harness.server import Server, binary  # noqa: E402
from harness.stubs import pb  # noqa: E402
from harness.worker import Worker, subscriptions  # noqa: E402
from wire import END_HEADERS, HEADERS, PING, RST_STREAM, SETTINGS, Wire, frame  # noqa: E402

ENHANCE_YOUR_CALM = 11
FETCH = "/gkick.v1.WorkerService/Fetch"


@pytest.fixture(scope="module")
def quick():
    """A server that loses its patience soon."""
    with Server("--header-timeout", "500ms", "--stall-timeout", "1s", "--write-timeout", "1s") as running:
        yield running
        assert running.process.poll() is None, f"the server ended by itself:\n{running.log()}"


def serves(server):
    """It answers on both ports, at once, and its threads are not busy."""
    before = server.cpu_seconds()
    for _ in range(5):
        assert server.get("/healthz")[0] == 200
        with server.channel() as channel:
            pb.AdminServiceStub(channel).GetServerInfo(pb.GetServerInfoRequest(), timeout=2)
        time.sleep(0.2)
    assert server.cpu_seconds() - before < 0.5, "a thread spins"


def test_a_header_block_that_never_ends(quick):
    with Wire(quick.port) as wire:
        # The handshake is over: the limit of the header block is what counts.
        assert wire.pump(lambda: wire.peer_settings, 2)
        wire.pump(timeout=0.1)
        wire.send(frame(HEADERS, 0, 1, b"\x83\x86"))
        assert wire.pump(lambda: wire.closed, 3), "the connection stays"
        assert wire.goaways[-1][1:] == (ENHANCE_YOUR_CALM, b"header block timed out")
    serves(quick)


def test_a_suspended_reader_of_events(quick, queue):
    reader = subprocess.Popen([binary(), "events", "--address", quick.address], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, env=quick.environment)
    try:
        quick.enqueue(queue)
        os.set_blocking(reader.stdout.fileno(), False)
        end = time.monotonic() + 5
        while not reader.stdout.read(1) and time.monotonic() < end:
            quick.enqueue(queue)
            time.sleep(0.05)
        os.kill(reader.pid, signal.SIGSTOP)
        jobs = [pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="x" * 200)) for _ in range(1_000)]
        for _ in range(10):
            quick.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=jobs), timeout=30)
        time.sleep(2.5)
        serves(quick)
    finally:
        os.kill(reader.pid, signal.SIGCONT)
        reader.kill()
        reader.wait()


def test_a_stock_worker_that_does_not_read(quick, queue):
    """Its read loop runs the job, while more wait than its window holds."""
    for _ in range(60):
        quick.enqueue(queue, payload=bytes(100_000))
    with quick.channel() as channel:
        hello = pb.WorkRequest(hello=pb.WorkerHello(queues=subscriptions(queue), max_in_flight=100))

        def requests():
            yield hello
            time.sleep(60)

        call = pb.WorkerServiceStub(channel).Work(requests(), wait_for_ready=True)
        next(call)
        time.sleep(2.5)
        serves(quick)
        call.cancel()


def test_a_watcher_that_opens_no_window(quick, queue):
    """The same without a client library: the window of its stream stays shut from the first byte on."""
    with Wire(quick.port, initial_settings={4: 0}) as wire:
        request = pb.GetServerInfoRequest().SerializeToString()
        stream = wire.open("/gkick.v1.AdminService/GetServerInfo")
        wire.data(stream, b"\0" + len(request).to_bytes(4, "big") + request, end=True)
        assert wire.pump(lambda: wire.closed, 4), "the connection stays"
        assert wire.goaways[-1][1:] == (ENHANCE_YOUR_CALM, b"peer does not open its window")
    serves(quick)


def processes(server):
    return [server.process.pid] + ([server.leader.process.pid] if server.leader else [])


def forget_peaks(server):
    """From now on `grown` counts from what the server takes now."""
    before = {}
    for pid in processes(server):
        pathlib.Path(f"/proc/{pid}/clear_refs").write_text("5")
        before[pid] = peak(pid)
    return before


def peak(pid):
    """MiB of resident memory, at most."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) >> 10


def grown(before):
    return max(peak(pid) - mib for pid, mib in before.items())


def running(server, queue):
    queues = server.admin.ListQueues(pb.ListQueuesRequest(prefix=queue), timeout=10).queues
    return next((one.running for one in queues if one.name == queue), 0)


@contextlib.contextmanager
def large_jobs(count):
    """A server with so many jobs of 1 MB, and what it takes with them, for `grown`."""
    with Server(lease="60s") as server:
        for _ in range(count):
            server.enqueue("large", payload=bytes(1_000_000))
        yield server, forget_peaks(server)


def test_a_worker_with_many_slots_is_given_many_large_jobs():
    """Not all in one go: the server would have to hold what the worker has not read yet, and would end the connection for that."""
    count = 400
    with large_jobs(count) as (server, before):
        words = queue_module.SimpleQueue()
        words.put(pb.WorkRequest(hello=pb.WorkerHello(queues=subscriptions("large"), max_in_flight=count)))
        attempts = []
        with server.channel() as channel:
            call = pb.WorkerServiceStub(channel).Work(iter(words.get, None), timeout=240, wait_for_ready=True)
            for update in call:
                words.put(pb.WorkRequest(ack_seq=update.seq))
                attempts += [job.attempt for job in update.jobs]
                if len(attempts) >= count:
                    break
            assert attempts == [1] * count and running(server, "large") == count
            most = grown(before)
            call.cancel()
            words.put(None)
        assert most < 150, f"{most} MiB more"


def test_a_worker_that_reads_nothing_is_given_little():
    """And what it was given goes to others as if it had never been, once it has gone."""
    count = 60
    with large_jobs(count) as (server, before):
        with Wire(server.port, initial_settings={4: 65_535}, window=0) as wire:
            stream = wire.open("/gkick.v1.WorkerService/Work")
            hello = pb.WorkRequest(hello=pb.WorkerHello(queues=subscriptions("large"), max_in_flight=count)).SerializeToString()
            wire.data(stream, b"\0" + len(hello).to_bytes(4, "big") + hello)
            end = time.monotonic() + 20
            while not running(server, "large") and time.monotonic() < end:
                time.sleep(0.05)
            # Whoever would give it more has had the time to.
            time.sleep(1)
            # A claim's worth, and through a front what fits on the way.
            assert 0 < running(server, "large") <= 12
            assert grown(before) < 50
        with Worker(server, "large", slots=count) as worker:
            assert {job.attempt for job in worker.take(count, timeout=60)} == {1}
