"""Short ways to ask a server for what many tests need: jobs, jobs in a given state, refusals."""
import time

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from .stubs import pb
from .worker import Worker, duration

SCHEDULED, READY, RUNNING, RETRYING, SUCCEEDED, DEAD, CANCELED, EXPIRED, BLOCKED = range(1, 10)
CODE = grpc.StatusCode


def at(seconds):
    stamp = Timestamp()
    stamp.FromNanoseconds(round((time.time() + seconds) * 1e9))
    return stamp


def refused(call, request, **options):
    with pytest.raises(grpc.RpcError) as refusal:
        call(request, timeout=5, **options)
    return refusal.value


def spec(queue, name="t", **rest):
    return pb.JobSpec(queue=queue, name=name, **rest)


def enqueue(server, queue, **rest):
    return server.jobs.Enqueue(pb.EnqueueRequest(job=spec(queue, **rest)), timeout=5)


def schedule(server, queue, delay, **rest):
    return server.jobs.Schedule(pb.ScheduleRequest(job=spec(queue, **rest), delay=duration(delay)), timeout=5)


def told(server, job_id):
    """The kinds of all its events."""
    return [pb.EventType.Name(event.type).removeprefix("EVENT_TYPE_") for event in server.events(job_ids=[job_id])]


def cancel(server, job_id, reason=""):
    return server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id, reason=reason), timeout=5).job


def retry(server, job_id, **fields):
    return server.jobs.RetryJob(pb.RetryJobRequest(job_id=job_id, **fields), timeout=5).job


def report(server, worker_id, **fields):
    return server.work.Report(pb.ReportRequest(worker_id=worker_id, **fields), timeout=10)


def put_in(server, queue, state, **rest):
    """A job in that state; a worker that holds it, for RUNNING."""
    quick = dict(retry=pb.RetryPolicy(initial_backoff=duration(600))) | rest
    if state == SCHEDULED:
        return schedule(server, queue, 600, **rest).job_id, None
    if state == EXPIRED:
        job_id = enqueue(server, queue, start_before=at(0.2), **rest).job_id
        assert server.wait(job_id).state == EXPIRED
        return job_id, None
    job_id = enqueue(server, queue, **quick).job_id
    if state == READY:
        return job_id, None
    if state == CANCELED:
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id))
        return job_id, None
    worker = Worker(server, queue)
    job = worker.job()
    if state == RUNNING:
        worker.held = job
        return job_id, worker
    if state == SUCCEEDED:
        worker.succeed(job)
    else:
        worker.fail(job, retryable=state == RETRYING)
    worker.close()
    assert server.job(job_id).state == state
    return job_id, None
