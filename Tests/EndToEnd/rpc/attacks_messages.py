"""Messages that lie, and nonsense."""

import gzip
import random
import socket
import struct
import time

from attack_tools import GROWTH, OUTPUT, RESOURCE_EXHAUSTED, StaticBlock, UNARY
from wire import (
    ACK, DATA, END_HEADERS, GOAWAY, HEADERS, PING, PREFACE, PUSH_PROMISE, SETTINGS, WINDOW_UPDATE, Wire, frame, message, settings,
)


def refused_message(server, body, extra=()):
    with Wire(server.port) as wire:
        codes = []
        for _ in range(20):
            stream = wire.open(UNARY, extra=extra)
            wire.data(stream, body)
            codes.append(wire.wait(stream, 3).grpc_status)
        return set(codes) == {RESOURCE_EXHAUSTED}


def oversized_message(server):
    return refused_message(server, b"\0" + struct.pack(">I", 0xFFFFFFFF) + bytes(60_000))


def gzip_bomb(server):
    return refused_message(server, message(gzip.compress(bytes(64 << 20), 9), flag=1), extra=[("grpc-encoding", "gzip")])


def length_lie(server):
    """A large length and nothing behind it, on every stream of many connections."""
    connections = []
    for _ in range(20):
        wire = Wire(server.port)
        wire.pump(lambda: wire.peer_settings, 2)
        request = StaticBlock(wire, UNARY)
        for _ in range(90):
            stream, frames = request(wire)
            wire.send(frames + frame(DATA, 0, stream, b"\0" + struct.pack(">I", 4 * 1024 * 1024)))
        connections.append(wire)
    time.sleep(0.5)
    held = server.peak_growth < GROWTH
    for wire in connections:
        wire.close()
    return held


def empty_submessages(server):
    """200 KB that would unpack to 20 MB."""
    with Wire(server.port) as wire:
        stream = wire.call(OUTPUT, message(b"\x12\x00" * 100_000), timeout=3)
        return stream.grpc_status not in (0, None)


def garbage(server):
    for seed in range(200):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as opened:
            noise = random.Random(seed).randbytes(5000)
            try:
                opened.sendall((PREFACE + settings() if seed % 2 else b"") + noise)
            except OSError:
                pass
    return True


def forbidden_frames(server):
    """Frames that no client may send; each ends its connection."""
    bad = [
        frame(PUSH_PROMISE, END_HEADERS, 1, struct.pack(">I", 2)),
        frame(SETTINGS, ACK, 0, b"123456"),
        frame(SETTINGS, 0, 1),
        frame(PING, 0, 0, b"short"),
        frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 0)),
        frame(DATA, 0, 0, b"x"),
        frame(HEADERS, END_HEADERS, 2, b"\x82"),
        frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"),
        struct.pack(">I", 0xFFFFFF)[1:] + bytes(6),
        frame(GOAWAY, 0, 1, bytes(8)),
    ]
    for piece in bad:
        with Wire(server.port) as wire:
            wire.send(piece)
            if not wire.pump(lambda: wire.closed or wire.goaways, 2):
                return False
    return True


def connection_flood(server):
    """More connections than the server takes: they are closed or wait, and the honest one goes on."""
    sockets = []
    try:
        for _ in range(900):
            sockets.append(socket.create_connection(("127.0.0.1", server.port), timeout=2))
            sockets[-1].sendall(PREFACE + settings())
    except OSError:
        pass
    time.sleep(0.5)
    for opened in sockets:
        opened.close()
    return True
