"""A thread that stands still: /healthz says so, the log too, and at last the process ends so that a supervisor starts it again."""
import signal
import socket
import time

import pytest

from harness.server import Server
from harness.threads import stopped, threads

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
