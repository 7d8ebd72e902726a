"""Log lines of the worker and its jobs, with the job that runs."""
from __future__ import annotations

import enum
import json
import logging
import sys
import time
from typing import Any, Dict

from ..context import _current


class LogFormat(enum.Enum):
    TEXT = "text"
    JSON = "json"


class _JobFilter(logging.Filter):
    """Adds what runs here to every record, also to those of other libraries."""

    def filter(self, record: logging.LogRecord) -> bool:
        job = _current.get()
        record.job_id = job.job_id if job else ""
        record.job_name = job.name if job else ""
        record.attempt = job.attempt if job else 0
        return True


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        job_id = getattr(record, "job_id", "")
        return f"{text} job={job_id} name={getattr(record, 'job_name', '')}" if job_id else text


class _JSON(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said: Dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        if getattr(record, "job_id", ""):
            said.update(job_id=getattr(record, "job_id"), job=getattr(record, "job_name"), attempt=getattr(record, "attempt"))
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False)


def set_up_logging(form: LogFormat, level: str) -> None:
    """To stderr. A program that has set up its own logging keeps it."""
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_JobFilter())
    handler.setFormatter(_JSON() if form is LogFormat.JSON else _Text("%(asctime)s %(levelname)s %(message)s"))
    root.addHandler(handler)
    root.setLevel(level.upper())
