"""The life of a connection: keepalive, ages, graceful shutdown (rules 25 to 28; gRFC A8 and A9, RFC 9113 6.8)."""

import os
import resource
import socket
import time

import grpc
import pytest
from grpc.testing import messages_pb2 as pb, test_pb2_grpc
from test_wire_requests import DUPLEX, EMPTY, OK, OUTPUT
from wire import ENHANCE_YOUR_CALM, NO_ERROR, PING, Wire, frame, message


def test_too_many_pings(server):
    with Wire(server.port) as connection:
        assert connection.call(EMPTY).grpc_status == OK
        for _ in range(12):
            connection.send(frame(PING, 0, 0, b"01234567"))
            connection.pump(timeout=0.02)
        assert connection.pump(lambda: connection.closed, 3)
        assert connection.goaways[-1][1:] == (ENHANCE_YOUR_CALM, b"too_many_pings")


def test_a_few_pings_are_answered(server):
    with Wire(server.port) as connection:
        for _ in range(2):
            connection.send(frame(PING, 0, 0, b"01234567"))
        assert connection.pump(lambda: len(connection.ping_acks) == 2, 2)
        assert connection.call(EMPTY).grpc_status == OK


def test_server_keepalive_cuts_a_dead_connection(launch):
    server = launch("--keepalive-time", "1", "--keepalive-timeout", "1")
    with Wire(server.port) as alive, Wire(server.port, ack=False) as dead:
        call = alive.open(DUPLEX)
        dead.open(DUPLEX)
        deadline = time.monotonic() + 5
        while not dead.closed and time.monotonic() < deadline:
            dead.pump(timeout=0.05)
            alive.pump(timeout=0.05)
        assert dead.closed and dead.pings, "a connection that does not answer PING was kept"
        alive.pump(timeout=1.5)
        assert alive.pings and not alive.closed
        alive.data(call, b"", end=True)
        assert alive.wait(call).grpc_status == OK


def test_idle_connection_is_closed(launch):
    server = launch("--max-connection-idle", "1")
    with Wire(server.port) as connection:
        assert connection.call(EMPTY).grpc_status == OK
        start = time.monotonic()
        assert connection.pump(lambda: connection.closed, 5)
        assert 0.5 < time.monotonic() - start < 3
        assert connection.goaways and all(code == NO_ERROR for _, code, _ in connection.goaways)
        assert any(debug == b"max_idle" for _, _, debug in connection.goaways)


def test_connection_with_a_call_is_not_idle(launch):
    server = launch("--max-connection-idle", "1")
    with Wire(server.port) as connection:
        stream = connection.open(DUPLEX)
        connection.pump(timeout=2)
        assert not connection.goaways
        connection.data(stream, b"", end=True)
        assert connection.wait(stream).grpc_status == OK


def test_old_connection_is_closed_after_its_grace(launch):
    server = launch("--max-connection-age", "1", "--max-connection-age-grace", "1")
    with Wire(server.port) as connection:
        start = time.monotonic()
        stream = connection.open(DUPLEX)
        assert connection.pump(lambda: any(debug == b"max_age" for _, _, debug in connection.goaways), 3)
        assert 0.8 < time.monotonic() - start < 1.8
        assert not connection.streams[stream].over
        assert connection.pump(lambda: connection.closed, 3)
        assert 1.6 < time.monotonic() - start < 3.5


def test_graceful_shutdown_finishes_open_calls(launch):
    server = launch()
    with Wire(server.port) as connection:
        request = pb.StreamingOutputCallRequest(
            response_parameters=[pb.ResponseParameters(size=1, interval_us=100_000) for _ in range(10)])
        stream = connection.open(OUTPUT)
        connection.data(stream, message(request.SerializeToString()), end=True)
        assert connection.pump(lambda: connection.streams[stream].messages, 2)
        server.terminate()
        assert connection.pump(lambda: connection.goaways, 2)
        assert connection.goaways[0][:2] == (2**31 - 1, NO_ERROR)
        result = connection.wait(stream)
        assert result.grpc_status == OK and len(result.messages) == 10
        assert connection.pump(lambda: connection.closed, 3)
        assert connection.goaways[-1][:2] == (stream, NO_ERROR)
        with pytest.raises(OSError):
            Wire(server.port)
    assert server.process.wait(5) == 0


def test_call_started_between_the_two_goaways_is_served(launch):
    """The client had not seen the first GOAWAY: its call is not refused."""
    server = launch()
    with Wire(server.port, ack=False) as connection:
        assert connection.call(EMPTY).grpc_status == OK
        held = connection.open(DUPLEX)
        connection.pump(timeout=0.1)
        server.terminate()
        assert connection.pump(lambda: connection.goaways and connection.pings, 2)
        stream = connection.open(EMPTY)
        connection.data(stream, message(), end=True)
        assert connection.wait(stream).grpc_status == OK
        connection.send(frame(PING, 1, 0, connection.pings[-1]))
        assert connection.pump(lambda: len(connection.goaways) == 2, 2)
        assert connection.goaways[1][0] == stream
        connection.data(held, b"", end=True)
        assert connection.wait(held).grpc_status == OK
        assert connection.pump(lambda: connection.closed, 3)


def test_without_descriptors_the_server_rests_and_comes_back(launch):
    server = launch()
    resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (64, 64))
    sockets = [socket.create_connection(("127.0.0.1", server.port), timeout=5) for _ in range(120)]

    def ticks():
        with open(f"/proc/{server.process.pid}/stat") as file:
            return sum(int(field) for field in file.read().rsplit(")", 1)[1].split()[11:13])

    time.sleep(0.3)
    before = ticks()
    time.sleep(1)
    assert ticks() - before < 0.2 * os.sysconf("SC_CLK_TCK")
    for opened in sockets:
        opened.close()
    with grpc.insecure_channel(server.address) as channel:
        assert test_pb2_grpc.TestServiceStub(channel).UnaryCall(pb.SimpleRequest(response_size=1), timeout=20)
    server.stop()
