"""`Client`: every call, blocking. `AsyncClient` is its twin for asyncio."""
from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Any, Dict, Iterator, List, Optional, Sequence, TypeVar, Union

import grpc

from . import _wire, calls
from .calls import Call, Stored
from .connection import Address
from .errors import GkickError, NotFound, Unavailable, from_rpc
from .models import BatchInfo, Event, JobInfo, Limit, Reason, RecurringInfo
from .options import JobOptions, Seconds

T = TypeVar("T")

#: One WaitJob at most: proxies cut longer calls.
WAIT_SLICE = 45.0


class Client:
    """Thread-safe; one per process is enough. It connects at the first call and again after the server was away.

    Calls wait for the server within `timeout` seconds, then raise Unavailable or DeadlineExceeded."""

    def __init__(self, address: Union[str, Address, None] = None, *, timeout: float = 10) -> None:
        self.address = address if isinstance(address, Address) else Address.of(address)
        self.timeout = timeout
        self._lock = threading.Lock()
        self._channel: Any = None
        self._stubs: Dict[str, Any] = {}

    def _stub(self, name: str) -> Any:
        with self._lock:
            if self._channel is None:
                self._channel = self.address.channel()
            if name not in self._stubs:
                method = _wire.methods[name]
                make = self._channel.unary_stream if method.server_streams else self._channel.unary_unary
                self._stubs[name] = make(
                    method.path, request_serializer=method.request.SerializeToString,
                    response_deserializer=method.response.FromString)
            return self._stubs[name]

    def _run(self, call: Call[T], timeout: Optional[float] = None) -> T:
        try:
            answer = self._stub(call.method)(
                call.request, timeout=self.timeout if timeout is None else timeout, wait_for_ready=True,
                metadata=self.address.metadata())
        except grpc.RpcError as error:
            raise from_rpc(error, self.address.target) from None
        return call.read(answer)

    def close(self) -> None:
        with self._lock:
            channel, self._channel, self._stubs = self._channel, None, {}
        if channel is not None:
            channel.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    # --- Jobs ---

    def enqueue(
        self, name: str, payload: bytes = b"", *, content_type: str = "", options: Optional[JobOptions] = None, **changes: Any
    ) -> Stored:
        """Stores a job. What `JobOptions` has may be given by name: `queue="mail"`, `delay=60` ..."""
        return self._run(calls.enqueue(name, payload, content_type, (options or JobOptions()).updated(**changes)))

    def enqueue_many(
        self, requests: Sequence[Any], *, all_or_nothing: bool = False, durability: Optional[str] = None
    ) -> List[Union[Stored, GkickError]]:
        """One round trip for up to 1,000 jobs and 4 MiB, made by `JobOptions.request` or a job's `.request(...)`; each has its own result."""
        return self._run(calls.enqueue_many(requests, all_or_nothing, durability))

    def get(self, job_id: str) -> JobInfo:
        return self._run(calls.get(job_id))

    def wait(self, job_id: str, timeout: Optional[float] = None) -> JobInfo:
        """The job once it is final, or as it is after `timeout` seconds (None: no limit). A server that is away meanwhile is waited for."""
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            left = WAIT_SLICE if end is None else min(WAIT_SLICE, end - time.monotonic())
            if left <= 0:
                return self.get(job_id)
            try:
                job = self._run(calls.wait(job_id), left)
            except GkickError as error:
                if error.code not in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
                    raise
                if end is not None and time.monotonic() >= end:
                    return self.get(job_id)
                time.sleep(min(0.1, left))
                continue
            if job.is_final or (end is not None and time.monotonic() >= end):
                return job

    def cancel(self, job_id: str, reason: str = "") -> JobInfo:
        return self._run(calls.cancel(job_id, reason))

    def retry(self, job_id: str, *, reset_attempts: bool = False) -> JobInfo:
        return self._run(calls.retry(job_id, reset_attempts))

    def delete(self, job_id: str) -> None:
        self._run(calls.delete(job_id))

    def explain(self, job_id: str) -> List[Reason]:
        """Why the job is not running; empty when it runs or is final."""
        return self._run(calls.explain(job_id))

    def jobs(self, *, states: Sequence[str] = (), **filters: str) -> Iterator[JobInfo]:
        """Newest first. Filters: queue, name, batch_id, concurrency_key, fairness_key, recurring_job_id."""
        token = ""
        while True:
            page, token = self._run(calls.jobs(token, states, **filters))
            yield from page
            if not token:
                return

    def events(self, after: str = "", *, types: Sequence[str] = (), **filters: Any) -> Iterator[Event]:
        """Every event that matches, in order: from now on, or after a cursor ("0": from the oldest stored). Goes on after the server was
        away, with no gap. Filters: queues, names, job_ids, batch_id. Raises OutOfRange when the place is no longer stored."""
        pause = 0.1
        while True:
            try:
                call = self._stub("StreamEvents")(
                    calls.events_request(after, types, **filters), wait_for_ready=True, metadata=self.address.metadata())
                try:
                    for batch in call:
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
            time.sleep(pause)
            pause = min(pause * 2, 5)

    # --- Batches ---

    def put_batch(
        self, batch_id: str = "", *, description: str = "", on_finished: Any = None, on_succeeded: Any = None, closed: bool = False
    ) -> BatchInfo:
        return self._run(calls.put_batch(batch_id, description, on_finished, on_succeeded, closed))

    def get_batch(self, batch_id: str) -> BatchInfo:
        return self._run(calls.get_batch(batch_id))

    def batches(self, unfinished_only: bool = False) -> Iterator[BatchInfo]:
        """Newest first."""
        token = ""
        while True:
            page, token = self._run(calls.batches(unfinished_only, token))
            yield from page
            if not token:
                return

    def cancel_batch(self, batch_id: str, reason: str = "") -> BatchInfo:
        return self._run(calls.cancel_batch(batch_id, reason))

    # --- Limits and recurring jobs ---

    def put_limit(self, limit: Limit) -> None:
        self._run(calls.put_limit(limit))

    def delete_limit(self, limit: Limit) -> None:
        self._run(calls.delete_limit(limit))

    def limits(self) -> Iterator[Limit]:
        """With their use. Queues first, then keys, then prefixes, by name."""
        token = ""
        while True:
            page, token = self._run(calls.limits(token))
            yield from page
            if not token:
                return

    def put_recurring(
        self, recurring_id: str, spec: Any, *, cron: str = "", every: Optional[Seconds] = None, time_zone: str = "",
        missed_runs: str = "one", overlap: str = "allow", paused: bool = False
    ) -> RecurringInfo:
        return self._run(calls.put_recurring(recurring_id, spec, cron, every, time_zone, missed_runs, overlap, paused))

    def recurring(self) -> Iterator[RecurringInfo]:
        token = ""
        while True:
            page, token = self._run(calls.recurring(token))
            yield from page
            if not token:
                return

    def pause_recurring(self, recurring_id: str) -> RecurringInfo:
        """Makes none for now; times that pass meanwhile are not made up for."""
        return self._set_paused(recurring_id, True)

    def resume_recurring(self, recurring_id: str) -> RecurringInfo:
        """Lets a paused one go on; an `every` is counted from now on."""
        return self._set_paused(recurring_id, False)

    def _set_paused(self, recurring_id: str, paused: bool) -> RecurringInfo:
        for known in self.recurring():
            if known.id == recurring_id:
                return known if known.paused == paused else self._run(calls.put_again(known, paused))
        raise NotFound(f"no recurring job {recurring_id}")

    def delete_recurring(self, recurring_id: str) -> None:
        self._run(calls.delete_recurring(recurring_id))

    def trigger_recurring(self, recurring_id: str) -> str:
        """Makes one job now; its id."""
        return self._run(calls.trigger_recurring(recurring_id))

    def preview_recurring(
        self, *, cron: str = "", every: Optional[timedelta] = None, time_zone: str = "", after: Optional[datetime] = None,
        count: int = 10
    ) -> List[datetime]:
        return self._run(calls.preview_recurring(cron, every, time_zone, after, count))
