"""The stock Python client against the server: the four call types and what surrounds them, plaintext, TLS and mutual TLS."""

import shutil
import signal
import ssl
import threading
import time

import grpc
import pytest
from grpc.testing import empty_pb2, messages_pb2 as pb, test_pb2_grpc


def read(path):
    return path.read_bytes()


@pytest.fixture(params=["plaintext", "tls", "mtls"])
def channel(request, certificates):
    options = [("grpc.max_receive_message_length", -1)]
    if request.param == "plaintext":
        opened = grpc.insecure_channel(request.getfixturevalue("server").address, options)
    else:
        own = request.param == "mtls"
        credentials = grpc.ssl_channel_credentials(
            read(certificates / "ca.pem"),
            read(certificates / "client.key") if own else None,
            read(certificates / "client.pem") if own else None)
        server = request.getfixturevalue(request.param + "_server")
        opened = grpc.secure_channel(f"localhost:{server.port}", credentials, options)
    with opened:
        yield opened


@pytest.fixture
def stub(channel):
    return test_pb2_grpc.TestServiceStub(channel)


def parameters(*sizes, interval_us=0):
    return [pb.ResponseParameters(size=size, interval_us=interval_us) for size in sizes]


def test_empty_unary(stub):
    assert stub.EmptyCall(empty_pb2.Empty(), timeout=5) == empty_pb2.Empty()


def test_large_unary(stub):
    request = pb.SimpleRequest(response_size=314159, payload=pb.Payload(body=bytes(271828)))
    assert stub.UnaryCall(request, timeout=5).payload.body == bytes(314159)


def test_client_streaming(stub):
    requests = (pb.StreamingInputCallRequest(payload=pb.Payload(body=bytes(size))) for size in (27182, 8, 1828, 45904))
    assert stub.StreamingInputCall(requests, timeout=5).aggregated_payload_size == 74922


def test_server_streaming(stub):
    sizes = [31415, 9, 2653, 58979]
    answers = stub.StreamingOutputCall(pb.StreamingOutputCallRequest(response_parameters=parameters(*sizes)), timeout=5)
    assert [len(answer.payload.body) for answer in answers] == sizes


@pytest.mark.parametrize("method", ["FullDuplexCall", "HalfDuplexCall"])
def test_bidirectional_streaming(stub, method):
    sizes = [31415, 9, 2653, 58979]
    requests = (pb.StreamingOutputCallRequest(response_parameters=parameters(size)) for size in sizes)
    answers = getattr(stub, method)(requests, timeout=5)
    assert [len(answer.payload.body) for answer in answers] == sizes


def test_ping_pong(stub):
    """Each request is sent after the answer to the one before."""
    ready = threading.Semaphore(1)

    def requests():
        for size in range(1, 51):
            ready.acquire()
            yield pb.StreamingOutputCallRequest(response_parameters=parameters(size))

    seen = []
    for answer in stub.FullDuplexCall(requests(), timeout=10):
        seen.append(len(answer.payload.body))
        ready.release()
    assert seen == list(range(1, 51))


def test_empty_stream(stub):
    assert list(stub.FullDuplexCall(iter(()), timeout=5)) == []


def test_large_stream_with_back_pressure(stub):
    """30 MB through a reader that takes its time at first."""
    answers = stub.StreamingOutputCall(
        pb.StreamingOutputCallRequest(response_parameters=parameters(*[1_000_000] * 30)), timeout=60)
    total = 0
    for number, answer in enumerate(answers):
        if number < 5:
            time.sleep(0.05)
        total += len(answer.payload.body)
    assert total == 30_000_000


def test_deadline(stub):
    start = time.monotonic()
    with pytest.raises(grpc.RpcError) as failure:
        list(stub.FullDuplexCall(iter(lambda: time.sleep(9), 1), timeout=0.3))
    assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - start < 2


def test_metadata(stub):
    initial, trailing = "x-grpc-test-echo-initial", "x-grpc-test-echo-trailing-bin"
    sent = ((initial, "test_initial_metadata_value"), (trailing, b"\x0a\x0b\x0a\x0b\x0a\x0b"))
    _, call = stub.UnaryCall.with_call(pb.SimpleRequest(response_size=1), metadata=sent, timeout=5)
    assert dict(call.initial_metadata())[initial] == "test_initial_metadata_value"
    assert dict(call.trailing_metadata())[trailing] == b"\x0a\x0b\x0a\x0b\x0a\x0b"
    call = stub.FullDuplexCall(iter([pb.StreamingOutputCallRequest(response_parameters=parameters(1))]), metadata=sent, timeout=5)
    list(call)
    assert dict(call.initial_metadata())[initial] == "test_initial_metadata_value"
    assert dict(call.trailing_metadata())[trailing] == b"\x0a\x0b\x0a\x0b\x0a\x0b"


@pytest.mark.parametrize("text", ["test status message", "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n"])
def test_status_and_message(stub, text):
    status = pb.EchoStatus(code=2, message=text)
    with pytest.raises(grpc.RpcError) as failure:
        stub.UnaryCall(pb.SimpleRequest(response_status=status), timeout=5)
    assert (failure.value.code(), failure.value.details()) == (grpc.StatusCode.UNKNOWN, text)
    with pytest.raises(grpc.RpcError) as failure:
        list(stub.FullDuplexCall(iter([pb.StreamingOutputCallRequest(response_status=status)]), timeout=5))
    assert (failure.value.code(), failure.value.details()) == (grpc.StatusCode.UNKNOWN, text)


def test_unimplemented(stub, channel):
    with pytest.raises(grpc.RpcError) as failure:
        stub.UnimplementedCall(empty_pb2.Empty(), timeout=5)
    assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED
    with pytest.raises(grpc.RpcError) as failure:
        channel.unary_unary("/grpc.testing.UnimplementedService/UnimplementedCall")(b"", timeout=5)
    assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.NoCompression])
def test_gzip(stub, compression):
    request = pb.SimpleRequest(
        response_size=314159, payload=pb.Payload(body=bytes(271828)),
        response_compressed=pb.BoolValue(value=True),
        expect_compressed=pb.BoolValue(value=compression is grpc.Compression.Gzip))
    assert len(stub.UnaryCall(request, compression=compression, timeout=5).payload.body) == 314159
    requests = (pb.StreamingInputCallRequest(payload=pb.Payload(body=bytes(1000))) for _ in range(10))
    assert stub.StreamingInputCall(requests, compression=compression, timeout=5).aggregated_payload_size == 10_000


def test_cancel_after_begin(stub):
    future = stub.StreamingInputCall.future(iter(lambda: time.sleep(9), 1))
    future.cancel()
    assert future.code() is grpc.StatusCode.CANCELLED


def test_cancel_after_first_response(stub):
    held = threading.Event()

    def requests():
        yield pb.StreamingOutputCallRequest(response_parameters=parameters(31415), payload=pb.Payload(body=bytes(27182)))
        held.wait(5)

    call = stub.FullDuplexCall(requests(), timeout=10)
    assert len(next(call).payload.body) == 31415
    call.cancel()
    held.set()
    with pytest.raises(grpc.RpcError) as failure:
        next(call)
    assert failure.value.code() is grpc.StatusCode.CANCELLED


def test_many_calls_at_once(stub):
    futures = [stub.UnaryCall.future(pb.SimpleRequest(response_size=size), timeout=20) for size in range(500)]
    assert [len(future.result().payload.body) for future in futures] == list(range(500))


def test_without_a_client_certificate_there_is_no_call(mtls_server, certificates):
    credentials = grpc.ssl_channel_credentials(read(certificates / "ca.pem"))
    with grpc.secure_channel(f"localhost:{mtls_server.port}", credentials) as opened:
        with pytest.raises(grpc.RpcError) as failure:
            test_pb2_grpc.TestServiceStub(opened).EmptyCall(empty_pb2.Empty(), timeout=3)
        assert failure.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def test_the_client_certificate_is_known_to_the_handler(mtls_server, certificates):
    credentials = grpc.ssl_channel_credentials(
        read(certificates / "ca.pem"), read(certificates / "client.key"), read(certificates / "client.pem"))
    with grpc.secure_channel(f"localhost:{mtls_server.port}", credentials) as opened:
        answer = test_pb2_grpc.TestServiceStub(opened).UnaryCall(pb.SimpleRequest(fill_username=True), timeout=5)
        assert "client" in answer.username


def test_unix_socket(launch, tmp_path):
    path = tmp_path / "socket"
    launch("--unix", str(path))
    with grpc.insecure_channel(f"unix:{path}") as opened:
        stub = test_pb2_grpc.TestServiceStub(opened)
        assert len(stub.UnaryCall(pb.SimpleRequest(response_size=9), timeout=5).payload.body) == 9


def test_certificates_are_read_again_without_a_restart(launch, certificates, tmp_path):
    """A call that is open when the certificates change goes on; new connections get the new one."""
    for name in ("server.pem", "server.key"):
        shutil.copy(certificates / name, tmp_path / name)
    server = launch("--tls-cert", str(tmp_path / "server.pem"), "--tls-key", str(tmp_path / "server.key"))

    def fresh_channel():
        credentials = grpc.ssl_channel_credentials(read(certificates / "ca.pem"))
        return grpc.secure_channel(f"localhost:{server.port}", credentials, [("grpc.use_local_subchannel_pool", 1)])

    def served():
        return ssl.get_server_certificate(("127.0.0.1", server.port))

    before = served()
    with fresh_channel() as opened:
        held = threading.Event()

        def requests():
            held.wait(9)
            yield pb.StreamingOutputCallRequest(response_parameters=parameters(7))

        call = test_pb2_grpc.TestServiceStub(opened).FullDuplexCall(requests(), timeout=10)
        # The client's certificate is as good: it is for the same name and from the same CA.
        shutil.copy(certificates / "client.pem", tmp_path / "server.pem")
        shutil.copy(certificates / "client.key", tmp_path / "server.key")
        server.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + 5
        while served() == before and time.monotonic() < deadline:
            time.sleep(0.05)
        assert served() != before
        held.set()
        assert [len(answer.payload.body) for answer in call] == [7]
    with fresh_channel() as opened:
        test_pb2_grpc.TestServiceStub(opened).EmptyCall(empty_pb2.Empty(), timeout=5)
    # Files that are no certificates change nothing.
    (tmp_path / "server.pem").write_text("no certificate")
    server.process.send_signal(signal.SIGHUP)
    with fresh_channel() as opened:
        test_pb2_grpc.TestServiceStub(opened).EmptyCall(empty_pb2.Empty(), timeout=5)
