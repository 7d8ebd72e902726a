"""Peers that stop halfway: each costs its own connection, after a time that is known, and nobody else anything."""
import os
import pathlib
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


def test_a_worker_with_many_slots_is_given_many_large_jobs(tmp_path):
    """Not all in one go: the server would have to hold what the worker has not read yet, and would end the connection for that."""
    with Server(lease="30s", store=f"embedded:{tmp_path}") as server:
        for _ in range(300):
            server.enqueue("large", payload=bytes(1_000_000))
        with Worker(server, "large", slots=1_000) as worker:
            end = time.monotonic() + 60
            while len(worker.jobs) < 300 and worker.ended is None and time.monotonic() < end:
                time.sleep(0.05)
            assert worker.ended is None, worker.details
            assert len(worker.jobs) == 300 and {job.attempt for job in worker.jobs} == {1}
