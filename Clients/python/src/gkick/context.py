"""What a running job knows and may say."""
from __future__ import annotations

import contextvars
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Callable, Dict, List, Optional

from .errors import JobCanceled


@dataclass
class JobContext:
    """A parameter annotated with this type is given it; `current_job()` finds it anywhere below."""

    job_id: str
    queue: str
    name: str
    attempt: int
    max_attempts: int
    metadata: Dict[str, str] = field(default_factory=dict)
    depends_on: List[str] = field(default_factory=list)
    batch_id: str = ""
    created_at: Optional[datetime] = None
    #: When this attempt must be over, if the job has a timeout.
    deadline: Optional[datetime] = None
    _report: Callable[[int, str], None] = field(default=lambda percent, message: None, repr=False)
    _stop: threading.Event = field(default_factory=threading.Event, repr=False)
    _reason: str = field(default="", repr=False)

    @property
    def canceled(self) -> bool:
        """The job was told to stop: by somebody's cancel, by its timeout, or because its lease is lost."""
        return self._stop.is_set()

    def checkpoint(self) -> None:
        """A safe point: raises JobCanceled if the job was told to stop. Async jobs are canceled by asyncio, at any await."""
        if self._stop.is_set():
            raise JobCanceled(self._reason)

    def sleep(self, seconds: float) -> None:
        """Sleeps, or raises JobCanceled as soon as the job is told to stop."""
        if self._stop.wait(seconds):
            raise JobCanceled(self._reason)

    def progress(self, percent: int, message: str = "") -> None:
        """Tells how far the job is: `gkick job` and the events show it. Also a safe point."""
        self.checkpoint()
        self._report(max(0, min(100, int(percent))), message)

    def _tell(self, reason: str) -> None:
        self._reason = reason
        self._stop.set()


_current: contextvars.ContextVar[Optional[JobContext]] = contextvars.ContextVar("gkick_job", default=None)


def current_job() -> JobContext:
    """The job that runs here. Raises LookupError outside of one."""
    found = _current.get()
    if found is None:
        raise LookupError("no job runs here")
    return found
