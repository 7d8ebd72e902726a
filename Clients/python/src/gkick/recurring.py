"""Whether a recurring job is on the server as a program declares it."""
from __future__ import annotations

from typing import Any, Dict

from . import _wire
from .models import RecurringInfo, length
from .options import duration


def is_as_declared(known: RecurringInfo, spec: Any, said: Dict[str, Any]) -> bool:
    """Whether the server would make the same jobs at the same times; pausing is not looked at."""
    every = said["every"]
    if every is not None:
        # As it comes back: a whole number of microseconds.
        every = length(_wire.message("RecurringJob", every=duration(every)), "every")
    zone = (said["time_zone"] or "UTC") if said["cron"] else ""
    there = (known.time_zone or "UTC") if known.cron else ""
    return (
        (known.cron, known.every, there, known.missed_runs, known.overlap)
        == (said["cron"], every, zone, said["missed_runs"], said["overlap"])
        and bool(_filled(known.job) == _filled(spec)))


def _filled(spec: Any) -> Any:
    """With what the server puts where nothing was said."""
    made = _wire.message("JobSpec", queue="default")
    retry = made.retry
    retry.max_attempts, retry.multiplier, retry.jitter, retry.max_lost = 20, 2.0, 0.1, 5
    retry.initial_backoff.seconds, retry.max_backoff.seconds = 1, 3600
    given = _wire.message("JobSpec")
    given.CopyFrom(spec)
    # Merged, the seconds of one would go with the nanoseconds of the other.
    for field in ("initial_backoff", "max_backoff"):
        if given.retry.HasField(field):
            retry.ClearField(field)
    if not given.HasField("retry"):
        given.ClearField("retry")
    made.MergeFrom(given)
    if made.HasField("unique") and not made.unique.on_conflict:
        made.unique.on_conflict = _wire.enum_number("OnConflict", "KEEP", "ON_CONFLICT_")
    if not made.on_dependency_failure:
        made.on_dependency_failure = _wire.enum_number("OnDependencyFailure", "CANCEL", "ON_DEPENDENCY_FAILURE_")
    return made
