"""Batches while they are filled: what is added goes to the server by the thousand."""
from __future__ import annotations

from typing import Any, Iterator, List, Sequence

from .aio import AsyncClient
from .client import Client
from .errors import GkickError
from .job import Prepared
from .models import BatchInfo

#: Jobs and bytes of one EnqueueBatch, below what the server takes.
BATCH_JOBS = 1_000
BATCH_BYTES = 3 << 20


def parts(prepared: Sequence[Prepared], whole: bool) -> Iterator[List[Any]]:
    """Messages for one EnqueueBatch each. What must be taken as a whole is not divided: the server says when it is too much."""
    part: List[Any] = []
    size = 0
    for one in prepared:
        request = one.request()
        bytes_of_it = request.ByteSize()
        if part and not whole and (len(part) >= BATCH_JOBS or size + bytes_of_it > BATCH_BYTES):
            yield part
            part, size = [], 0
        part.append(request)
        size += bytes_of_it
    if part:
        yield part


class _Filling:
    def __init__(self, info: BatchInfo) -> None:
        self._pending: List[Prepared] = []
        #: As the server knew it at the beginning; once the block has ended, as it was when it was closed.
        self.info = info
        self.id = info.id

    def _note(self, prepared: Prepared) -> bool:
        """Whether there is enough to send."""
        options = prepared.options.updated(batch_id=self.id)
        self._pending.append(Prepared(prepared.name, prepared.payload, prepared.content_type, options))
        return len(self._pending) >= BATCH_JOBS

    def _taken(self) -> Iterator[List[Any]]:
        pending, self._pending = self._pending, []
        return parts(pending, False)


def _refused(answers: Sequence[Any]) -> None:
    for one in answers:
        if isinstance(one, GkickError):
            raise one


class Batch(_Filling):
    """Given by `with app.batch() as batch:`."""

    def __init__(self, client: Client, info: BatchInfo) -> None:
        super().__init__(info)
        self._client = client

    def add(self, prepared: Prepared) -> None:
        """One more job, `job.prepare(...)`. Raises what the server refused."""
        if self._note(prepared):
            self.flush()

    def flush(self) -> None:
        """Sends what has been added so far."""
        for part in self._taken():
            _refused(self._client.enqueue_many(part))


class AsyncBatch(_Filling):
    """Given by `async with app.abatch() as batch:`."""

    def __init__(self, client: AsyncClient, info: BatchInfo) -> None:
        super().__init__(info)
        self._client = client

    async def add(self, prepared: Prepared) -> None:
        """One more job, `job.prepare(...)`. Raises what the server refused."""
        if self._note(prepared):
            await self.flush()

    async def flush(self) -> None:
        """Sends what has been added so far."""
        for part in self._taken():
            _refused(await self._client.enqueue_many(part))
