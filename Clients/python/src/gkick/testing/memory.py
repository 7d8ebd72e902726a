"""`app.test()`: jobs that are enqueued run at once, in this process, without a server."""
from __future__ import annotations

import asyncio
import threading
import uuid
from typing import Any, Dict, List, Sequence, Tuple, cast

from ..aio import AsyncClient
from ..calls import Stored
from ..client import Client
from ..context import JobContext
from ..errors import NotFound
from ..handle import AsyncHandle, Handle
from ..job import Job, Prepared
from ..models import BatchInfo, Failure, JobInfo
from ..worker import execution


class _Store:
    """What handles and batches ask, in place of a client."""

    def __init__(self, memory: InMemory) -> None:
        self._memory = memory
        self.jobs: Dict[str, JobInfo] = {}
        self._batches: Dict[str, Dict[str, Any]] = {}

    def get(self, job_id: str) -> JobInfo:
        if job_id not in self.jobs:
            raise NotFound(f"no job {job_id}")
        return self.jobs[job_id]

    def wait(self, job_id: str, timeout: Any = None) -> JobInfo:
        return self.get(job_id)

    def cancel(self, job_id: str, reason: str = "") -> JobInfo:
        return self.get(job_id)

    def enqueue_many(self, requests: Sequence[Any], **_: Any) -> List[Stored]:
        return [self._run(one.job) for one in requests]

    def _run(self, spec: Any) -> Stored:
        job = self._memory._app.jobs[spec.name]
        options = job.options.updated(batch_id=spec.batch_id or None, id=spec.id or None, metadata=dict(spec.metadata))
        handle = self._memory.enqueue(job, Prepared(spec.name, spec.payload, spec.content_type, options))
        return Stored(handle.id, handle.duplicate, self.get(handle.id).state)

    def put_batch(
        self, batch_id: str = "", *, description: str = "", on_finished: Any = None, on_succeeded: Any = None, closed: bool = False
    ) -> BatchInfo:
        """The callbacks run when it is closed."""
        batch_id = batch_id or uuid.uuid4().hex
        batch = self._batches.setdefault(batch_id, {
            "description": description, "on_finished": on_finished, "on_succeeded": on_succeeded, "closed": False, "ran": ["", ""]})
        if closed and not batch["closed"]:
            batch["closed"] = True
            is_good = all(one.state == "SUCCEEDED" for one in self._of(batch_id))
            batch["ran"] = [
                self._run(spec).id if spec is not None else ""
                for spec in (batch["on_finished"], batch["on_succeeded"] if is_good else None)]
        return self.get_batch(batch_id)

    def _of(self, batch_id: str) -> List[JobInfo]:
        return [one for one in self.jobs.values() if one.batch_id == batch_id]

    def get_batch(self, batch_id: str) -> BatchInfo:
        batch = self._batches[batch_id]
        states = [one.state for one in self._of(batch_id)]
        return BatchInfo(
            id=batch_id, description=batch["description"], closed=batch["closed"], jobs=len(states), waiting=states.count("SCHEDULED"),
            running=0, succeeded=states.count("SUCCEEDED"), dead=states.count("DEAD"), canceled=states.count("CANCELED"), created_at=None,
            finished_at=None, on_finished_job_id=batch["ran"][0], on_succeeded_job_id=batch["ran"][1])

    def cancel_batch(self, batch_id: str, reason: str = "") -> BatchInfo:
        return self.get_batch(batch_id)


class _AsyncStore:
    """The same, awaited."""

    def __init__(self, store: _Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._store, name)

        async def run(*args: Any, **more: Any) -> Any:
            return call(*args, **more)

        return run


class InMemory:
    """Arguments and results pass through the codec as they would on the wire. A failed job is tried again, at once, as often as its policy says (3 times
    when it does not). A batch's callbacks run when it is closed. Delays, limits and dependencies are not waited for: for these use a real server.

    `ran` has every job that was run, in order."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._store = _Store(self)
        self.ran: List[JobInfo] = []

    def __enter__(self) -> InMemory:
        if self._app._tested is not None:
            raise RuntimeError("app.test() is on already")
        self._app._tested = self
        return self

    def __exit__(self, *_: Any) -> None:
        self._app._tested = None

    @property
    def client(self) -> Client:
        """What `app.client` is meanwhile: it knows the jobs that were run, and batches."""
        return cast(Client, self._store)

    @property
    def async_client(self) -> AsyncClient:
        return cast(AsyncClient, _AsyncStore(self._store))

    def enqueue(self, job: Job[Any], prepared: Prepared) -> Handle[Any]:
        job_id, known = self._identify(prepared)
        if not known:
            self._note(job_id, prepared, self._attempts(job, job_id, prepared))
        return Handle(self.client, job_id, known, job.result)

    async def aenqueue(self, job: Job[Any], prepared: Prepared) -> AsyncHandle[Any]:
        job_id, known = self._identify(prepared)
        if not known:
            self._note(job_id, prepared, await self._aattempts(job, job_id, prepared))
        return AsyncHandle(self.async_client, job_id, known, job.result)

    def _identify(self, prepared: Prepared) -> Tuple[str, bool]:
        job_id = prepared.options.id or uuid.uuid4().hex
        return job_id, job_id in self._store.jobs

    def _attempts(self, job: Job[Any], job_id: str, prepared: Prepared) -> List[execution.Ended]:
        if job.is_async:
            return self._in_a_loop(job, job_id, prepared)
        ends: List[execution.Ended] = []
        while self._goes_on(ends, prepared):
            ends.append(execution.run(job, self._context(job_id, prepared, len(ends) + 1), prepared.payload))
        return ends

    def _in_a_loop(self, job: Job[Any], job_id: str, prepared: Prepared) -> List[execution.Ended]:
        """In a thread of its own: this one may have a running loop."""
        found: List[execution.Ended] = []
        thread = threading.Thread(target=lambda: found.extend(asyncio.run(self._aattempts(job, job_id, prepared))))
        thread.start()
        thread.join()
        return found

    async def _aattempts(self, job: Job[Any], job_id: str, prepared: Prepared) -> List[execution.Ended]:
        ends: List[execution.Ended] = []
        while self._goes_on(ends, prepared):
            context = self._context(job_id, prepared, len(ends) + 1)
            if job.is_async:
                ends.append(await execution.arun(job, context, prepared.payload))
            else:
                ends.append(execution.run(job, context, prepared.payload))
        return ends

    @staticmethod
    def _goes_on(ends: List[execution.Ended], prepared: Prepared) -> bool:
        if not ends:
            return True
        most = (prepared.options.retry and prepared.options.retry.max_attempts) or 3
        return ends[-1].kind == "failure" and ends[-1].retryable and len(ends) < most

    @staticmethod
    def _context(job_id: str, prepared: Prepared, attempt: int) -> JobContext:
        return JobContext(
            job_id=job_id, queue=prepared.options.queue or "default", name=prepared.name, attempt=attempt,
            max_attempts=(prepared.options.retry and prepared.options.retry.max_attempts) or 3,
            metadata=dict(prepared.options.metadata), batch_id=prepared.options.batch_id or "")

    def _note(self, job_id: str, prepared: Prepared, ends: List[execution.Ended]) -> None:
        last = ends[-1]
        state = {"success": "SUCCEEDED", "canceled": "CANCELED", "release": "SCHEDULED"}.get(last.kind, "DEAD")
        failures = [
            Failure(one.type, one.message, one.backtrace, one.retryable, None, number + 1, "test")
            for number, one in enumerate(ends) if one.kind == "failure"]
        info = JobInfo(
            id=job_id, queue=prepared.options.queue or "default", name=prepared.name, state=state, attempt=len(ends), lost=0,
            payload=prepared.payload, content_type=prepared.content_type, metadata=dict(prepared.options.metadata),
            result=last.result, failures=failures, progress=None, created_at=None, run_at=None, started_at=None, finished_at=None,
            worker_id="test", waiting_reason="", batch_id=prepared.options.batch_id or "", depends_on=[], dependencies_open=0,
            recurring_job_id="")
        self._store.jobs[job_id] = info
        self.ran.append(info)
