"""Short words for what the tests of many servers say and wait for."""
import time

import grpc
from google.protobuf.duration_pb2 import Duration
from .stubs import pb

AWAY = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}


def fetch(server, worker, queue="*", max_jobs=1, wait=5.0, lease=None):
    request = pb.FetchRequest(
        worker_id=worker, queues=[pb.QueueSubscription(queue=queue)], max_jobs=max_jobs,
        max_wait=Duration(seconds=int(wait), nanos=int(wait % 1 * 1e9)))
    if lease:
        request.lease.CopyFrom(Duration(seconds=lease))
    return server.work.Fetch(request, timeout=wait + 10).jobs


def succeed(server, worker, jobs):
    outcomes = [pb.Outcome(lease=job.lease, success=pb.Success()) for job in jobs]
    return server.work.Report(pb.ReportRequest(worker_id=worker, outcomes=outcomes), timeout=10).results


def until(condition, what, timeout=20.0):
    """Asks again and again; calls that fail because the store is away count as no. The first value that is true."""
    end = time.monotonic() + timeout
    while True:
        try:
            if value := condition():
                return value
        except grpc.RpcError as error:
            if error.code() not in AWAY:
                raise
        assert time.monotonic() < end, f"no {what} within {timeout} s"
        time.sleep(0.05)


def stored_start(server, *jobs):
    """Workers are given jobs up to a millisecond or two before that is stored; what is not stored when a store or a leader ends is no attempt,
    and its lease is nobody's."""
    for job in jobs:
        until(lambda: server.job(job).state == pb.JOB_STATE_RUNNING, f"stored start of {job}")


def refused(call):
    """The error of a call that must fail, and how long it took."""
    start = time.monotonic()
    try:
        answer = call()
    except grpc.RpcError as error:
        return error, time.monotonic() - start
    raise AssertionError(f"it was not refused: {answer}")


def retry_hint(error):
    """In milliseconds; None: there is none."""
    hints = dict(error.trailing_metadata() or ())
    return int(hints["grpc-retry-pushback-ms"]) if "grpc-retry-pushback-ms" in hints else None


def workers(server):
    return {worker.worker_id: worker for worker in server.admin.ListWorkers(pb.ListWorkersRequest(), timeout=10).workers}


def server_id(server):
    return server.admin.GetServerInfo(pb.GetServerInfoRequest(), timeout=10).server_id
