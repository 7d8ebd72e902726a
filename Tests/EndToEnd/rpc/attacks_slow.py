"""Reading slowly and sending slowly."""

import socket
import struct
import time

from attack_tools import DUPLEX, GROWTH, OUTPUT, StaticBlock, UNARY
from grpc.testing import messages_pb2 as pb
from wire import DATA, END_STREAM, HEADERS, PREFACE, Wire, frame, message, settings


def slow_read_window(server):
    """Large answers to a client whose window is one byte."""
    connections = []
    for _ in range(10):
        wire = Wire(server.port, initial_settings={4: 1})
        wire.pump(lambda: wire.peer_settings, 2)
        request = StaticBlock(wire, UNARY)
        body = message(pb.SimpleRequest(response_size=4_000_000).SerializeToString())
        for _ in range(90):
            stream, frames = request(wire)
            if not wire.send(frames + frame(DATA, END_STREAM, stream, body)):
                break
        connections.append(wire)
    time.sleep(3)
    for wire in connections:
        wire.close()
    return server.peak_growth < GROWTH


def tcp_no_read(server):
    """Large answers to a client that leaves its socket alone."""
    connections = []
    body = message(pb.SimpleRequest(response_size=4_000_000).SerializeToString())
    for _ in range(10):
        wire = Wire(server.port, window=(1 << 30))
        wire.socket.settimeout(1)
        request = StaticBlock(wire, UNARY)
        for _ in range(90):
            stream, frames = request(wire)
            if not wire.send(frames + frame(DATA, END_STREAM, stream, body)):
                break
        connections.append(wire)
    time.sleep(3)
    for wire in connections:
        wire.close()
    return server.peak_growth < GROWTH


def slow_read_stream(server):
    """A long stream of answers that nobody reads: it stops being produced."""
    connections = []
    answers = [pb.ResponseParameters(size=100_000) for _ in range(10_000)]
    body = message(pb.StreamingOutputCallRequest(response_parameters=answers).SerializeToString())
    for _ in range(5):
        wire = Wire(server.port, initial_settings={4: 1})
        wire.pump(lambda: wire.peer_settings, 2)
        for _ in range(5):
            wire.data(wire.open(OUTPUT), body, end=True)
        connections.append(wire)
    time.sleep(2)
    for wire in connections:
        wire.close()
    return server.peak_growth < GROWTH


def slow_read_duplex(server):
    """Streams that are open before they all ask for a large answer at once."""
    connections = []
    ask = pb.StreamingOutputCallRequest(response_parameters=[pb.ResponseParameters(size=2_000_000)])
    for _ in range(5):
        wire = Wire(server.port, initial_settings={4: 1})
        wire.pump(lambda: wire.peer_settings, 2)
        request = StaticBlock(wire, DUPLEX)
        streams = [request(wire) for _ in range(90)]
        wire.send(b"".join(frames for _, frames in streams))
        body = message(ask.SerializeToString())
        wire.send(b"".join(frame(DATA, 0, stream, body) for stream, _ in streams))
        connections.append(wire)
    time.sleep(2)
    for wire in connections:
        wire.close()
    return server.peak_growth < GROWTH


def cut_within(sockets, seconds):
    """Whether the server closes all of these sockets in that time."""
    deadline = time.monotonic() + seconds
    for opened in sockets:
        opened.settimeout(max(deadline - time.monotonic(), 0.01))
        try:
            while opened.recv(65536):
                pass
        except TimeoutError:
            return False
        except OSError:
            pass
    return True


def connect(server, count, first=b""):
    sockets = []
    for _ in range(count):
        opened = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        opened.sendall(first)
        sockets.append(opened)
    return sockets


def slow_preface(server):
    return cut_within(connect(server, 100, PREFACE[:5]), 6)


def silent_connections(server):
    return cut_within(connect(server, 200), 6)


def slow_headers(server):
    """A header block that never ends."""
    start = PREFACE + settings() + frame(HEADERS, 0, 1, b"\x83\x86")
    return cut_within(connect(server, 100, start), 6)


def slow_message(server):
    """Bodies of a byte now and then: the memory is what counts, for a slow client is none to be cut."""
    with Wire(server.port) as wire:
        wire.pump(lambda: wire.peer_settings, 2)
        request = StaticBlock(wire, UNARY)
        streams = []
        for _ in range(90):
            stream, frames = request(wire)
            wire.send(frames + frame(DATA, 0, stream, b"\0" + struct.pack(">I", 4_000_000)))
            streams.append(stream)
        for _ in range(20):
            for stream in streams:
                wire.send(frame(DATA, 0, stream, b"x"))
            time.sleep(0.05)
        return server.peak_growth < GROWTH


def window_ignored(server):
    """More data than the server has given leave for."""
    with Wire(server.port) as wire:
        stream = wire.open(UNARY)
        wire.send(frame(DATA, 0, stream, b"\0" + struct.pack(">I", 4_000_000)))
        for _ in range(2000):
            if not wire.send(frame(DATA, 0, stream, bytes(16384))):
                return True
            wire.pump(timeout=0.0005)
            if wire.closed or wire.goaways or wire.streams[stream].reset is not None:
                return True
        return False
