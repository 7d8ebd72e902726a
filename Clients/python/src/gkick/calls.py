"""Every unary call once: its request and how its answer is read. `Client` and `AsyncClient` carry them out."""
from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Generic, List, NamedTuple, Optional, Sequence, Tuple, TypeVar, Union

from . import _wire
from .errors import GkickError, from_status
from .models import BatchInfo, JobInfo, Limit, Reason, RecurringInfo
from .options import JobOptions, Seconds, duration, timestamp

T = TypeVar("T")


class Call(Generic[T]):
    __slots__ = ("method", "request", "read")

    def __init__(self, method: str, request: Any, read: Callable[[Any], T]) -> None:
        self.method = method
        self.request = request
        self.read = read


class Stored(NamedTuple):
    """What became of an enqueue. `duplicate`: the id or the unique key existed, `id` is the existing job's."""

    id: str
    duplicate: bool
    state: str


def _stored(answer: Any) -> Stored:
    return Stored(answer.job_id, answer.duplicate, _wire.enum_name("JobState", answer.state, "JOB_STATE_"))


def _nothing(answer: Any) -> None:
    return None


def enqueue(name: str, payload: bytes, content_type: str, options: JobOptions) -> Call[Stored]:
    return Call("Schedule" if options.run_at or options.delay else "Enqueue", _single(name, payload, content_type, options), _stored)


def _single(name: str, payload: bytes, content_type: str, options: JobOptions) -> Any:
    request = options.request(name, payload, content_type)
    if options.run_at or options.delay:
        return request
    return _wire.message("EnqueueRequest", job=request.job, durability=request.durability)


def enqueue_many(jobs: Sequence[Any], all_or_nothing: bool, durability: Optional[str]) -> Call[List[Union[Stored, GkickError]]]:
    """- jobs: ScheduleRequest messages."""
    request = _wire.message("EnqueueBatchRequest", jobs=jobs, all_or_nothing=all_or_nothing)
    if durability is not None:
        request.durability = _wire.enum_number("Durability", durability, "DURABILITY_")

    def read(answer: Any) -> List[Union[Stored, GkickError]]:
        return [
            _stored(one) if one.status_code == 0 else from_status(one.status_code, one.status_message)
            for one in answer.results]

    return Call("EnqueueBatch", request, read)


def get(job_id: str) -> Call[JobInfo]:
    return Call("GetJob", _wire.message("GetJobRequest", job_id=job_id), lambda answer: JobInfo.read(answer.job))


def wait(job_id: str) -> Call[JobInfo]:
    return Call("WaitJob", _wire.message("WaitJobRequest", job_id=job_id), lambda answer: JobInfo.read(answer.job))


def cancel(job_id: str, reason: str) -> Call[JobInfo]:
    return Call(
        "CancelJob", _wire.message("CancelJobRequest", job_id=job_id, reason=reason), lambda answer: JobInfo.read(answer.job))


def retry(job_id: str, reset_attempts: bool) -> Call[JobInfo]:
    return Call(
        "RetryJob", _wire.message("RetryJobRequest", job_id=job_id, reset_attempts=reset_attempts),
        lambda answer: JobInfo.read(answer.job))


def delete(job_id: str) -> Call[None]:
    return Call("DeleteJob", _wire.message("DeleteJobRequest", job_id=job_id), _nothing)


def explain(job_id: str) -> Call[List[Reason]]:
    return Call(
        "ExplainJob", _wire.message("ExplainJobRequest", job_id=job_id),
        lambda answer: [Reason.read(one) for one in answer.reasons])


def jobs(page_token: str, states: Sequence[str], **filters: Any) -> Call[Tuple[List[JobInfo], str]]:
    request = _wire.message(
        "ListJobsRequest", page_token=page_token, page_size=1000,
        states=[_wire.enum_number("JobState", state, "JOB_STATE_") for state in states], **filters)
    return Call("ListJobs", request, lambda answer: ([JobInfo.read(one) for one in answer.jobs], answer.next_page_token))


# --- Batches ----------------------------------------------------------------------------------------------------------


def put_batch(
    batch_id: str, description: str, on_finished: Any, on_succeeded: Any, closed: bool
) -> Call[BatchInfo]:
    batch = _wire.message("Batch", id=batch_id, description=description, closed=closed)
    if on_finished is not None:
        batch.on_finished.CopyFrom(on_finished)
    if on_succeeded is not None:
        batch.on_succeeded.CopyFrom(on_succeeded)
    return Call("PutBatch", _wire.message("PutBatchRequest", batch=batch), lambda answer: BatchInfo.read(answer.batch))


def get_batch(batch_id: str) -> Call[BatchInfo]:
    return Call("GetBatch", _wire.message("GetBatchRequest", batch_id=batch_id), lambda answer: BatchInfo.read(answer.batch))


def batches(unfinished_only: bool, page_token: str) -> Call[Tuple[List[BatchInfo], str]]:
    return Call(
        "ListBatches", _wire.message("ListBatchesRequest", unfinished_only=unfinished_only, page_token=page_token, page_size=1000),
        lambda answer: ([BatchInfo.read(one) for one in answer.batches], answer.next_page_token))


def cancel_batch(batch_id: str, reason: str) -> Call[BatchInfo]:
    return Call(
        "CancelBatch", _wire.message("CancelBatchRequest", batch_id=batch_id, reason=reason),
        lambda answer: BatchInfo.read(answer.batch))


# --- Limits and recurring jobs ----------------------------------------------------------------------------------------


def put_limit(limit: Limit) -> Call[None]:
    return Call("PutLimit", _wire.message("PutLimitRequest", limit=limit.message()), _nothing)


def delete_limit(limit: Limit) -> Call[None]:
    return Call("DeleteLimit", _wire.message("DeleteLimitRequest", limit=limit.message()), _nothing)


def limits(page_token: str) -> Call[Tuple[List[Limit], str]]:
    return Call(
        "ListLimits", _wire.message("ListLimitsRequest", page_token=page_token, page_size=1000),
        lambda answer: ([Limit.read(*one) for one in zip(answer.limits, answer.usage)], answer.next_page_token))


def put_recurring(
    recurring_id: str, spec: Any, cron: str, every: Optional[Seconds], time_zone: str, missed_runs: str, overlap: str,
    paused: bool
) -> Call[RecurringInfo]:
    message = _wire.message(
        "RecurringJob", id=recurring_id, cron=cron, time_zone=time_zone, job=spec, paused=paused,
        missed_runs=_wire.enum_number("MissedRuns", missed_runs, "MISSED_RUNS_"),
        overlap=_wire.enum_number("Overlap", overlap, "OVERLAP_"))
    if every is not None:
        message.every.CopyFrom(duration(every))
    return Call(
        "PutRecurringJob", _wire.message("PutRecurringJobRequest", recurring_job=message),
        lambda answer: RecurringInfo.read(answer.recurring_job))


def put_again(known: RecurringInfo, paused: bool) -> Call[RecurringInfo]:
    return put_recurring(
        known.id, known.job, known.cron, known.every, known.time_zone, known.missed_runs, known.overlap, paused)


def recurring(page_token: str) -> Call[Tuple[List[RecurringInfo], str]]:
    return Call(
        "ListRecurringJobs", _wire.message("ListRecurringJobsRequest", page_token=page_token, page_size=1000),
        lambda answer: ([RecurringInfo.read(one) for one in answer.recurring_jobs], answer.next_page_token))


def delete_recurring(recurring_id: str) -> Call[None]:
    return Call("DeleteRecurringJob", _wire.message("DeleteRecurringJobRequest", id=recurring_id), _nothing)


def trigger_recurring(recurring_id: str) -> Call[str]:
    return Call(
        "TriggerRecurringJob", _wire.message("TriggerRecurringJobRequest", id=recurring_id), lambda answer: str(answer.job_id))


def preview_recurring(
    cron: str, every: Optional[timedelta], time_zone: str, after: Optional[datetime], count: int
) -> Call[List[datetime]]:
    message = _wire.message("RecurringJob", cron=cron, time_zone=time_zone)
    if every is not None:
        message.every.CopyFrom(duration(every))
    request = _wire.message("PreviewRecurringJobRequest", recurring_job=message, count=count)
    if after is not None:
        request.after.CopyFrom(timestamp(after))
    return Call("PreviewRecurringJob", request, lambda answer: [one.ToDatetime(timezone.utc) for one in answer.times])


def events_request(after: str, types: Sequence[str], **filters: Any) -> Any:
    return _wire.message(
        "StreamEventsRequest", after_cursor=after,
        types=[_wire.enum_number("EventType", one, "EVENT_TYPE_") for one in types], **filters)
