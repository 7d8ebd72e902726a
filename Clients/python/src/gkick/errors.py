"""What can go wrong, and what a job may raise to say how it ended."""
from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Optional, Union

import grpc

if TYPE_CHECKING:
    from .models import JobInfo


class GkickError(Exception):
    """The server refused a call, or could not be reached."""

    #: The gRPC status code's name, for instance "NOT_FOUND".
    code = "UNKNOWN"


class InvalidArgument(GkickError):
    """The server names the field that is wrong. Sending it again as it is never helps."""

    code = "INVALID_ARGUMENT"


class NotFound(GkickError):
    code = "NOT_FOUND"


class AlreadyExists(GkickError):
    """The unique key is held and the job says REJECT."""

    code = "ALREADY_EXISTS"


class FailedPrecondition(GkickError):
    code = "FAILED_PRECONDITION"


class ResourceExhausted(GkickError):
    """A limit's max_waiting is reached, or the server has too much to do: try again later."""

    code = "RESOURCE_EXHAUSTED"


class Unavailable(GkickError):
    """The server or its store is away for now."""

    code = "UNAVAILABLE"


class DeadlineExceeded(GkickError):
    code = "DEADLINE_EXCEEDED"


class PermissionDenied(GkickError):
    code = "PERMISSION_DENIED"


class Unauthenticated(GkickError):
    code = "UNAUTHENTICATED"


class OutOfRange(GkickError):
    """The events asked for are no longer stored; the message names the oldest cursor."""

    code = "OUT_OF_RANGE"


_BY_CODE = {kind.code: kind for kind in (
    InvalidArgument, NotFound, AlreadyExists, FailedPrecondition, ResourceExhausted, Unavailable, DeadlineExceeded,
    PermissionDenied, Unauthenticated, OutOfRange)}


def from_rpc(error: grpc.RpcError, target: str = "") -> GkickError:
    """The exception for a failed call to that address."""
    code, message = error.code().name, f"{error.details()}"
    if target and message == "Deadline Exceeded":
        # gRPC's own words, which leave out who did not answer.
        message = f"no answer from {target} in time: does a gKick server listen there?"
    made = _BY_CODE.get(code, GkickError)(message)
    made.code = code
    return made


def from_status(number: int, message: str) -> GkickError:
    """The exception for one item's status in a batch."""
    for code in grpc.StatusCode:
        if code.value[0] == number:
            made = _BY_CODE.get(code.name, GkickError)(message)
            made.code = code.name
            return made
    return GkickError(f"{number}: {message}")


class JobFailed(Exception):
    """Raised by `handle.result()`: the job ended otherwise than succeeded. `job` has its failures."""

    def __init__(self, job: JobInfo) -> None:
        self.job = job
        last = job.failures[-1] if job.failures else None
        super().__init__(f"job {job.id} is {job.state}" + (f": {last.type}: {last.message}" if last else ""))


class JobPending(TimeoutError):
    """Raised by `handle.result(timeout=...)`: the job had not ended by then."""


# --- What a job may raise ---------------------------------------------------------------------------------------------


class Fail(Exception):
    """The job is dead at once: trying again would not help."""


class Release(Exception):
    """Give the job back unrun, to be run after `delay`; the attempt does not count."""

    def __init__(self, delay: Union[float, timedelta, None] = None) -> None:
        super().__init__("released")
        if isinstance(delay, (int, float)):
            delay = timedelta(seconds=delay)
        if delay is not None and not isinstance(delay, timedelta):
            raise TypeError(f"Release: delay is seconds or a timedelta, not {type(delay).__name__}")
        self.delay: Optional[timedelta] = delay


class JobCanceled(BaseException):
    """The job was told to stop. Derived from BaseException, so that `except Exception` does not swallow it."""

    def __init__(self, reason: str = "canceled") -> None:
        super().__init__(reason)
        self.reason = reason
