"""How a job is to be run: what is said with the decorator, and what one enqueue says otherwise."""
from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Mapping, Optional, Sequence, Union

from . import _wire

Seconds = Union[float, int, timedelta]


def span(value: Seconds) -> timedelta:
    return value if isinstance(value, timedelta) else timedelta(seconds=value)


def duration(value: Seconds) -> Any:
    made = _wire.Duration()
    made.FromTimedelta(span(value))
    return made


def timestamp(value: datetime) -> Any:
    """A time without a zone is local time, as datetime itself takes it."""
    made = _wire.Timestamp()
    made.FromDatetime(value.astimezone(timezone.utc))
    return made


@dataclass(frozen=True)
class Retry:
    """How often a job is tried, and how long it waits between: `initial_backoff * multiplier**(n-1)`, at most `max_backoff`, spread by
    ±`jitter`. What is None is the server's default (20 attempts; 1 s, doubling, up to an hour; 10 %)."""

    max_attempts: Optional[int] = None
    initial_backoff: Optional[Seconds] = None
    max_backoff: Optional[Seconds] = None
    multiplier: Optional[float] = None
    #: 0: none.
    jitter: Optional[float] = None
    #: Attempts that may end with the worker gone before the job is dead.
    max_lost: Optional[int] = None

    def message(self) -> Any:
        made = _wire.message("RetryPolicy", max_attempts=self.max_attempts or 0, multiplier=self.multiplier or 0)
        if self.initial_backoff is not None:
            made.initial_backoff.CopyFrom(duration(self.initial_backoff))
        if self.max_backoff is not None:
            made.max_backoff.CopyFrom(duration(self.max_backoff))
        if self.jitter is not None:
            made.jitter = self.jitter if self.jitter > 0 else -1
        if self.max_lost is not None:
            made.max_lost = self.max_lost
        return made


@dataclass(frozen=True)
class Unique:
    """At most one unfinished job per queue and key. `on_conflict` is "keep" (the existing job's handle), "reject" (AlreadyExists) or "replace"."""

    key: str
    hold_for: Optional[Seconds] = None
    on_conflict: str = "keep"

    def message(self) -> Any:
        made = _wire.message(
            "Uniqueness", key=self.key, on_conflict=_wire.enum_number("OnConflict", self.on_conflict, "ON_CONFLICT_"))
        if self.hold_for is not None:
            made.hold_for.CopyFrom(duration(self.hold_for))
        return made


@dataclass(frozen=True)
class JobOptions:
    """All that can be said of a job beside its name and payload. None: the server's default."""

    queue: Optional[str] = None
    id: Optional[str] = None
    priority: Optional[int] = None
    retry: Optional[Retry] = None
    timeout: Optional[Seconds] = None
    run_at: Optional[datetime] = None
    delay: Optional[Seconds] = None
    start_before: Optional[datetime] = None
    retention: Optional[Seconds] = None
    unique: Union[Unique, str, None] = None
    #: With a limit set for the key at most so many run at once.
    concurrency_key: Optional[str] = None
    #: Ready jobs of a queue are taken round robin over these.
    fairness_key: Optional[str] = None
    #: Ids, or handles, of jobs that must have succeeded first.
    depends_on: Sequence[Any] = ()
    #: "cancel" or "run".
    on_dependency_failure: Optional[str] = None
    batch_id: Optional[str] = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    #: "synced" or "relaxed".
    durability: Optional[str] = None

    def updated(self, **changes: Any) -> JobOptions:
        unknown = set(changes) - {one.name for one in dataclasses.fields(self)}
        if unknown:
            raise TypeError(f"no job option is called {', '.join(sorted(unknown))}")
        if "metadata" in changes:
            changes["metadata"] = {**self.metadata, **changes["metadata"]}
        return dataclasses.replace(self, **changes)

    def spec(self, name: str, payload: bytes, content_type: str) -> Any:
        """The JobSpec message, but for the time."""
        made = _wire.message(
            "JobSpec", id=self.id or "", queue=self.queue or "", name=name, payload=payload, content_type=content_type,
            priority=self.priority or 0, concurrency_key=self.concurrency_key or "", fairness_key=self.fairness_key or "",
            batch_id=self.batch_id or "",
            depends_on=[one if isinstance(one, str) else one.id for one in self.depends_on])
        made.metadata.update(self.metadata)
        if self.retry is not None:
            made.retry.CopyFrom(self.retry.message())
        if self.timeout is not None:
            made.timeout.CopyFrom(duration(self.timeout))
        if self.start_before is not None:
            made.start_before.CopyFrom(timestamp(self.start_before))
        if self.retention is not None:
            made.retention.CopyFrom(duration(self.retention))
        if self.unique is not None:
            unique = self.unique if isinstance(self.unique, Unique) else Unique(self.unique)
            made.unique.CopyFrom(unique.message())
        if self.on_dependency_failure is not None:
            made.on_dependency_failure = _wire.enum_number(
                "OnDependencyFailure", self.on_dependency_failure, "ON_DEPENDENCY_FAILURE_")
        return made

    def request(self, name: str, payload: bytes, content_type: str) -> Any:
        """The ScheduleRequest message: it says everything that an enqueue can say."""
        if self.run_at is not None and self.delay is not None:
            raise ValueError("a job has a run_at or a delay, not both")
        made = _wire.message("ScheduleRequest", job=self.spec(name, payload, content_type))
        if self.run_at is not None:
            made.run_at.CopyFrom(timestamp(self.run_at))
        elif self.delay is not None:
            made.delay.CopyFrom(duration(self.delay))
        if self.durability is not None:
            made.durability = _wire.enum_number("Durability", self.durability, "DURABILITY_")
        return made
