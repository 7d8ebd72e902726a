"""Runs one job and says how it ended: used by the worker's children and by `app.test()`."""
from __future__ import annotations

import inspect
import traceback
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Awaitable, Callable, Optional

from .. import tracing
from ..context import JobContext, _current
from ..errors import Fail, JobCanceled, Release
from ..job import Job

#: What the server takes of a failure's texts.
MESSAGE_LIMIT = 4_096
BACKTRACE_LIMIT = 16_384


def plain(value: Any, limit: int, from_end: bool = False) -> str:
    """Text that can go over the wire, of whatever a job gives: what cannot be UTF-8, as in names of files that are none, is escaped."""
    try:
        text = str(value)
    except Exception:
        text = f"{type(value).__name__} (without a text: its __str__ fails)"
    text = text[-limit:] if from_end else text[:limit]
    return text.encode("utf-8", "backslashreplace").decode()


@dataclass(frozen=True)
class Ended:
    """`kind` is "success", "failure", "release" or "canceled"."""

    kind: str
    result: bytes = b""
    type: str = ""
    message: str = ""
    backtrace: str = ""
    retryable: bool = True
    delay: Optional[timedelta] = None

    @staticmethod
    def of(error: BaseException) -> Ended:
        if isinstance(error, JobCanceled):
            return Ended("canceled", message=plain(error.reason, MESSAGE_LIMIT))
        if isinstance(error, Release):
            return Ended("release", delay=error.delay)
        cause = error.__cause__ if isinstance(error, Fail) and error.__cause__ is not None else error
        text = "".join(traceback.format_exception(type(cause), cause, cause.__traceback__))
        return Ended(
            "failure", type=plain(type(cause).__name__, MESSAGE_LIMIT), message=plain(error, MESSAGE_LIMIT),
            backtrace=plain(text, BACKTRACE_LIMIT, from_end=True), retryable=not isinstance(error, Fail))


def encoded(job: Job[Any], value: Any, limit: int) -> Ended:
    data = job.codec.encode(value) if value is not None else b""
    if isinstance(data, (bytearray, memoryview)):
        data = bytes(data)
    if not isinstance(data, bytes):
        raise TypeError(f"the codec made {type(data).__name__} of the result, not bytes")
    if limit and len(data) > limit:
        return Ended("failure", type="ResultTooLarge", message=f"result of {len(data)} bytes, at most {limit}", retryable=False)
    return Ended("success", result=data)


def run(job: Job[Any], context: JobContext, payload: bytes, limit: int = 0) -> Ended:
    """A sync job, middleware included."""
    token = _current.set(context)
    try:
        with tracing.attempt(job.name, context.metadata, {"gkick.job_id": context.job_id, "gkick.attempt": context.attempt}):
            call: Callable[[], Any] = lambda: job.call(context, payload)
            for middleware in reversed(job.app.middlewares):
                if not inspect.iscoroutinefunction(middleware):
                    call = _around(middleware, context, call)
            return encoded(job, call(), limit)
    except (Exception, JobCanceled) as error:
        return Ended.of(error)
    except SystemExit as error:
        return Ended.of(RuntimeError(f"the job called exit({error.code})"))
    finally:
        _current.reset(token)


def _around(middleware: Callable[..., Any], context: JobContext, call: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: middleware(context, call)


async def arun(job: Job[Any], context: JobContext, payload: bytes, limit: int = 0) -> Ended:
    """An async job. A canceled task is a canceled job."""
    import asyncio

    token = _current.set(context)
    try:
        with tracing.attempt(job.name, context.metadata, {"gkick.job_id": context.job_id, "gkick.attempt": context.attempt}):
            call: Callable[[], Awaitable[Any]] = lambda: job.call(context, payload)
            for middleware in reversed(job.app.middlewares):
                if inspect.iscoroutinefunction(middleware):
                    call = _around(middleware, context, call)
            return encoded(job, await call(), limit)
    except asyncio.CancelledError:
        if not context.canceled:
            raise
        return Ended.of(JobCanceled(context._reason))
    except (Exception, JobCanceled) as error:
        return Ended.of(error)
    except SystemExit as error:
        return Ended.of(RuntimeError(f"the job called exit({error.code})"))
    finally:
        _current.reset(token)
