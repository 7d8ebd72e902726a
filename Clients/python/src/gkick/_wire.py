"""The messages and methods of the contract, made at import from its descriptors: no generated code, so any protobuf runtime will do."""
from __future__ import annotations

import importlib.resources
from typing import Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


class Method(NamedTuple):
    path: str
    request: Any
    response: Any
    client_streams: bool
    server_streams: bool


def _load() -> tuple[dict[str, Any], dict[str, Method], Any]:
    data = importlib.resources.files("gkick").joinpath("descriptors.binpb").read_bytes()
    # A pool of its own: a program that has stubs made from the same .proto files beside this package has both.
    pool = descriptor_pool.DescriptorPool()
    files = descriptor_pb2.FileDescriptorSet.FromString(data).file
    for file in files:
        pool.AddSerializedFile(file.SerializeToString())
    messages: dict[str, Any] = {}
    methods: dict[str, Method] = {}
    for file in files:
        if not file.name.startswith("gkick/"):
            continue
        for message in file.message_type:
            descriptor = pool.FindMessageTypeByName(f"{file.package}.{message.name}")
            messages[message.name] = message_factory.GetMessageClass(descriptor)
        for service in file.service:
            for method in service.method:
                request, response = (
                    message_factory.GetMessageClass(pool.FindMessageTypeByName(name.lstrip(".")))
                    for name in (method.input_type, method.output_type)
                )
                methods[method.name] = Method(
                    f"/{file.package}.{service.name}/{method.name}", request, response,
                    method.client_streaming, method.server_streaming)
    return messages, methods, pool


messages, methods, _pool = _load()
Duration: Any = message_factory.GetMessageClass(_pool.FindMessageTypeByName("google.protobuf.Duration"))
Timestamp: Any = message_factory.GetMessageClass(_pool.FindMessageTypeByName("google.protobuf.Timestamp"))


def message(kind: str, /, **fields: Any) -> Any:
    """A message of the contract by its name."""
    return messages[kind](**fields)


def enum_name(enum: str, number: int, prefix: str) -> str:
    """JOB_STATE_READY is "READY"; a number that this contract does not know is itself."""
    value = _pool.FindEnumTypeByName(f"gkick.v1.{enum}").values_by_number.get(number)
    return value.name[len(prefix):] if value is not None else str(number)


def enum_number(enum: str, name: str, prefix: str) -> int:
    value = _pool.FindEnumTypeByName(f"gkick.v1.{enum}").values_by_name.get(prefix + name.upper())
    if value is None:
        raise ValueError(f"{name!r} is no {enum}")
    return int(value.number)
