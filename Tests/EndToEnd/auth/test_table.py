"""Walks every RPC as every role, in its own and in another's queue, over gRPC and over HTTP, against the table of Docs/security.md."""
import http.client
import json
import re
import struct

import pytest
from google.protobuf import json_format

from conftest import Guarded, code_of
from harness.stubs import ROOT, pb
from harness.worker import Worker, duration

ROLES = ["producer", "worker", "watcher", "operator", "admin"]
PAGE = (ROOT / "Docs/security.md").read_text()


def table():
    """{call: ({role: allowed}, what becomes of what is another's)}"""
    found = {}
    for line in PAGE.split("\n## Roles\n", 1)[1].split("\n## ", 1)[0].splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == len(ROLES) + 2 and (name := re.fullmatch(r"`(\w+)`", cells[0])):
            found[name[1]] = ({role: cell == "yes" for role, cell in zip(ROLES, cells[1:])}, cells[-1].strip("`"))
    return found


TABLE = table()


def services():
    from google.protobuf import descriptor_pool
    pool = descriptor_pool.Default()
    return {method.name: service for service in ("JobService", "WorkerService", "AdminService")
            for method in pool.FindServiceByName(f"gkick.v1.{service}").methods}


SERVICES = services()


class Things:
    """What there is in one queue: made by somebody who may do everything, new for every walk."""
    number = 0

    def __init__(self, guarded, queue):
        Things.number += 1
        self.queue, self.root = queue, guarded.root
        self.name = f"t{Things.number}"
        self.batch, self.recurring, self.worker_id = f"{self.name}-b", f"{self.name}-r", f"{self.name}-w"
        self.root.PutLimit(pb.PutLimitRequest(limit=pb.Limit(queue=queue, max_running=5)))
        self.root.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=self.recurring_job()))
        self.root.Enqueue(pb.EnqueueRequest(job=self.spec(batch_id=self.batch)))

    def spec(self, **rest):
        return pb.JobSpec(queue=self.queue, name="t", **rest)

    def job(self):
        return self.root.Enqueue(pb.EnqueueRequest(job=self.spec())).job_id

    def recurring_job(self):
        return pb.RecurringJob(id=self.recurring, every=duration(3600), job=self.spec(), paused=True)

    def requests(self):
        """{call: how to make its request}; each is made once."""
        queue = self.queue
        return {
            "GetServerInfo": lambda: pb.GetServerInfoRequest(),
            "Enqueue": lambda: pb.EnqueueRequest(job=self.spec()),
            "Schedule": lambda: pb.ScheduleRequest(job=self.spec(), delay=duration(60)),
            "EnqueueBatch": lambda: pb.EnqueueBatchRequest(jobs=[pb.ScheduleRequest(job=self.spec())]),
            "EnqueueStream": lambda: pb.EnqueueBatchRequest(jobs=[pb.ScheduleRequest(job=self.spec())]),
            "GetJob": lambda: pb.GetJobRequest(job_id=self.job()),
            "ListJobs": lambda: pb.ListJobsRequest(queue=queue),
            "WaitJob": lambda: pb.WaitJobRequest(job_id=self.job()),
            "ExplainJob": lambda: pb.ExplainJobRequest(job_id=self.job()),
            "CancelJob": lambda: pb.CancelJobRequest(job_id=self.job()),
            "RetryJob": lambda: pb.RetryJobRequest(job_id=self.job()),
            "DeleteJob": lambda: pb.DeleteJobRequest(job_id=self.job()),
            "StreamEvents": lambda: pb.StreamEventsRequest(queues=[queue]),
            "PutBatch": lambda: pb.PutBatchRequest(batch=pb.Batch(id=self.batch, description="x")),
            "GetBatch": lambda: pb.GetBatchRequest(batch_id=self.batch),
            "ListBatches": lambda: pb.ListBatchesRequest(),
            "CancelBatch": lambda: pb.CancelBatchRequest(batch_id=self.batch),
            "Work": lambda: pb.WorkRequest(hello=pb.WorkerHello(queues=[pb.QueueSubscription(queue=queue)], max_in_flight=1)),
            "Fetch": lambda: pb.FetchRequest(worker_id=f"{self.name}-f", queues=[pb.QueueSubscription(queue=queue)], max_jobs=1),
            "Report": lambda: pb.ReportRequest(
                worker_id="nobody", outcomes=[pb.Outcome(lease=pb.JobLease(job_id=self.job(), token=1), success=pb.Success())]),
            "ListQueues": lambda: pb.ListQueuesRequest(),
            "ListWorkers": lambda: pb.ListWorkersRequest(queue=queue),
            "ListServers": lambda: pb.ListServersRequest(),
            "PauseQueue": lambda: pb.PauseQueueRequest(queue=queue),
            "ResumeQueue": lambda: pb.ResumeQueueRequest(queue=queue),
            "PurgeQueue": lambda: pb.PurgeQueueRequest(queue=queue),
            "DeleteQueue": lambda: pb.DeleteQueueRequest(queue=queue),
            "RetryJobs": lambda: pb.RetryJobsRequest(queue=queue),
            "ChangeJobs": lambda: pb.ChangeJobsRequest(queue=queue, action=pb.BULK_ACTION_COUNT),
            "DrainWorker": lambda: pb.DrainWorkerRequest(worker_id=self.worker_id),
            "PutRecurringJob": lambda: pb.PutRecurringJobRequest(recurring_job=self.recurring_job()),
            "ListRecurringJobs": lambda: pb.ListRecurringJobsRequest(),
            "PreviewRecurringJob": lambda: pb.PreviewRecurringJobRequest(recurring_job=self.recurring_job()),
            "TriggerRecurringJob": lambda: pb.TriggerRecurringJobRequest(id=self.recurring),
            "DeleteRecurringJob": lambda: pb.DeleteRecurringJobRequest(id=self.recurring),
            "PutLimit": lambda: pb.PutLimitRequest(limit=pb.Limit(queue=queue, max_running=5)),
            "ListLimits": lambda: pb.ListLimitsRequest(),
            "DeleteLimit": lambda: pb.DeleteLimitRequest(limit=pb.Limit(queue=queue)),
        }

    def mentions(self, answer):
        """Whether an answer shows anything of this queue."""
        text = str(answer)
        return any(re.search(rf'"{re.escape(word)}"', text) for word in (self.queue, self.batch, self.recurring))


# What a call that is allowed may come to besides OK: the state of things, never a right.
USUAL = {"OK", "NOT_FOUND", "FAILED_PRECONDITION", "DEADLINE_EXCEEDED", "CANCELLED"}
STREAMS = {"Work", "EnqueueStream", "StreamEvents"}


def by_grpc(caller, call, request):
    """The code, and what was answered."""
    answers = []

    def ask():
        if call in ("Work", "EnqueueStream"):
            answers.extend(getattr(caller, call)(iter([request]), timeout=3))
        elif call == "StreamEvents":
            stream = getattr(caller, call)(request, timeout=3)
            answers.append(next(iter(stream)))
            stream.cancel()
        else:
            answers.append(getattr(caller, call)(request, timeout=0.3 if call == "WaitJob" else 5))

    return code_of(ask), answers


def by_http(server, token, call, request):
    """The same over the Connect protocol."""
    path = f"/gkick.v1.{SERVICES[call]}/{call}"
    headers = {"authorization": f"Bearer {token}", "connect-timeout-ms": "300" if call in ("WaitJob", "StreamEvents") else "3000"}
    body = json_format.MessageToJson(request).encode()
    is_stream = call in STREAMS
    headers["content-type"] = "application/connect+json" if is_stream else "application/json"
    if is_stream:
        body = struct.pack(">BI", 0, len(body)) + body
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    try:
        connection.request("POST", path, body=body, headers=headers)
        answer = connection.getresponse()
        data = answer.read()
    finally:
        connection.close()
    if not is_stream:
        found = json.loads(data)
        return ("OK" if answer.status == 200 else found["code"].upper()), [] if answer.status != 200 else [data.decode()]
    assert answer.status == 200, data
    answers, code = [], "OK"
    while data:
        flags, length = struct.unpack(">BI", data[:5])
        part, data = data[5:5 + length], data[5 + length:]
        if flags & 2:
            code = json.loads(part).get("error", {}).get("code", "ok").upper()
        else:
            answers.append(part.decode())
    return code, answers


def test_the_table_names_every_call():
    assert set(TABLE) == set(SERVICES)


@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("role", ROLES)
def test_the_table_holds(walked, role, protocol, mark):
    guarded = walked
    token = guarded.add(f"{role}-{protocol}", [role], [f"{mark}own*"])
    caller = guarded.caller(token)
    own, foreign = Things(guarded, f"{mark}own"), Things(guarded, f"{mark}other")
    workers = [Worker(guarded.server, things.queue, worker_id=things.worker_id, metadata=root_metadata(guarded)) for things in (own, foreign)]
    wrong = []

    def ask(call, request):
        if protocol == "grpc":
            return by_grpc(caller, call, request)
        return by_http(guarded.server, token, call, request)

    for call, (allowed, fate) in TABLE.items():
        for things in (foreign, own):
            code, answers = ask(call, things.requests()[call]())
            if not allowed[role]:
                expected = {"PERMISSION_DENIED"}
            elif things is own or fate == "—":
                expected = USUAL
            elif fate == "left out":
                expected = {"OK"}
                if any(things.mentions(answer) for answer in answers):
                    wrong.append(f"{call} shows what is another's")
            elif fate == "per item":
                expected = {"OK"}
                words = " ".join(str(answer) for answer in answers)
                if not re.search(r'status_code: 7\b|"statusCode": ?7\b', words):
                    wrong.append(f"{call}: the item was not denied: {words}")
            elif fate == "not held":
                expected = {"OK"}
                words = " ".join(str(answer) for answer in answers)
                if not re.search(r'status_code: 9\b|"statusCode": ?9\b', words):
                    wrong.append(f"{call}: the lease was not refused: {words}")
            else:
                expected = {fate}
            if code not in expected:
                wrong.append(f"{call} in {'its own' if things is own else 'a foreign'} queue: {code}, not {sorted(expected)}")
    for worker in workers:
        worker.close()
    assert not wrong, "\n".join(wrong)


def root_metadata(guarded):
    return [("authorization", f"Bearer {guarded.root_token}")]


@pytest.fixture(scope="module")
def walked():
    made = Guarded()
    yield made
    assert made.server.lives(), f"the server ended by itself:\n{made.server.log()}"
    made.close()


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_without_a_token_nothing_is_done(walked, protocol):
    nobody = walked.caller()
    things = Things(walked, "nobody")
    for call in TABLE:
        request = things.requests()[call]()
        for token in ("", "gkick_" + "x" * 43):
            if protocol == "grpc":
                code, _ = by_grpc(walked.caller(token) if token else nobody, call, request)
            else:
                code, _ = by_http(walked.server, token, call, request)
            assert code == "UNAUTHENTICATED", call
