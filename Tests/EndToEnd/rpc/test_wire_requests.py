"""What the server makes of requests: rules 1 to 19 and 30 of gRPC over HTTP/2, on the wire.

P is gRPC doc/PROTOCOL-HTTP2.md, S doc/statuscodes.md, C doc/compression.md.
"""

import base64
import gzip
import struct
import time
import zlib

import pytest
from grpc.testing import messages_pb2 as pb
from wire import DATA, END_STREAM, PADDED, PROTOCOL_ERROR, SETTING_MAX_HEADER_LIST_SIZE, frame, message

SERVICE = "/grpc.testing.TestService/"
EMPTY, UNARY = SERVICE + "EmptyCall", SERVICE + "UnaryCall"
INPUT, OUTPUT, DUPLEX = SERVICE + "StreamingInputCall", SERVICE + "StreamingOutputCall", SERVICE + "FullDuplexCall"
OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED = 0, 1, 2, 3, 4
RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL = 8, 12, 13


def healthy(wire):
    """The connection is still good for a call."""
    assert wire.call(EMPTY).grpc_status == OK


def simple(size):
    return message(pb.SimpleRequest(payload=pb.Payload(body=b"x" * size)).SerializeToString())


# 1: only POST (P, Requests)


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS", "post"])
def test_method_other_than_post_is_405(wire, method):
    assert wire.call(EMPTY, method=method).http_status == "405"
    healthy(wire)


# 2: content-type (P, Requests)


@pytest.mark.parametrize("content_type", ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"])
def test_grpc_content_type(wire, content_type):
    assert wire.call(EMPTY, content_type=content_type).grpc_status == OK


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/grpcx", "application/grpc-web", "application/grpc-web+proto"])
def test_other_content_type_is_415(wire, content_type):
    stream = wire.call(EMPTY, content_type=content_type)
    assert stream.http_status == "415"
    healthy(wire)


# 3: te


@pytest.mark.parametrize("te", [None, "gzip"])
def test_te_other_than_trailers_never_hangs(wire, te):
    stream = wire.call(EMPTY, drop=["te"], extra=[("te", te)] if te else [])
    assert stream.over
    healthy(wire)


# 4: paths


@pytest.mark.parametrize(
    "path", [SERVICE + "Nothing", SERVICE + "emptycall", SERVICE + "UnimplementedCall", "/grpc.testing.Nobody/EmptyCall", "/", "/x", SERVICE, EMPTY + "/", EMPTY + "?x=1"]
)
def test_unknown_path_is_unimplemented_as_trailers_only(wire, path):
    stream = wire.call(path)
    assert stream.http_status == "200" and stream.grpc_status == UNIMPLEMENTED
    assert stream.trailers is None and not stream.data


# 5: grpc-timeout


@pytest.mark.parametrize("timeout", ["1H", "1M", "1S", "99999999m", "99999999u", "99999999H", "99999999n"])
def test_timeout_units(wire, timeout):
    assert wire.call(EMPTY, extra=[("grpc-timeout", timeout)]).grpc_status == OK


@pytest.mark.parametrize("timeout", ["", "1", "S", "1x", "1s", "-1S", "+1S", "1.5S", "1 S", "0x1S", "123456789S", "1SS"])
def test_malformed_timeout_is_an_error(wire, timeout):
    assert wire.call(EMPTY, extra=[("grpc-timeout", timeout)]).grpc_status in (INTERNAL, INVALID_ARGUMENT)
    healthy(wire)


# 6: the deadline passes


def test_deadline_ends_the_call(wire):
    start = time.monotonic()
    stream = wire.open(DUPLEX, extra=[("grpc-timeout", "300m")])
    result = wire.wait(stream, 3)
    assert 0.25 < time.monotonic() - start < 1
    assert result.grpc_status == DEADLINE_EXCEEDED or result.reset == 8
    healthy(wire)


def test_deadline_stops_a_stream_of_responses(wire):
    request = pb.StreamingOutputCallRequest(
        response_parameters=[pb.ResponseParameters(size=10, interval_us=50_000) for _ in range(100)])
    stream = wire.call(OUTPUT, message(request.SerializeToString()), extra=[("grpc-timeout", "300m")])
    assert 1 <= len(stream.messages) <= 7
    assert stream.grpc_status == DEADLINE_EXCEEDED or stream.reset == 8


def test_deadline_of_a_nanosecond(wire):
    stream = wire.call(EMPTY, extra=[("grpc-timeout", "1n")])
    assert stream.grpc_status in (OK, DEADLINE_EXCEEDED) or stream.reset == 8
    healthy(wire)


# 7: message framing knows nothing of DATA frames


def test_message_in_frames_of_one_byte(wire):
    stream = wire.open(UNARY)
    for byte in simple(50):
        wire.send(frame(DATA, 0, stream, bytes([byte])))
    wire.send(frame(DATA, END_STREAM, stream))
    assert wire.wait(stream).grpc_status == OK


def test_padded_data(wire):
    stream = wire.open(UNARY)
    wire.send(frame(DATA, PADDED | END_STREAM, stream, b"\x14" + simple(50) + b"\0" * 20))
    assert wire.wait(stream).grpc_status == OK


def test_frames_of_padding_only(wire):
    stream = wire.open(UNARY)
    for _ in range(20):
        wire.send(frame(DATA, PADDED, stream, b"\xff" + b"\0" * 255))
    wire.data(stream, simple(1), end=True)
    assert wire.wait(stream).grpc_status == OK


def test_end_stream_in_an_empty_frame(wire):
    stream = wire.open(UNARY)
    wire.data(stream, simple(1))
    time.sleep(0.05)
    wire.send(frame(DATA, END_STREAM, stream))
    assert wire.wait(stream).grpc_status == OK


def test_many_messages_in_one_frame(wire):
    request = pb.StreamingInputCallRequest(payload=pb.Payload(body=b"abc")).SerializeToString()
    stream = wire.call(INPUT, message(request) * 100)
    assert stream.grpc_status == OK
    assert pb.StreamingInputCallResponse.FromString(stream.messages[0][1]).aggregated_payload_size == 300


# 8: flags


@pytest.mark.parametrize("flag", [2, 7, 0x80, 255])
def test_unknown_flag_is_an_error(wire, flag):
    stream = wire.call(EMPTY, message(flag=flag))
    assert stream.grpc_status in (INTERNAL, UNIMPLEMENTED, INVALID_ARGUMENT)
    healthy(wire)


# 9: the stream ends too early


@pytest.mark.parametrize("keep", [1, 4, 5, 20])
def test_end_inside_a_message_is_an_error(wire, keep):
    stream = wire.call(UNARY, simple(50)[:keep])
    assert stream.grpc_status not in (OK, None)
    healthy(wire)


@pytest.mark.parametrize("keep", [3, 20])
def test_end_inside_a_streamed_message_is_an_error(wire, keep):
    request = message(pb.StreamingInputCallRequest(payload=pb.Payload(body=b"x" * 50)).SerializeToString())
    assert wire.call(INPUT, request + request[:keep]).grpc_status not in (OK, None)


# 10: exactly one message (S)


@pytest.mark.parametrize("path", [UNARY, OUTPUT])
def test_no_message_is_an_error(wire, path):
    assert wire.call(path, b"").grpc_status in (INTERNAL, UNIMPLEMENTED, INVALID_ARGUMENT)


def test_headers_with_end_stream_are_no_message(wire):
    stream = wire.open(UNARY, end=True)
    assert wire.wait(stream).grpc_status in (INTERNAL, UNIMPLEMENTED, INVALID_ARGUMENT)


@pytest.mark.parametrize("path", [UNARY, OUTPUT])
def test_two_messages_are_an_error(wire, path):
    stream = wire.call(path, message() * 2)
    assert stream.grpc_status in (INTERNAL, UNIMPLEMENTED, INVALID_ARGUMENT)
    healthy(wire)


# 11 to 14: compression (C)


@pytest.mark.parametrize("extra", [[], [("grpc-encoding", "identity")]])
def test_compressed_flag_without_encoding_is_internal(wire, extra):
    body = message(gzip.compress(b""), flag=1)
    assert wire.call(EMPTY, body, extra=extra).grpc_status == INTERNAL


@pytest.mark.parametrize("encoding", ["snappy", "br", "GZIP2", "x"])
def test_unknown_encoding_is_unimplemented_and_says_what_is_known(wire, encoding):
    stream = wire.call(EMPTY, extra=[("grpc-encoding", encoding)])
    assert stream.grpc_status == UNIMPLEMENTED
    accepted = stream.header("grpc-accept-encoding") or stream.trailer("grpc-accept-encoding")
    assert "gzip" in [name.strip() for name in accepted.split(",")]


def test_every_message_is_compressed_for_itself(wire):
    request = pb.StreamingInputCallRequest(payload=pb.Payload(body=b"z" * 1000)).SerializeToString()
    body = message(gzip.compress(request), flag=1) + message(request) + message(gzip.compress(request), flag=1)
    stream = wire.call(INPUT, body, extra=[("grpc-encoding", "gzip")])
    assert stream.grpc_status == OK
    assert pb.StreamingInputCallResponse.FromString(stream.messages[0][1]).aggregated_payload_size == 3000


def compressed_response(wire, extra):
    request = pb.SimpleRequest(response_size=10_000, response_compressed=pb.BoolValue(value=True))
    stream = wire.call(UNARY, message(request.SerializeToString()), extra=extra)
    assert stream.grpc_status == OK
    (flag, content), = stream.messages
    return stream, flag, content


def test_response_is_compressed_for_who_accepts_it(wire):
    stream, flag, content = compressed_response(wire, [("grpc-accept-encoding", "identity,gzip")])
    assert stream.header("grpc-encoding") == "gzip" and flag == 1
    assert len(pb.SimpleResponse.FromString(gzip.decompress(content)).payload.body) == 10_000


@pytest.mark.parametrize("extra", [[], [("grpc-accept-encoding", "identity,deflate")], [("grpc-encoding", "gzip")]])
def test_response_is_not_compressed_for_others(wire, extra):
    stream, flag, content = compressed_response(wire, extra)
    assert stream.header("grpc-encoding") in (None, "identity") and flag == 0
    assert len(pb.SimpleResponse.FromString(content).payload.body) == 10_000


def test_uncompressed_message_where_a_compressed_one_is_expected(wire):
    request = pb.SimpleRequest(expect_compressed=pb.BoolValue(value=True)).SerializeToString()
    assert wire.call(UNARY, message(request)).grpc_status == INVALID_ARGUMENT
    body = message(gzip.compress(request), flag=1)
    assert wire.call(UNARY, body, extra=[("grpc-encoding", "gzip")]).grpc_status == OK


GZIPPED = gzip.compress(b"\x1a\x02\x12\x00" * 100)


@pytest.mark.parametrize(
    "broken", [b"", b"no gzip", GZIPPED[:-9], GZIPPED[:-1], GZIPPED[:12] + b"\xff\xff\xff" + GZIPPED[15:], zlib.compress(b"")])
def test_broken_gzip_is_internal(wire, broken):
    stream = wire.call(UNARY, message(broken, flag=1), extra=[("grpc-encoding", "gzip")])
    assert stream.grpc_status == INTERNAL
    healthy(wire)


# 15, 16: sizes


@pytest.mark.parametrize("length", [4 * 1024 * 1024 + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_too_large_a_message_is_refused_by_its_prefix(wire, length):
    stream = wire.open(UNARY)
    wire.data(stream, b"\0" + struct.pack(">I", length))
    assert wire.wait(stream, 2).grpc_status == RESOURCE_EXHAUSTED
    healthy(wire)


def test_a_message_of_the_greatest_size(wire):
    body = pb.SimpleRequest(payload=pb.Payload(body=b"x" * (4 * 1024 * 1024 - 12))).SerializeToString()
    assert len(body) <= 4 * 1024 * 1024
    assert wire.call(UNARY, message(body), timeout=10).grpc_status == OK


def test_gzip_bomb_is_refused(server, wire):
    bomb = gzip.compress(b"\0" * (256 << 20), 9)
    before = server.memory
    stream = wire.call(UNARY, message(bomb, flag=1), extra=[("grpc-encoding", "gzip")], timeout=10)
    assert stream.grpc_status == RESOURCE_EXHAUSTED
    assert server.memory - before < 16 << 20


# 17, 18: metadata


def echo(wire, value, path=EMPTY):
    stream = wire.call(path, extra=[("x-grpc-test-echo-trailing-bin", value)])
    assert stream.grpc_status == OK
    return [v for k, v in stream.trailers if k == "x-grpc-test-echo-trailing-bin"]


def decoded(values):
    parts = [part for value in values for part in value.split(",")]
    return [base64.b64decode(part + "=" * (-len(part) % 4)) for part in parts]


@pytest.mark.parametrize("content", [b"\xab\xab\xab", b"\xab", b"\xab\xcd", b"", bytes(range(256))])
def test_binary_metadata_padded_and_unpadded(wire, content):
    text = base64.b64encode(content).decode()
    for value in (text, text.rstrip("=")):
        values = echo(wire, value)
        assert decoded(values) == [content]
        assert not any("=" in value for value in values)


def test_binary_metadata_joined_by_commas(wire):
    assert decoded(echo(wire, "qw==,AAEC,qw")) == [b"\xab", b"\0\1\2", b"\xab"]


@pytest.mark.parametrize("value", ["!!!!", "a", "q w="])
def test_bad_base64_is_dropped_or_refused(wire, value):
    stream = wire.call(EMPTY, extra=[("x-grpc-test-echo-trailing-bin", value)])
    assert stream.grpc_status in (OK, INTERNAL)
    healthy(wire)


def test_metadata_echo(wire):
    stream = wire.call(EMPTY, extra=[("x-grpc-test-echo-initial", "test_initial_metadata_value")])
    assert stream.header("x-grpc-test-echo-initial") == "test_initial_metadata_value"


@pytest.mark.parametrize(
    "extra", [("grpc-unheard-of", "1"), ("x-custom", b"\xc3\xa4\xff"), ("x-empty", ""), ("x_under-score.dot", "1"), ("grpc-previous-rpc-attempts", "3"), ("user-agent", "x")])
def test_unusual_metadata_does_not_fail_the_call(wire, extra):
    assert wire.call(EMPTY, extra=[extra]).grpc_status == OK


# 19: header list size


def test_too_large_a_header_list_is_refused(wire):
    assert wire.pump(lambda: wire.peer_settings, 2)
    limit = wire.peer_settings[SETTING_MAX_HEADER_LIST_SIZE]
    assert 8192 <= limit <= 65536
    assert wire.call(EMPTY, extra=[("x-large", "v" * (limit - 1500))]).grpc_status == OK
    for extra in ([("x-large", "v" * limit)], [(f"x-{n}", "v") for n in range(limit // 36)]):
        stream = wire.call(EMPTY, extra=extra)
        assert stream.grpc_status == RESOURCE_EXHAUSTED or stream.http_status == "431"
    healthy(wire)


# 30: malformed requests (RFC 9113, 8.2 and 8.3)


@pytest.mark.parametrize(
    "options",
    [
        {"extra": [("X-Upper", "1")]},
        {"extra": [("connection", "close")]},
        {"extra": [("transfer-encoding", "chunked")]},
        {"extra": [(":path", "/late")]},
        {"extra": [(":unknown", "x")]},
        {"drop": [":path"]},
        {"drop": [":scheme"]},
        {"drop": [":method"]},
    ],
    ids=["upper case", "connection", "transfer-encoding", "late pseudo", "unknown pseudo", "no path", "no scheme", "no method"],
)
def test_malformed_header_block_is_a_stream_error(wire, options):
    stream = wire.call(EMPTY, **options)
    assert stream.reset == PROTOCOL_ERROR or stream.http_status == "400"
    healthy(wire)


def test_other_content_type_is_answered_before_the_request_ends(wire):
    """A client of another protocol may never end its side before it has an answer."""
    stream = wire.open(EMPTY, content_type="application/connect+proto")
    assert wire.wait(stream, 6).http_status == "415"
    healthy(wire)
