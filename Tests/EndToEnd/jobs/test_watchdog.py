"""A thread that stands still: /healthz says so, the log too, and at last the process ends so that a supervisor starts it again."""
import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import time

import pytest

from harness.server import Server

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000


def threads(server):
    """Their numbers, by the names of those that are watched."""
    tasks = pathlib.Path(f"/proc/{server.process.pid}/task")
    found = {(task / "comm").read_text().strip(): int(task.name) for task in tasks.iterdir()}
    # The loops of the server are started before the one of HTTP.
    found["loop"] = found[min(name for name in found if name.startswith("NIO-ELT-"))]
    return found


@contextlib.contextmanager
def stopped(thread):
    """One thread of another process stands still, as if it hung; the others go on."""
    if libc.ptrace(PTRACE_SEIZE, thread, None, None) != 0:
        pytest.skip(f"may not stop a thread here: {os.strerror(ctypes.get_errno())}")
    assert libc.ptrace(PTRACE_INTERRUPT, thread, None, None) == 0
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        if libc.ptrace(PTRACE_DETACH, thread, None, None) != 0:
            # It goes, or has gone, with its process, which ends only when all of it has been waited for.
            with contextlib.suppress(ChildProcessError):
                until(lambda: os.waitpid(thread, WALL | os.WNOHANG)[0], 20)


def until(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize("name,said", [("loop", "event loop 0"), ("engine", "the engine")])
def test_a_thread_that_hangs_is_told_and_ends_the_process(name, said):
    with Server("--watchdog", "6s", "--loops", "1", front=False) as server:
        with stopped(threads(server)[name]):
            assert until(lambda: server.get("/healthz")[0] == 503, 8)
            status, text = server.get("/healthz")
            assert f"{said} has not moved" in text
            assert "a thread does not move" in server.log() and f'thread="{said}"' in server.log()
            assert until(lambda: "ending the process" in server.log(), 10)
        # Gone as soon as the thread that the test holds is let go.
        assert server.process.wait(10) == -signal.SIGABRT


def test_a_loop_that_hung_for_a_while_is_forgiven():
    with Server("--watchdog", "20s", "--loops", "1", front=False) as server:
        with stopped(threads(server)["loop"]):
            assert until(lambda: server.get("/healthz")[0] == 503, 15)
        assert until(lambda: server.get("/healthz")[0] == 200, 5)
        assert "a thread moves again" in server.log()
        server.enqueue("q")


def test_a_server_that_was_suspended_goes_on():
    with Server("--watchdog", "4s") as server:
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(9)
        server.process.send_signal(signal.SIGCONT)
        time.sleep(3)
        assert server.get("/healthz")[0] == 200
        server.enqueue("q")


def test_idle_connections_do_not_keep_health_checks_out():
    with Server() as server:
        idle = [socket.create_connection(("127.0.0.1", server.http_port)) for _ in range(64)]
        try:
            for _ in range(5):
                assert server.get("/healthz")[0] == 200
                assert server.get("/readyz")[0] == 200
        finally:
            for connection in idle:
                connection.close()
