"""Background jobs on a gKick server.

    from gkick import App

    app = App()

    @app.job(queue="mail")
    def send_email(to: str) -> str:
        return f"sent to {to}"

    handle = send_email.enqueue(to="ada@example.com")   # a worker: gkick-worker module:app
    print(handle.result(timeout=10))
"""
import pkgutil

# Stubs made from the .proto files lie in gkick/v1, wherever they were put: both are found.
__path__ = pkgutil.extend_path(__path__, __name__)

from .aio import AsyncClient  # noqa: E402
from .app import App
from .batch import AsyncBatch, Batch
from .client import Client
from .codec import BytesCodec, Codec, JSONCodec
from .connection import Address
from .context import JobContext, current_job
from .errors import (
    AlreadyExists,
    DeadlineExceeded,
    Fail,
    FailedPrecondition,
    GkickError,
    InvalidArgument,
    JobCanceled,
    JobFailed,
    JobPending,
    NotFound,
    OutOfRange,
    PermissionDenied,
    Release,
    ResourceExhausted,
    Unauthenticated,
    Unavailable,
)
from .handle import AsyncHandle, Handle
from .job import Job, Prepared
from .models import BatchInfo, Event, Failure, JobInfo, Limit, LimitUsage, Progress, Reason, RecurringInfo
from .options import JobOptions, Retry, Unique

__version__ = "0.1.0"

__all__ = [
    "Address", "AlreadyExists", "App", "AsyncBatch", "AsyncClient", "AsyncHandle", "Batch", "BatchInfo", "BytesCodec", "Client",
    "Codec", "DeadlineExceeded", "Event", "Fail", "FailedPrecondition", "Failure", "GkickError", "Handle", "InvalidArgument", "JSONCodec",
    "Job", "JobCanceled", "JobContext", "JobFailed", "JobInfo", "JobOptions", "JobPending", "Limit", "LimitUsage", "NotFound", "OutOfRange",
    "PermissionDenied", "Prepared", "Progress", "Reason", "RecurringInfo", "Release", "ResourceExhausted", "Retry",
    "Unauthenticated", "Unavailable", "Unique", "current_job",
]
