"""Short words for what the tests of the contract's sentences ask."""
import time

from harness.stubs import pb
from harness.worker import duration

SCHEDULED, READY, RUNNING, RETRYING, SUCCEEDED, DEAD, CANCELED, EXPIRED, BLOCKED = range(1, 10)


def spec(queue, **fields):
    return pb.JobSpec(queue=queue, name="t", **fields)


def enqueue(server, queue, **fields):
    return server.jobs.Enqueue(pb.EnqueueRequest(job=spec(queue, **fields)), timeout=5)


def schedule(server, queue, seconds, **fields):
    return server.jobs.Schedule(pb.ScheduleRequest(job=spec(queue, **fields), delay=duration(seconds)), timeout=5)


def together(server, *jobs, all_or_nothing=False):
    return server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[pb.ScheduleRequest(job=job) for job in jobs], all_or_nothing=all_or_nothing), timeout=10).results


def limit(server, **fields):
    server.admin.PutLimit(pb.PutLimitRequest(limit=pb.Limit(**fields)), timeout=5)


def unlimit(server, **scope):
    server.admin.DeleteLimit(pb.DeleteLimitRequest(limit=pb.Limit(**scope)), timeout=5)


def usage(server, **scope):
    answer = server.admin.ListLimits(pb.ListLimitsRequest(page_size=1000), timeout=5)
    (field, value), = scope.items()
    return next(use for one, use in zip(answer.limits, answer.usage) if one.WhichOneof("scope") == field and getattr(one, field) == value)


def batch(server, batch_id):
    return server.jobs.GetBatch(pb.GetBatchRequest(batch_id=batch_id), timeout=5).batch


def put_batch(server, **fields):
    return server.jobs.PutBatch(pb.PutBatchRequest(batch=pb.Batch(**fields)), timeout=5).batch


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)
    return value


def put_recurring(server, **fields):
    return server.admin.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=pb.RecurringJob(**fields)), timeout=5).recurring_job


def made_by(server, name):
    return server.jobs.ListJobs(pb.ListJobsRequest(recurring_job_id=name), timeout=5).jobs
