"""A raw HTTP/2 client: it sends exactly the frames it is told to, right or wrong, and records what comes back."""

import socket
import struct
import time
from dataclasses import dataclass, field

import hpack

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, CANCEL, COMPRESSION_ERROR = 5, 6, 7, 8, 9
ENHANCE_YOUR_CALM = 11
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTING_MAX_CONCURRENT_STREAMS, SETTING_INITIAL_WINDOW_SIZE, SETTING_MAX_HEADER_LIST_SIZE = 3, 4, 6


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def settings(values=()):
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", k, v) for k, v in dict(values).items()))


def window_update(stream, increment):
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def rst(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def message(payload=b"", flag=0):
    return bytes([flag]) + struct.pack(">I", len(payload)) + payload


@dataclass
class Stream:
    headers: list = None  # the first header block
    trailers: list = None  # the second one; Trailers-Only answers have none
    data: bytes = b""
    reset: int = None
    ended: bool = False  # END_STREAM was seen
    frames: list = field(default_factory=list)
    window_change: int = 0  # of the window for what we send, against the initial one

    @property
    def over(self):
        return self.ended or self.reset is not None

    @property
    def http_status(self):
        return dict(self.headers or {}).get(":status")

    def trailer(self, name):
        block = self.trailers if self.trailers is not None else self.headers
        return dict(block or {}).get(name)

    def header(self, name):
        return dict(self.headers or {}).get(name)

    @property
    def grpc_status(self):
        value = self.trailer("grpc-status")
        return None if value is None else int(value)

    @property
    def messages(self):
        found, rest = [], self.data
        while len(rest) >= 5:
            length = struct.unpack(">I", rest[1:5])[0]
            if len(rest) < 5 + length:
                break
            found.append((rest[0], rest[5 : 5 + length]))
            rest = rest[5 + length :]
        return found


class Wire:
    """One connection. With start=False nothing is sent, not even the preface."""

    def __init__(self, port, tls=None, start=True, initial_settings=None, window=(1 << 30), ack=True):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self.streams = {}
        self.peer_settings = {}
        self.goaways = []  # (last stream id, code, debug data)
        self.pings = []  # from the server, not acknowledgements
        self.ping_acks = []
        self.closed = False
        self.ack = ack
        self.buffer = b""
        self.block = b""
        self.next_stream = 1
        self.send_window = self.initial_window = 65535
        if start:
            if initial_settings is None:
                initial_settings = {SETTING_INITIAL_WINDOW_SIZE: 1 << 30}
            update = window_update(0, window) if window else b""
            self.send(PREFACE + settings(initial_settings) + update)

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        """Sends; False once the server has closed the connection."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            self.closed = True
            return False

    # Requests

    def request_headers(self, path, extra=(), drop=(), method="POST", content_type="application/grpc"):
        headers = [
            (":method", method),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("te", "trailers"),
            ("content-type", content_type),
        ]
        headers = [(k, v) for k, v in headers if k not in drop and v is not None]
        return headers + list(extra)

    def new_stream(self):
        stream = self.next_stream
        self.next_stream += 2
        self.streams[stream] = Stream()
        return stream

    def open(self, path, end=False, stream=None, **options):
        """Sends a header block; returns the stream id."""
        if stream is None:
            stream = self.new_stream()
        block = self.encoder.encode(self.request_headers(path, **options), huffman=False)
        self.send(headers_frames(stream, block, END_STREAM if end else 0))
        return stream

    def data(self, stream, payload, end=False):
        """Sends a body, as far and as fast as the server's windows allow; gives up when the stream is over."""
        state = self.streams[stream]

        def room():
            return min(self.send_window, self.initial_window + state.window_change, 16384)

        while True:
            if payload and room() <= 0:
                self.pump(lambda: room() > 0 or state.over or self.closed, 10)
                if state.over or room() <= 0:
                    return
            part, payload = payload[: max(room(), 0)], payload[max(room(), 0) :]
            self.send_window -= len(part)
            state.window_change -= len(part)
            if not self.send(frame(DATA, END_STREAM if end and not payload else 0, stream, part)) or not payload:
                return

    def call(self, path, body=None, timeout=5, **options):
        """One call with one body, by default one empty message; waits for its end."""
        stream = self.open(path, **options)
        self.data(stream, message() if body is None else body, end=True)
        return self.wait(stream, timeout)

    # Answers

    def wait(self, stream, timeout=5):
        self.pump(lambda: self.streams[stream].over or self.closed, timeout)
        return self.streams[stream]

    def pump(self, until=lambda: False, timeout=1.0):
        """Reads frames until the condition holds or the time is over; says whether it holds."""
        deadline = time.monotonic() + timeout
        while not until():
            left = deadline - time.monotonic()
            if left <= 0 or self.closed:
                break
            self.read_once(left)
        return until()

    def read_once(self, timeout):
        self.socket.settimeout(max(timeout, 0.001))
        try:
            received = self.socket.recv(1 << 16)
        except TimeoutError:
            return
        except OSError:
            received = b""
        finally:
            self.socket.settimeout(10)
        if not received:
            self.closed = True
            return
        self.buffer += received
        while len(self.buffer) >= 9:
            length = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + length:
                break
            head, payload = self.buffer[:9], self.buffer[9 : 9 + length]
            self.buffer = self.buffer[9 + length :]
            self.handle(head[3], head[4], int.from_bytes(head[5:9], "big") & 0x7FFFFFFF, payload)

    def handle(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            for offset in range(0, len(payload), 6):
                key, value = struct.unpack(">HI", payload[offset : offset + 6])
                self.peer_settings[key] = value
                if key == SETTING_INITIAL_WINDOW_SIZE:
                    self.initial_window = value
            if self.ack:
                self.send(frame(SETTINGS, ACK, 0))
        elif kind == PING:
            if flags & ACK:
                self.ping_acks.append(payload)
            else:
                self.pings.append(payload)
                if self.ack:
                    self.send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            last, code = struct.unpack(">II", payload[:8])
            self.goaways.append((last & 0x7FFFFFFF, code, payload[8:]))
        elif kind == WINDOW_UPDATE and stream == 0:
            self.send_window += struct.unpack(">I", payload)[0]
        elif stream in self.streams:
            self.handle_stream(kind, flags, self.streams[stream], payload)

    def handle_stream(self, kind, flags, stream, payload):
        if kind != WINDOW_UPDATE:
            stream.frames.append((kind, flags, len(payload)))
        if kind in (HEADERS, CONTINUATION):
            self.block += payload
            if flags & END_HEADERS:
                block, self.block = self.decoder.decode(self.block), b""
                if stream.headers is None:
                    stream.headers = block
                else:
                    stream.trailers = block
            if kind == HEADERS and flags & END_STREAM:
                stream.ended = True
        elif kind == DATA:
            stream.data += payload
            if flags & END_STREAM:
                stream.ended = True
        elif kind == WINDOW_UPDATE:
            stream.window_change += struct.unpack(">I", payload)[0]
        elif kind == RST_STREAM:
            stream.reset = struct.unpack(">I", payload)[0]


def headers_frames(stream, block, flags=0):
    """A header block as HEADERS and as many CONTINUATION frames as it needs."""
    parts = [block[i : i + 16384] for i in range(0, len(block), 16384)] or [b""]
    frames = b""
    for index, part in enumerate(parts):
        kind = HEADERS if index == 0 else CONTINUATION
        own = (flags if index == 0 else 0) | (END_HEADERS if index == len(parts) - 1 else 0)
        frames += frame(kind, own, stream, part)
    return frames
