"""The Work stream: one connection after the other, with the same worker id, so that nothing is lost when one breaks."""
from __future__ import annotations

import asyncio
import logging
from typing import Any, Callable, Dict, List, Optional

import grpc

from .. import _wire
from ..options import duration
from .settings import WorkerSettings

log = logging.getLogger("gkick.worker")

#: The server's words that sending again never helps: the worker ends.
_FINAL = {
    grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.FAILED_PRECONDITION}

#: UNAVAILABLE and RESOURCE_EXHAUSTED: the store does not take an outcome now.
_LATER = {14, 8}

#: Bytes of outcomes in one message, well below what the server reads.
_MESSAGE_BYTES = 2 << 20

#: Seconds from one message to the next while less than half of the jobs that are held have ended. A message costs ten times what an outcome in it
#: does, here and in the server; one that comes after a pause leaves at once.
_TOGETHER = 0.001


class _Ended(grpc.RpcError):  # type: ignore[misc]
    """The stream ended with a status."""

    def __init__(self, code: Any, details: str) -> None:
        self._code, self._details = code, details

    def code(self) -> Any:
        return self._code

    def details(self) -> str:
        return self._details


class Refused(Exception):
    """The server does not want this worker."""


class Stream:
    """- held: leases by token, what is not settled yet; told again after a reconnect.
    - unsettled: outcomes by token, until the server has said that they are stored."""

    def __init__(
        self, settings: WorkerSettings, worker_id: str, names: List[str], on_job: Callable[[Any], None],
        on_stop: Callable[[int, str], None], on_settled: Callable[[int], None], on_connected: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._worker_id = worker_id
        self._names = names
        self._on_job = on_job
        self._on_stop = on_stop
        self._on_settled = on_settled
        self._on_connected = on_connected
        self.held: Dict[int, Any] = {}
        self.unsettled: Dict[int, Any] = {}
        self._outcomes: List[int] = []
        self._progress: Dict[int, Any] = {}
        self._ack = 0
        self._capacity: Optional[int] = None
        self._wants_drain = False
        self.is_draining = False
        self._wake = asyncio.Event()
        self._heard = 0.0
        self._written = 0.0
        self._lease = 30.0
        self._heartbeat = 5.0
        self.is_connected = False
        self._told = ""

    # --- What is to be said ---

    def settle(self, token: int, outcome: Any) -> None:
        if token not in self.held:
            return
        self.unsettled[token] = outcome
        self._outcomes.append(token)
        running = len(self.held) - len(self.unsettled)
        loop = asyncio.get_running_loop()
        if len(self._outcomes) >= running or loop.time() - self._written >= _TOGETHER:
            self._wake.set()
        elif len(self._outcomes) == 1:
            loop.call_at(self._written + _TOGETHER, self._wake.set)

    def progress(self, token: int, percent: int, message: str) -> None:
        if token in self.held:
            report = _wire.message("ProgressReport", lease=self.held[token])
            report.progress.percent = percent
            report.progress.message = message
            self._progress[token] = report
            self._wake.set()

    def capacity(self, places: int) -> None:
        self._capacity = places
        self._wake.set()

    def drain(self) -> None:
        self.is_draining = self._wants_drain = True
        self._wake.set()

    # --- The connection ---

    async def run(self) -> None:
        """Returns when the worker has drained. - Raises Refused."""
        pause = 0.1
        while True:
            started = asyncio.get_running_loop().time()
            channel = self._settings.address.aio_channel()
            try:
                if await self._serve(channel):
                    return
                reason = "the server ended the stream"
            except grpc.RpcError as error:
                code = error.code()
                reason = f"{code.name}: {error.details()}"
                if code in _FINAL:
                    raise Refused(reason) from None
            finally:
                self.is_connected = False
                await channel.close()
            if self.is_draining and not self.held:
                return
            if reason != self._told:
                log.warning("no connection to %s (%s); trying again until it is there", self._settings.address.target, reason)
                self._told = reason
            if asyncio.get_running_loop().time() - started > 10:
                pause = 0.1
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5)

    def _hello(self) -> Any:
        places = self._settings.slots if self._capacity is None else self._capacity
        hello = _wire.message(
            "WorkerHello", worker_id=self._worker_id, names=self._names, max_in_flight=places, held=list(self.held.values()))
        for queue in self._settings.queues:
            name, _, weight = queue.partition("=")
            hello.queues.add(queue=name, weight=int(weight or 0))
        hello.resume_window.CopyFrom(duration(self._settings.resume_window))
        hello.labels.update({"language": "python"})
        return _wire.message("WorkRequest", hello=hello)

    async def _serve(self, channel: Any) -> bool:
        """One stream, until it ends. Whether the server ended it because the worker has drained."""
        method = _wire.methods["Work"]
        call = channel.stream_stream(
            method.path, request_serializer=method.request.SerializeToString, response_deserializer=method.response.FromString
        )(metadata=self._settings.address.metadata())
        await call.write(self._hello())
        self._heard = asyncio.get_running_loop().time()
        # Whatever was not stored is said again, and a drain too.
        self._outcomes = list(self.unsettled)
        self._wants_drain = self.is_draining
        self._ack = 0
        writer = asyncio.ensure_future(self._write(call))
        writer.add_done_callback(lambda done: self._wrote(done, call))
        try:
            while True:
                update = await call.read()
                if update is grpc.aio.EOF:
                    code = await call.code()
                    if code != grpc.StatusCode.OK:
                        raise _Ended(code, await call.details())
                    return self.is_draining
                self._hear(update)
        finally:
            writer.cancel()
            call.cancel()

    def _hear(self, update: Any) -> None:
        self._heard = asyncio.get_running_loop().time()
        if update.HasField("welcome"):
            self.is_connected = True
            self._told = ""
            self._lease = update.welcome.lease.ToMilliseconds() / 1000
            self._heartbeat = update.welcome.heartbeat.ToMilliseconds() / 1000
            log.info("connected to %s as %s", self._settings.address.target, update.welcome.worker_id)
            for lease in update.welcome.lost:
                self._on_stop(lease.token, "lease lost")
                self._forget(lease.token)
            self._on_connected()
        for result in update.results:
            token = result.lease.token
            if result.status_code in _LATER:
                asyncio.get_running_loop().call_later(1, self._again, token)
                continue
            if result.status_code not in (0, 9):
                log.error("the server does not take the outcome of job %s: %s", result.lease.job_id, result.status_message)
                if token in self.unsettled and self.unsettled[token].WhichOneof("how") != "failure":
                    failure = _wire.message("Failure", type="OutcomeRefused", message=result.status_message, retryable=False)
                    self.settle(token, _wire.message("Outcome", lease=result.lease, failure=failure))
                    continue
            self._forget(token)
        for job in update.jobs:
            self.held[job.lease.token] = job.lease
            self._on_job(job)
        for cancellation in update.cancellations:
            self._on_stop(cancellation.lease.token, cancellation.reason)
            if cancellation.reason == "lease lost":
                self._forget(cancellation.lease.token)
        if update.drain:
            log.info("the server is going away; going on with another as soon as there is one")
        self._ack = update.seq
        self._wake.set()

    def _forget(self, token: int) -> None:
        self.unsettled.pop(token, None)
        if self.held.pop(token, None) is not None:
            self._on_settled(token)

    def _again(self, token: int) -> None:
        if token in self.unsettled:
            self._outcomes.append(token)
            self._wake.set()

    async def _write(self, call: Any) -> None:
        """Says what there is to say, and a heartbeat when there was nothing; ends a stream on which nothing is heard."""
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), self._heartbeat / 2)
            except asyncio.TimeoutError:
                if asyncio.get_running_loop().time() - self._heard > self._lease:
                    log.warning("nothing heard from the server for %.0f s", self._lease)
                    call.cancel()
                    return
            self._wake.clear()
            self._written = asyncio.get_running_loop().time()
            await call.write(self._message())

    @staticmethod
    def _wrote(writer: Any, call: Any) -> None:
        """A stream that nobody writes to any more ends, so that another begins: a worker that only listens loses its leases."""
        if writer.cancelled():
            return
        error = writer.exception()
        # What comes of a broken connection is told by its reader.
        if error is not None and not isinstance(error, (grpc.RpcError, asyncio.InvalidStateError)):
            log.error("writing to the server failed", exc_info=error)
        call.cancel()

    def _message(self) -> Any:
        message = _wire.messages["WorkRequest"](ack_seq=self._ack)
        size = 0
        taken = 0
        for token in self._outcomes:
            taken += 1
            outcome = self.unsettled.get(token)
            if outcome is None:
                continue
            message.outcomes.append(outcome)
            size += outcome.ByteSize()
            if size > _MESSAGE_BYTES:
                break
        del self._outcomes[:taken]
        if self._outcomes:
            self._wake.set()
        if self._progress:
            message.progress.extend(self._progress.values())
            self._progress.clear()
        if self._capacity is not None:
            message.capacity.max_in_flight = self._capacity
        if self._wants_drain:
            self._wants_drain = False
            message.drain = True
        return message
