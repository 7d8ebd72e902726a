"""What the server sends: rules 20 to 24 and 29 to 35 of gRPC over HTTP/2, on the wire."""

import time

import pytest
from grpc.testing import messages_pb2 as pb
from test_wire_requests import DUPLEX, EMPTY, INPUT, INVALID_ARGUMENT, OK, OUTPUT, SERVICE, UNARY, UNIMPLEMENTED, healthy
from wire import CANCEL, DATA, HEADERS, NO_ERROR, RST_STREAM, SETTING_MAX_CONCURRENT_STREAMS, SETTING_MAX_HEADER_LIST_SIZE, Wire, message, rst, window_update


def echo_status(wire, code, text):
    request = pb.SimpleRequest(response_status=pb.EchoStatus(code=code, message=text))
    return wire.call(UNARY, message(request.SerializeToString()))


# 20: status and message


@pytest.mark.parametrize("code", range(1, 17))
def test_status_is_decimal_and_in_trailers(wire, code):
    stream = echo_status(wire, code, "why")
    assert stream.trailer("grpc-status") == str(code) and stream.trailer("grpc-message") == "why"


@pytest.mark.parametrize(
    "text, encoded",
    [
        ("plain text ~", "plain text ~"),
        ("100%", "100%25"),
        ("\t\ntest\r\n", "%09%0Atest%0D%0A"),
        ("Unicode BMP \u263a and non-BMP \U0001f608", "Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88"),
        ("\x7f", "%7F"),
    ],
)
def test_message_is_percent_encoded(wire, text, encoded):
    assert echo_status(wire, 2, text).trailer("grpc-message").upper() == encoded.upper()


def test_ok_answer_is_headers_data_trailers(wire):
    stream = wire.call(EMPTY)
    assert [kind for kind, _, _ in stream.frames if kind != RST_STREAM] == [HEADERS, DATA, HEADERS]
    assert stream.http_status == "200" and stream.header("content-type").startswith("application/grpc")
    assert stream.header("grpc-status") is None and stream.trailer("grpc-status") == "0"


# 21: Trailers-Only


@pytest.mark.parametrize("path", [SERVICE + "Nothing", UNARY])
def test_trailers_only(wire, path):
    request = pb.SimpleRequest(response_status=pb.EchoStatus(code=3, message="x"))
    stream = wire.call(path, message(request.SerializeToString()))
    assert stream.ended and stream.trailers is None and not stream.data
    assert stream.http_status == "200" and stream.header("content-type").startswith("application/grpc")


# 22: an answer before the client has ended its side


@pytest.mark.parametrize(
    "path, body, code",
    [
        (SERVICE + "Nothing", b"", UNIMPLEMENTED),
        (INPUT, message(pb.StreamingInputCallRequest(expect_compressed=pb.BoolValue(value=True)).SerializeToString()), INVALID_ARGUMENT),
        (DUPLEX, message(pb.StreamingOutputCallRequest(response_status=pb.EchoStatus(code=3)).SerializeToString()), INVALID_ARGUMENT),
    ],
    ids=["unimplemented", "sync", "async"],
)
def test_early_answer_is_followed_by_reset_no_error(wire, path, body, code):
    stream = wire.open(path)
    if body:
        wire.data(stream, body)
    state = wire.streams[stream]
    assert wire.pump(lambda: state.reset is not None, 3)
    assert state.ended and state.grpc_status == code and state.reset == NO_ERROR
    # Data that was under way is of no consequence.
    wire.data(stream, message(b"late"))
    healthy(wire)


def test_no_reset_after_a_whole_request(wire):
    stream = wire.call(EMPTY)
    wire.pump(timeout=0.2)
    assert stream.reset is None


# 23, 24: who goes away


def test_reset_cancels_the_call_and_nothing_else(server, wire):
    request = pb.StreamingOutputCallRequest(
        response_parameters=[pb.ResponseParameters(size=10, interval_us=20_000) for _ in range(500)])
    stream = wire.open(OUTPUT)
    other = wire.open(DUPLEX)
    wire.data(stream, message(request.SerializeToString()), end=True)
    assert wire.pump(lambda: wire.streams[stream].messages, 2)
    assert server.statistics()["open"] == 2
    wire.send(rst(stream, CANCEL))
    wire.pump(timeout=0.1)
    seen = len(wire.streams[stream].messages)
    wire.pump(timeout=0.2)
    assert len(wire.streams[stream].messages) == seen
    assert server.statistics()["open"] == 1
    wire.data(other, b"", end=True)
    assert wire.wait(other).grpc_status == OK


@pytest.mark.parametrize("path", [DUPLEX, INPUT])
def test_lost_connection_cancels_its_calls(server, path):
    with Wire(server.port) as connection:
        for _ in range(20):
            connection.open(path)
        connection.pump(timeout=0.2)
        assert server.statistics()["open"] == 20
    deadline = time.monotonic() + 2
    while server.statistics()["open"] and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.statistics()["open"] == 0


# 29: settings


def test_settings_tell_the_limits(wire):
    assert wire.pump(lambda: wire.peer_settings, 2)
    assert 1 <= wire.peer_settings[SETTING_MAX_CONCURRENT_STREAMS] <= 1000
    assert wire.peer_settings[SETTING_MAX_HEADER_LIST_SIZE] >= 8192


# 35: errors of gRPC are no errors of HTTP


@pytest.mark.parametrize("code", [5, 7, 8, 14, 16])
def test_http_status_is_200_for_every_grpc_status(wire, code):
    assert echo_status(wire, code, "").http_status == "200"


# Flow control: a call that nobody reads does not stop its neighbours


def test_response_waits_for_the_window(server):
    with Wire(server.port, initial_settings={4: 100}) as connection:
        request = pb.SimpleRequest(response_size=1000)
        stream = connection.open(UNARY)
        connection.data(stream, message(request.SerializeToString()), end=True)
        connection.pump(timeout=0.3)
        assert len(connection.streams[stream].data) == 100
        assert connection.call(EMPTY).grpc_status == OK
        connection.send(window_update(stream, 10_000))
        assert connection.wait(stream).grpc_status == OK
        assert len(connection.streams[stream].data) > 1000
