"""What the server tells of jobs, events, batches, limits and recurring jobs, as plain values."""
from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional

from . import _wire

#: The states that a job does not leave by itself.
FINAL = frozenset({"SUCCEEDED", "DEAD", "CANCELED", "EXPIRED"})


def moment(message: Any, name: str) -> Optional[datetime]:
    if not message.HasField(name):
        return None
    found: datetime = getattr(message, name).ToDatetime(tzinfo=timezone.utc)
    return found


def length(message: Any, name: str) -> Optional[timedelta]:
    if not message.HasField(name):
        return None
    found: timedelta = getattr(message, name).ToTimedelta()
    return found


@dataclass(frozen=True)
class Failure:
    type: str
    message: str
    backtrace: str
    retryable: bool
    at: Optional[datetime]
    attempt: int
    worker_id: str

    @staticmethod
    def read(message: Any) -> Failure:
        return Failure(
            message.type, message.message, message.backtrace, message.retryable, moment(message, "at"), message.attempt,
            message.worker_id)


@dataclass(frozen=True)
class Progress:
    percent: int
    message: str
    at: Optional[datetime]

    @staticmethod
    def read(message: Any) -> Progress:
        return Progress(message.percent, message.message, moment(message, "at"))


@dataclass(frozen=True)
class JobInfo:
    id: str
    queue: str
    name: str
    #: "READY", "RUNNING", "SUCCEEDED" ...
    state: str
    attempt: int
    lost: int
    payload: bytes
    content_type: str
    metadata: Dict[str, str]
    result: bytes
    failures: List[Failure]
    progress: Optional[Progress]
    created_at: Optional[datetime]
    run_at: Optional[datetime]
    started_at: Optional[datetime]
    finished_at: Optional[datetime]
    worker_id: str
    waiting_reason: str
    batch_id: str
    depends_on: List[str]
    dependencies_open: int
    recurring_job_id: str

    @property
    def is_final(self) -> bool:
        return self.state in FINAL

    @staticmethod
    def read(message: Any) -> JobInfo:
        spec = message.spec
        return JobInfo(
            id=spec.id, queue=spec.queue, name=spec.name,
            state=_wire.enum_name("JobState", message.state, "JOB_STATE_"), attempt=message.attempt, lost=message.lost,
            payload=spec.payload, content_type=spec.content_type, metadata=dict(spec.metadata), result=message.result,
            failures=[Failure.read(one) for one in message.failures],
            progress=Progress.read(message.progress) if message.HasField("progress") else None,
            created_at=moment(message, "created_at"), run_at=moment(message, "run_at"),
            started_at=moment(message, "started_at"), finished_at=moment(message, "finished_at"),
            worker_id=message.worker_id, waiting_reason=message.waiting_reason, batch_id=spec.batch_id,
            depends_on=list(spec.depends_on), dependencies_open=message.dependencies_open,
            recurring_job_id=message.recurring_job_id)


@dataclass(frozen=True)
class Event:
    cursor: str
    #: "ENQUEUED", "STARTED", "SUCCEEDED" ...
    type: str
    at: Optional[datetime]
    job_id: str
    queue: str
    name: str
    attempt: int
    worker_id: str
    batch_id: str
    failure: Optional[Failure]
    progress: Optional[Progress]
    next_run_at: Optional[datetime]

    @staticmethod
    def read(message: Any) -> Event:
        return Event(
            cursor=message.cursor, type=_wire.enum_name("EventType", message.type, "EVENT_TYPE_"), at=moment(message, "at"),
            job_id=message.job_id, queue=message.queue, name=message.name, attempt=message.attempt,
            worker_id=message.worker_id, batch_id=message.batch_id,
            failure=Failure.read(message.failure) if message.HasField("failure") else None,
            progress=Progress.read(message.progress) if message.HasField("progress") else None,
            next_run_at=moment(message, "next_run_at"))


@dataclass(frozen=True)
class Reason:
    """Why a job is not running, from the scheduler itself."""

    hindrance: str
    text: str
    job_ids: List[str]
    not_before: Optional[datetime]

    @staticmethod
    def read(message: Any) -> Reason:
        return Reason(
            _wire.enum_name("Hindrance", message.hindrance, "HINDRANCE_"), message.text, list(message.job_ids),
            moment(message, "not_before"))


@dataclass(frozen=True)
class BatchInfo:
    id: str
    description: str
    closed: bool
    jobs: int
    waiting: int
    running: int
    succeeded: int
    dead: int
    canceled: int
    created_at: Optional[datetime]
    finished_at: Optional[datetime]
    on_finished_job_id: str
    on_succeeded_job_id: str

    @staticmethod
    def read(message: Any) -> BatchInfo:
        return BatchInfo(
            message.id, message.description, message.closed, message.jobs, message.waiting, message.running,
            message.succeeded, message.dead, message.canceled, moment(message, "created_at"),
            moment(message, "finished_at"), message.on_finished_job_id, message.on_succeeded_job_id)


@dataclass(frozen=True)
class LimitUsage:
    """A limit's use now; for a prefix of all its keys together. Waiting: unfinished and not running; held back: ready, but this limit does not
    let them start now. Of a prefix only: how many keys have unfinished jobs, and the one with most running, then most waiting."""

    running: int
    waiting: int
    held_back: int
    started_in_period: int
    keys: int
    busiest_key: str

    @staticmethod
    def read(message: Any) -> LimitUsage:
        return LimitUsage(
            message.running, message.waiting, message.held_back, message.started_in_period, message.keys, message.busiest_key)


@dataclass(frozen=True)
class Limit:
    """For a queue, a concurrency key, or each key under a prefix: give exactly one of the three. 0: not limited. `limits()` tells its use, too."""

    queue: str = ""
    concurrency_key: str = ""
    concurrency_key_prefix: str = ""
    max_running: int = 0
    rate_count: int = 0
    rate_period: Optional[timedelta] = None
    max_waiting: int = 0
    usage: Optional[LimitUsage] = field(compare=False, default=None)

    def message(self) -> Any:
        scopes = {
            name: value for name in ("queue", "concurrency_key", "concurrency_key_prefix") if (value := getattr(self, name))}
        if len(scopes) != 1:
            raise ValueError("a limit is for one queue, one concurrency_key or one concurrency_key_prefix")
        made = _wire.message(
            "Limit", max_running=self.max_running, rate_count=self.rate_count, max_waiting=self.max_waiting, **scopes)
        if self.rate_period is not None:
            made.rate_period.FromTimedelta(self.rate_period)
        return made

    @staticmethod
    def read(message: Any, usage: Any) -> Limit:
        return Limit(
            message.queue, message.concurrency_key, message.concurrency_key_prefix, message.max_running,
            message.rate_count, length(message, "rate_period"), message.max_waiting, LimitUsage.read(usage))


@dataclass(frozen=True)
class RecurringInfo:
    id: str
    cron: str
    every: Optional[timedelta]
    time_zone: str
    name: str
    queue: str
    missed_runs: str
    overlap: str
    paused: bool
    next_run_at: Optional[datetime]
    last_run_at: Optional[datetime]
    job: Any = field(repr=False, compare=False, default=None)

    @staticmethod
    def read(message: Any) -> RecurringInfo:
        return RecurringInfo(
            message.id, message.cron, length(message, "every"), message.time_zone, message.job.name, message.job.queue,
            _wire.enum_name("MissedRuns", message.missed_runs, "MISSED_RUNS_").lower(),
            _wire.enum_name("Overlap", message.overlap, "OVERLAP_").lower(), message.paused, moment(message, "next_run_at"), moment(message, "last_run_at"), message.job)
