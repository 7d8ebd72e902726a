"""What attacks are made of."""

import hpack
from wire import END_STREAM, headers_frames

SERVICE = "/grpc.testing.TestService/"
EMPTY, UNARY, INPUT = SERVICE + "EmptyCall", SERVICE + "UnaryCall", SERVICE + "StreamingInputCall"
OUTPUT, DUPLEX = SERVICE + "StreamingOutputCall", SERVICE + "FullDuplexCall"
RESOURCE_EXHAUSTED = 8
# Bytes that an attack may cost. What waits to be sent is bounded to 2 MiB and one answer more for each of two loops; the attacks ask for answers of
# 4 MB, of which the test's service has two or three copies while it makes one.
GROWTH = 32 << 20


def flood(wire, make, rounds=200, batch=500):
    """Sends `rounds` times `batch` of what `make` makes, reading what comes back; true once the server has cut it off."""
    for _ in range(rounds):
        if not wire.send(b"".join(make() for _ in range(batch))):
            return True
        wire.pump(timeout=0.001)
        if wire.closed or wire.goaways:
            return True
    wire.pump(lambda: wire.closed or wire.goaways, 1)
    return bool(wire.closed or wire.goaways)


class StaticBlock:
    """A request's header block that leaves the encoder's dynamic table alone, so that it can be sent any number of times."""

    def __init__(self, wire, path, **options):
        headers = wire.request_headers(path, **options)
        self.block = hpack.Encoder().encode([hpack.NeverIndexedHeaderTuple(*header) for header in headers], huffman=False)

    def __call__(self, wire, end=False):
        stream = wire.new_stream()
        return stream, headers_frames(stream, self.block, END_STREAM if end else 0)
