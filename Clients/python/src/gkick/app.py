"""`App`: the jobs of a program, and the way to the server."""
from __future__ import annotations

import asyncio
import contextlib
import threading

from typing import Any, AsyncIterator, Callable, Coroutine, Dict, Iterator, List, Optional, Protocol, Sequence, Tuple, TypeVar, Union, cast, overload
from weakref import WeakKeyDictionary

from . import tracing
from .aio import AsyncClient
from .batch import AsyncBatch, Batch, parts
from .calls import Stored
from .client import Client
from .codec import Codec, JSONCodec
from .connection import Address
from .errors import GkickError
from .handle import AsyncHandle, Handle
from .job import Job, Prepared
from .options import JobOptions, Retry, Seconds, Unique
from .recurring import is_as_declared

R = TypeVar("R")

#: Called around each job: `middleware(context, call_next)`, where `call_next()` runs the rest and returns its value (awaited for async jobs).
Middleware = Callable[..., Any]


class Making(Protocol):
    """What `@app.job(...)` does to a function: its result's type stays known."""

    @overload
    def __call__(self, function: Callable[..., Coroutine[Any, Any, R]]) -> Job[R]: ...

    @overload
    def __call__(self, function: Callable[..., R]) -> Job[R]: ...


class App:
    """`queue`, `retry` ... given here are the defaults of its jobs. The address is that of the environment (GKICK_ADDRESS ...) unless given."""

    def __init__(self, address: Union[str, Address, None] = None, *, codec: Optional[Codec] = None, **options: Any) -> None:
        self.address = address if isinstance(address, Address) else Address.of(address)
        self.codec: Codec = codec or JSONCodec()
        self.options = JobOptions().updated(**options)
        self.jobs: Dict[str, Job[Any]] = {}
        self.middlewares: List[Middleware] = []
        self.schedules: List[Tuple[str, Job[Any], Dict[str, Any]]] = []
        self._lock = threading.Lock()
        self._client: Optional[Client] = None
        self._async_clients: WeakKeyDictionary[Any, AsyncClient] = WeakKeyDictionary()
        self._tested: Any = None

    # --- Jobs ---

    @overload
    def job(self, function: Callable[..., Coroutine[Any, Any, R]], *, name: Optional[str] = None) -> Job[R]: ...

    @overload
    def job(self, function: Callable[..., R], *, name: Optional[str] = None) -> Job[R]: ...

    @overload
    def job(
        self, function: None = None, *, name: Optional[str] = None, codec: Optional[Codec] = None, isolate: bool = False,
        queue: Optional[str] = None, priority: Optional[int] = None, retry: Optional[Retry] = None, timeout: Optional[Seconds] = None,
        retention: Optional[Seconds] = None, unique: Union[Unique, str, None] = None, concurrency_key: Optional[str] = None,
        fairness_key: Optional[str] = None
    ) -> Making: ...

    def job(
        self, function: Optional[Callable[..., Any]] = None, *, name: Optional[str] = None, codec: Optional[Codec] = None,
        isolate: bool = False, queue: Optional[str] = None, priority: Optional[int] = None, retry: Optional[Retry] = None,
        timeout: Optional[Seconds] = None, retention: Optional[Seconds] = None, unique: Union[Unique, str, None] = None,
        concurrency_key: Optional[str] = None, fairness_key: Optional[str] = None
    ) -> Any:
        """Makes a function, sync or async, a job. Its name is the function's, after its module's, unless given.

        - isolate: run it in a process with no other job beside it, so that a crash or a time-out ends that process and nothing else.
        """
        given = {
            "queue": queue, "priority": priority, "retry": retry, "timeout": timeout, "retention": retention, "unique": unique,
            "concurrency_key": concurrency_key, "fairness_key": fairness_key}
        options = self.options.updated(**{key: value for key, value in given.items() if value is not None})

        def make(function: Callable[..., Any]) -> Job[Any]:
            known = name or f"{function.__module__}.{function.__qualname__}"
            if known in self.jobs:
                raise ValueError(f"there is a job {known!r} already")
            made: Job[Any] = Job(self, function, known, options, codec or self.codec, isolate)
            self.jobs[known] = made
            return made

        return make if function is None else make(function)

    def recurring(
        self, recurring_id: str, *, cron: str = "", every: Optional[Seconds] = None, time_zone: str = "", missed_runs: str = "one",
        overlap: str = "allow", arguments: Optional[Dict[str, Any]] = None
    ) -> Callable[[Job[R]], Job[R]]:
        """Above `@app.job`: makes the job recur. Written to the server by `app.put_schedules()`, which `gkick-worker` does
        once it is connected."""

        def note(job: Job[R]) -> Job[R]:
            self.schedules.append((recurring_id, job, {
                "cron": cron, "every": every, "time_zone": time_zone, "missed_runs": missed_runs, "overlap": overlap,
                "arguments": arguments or {}}))
            return job

        return note

    def put_schedules(self) -> None:
        """Sees to it that the server has the recurring jobs of this app as they are declared. What is so already is left alone: an `every` is
        counted on, and what an operator has paused stays paused."""
        there = {known.id: known for known in self.client.recurring()} if self.schedules else {}
        for recurring_id, job, said in self.schedules:
            spec, known = job.prepare(**said["arguments"]).spec(), there.get(recurring_id)
            if known is not None and is_as_declared(known, spec, said):
                continue
            rest = {key: value for key, value in said.items() if key != "arguments"}
            self.client.put_recurring(recurring_id, spec, **rest, paused=known is not None and known.paused)

    def middleware(self, function: Middleware) -> Middleware:
        """Adds a middleware; the first one added is the outermost."""
        self.middlewares.append(function)
        return function

    # --- Clients ---

    @property
    def client(self) -> Client:
        if self._tested is not None:
            return cast(Client, self._tested.client)
        with self._lock:
            if self._client is None:
                self._client = Client(self.address)
            return self._client

    @property
    def async_client(self) -> AsyncClient:
        """One per event loop."""
        if self._tested is not None:
            return cast(AsyncClient, self._tested.async_client)
        loop = asyncio.get_running_loop()
        with self._lock:
            if loop not in self._async_clients:
                self._async_clients[loop] = AsyncClient(self.address)
            return self._async_clients[loop]

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    # --- Enqueueing ---

    def _traced(self, options: JobOptions) -> JobOptions:
        carried = tracing.inject()
        return options.updated(metadata=carried) if carried else options

    def _enqueue(self, job: Job[R], prepared: Prepared) -> Handle[R]:
        if self._tested is not None:
            tested: Handle[R] = self._tested.enqueue(job, prepared)
            return tested
        stored = self.client.enqueue(prepared.name, prepared.payload, content_type=prepared.content_type, options=prepared.options)
        return Handle(self.client, stored.id, stored.duplicate, job.result)

    async def _aenqueue(self, job: Job[R], prepared: Prepared) -> AsyncHandle[R]:
        if self._tested is not None:
            tested: AsyncHandle[R] = await self._tested.aenqueue(job, prepared)
            return tested
        client = self.async_client
        stored = await client.enqueue(prepared.name, prepared.payload, content_type=prepared.content_type, options=prepared.options)
        return AsyncHandle(client, stored.id, stored.duplicate, job.result)

    def _enqueue_many(
        self, job: Job[R], prepared: Sequence[Prepared], all_or_nothing: bool
    ) -> List[Union[Handle[R], GkickError]]:
        if self._tested is not None:
            return [self._tested.enqueue(job, one) for one in prepared]
        found: List[Union[Handle[R], GkickError]] = []
        for part in parts(prepared, all_or_nothing):
            for one in self.client.enqueue_many(part, all_or_nothing=all_or_nothing, durability=job.options.durability):
                found.append(Handle(self.client, one.id, one.duplicate, job.result) if isinstance(one, Stored) else one)
        return found

    async def _aenqueue_many(
        self, job: Job[R], prepared: Sequence[Prepared], all_or_nothing: bool
    ) -> List[Union[AsyncHandle[R], GkickError]]:
        if self._tested is not None:
            return [await self._tested.aenqueue(job, one) for one in prepared]
        client = self.async_client
        found: List[Union[AsyncHandle[R], GkickError]] = []
        for part in parts(prepared, all_or_nothing):
            for one in await client.enqueue_many(part, all_or_nothing=all_or_nothing, durability=job.options.durability):
                found.append(AsyncHandle(client, one.id, one.duplicate, job.result) if isinstance(one, Stored) else one)
        return found

    # --- Batches ---

    @contextlib.contextmanager
    def batch(
        self, batch_id: str = "", *, description: str = "", on_finished: Optional[Prepared] = None,
        on_succeeded: Optional[Prepared] = None
    ) -> Iterator[Batch]:
        """Jobs that are followed as one: add them inside the block; it is closed at its end, canceled if the block raises.

            with app.batch(on_succeeded=report.prepare(day=day)) as batch:
                for user in users:
                    batch.add(count.prepare(user=user))
        """
        info = self.client.put_batch(
            batch_id, description=description, on_finished=on_finished.spec() if on_finished else None,
            on_succeeded=on_succeeded.spec() if on_succeeded else None)
        batch = Batch(self.client, info)
        try:
            yield batch
            batch.flush()
        except BaseException:
            self.client.cancel_batch(info.id, "the program that was adding jobs failed")
            raise
        batch.info = self.client.put_batch(info.id, closed=True)

    @contextlib.asynccontextmanager
    async def abatch(
        self, batch_id: str = "", *, description: str = "", on_finished: Optional[Prepared] = None,
        on_succeeded: Optional[Prepared] = None
    ) -> AsyncIterator[AsyncBatch]:
        """The same for asyncio: `async with app.abatch() as batch: await batch.add(...)`."""
        client = self.async_client
        info = await client.put_batch(
            batch_id, description=description, on_finished=on_finished.spec() if on_finished else None,
            on_succeeded=on_succeeded.spec() if on_succeeded else None)
        batch = AsyncBatch(client, info)
        try:
            yield batch
            await batch.flush()
        except BaseException:
            await client.cancel_batch(info.id, "the program that was adding jobs failed")
            raise
        batch.info = await client.put_batch(info.id, closed=True)

    # --- Tests ---

    def test(self) -> Any:
        """`with app.test() as ran:` runs every job that is enqueued inside at once, here, without a server."""
        from .testing.memory import InMemory

        return InMemory(self)
