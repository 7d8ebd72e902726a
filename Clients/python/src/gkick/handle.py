"""What an enqueue gives back."""
from __future__ import annotations

from typing import Any, Callable, Generic, Optional, TypeVar, cast

from .aio import AsyncClient
from .client import Client
from .errors import JobFailed, JobPending
from .models import JobInfo

R = TypeVar("R")


class _Base(Generic[R]):
    def __init__(self, job_id: str, duplicate: bool, decode: Callable[[bytes], Any]) -> None:
        self.id = job_id
        #: The id or the unique key existed: this is the existing job.
        self.duplicate = duplicate
        self._decode = decode

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    def _value(self, job: JobInfo) -> R:
        if not job.is_final:
            raise JobPending(f"job {job.id} is {job.state}" + (f": {job.waiting_reason}" if job.waiting_reason else ""))
        if job.state != "SUCCEEDED":
            raise JobFailed(job)
        return cast(R, self._decode(job.result))


class Handle(_Base[R]):
    def __init__(self, client: Client, job_id: str, duplicate: bool, decode: Callable[[bytes], Any]) -> None:
        super().__init__(job_id, duplicate, decode)
        self._client = client

    def result(self, timeout: Optional[float] = None) -> R:
        """What the function returned. Raises JobFailed when the job ended otherwise, JobPending after `timeout` seconds."""
        return self._value(self._client.wait(self.id, timeout))

    def info(self) -> JobInfo:
        return self._client.get(self.id)

    def cancel(self, reason: str = "") -> JobInfo:
        return self._client.cancel(self.id, reason)


class AsyncHandle(_Base[R]):
    def __init__(self, client: AsyncClient, job_id: str, duplicate: bool, decode: Callable[[bytes], Any]) -> None:
        super().__init__(job_id, duplicate, decode)
        self._client = client

    async def result(self, timeout: Optional[float] = None) -> R:
        return self._value(await self._client.wait(self.id, timeout))

    async def info(self) -> JobInfo:
        return await self._client.get(self.id)

    async def cancel(self, reason: str = "") -> JobInfo:
        return await self._client.cancel(self.id, reason)
