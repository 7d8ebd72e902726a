"""Health and reflection, through stock clients that have no proto files of the services."""

import json
import pathlib
import subprocess
import sys

import grpc
import pytest
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.address) as opened:
        yield opened


# 31: health


@pytest.fixture(scope="module")
def health(channel):
    return health_pb2_grpc.HealthStub(channel)


def test_check(health):
    for service in ("", "grpc.testing.TestService"):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    with pytest.raises(grpc.RpcError) as failure:
        health.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=5)
    assert failure.value.code() is grpc.StatusCode.NOT_FOUND


def test_list(health):
    answer = health.List(health_pb2.HealthListRequest(), timeout=5)
    assert {"", "grpc.testing.TestService"} <= set(answer.statuses)


def test_watch_of_an_unknown_service_stays_open(health):
    call = health.Watch(health_pb2.HealthCheckRequest(service="nobody"), timeout=0.5)
    assert next(call).status == health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
    with pytest.raises(grpc.RpcError) as failure:
        next(call)
    assert failure.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_watch_tells_of_the_shutdown(launch):
    server = launch()
    with grpc.insecure_channel(server.address) as channel:
        call = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest(), timeout=5)
        assert next(call).status == health_pb2.HealthCheckResponse.SERVING
        server.terminate()
        assert next(call).status == health_pb2.HealthCheckResponse.NOT_SERVING


# 32: reflection

SERVICES = {
    "grpc.testing.TestService",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
}


def test_descriptor_database(channel):
    database = ProtoReflectionDescriptorDatabase(channel)
    assert set(database.get_services()) == SERVICES
    pool = DescriptorPool(database)
    service = pool.FindServiceByName("grpc.testing.TestService")
    assert service.methods_by_name["FullDuplexCall"].client_streaming
    assert pool.FindMessageTypeByName("grpc.testing.SimpleRequest").fields_by_name["fill_server_id"].number == 9
    assert pool.FindMethodByName("grpc.testing.TestService.UnaryCall").input_type.name == "SimpleRequest"


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
def test_every_request_has_its_answer(channel, version):
    ask = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString)
    Request = reflection_pb2.ServerReflectionRequest
    extension = reflection_pb2.ExtensionRequest(containing_type="grpc.testing.Empty", extension_number=7)
    requests = [
        Request(list_services="*"),
        Request(file_by_filename="grpc/testing/test.proto"),
        Request(file_containing_symbol="grpc.testing.TestService.UnaryCall"),
        Request(all_extension_numbers_of_type="grpc.testing.Empty"),
        Request(file_containing_extension=extension),
        Request(file_by_filename="nothing.proto"),
    ]
    answers = list(ask(iter(requests), timeout=5))
    assert [answer.original_request for answer in answers] == requests
    assert [answer.WhichOneof("message_response") for answer in answers] == [
        "list_services_response", "file_descriptor_response", "file_descriptor_response",
        "all_extension_numbers_response", "error_response", "error_response"]
    assert {service.name for service in answers[0].list_services_response.service} == SERVICES
    assert len(answers[1].file_descriptor_response.file_descriptor_proto) == 3  # it imports two
    assert answers[4].error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


def buf(server, *arguments):
    binary = pathlib.Path(sys.executable).parent / "buf"
    command = [binary, "curl", "--http2-prior-knowledge", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("version", ["grpc-v1", "grpc-v1alpha"])
def test_buf_curl_without_proto_files(server, version):
    listed = buf(server, "--protocol", "grpc", "--reflect-protocol", version, "--list-services", f"http://{server.address}")
    assert set(listed.stdout.split()) == SERVICES, listed.stderr
    called = buf(
        server, "--reflect-protocol", version, "--protocol", "grpc", "-d", '{"responseSize": 3}',
        f"http://{server.address}/grpc.testing.TestService/UnaryCall")
    assert json.loads(called.stdout) == {"payload": {"body": "AAAA"}}, called.stderr


def test_buf_curl_of_an_unknown_health_service(server):
    called = buf(
        server, "--protocol", "grpc", "-d", '{"service": "nobody"}', f"http://{server.address}/grpc.health.v1.Health/Check")
    assert json.loads(called.stderr)["code"] == "not_found"
