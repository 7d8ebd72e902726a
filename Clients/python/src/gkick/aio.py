"""`AsyncClient`: every call for asyncio. Use one per event loop."""
from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, AsyncIterator, Dict, List, Optional, Sequence, TypeVar, Union

import grpc

from . import _wire, calls
from .calls import Call, Stored
from .client import WAIT_SLICE
from .connection import Address
from .errors import GkickError, NotFound, Unavailable, from_rpc
from .models import BatchInfo, Event, JobInfo, Limit, Reason, RecurringInfo
from .options import JobOptions, Seconds

T = TypeVar("T")


class AsyncClient:
    """See `Client`; what is there is here, awaited."""

    def __init__(self, address: Union[str, Address, None] = None, *, timeout: float = 10) -> None:
        self.address = address if isinstance(address, Address) else Address.of(address)
        self.timeout = timeout
        self._channel: Any = None
        self._stubs: Dict[str, Any] = {}

    def _stub(self, name: str) -> Any:
        if self._channel is None:
            self._channel = self.address.aio_channel()
        if name not in self._stubs:
            method = _wire.methods[name]
            make = self._channel.unary_stream if method.server_streams else self._channel.unary_unary
            self._stubs[name] = make(
                method.path, request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString)
        return self._stubs[name]

    async def _run(self, call: Call[T], timeout: Optional[float] = None) -> T:
        try:
            answer = await self._stub(call.method)(
                call.request, timeout=self.timeout if timeout is None else timeout, wait_for_ready=True,
                metadata=self.address.metadata())
        except grpc.RpcError as error:
            raise from_rpc(error, self.address.target) from None
        return call.read(answer)

    async def close(self) -> None:
        channel, self._channel, self._stubs = self._channel, None, {}
        if channel is not None:
            await channel.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    async def enqueue(
        self, name: str, payload: bytes = b"", *, content_type: str = "", options: Optional[JobOptions] = None, **changes: Any
    ) -> Stored:
        return await self._run(calls.enqueue(name, payload, content_type, (options or JobOptions()).updated(**changes)))

    async def enqueue_many(
        self, requests: Sequence[Any], *, all_or_nothing: bool = False, durability: Optional[str] = None
    ) -> List[Union[Stored, GkickError]]:
        return await self._run(calls.enqueue_many(requests, all_or_nothing, durability))

    async def get(self, job_id: str) -> JobInfo:
        return await self._run(calls.get(job_id))

    async def wait(self, job_id: str, timeout: Optional[float] = None) -> JobInfo:
        loop = asyncio.get_running_loop()
        end = None if timeout is None else loop.time() + timeout
        while True:
            left = WAIT_SLICE if end is None else min(WAIT_SLICE, end - loop.time())
            if left <= 0:
                return await self.get(job_id)
            try:
                job = await self._run(calls.wait(job_id), left)
            except GkickError as error:
                if error.code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                    raise
                if end is not None and loop.time() >= end:
                    return await self.get(job_id)
                await asyncio.sleep(min(0.1, left))
                continue
            if job.is_final or (end is not None and loop.time() >= end):
                return job

    async def cancel(self, job_id: str, reason: str = "") -> JobInfo:
        return await self._run(calls.cancel(job_id, reason))

    async def retry(self, job_id: str, *, reset_attempts: bool = False) -> JobInfo:
        return await self._run(calls.retry(job_id, reset_attempts))

    async def delete(self, job_id: str) -> None:
        await self._run(calls.delete(job_id))

    async def explain(self, job_id: str) -> List[Reason]:
        return await self._run(calls.explain(job_id))

    async def jobs(self, *, states: Sequence[str] = (), **filters: str) -> AsyncIterator[JobInfo]:
        token = ""
        while True:
            page, token = await self._run(calls.jobs(token, states, **filters))
            for job in page:
                yield job
            if not token:
                return

    async def events(self, after: str = "", *, types: Sequence[str] = (), **filters: Any) -> AsyncIterator[Event]:
        pause = 0.1
        while True:
            try:
                call = self._stub("StreamEvents")(
                    calls.events_request(after, types, **filters), wait_for_ready=True, metadata=self.address.metadata())
                try:
                    async for batch in call:
                        pause = 0.1
                        for event in batch.events:
                            yield Event.read(event)
                            after = event.cursor
                        after = batch.cursor
                finally:
                    call.cancel()
            except grpc.RpcError as rpc:
                error = from_rpc(rpc)
                if not isinstance(error, Unavailable):
                    raise error from None
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5)

    async def put_batch(
        self, batch_id: str = "", *, description: str = "", on_finished: Any = None, on_succeeded: Any = None, closed: bool = False
    ) -> BatchInfo:
        return await self._run(calls.put_batch(batch_id, description, on_finished, on_succeeded, closed))

    async def get_batch(self, batch_id: str) -> BatchInfo:
        return await self._run(calls.get_batch(batch_id))

    async def batches(self, unfinished_only: bool = False) -> AsyncIterator[BatchInfo]:
        """Newest first."""
        token = ""
        while True:
            page, token = await self._run(calls.batches(unfinished_only, token))
            for one in page:
                yield one
            if not token:
                return

    async def cancel_batch(self, batch_id: str, reason: str = "") -> BatchInfo:
        return await self._run(calls.cancel_batch(batch_id, reason))

    async def put_limit(self, limit: Limit) -> None:
        await self._run(calls.put_limit(limit))

    async def delete_limit(self, limit: Limit) -> None:
        await self._run(calls.delete_limit(limit))

    async def limits(self) -> AsyncIterator[Limit]:
        """With their use. Queues first, then keys, then prefixes, by name."""
        token = ""
        while True:
            page, token = await self._run(calls.limits(token))
            for limit in page:
                yield limit
            if not token:
                return

    async def put_recurring(
        self, recurring_id: str, spec: Any, *, cron: str = "", every: Optional[Seconds] = None, time_zone: str = "",
        missed_runs: str = "one", overlap: str = "allow", paused: bool = False
    ) -> RecurringInfo:
        return await self._run(calls.put_recurring(recurring_id, spec, cron, every, time_zone, missed_runs, overlap, paused))

    async def recurring(self) -> AsyncIterator[RecurringInfo]:
        token = ""
        while True:
            page, token = await self._run(calls.recurring(token))
            for one in page:
                yield one
            if not token:
                return

    async def pause_recurring(self, recurring_id: str) -> RecurringInfo:
        """Makes none for now; times that pass meanwhile are not made up for."""
        return await self._set_paused(recurring_id, True)

    async def resume_recurring(self, recurring_id: str) -> RecurringInfo:
        """Lets a paused one go on; an `every` is counted from now on."""
        return await self._set_paused(recurring_id, False)

    async def _set_paused(self, recurring_id: str, paused: bool) -> RecurringInfo:
        async for known in self.recurring():
            if known.id == recurring_id:
                return known if known.paused == paused else await self._run(calls.put_again(known, paused))
        raise NotFound(f"no recurring job {recurring_id}")

    async def delete_recurring(self, recurring_id: str) -> None:
        await self._run(calls.delete_recurring(recurring_id))

    async def preview_recurring(
        self, *, cron: str = "", every: Optional[timedelta] = None, time_zone: str = "", after: Optional[datetime] = None,
        count: int = 10
    ) -> List[datetime]:
        return await self._run(calls.preview_recurring(cron, every, time_zone, after, count))

    async def trigger_recurring(self, recurring_id: str) -> str:
        return await self._run(calls.trigger_recurring(recurring_id))
