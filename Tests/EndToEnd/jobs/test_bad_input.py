"""Bad bytes in every field of every request: the server answers with a clear status and goes on serving."""
import random
import struct

import grpc
import pytest
from google.protobuf.descriptor import FieldDescriptor

from harness.server import Server
from harness.stubs import pb

SEED = 20261124
UNARY = [
    ("JobService", "Enqueue", pb.EnqueueRequest), ("JobService", "Schedule", pb.ScheduleRequest),
    ("JobService", "EnqueueBatch", pb.EnqueueBatchRequest), ("JobService", "GetJob", pb.GetJobRequest),
    ("JobService", "ListJobs", pb.ListJobsRequest), ("JobService", "WaitJob", pb.WaitJobRequest),
    ("JobService", "CancelJob", pb.CancelJobRequest), ("JobService", "RetryJob", pb.RetryJobRequest),
    ("JobService", "DeleteJob", pb.DeleteJobRequest), ("JobService", "ExplainJob", pb.ExplainJobRequest),
    ("WorkerService", "Fetch", pb.FetchRequest), ("WorkerService", "Report", pb.ReportRequest),
    ("AdminService", "GetServerInfo", pb.GetServerInfoRequest), ("AdminService", "ListQueues", pb.ListQueuesRequest),
    ("AdminService", "PauseQueue", pb.PauseQueueRequest), ("AdminService", "ResumeQueue", pb.ResumeQueueRequest),
    ("AdminService", "PurgeQueue", pb.PurgeQueueRequest), ("AdminService", "RetryJobs", pb.RetryJobsRequest),
    ("AdminService", "ListWorkers", pb.ListWorkersRequest), ("AdminService", "DrainWorker", pb.DrainWorkerRequest),
    ("AdminService", "PutRecurringJob", pb.PutRecurringJobRequest), ("AdminService", "PutLimit", pb.PutLimitRequest),
    ("AdminService", "TriggerRecurringJob", pb.TriggerRecurringJobRequest),
    ("AdminService", "ListServers", pb.ListServersRequest), ("AdminService", "ChangeJobs", pb.ChangeJobsRequest),
    ("AdminService", "DeleteQueue", pb.DeleteQueueRequest), ("AdminService", "ListRecurringJobs", pb.ListRecurringJobsRequest),
    ("AdminService", "DeleteRecurringJob", pb.DeleteRecurringJobRequest),
    ("AdminService", "PreviewRecurringJob", pb.PreviewRecurringJobRequest),
    ("AdminService", "ListLimits", pb.ListLimitsRequest), ("AdminService", "DeleteLimit", pb.DeleteLimitRequest),
    ("JobService", "PutBatch", pb.PutBatchRequest), ("JobService", "GetBatch", pb.GetBatchRequest),
    ("JobService", "ListBatches", pb.ListBatchesRequest), ("JobService", "CancelBatch", pb.CancelBatchRequest),
]
STREAMS = [
    ("JobService", "EnqueueStream", pb.EnqueueBatchRequest), ("JobService", "StreamEvents", pb.StreamEventsRequest),
    ("WorkerService", "Work", pb.WorkRequest),
]
# Never the server's own fault, whatever came in.
CLEAR = {
    grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND, grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.OUT_OF_RANGE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.ABORTED,
}


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running
        assert running.process.poll() is None, running.log()


def raw(server, service, method, body, stream=False, timeout=2.0):
    """One call with these very bytes; its status code."""
    path = f"/gkick.v1.{service}/{method}"
    same = lambda data: data  # noqa: E731
    try:
        if stream:
            call = server.shared_channel.stream_stream(path, request_serializer=same, response_deserializer=same)
            for _ in call(iter([body]), timeout=timeout):
                pass
        else:
            call = server.shared_channel.unary_unary(path, request_serializer=same, response_deserializer=same)
            call(body, timeout=timeout)
        return grpc.StatusCode.OK
    except grpc.RpcError as error:
        return error.code()


def serves(server):
    job_id = server.enqueue("still-here")
    assert server.job(job_id).state == pb.JOB_STATE_READY
    server.jobs.DeleteJob(pb.DeleteJobRequest(job_id=job_id))


def strange(random_, field):
    """A value of the field's type that nobody sends in earnest."""
    kind = field.type
    if kind == FieldDescriptor.TYPE_STRING:
        return random_.choice(["", "\0", "a\0b", "*", "x" * 5000, "é" * 300, "../../etc", "%s%n", " ", "\U0001f600", "default",
                               "\u202e", "a" * 128])
    if kind == FieldDescriptor.TYPE_BYTES:
        return random_.choice([b"", b"\0", b"\xff" * 3000, random_.randbytes(100)])
    if kind == FieldDescriptor.TYPE_DOUBLE:
        return random_.choice([float("nan"), float("inf"), float("-inf"), -1.0, 1e308, -0.0, 5e-324])
    if kind == FieldDescriptor.TYPE_BOOL:
        return random_.random() < 0.5
    if kind == FieldDescriptor.TYPE_ENUM:
        return random_.choice([0, 1, 2, 3, 9, 99, -1, 2**31 - 1, -(2**31)])
    if kind in (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_UINT64):
        bits = 32 if kind == FieldDescriptor.TYPE_UINT32 else 64
        return random_.choice([0, 1, 2, 1000, 1001, 2 ** (bits - 1), 2**bits - 1])
    bits = 32 if kind in (FieldDescriptor.TYPE_INT32, FieldDescriptor.TYPE_SINT32) else 64
    return random_.choice([0, 1, -1, 100, -101, 999_999_999, 2 ** (bits - 1) - 1, -(2 ** (bits - 1))])


def fill(random_, message, depth=0):
    for field in message.DESCRIPTOR.fields:
        if random_.random() < 0.4:
            continue
        target = getattr(message, field.name) if field.message_type or field.is_repeated else None
        if field.message_type and field.message_type.GetOptions().map_entry:
            for _ in range(random_.choice([1, 3, 70])):
                target[f"{random_.choice(['k', 'ü', ''])}{random_.random()}"] = strange(
                    random_, field.message_type.fields_by_name["value"])
        elif field.message_type and field.is_repeated:
            for _ in range(random_.choice([1, 2, 5])):
                if depth < 4:
                    fill(random_, target.add(), depth + 1)
        elif field.message_type:
            if depth < 4:
                fill(random_, target, depth + 1)
            target.SetInParent()
        elif field.is_repeated:
            for _ in range(random_.choice([1, 2, 5])):
                target.append(strange(random_, field))
        else:
            setattr(message, field.name, strange(random_, field))
    return message


@pytest.mark.parametrize("service,method,kind", UNARY + STREAMS, ids=lambda value: value if isinstance(value, str) else "")
def test_strange_values_in_every_field(server, service, method, kind):
    random_ = random.Random(f"{SEED}{method}")
    stream = (service, method, kind) in STREAMS
    for round_ in range(25 if stream else 60):
        body = fill(random_, kind()).SerializeToString()
        code = raw(server, service, method, body, stream, timeout=0.3 if stream else 2)
        assert code in CLEAR, (method, round_, code, body[:200])
    serves(server)


@pytest.mark.parametrize("service,method,kind", UNARY + STREAMS, ids=lambda value: value if isinstance(value, str) else "")
def test_broken_encodings(server, service, method, kind):
    random_ = random.Random(f"{SEED}{method}broken")
    stream = (service, method, kind) in STREAMS
    for round_ in range(15 if stream else 40):
        body = bytearray(fill(random_, kind()).SerializeToString())
        for _ in range(random_.randint(1, 4)):
            if body:
                body[random_.randrange(len(body))] = random_.randrange(256)
        if random_.random() < 0.3:
            body = body[: random_.randint(0, len(body))]
        code = raw(server, service, method, bytes(body), stream, timeout=0.3 if stream else 2)
        assert code in CLEAR, (method, round_, code, bytes(body[:200]))
    serves(server)


def varint(number):
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def field(number, body):
    return varint(number << 3 | 2) + varint(len(body)) + body


@pytest.mark.parametrize("body", [
    b"\xff" * 20,  # a tag without end
    field(1, b"\xff\xff"),  # a broken submessage
    varint(1 << 3 | 2) + varint(2**63),  # a length beyond everything
    field(1, field(1, b"\xff\xfe")),  # an id that is not UTF-8
    field(1, field(3, b"a\0b")),  # a name with a NUL
    field(1, field(3, b"\xed\xa0\x80")),  # a surrogate
    b"\x0b" * 1000,  # groups
    field(1, field(7, b"") * 60_000),  # empty map entries by the thousand
    field(1, field(8, field(4, struct.pack("<d", 1.0)) * 1000) * 20),
], ids=range(9))
def test_hand_made_broken_enqueues(server, body):
    assert raw(server, "JobService", "Enqueue", body, timeout=10) in (
        grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED)
    serves(server)


def test_a_message_of_empty_submessages_does_not_blow_up_memory(server):
    before = server.resident_mib()
    body = field(1, b"") * 200_000
    for _ in range(5):
        raw(server, "JobService", "EnqueueBatch", body, timeout=10)
    assert server.resident_mib() - before < 64
    serves(server)


def test_unknown_fields_are_ignored(server):
    body = pb.EnqueueRequest(job=pb.JobSpec(queue="unknown-fields", name="t")).SerializeToString() + field(999, b"new")
    assert raw(server, "JobService", "Enqueue", body) is grpc.StatusCode.OK


def test_a_message_over_the_limit_is_refused(server):
    body = pb.EnqueueRequest(job=pb.JobSpec(queue="big", name="t", payload=b"x" * (8 << 20))).SerializeToString()
    assert raw(server, "JobService", "Enqueue", body, timeout=10) in (
        grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.INVALID_ARGUMENT)
    serves(server)


@pytest.mark.parametrize("path", ["/gkick.v1.JobService/Nope", "/gkick.v2.JobService/Enqueue", "/x"])
def test_unknown_methods(server, path):
    with pytest.raises(grpc.RpcError) as refusal:
        server.shared_channel.unary_unary(path)(b"", timeout=5)
    assert refusal.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_outcomes_for_what_is_not_held_change_nothing(server):
    random_ = random.Random(SEED)
    job_id = server.enqueue("forged")
    outcomes = [pb.Outcome(lease=pb.JobLease(job_id=random_.choice([job_id, "x", "", "\0"]), token=random_.getrandbits(64)))
                for _ in range(100)]
    for outcome in outcomes:
        outcome.success.result = b"forged"
    try:
        results = server.work.Report(pb.ReportRequest(worker_id="thief", outcomes=outcomes), timeout=5).results
        assert all(one.status_code != 0 for one in results)
    except grpc.RpcError as error:
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert server.job(job_id).state == pb.JOB_STATE_READY
