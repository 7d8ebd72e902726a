"""Every text field of every request, one at a time: what is not UTF-8 or holds a NUL is INVALID_ARGUMENT that names the field."""
import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor

from harness.stubs import pb
from harness.worker import duration

LATER = {
    "PutRecurringJob", "ListRecurringJobs", "DeleteRecurringJob", "TriggerRecurringJob", "PreviewRecurringJob", "PutLimit",
    "ListLimits", "DeleteLimit", "PutBatch", "GetBatch", "ListBatches", "CancelBatch",
}
# Of one outcome, report or lease of many: what is wrong with it costs it alone, see test_refusals.py.
ALONE = {"outcomes", "progress", "extend", "held"}
# What a message must have, whatever else it says.
LEASE = pb.JobLease(job_id="j")
REQUIRED = {
    one.DESCRIPTOR.full_name: one.SerializeToString() for one in (
        pb.JobSpec(name="n"), pb.Uniqueness(key="k"), pb.Outcome(lease=LEASE), pb.ProgressReport(lease=LEASE, progress=pb.Progress()))
}
FILES = {"JobService": "EnqueueRequest", "WorkerService": "WorkRequest", "AdminService": "ListQueuesRequest"}


def methods():
    for service, message in FILES.items():
        descriptor = getattr(pb, message).DESCRIPTOR.file.services_by_name[service]
        for method in descriptor.methods:
            if method.name not in LATER:
                yield service, method


def varint(number):
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def wrap(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


def paths(descriptor, seen=()):
    """Each text field as the list of fields that leads to it."""
    for field in descriptor.fields:
        if field.type == FieldDescriptor.TYPE_STRING:
            yield [field]
        elif field.message_type and field.message_type.full_name not in seen:
            for rest in paths(field.message_type, (*seen, field.message_type.full_name)):
                yield [field, *rest]


CASES = [(service, method, path) for service, method in methods() for path in paths(method.input_type)
         # Refused as a whole for now.
         if path[-1].name != "depends_on" and ALONE.isdisjoint(field.name for field in path)]


def call(server, service, method, body):
    path = f"/gkick.v1.{service}/{method.name}"
    kinds = {"request_serializer": bytes, "response_deserializer": bytes}
    if method.client_streaming or method.server_streaming:
        answers = server.shared_channel.stream_stream(path, **kinds)(iter(body), timeout=5)
        return list(answers)
    return server.shared_channel.unary_unary(path, **kinds)(b"".join(body), timeout=5)


@pytest.mark.parametrize("service,method,path", CASES, ids=lambda value: (
    value if isinstance(value, str) else ".".join(field.name for field in value) if isinstance(value, list) else value.name))
@pytest.mark.parametrize("text", [b"a\xffb", b"\xc3", b"a\0b", b"\xed\xa0\x80", b"\xf5\x80\x80\x80"],
                         ids=["stray byte", "cut short", "nul", "surrogate", "beyond unicode"])
def test_what_is_not_text_is_refused_by_name(server, service, method, path, text):
    body = text
    for index, field in reversed(list(enumerate(path))):
        body = wrap(field.number, body)
        if index > 0 and (around := path[index - 1].message_type.full_name) in REQUIRED:
            body = REQUIRED[around] + body
    # What else the request requires, so that the text is all that is wrong.
    if method.name == "Schedule":
        body += pb.ScheduleRequest(delay=duration(60)).SerializeToString()
    key = method.input_type.fields_by_number[1]
    if key.type == FieldDescriptor.TYPE_STRING and path[0] is not key and method.name != "StreamEvents":
        body += wrap(1, b"w")
    begin = []
    if method.name == "Work" and path[0].name != "hello":
        begin = [pb.WorkRequest(hello=pb.WorkerHello(worker_id="w")).SerializeToString()]
    try:
        answer = call(server, service, method, [*begin, body])
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, (error.code(), error.details())
        said = error.details()
    else:
        assert method.name in ("EnqueueBatch", "EnqueueStream"), f"taken: {answer}"
        answer = answer[0] if isinstance(answer, list) else answer
        result = pb.EnqueueBatchResponse.FromString(answer).results[0]
        assert result.status_code == 3, result
        said = result.status_message
    # The entries of a map go by the map's name.
    name = path[-1].name if path[-1].name not in ("key", "value") else path[-2].name
    assert name in said, said
