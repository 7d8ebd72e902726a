"""What a worker is told at its start."""
from __future__ import annotations

from dataclasses import dataclass, field
from typing import List

from ..connection import Address
from .logs import LogFormat


@dataclass(frozen=True)
class WorkerSettings:
    #: "module:app".
    target: str
    address: Address
    #: What `--address` said; empty: the address is the app's own.
    given_address: str = ""
    #: Queue names, a trailing * for a prefix; `name=3` with a weight.
    queues: List[str] = field(default_factory=lambda: ["default"])
    #: Jobs at once in one process.
    concurrency: int = 8
    processes: int = 1
    #: Every job in a process of its own (as with `@app.job(isolate=True)`).
    isolate: bool = False
    #: Seconds that running jobs are waited for after SIGTERM; what is left is given back.
    drain_timeout: float = 30
    #: Seconds between telling a job of an isolated process to stop and killing it.
    kill_grace: float = 5
    #: Seconds that the server keeps this worker's jobs for it when the connection breaks.
    resume_window: float = 30
    #: Bytes of a result that are sent; what is larger is the job's failure.
    result_limit: int = 1 << 20
    log_format: LogFormat = LogFormat.TEXT
    log_level: str = "info"
    #: The app's recurring jobs are written to the server.
    puts_schedules: bool = True

    @property
    def slots(self) -> int:
        return self.concurrency * self.processes
