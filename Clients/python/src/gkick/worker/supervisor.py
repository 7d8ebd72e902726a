"""The worker's own process: holds the stream, deals jobs to children, tells them to stop, and says what became of them."""
from __future__ import annotations

import asyncio
import collections
import logging
import os
import signal
import socket
import uuid
from typing import Any, Dict, Optional, Set

from .. import _wire
from ..app import App
from ..errors import GkickError
from ..options import duration
from .children import ChildProcess, Children
from .settings import WorkerSettings
from .stream import Refused, Stream

log = logging.getLogger("gkick.worker")

#: Jobs that shared a process with others when it died, and so run alone the next time.
SUSPECTS = 10_000


class Supervisor:
    def __init__(self, app: App, settings: WorkerSettings) -> None:
        self._app = app
        self._settings = settings
        self._children = Children(settings, self._hear, self._died)
        self._stream = Stream(
            settings, f"python-{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}", sorted(app.jobs), self._start,
            self._stop, self._settled, self._connected)
        #: Where each token runs: held leases, and jobs that go on although their lease is lost.
        self._running: Dict[int, ChildProcess] = {}
        self._jobs: Dict[int, str] = {}
        self._suspects: collections.OrderedDict[str, None] = collections.OrderedDict()
        self._reasons: Dict[int, str] = {}
        self._kills: Dict[int, Any] = {}
        self._signals = 0
        self._gives_back = False
        self._put: Optional[asyncio.Future[None]] = None
        self._main: Optional[asyncio.Task[None]] = None

    async def run(self) -> int:
        """The exit code."""
        loop = asyncio.get_running_loop()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, self._signal)
        self._children.start()
        self._main = asyncio.ensure_future(self._stream.run())
        code = 0
        try:
            await self._main
        except Refused as error:
            log.error("the server refused this worker: %s", error)
            code = 1
        except asyncio.CancelledError:
            pass
        await self._children.end(0.5 if self._signals > 1 else 2)
        return code

    # --- Recurring jobs ---

    def _connected(self) -> None:
        """Writes the app's recurring jobs once there is a server that takes them; what failed is tried again with the next connection."""
        if self._settings.puts_schedules and self._app.schedules and self._put is None:
            self._put = asyncio.get_running_loop().run_in_executor(None, self._put_schedules)

    def _put_schedules(self) -> None:
        try:
            self._app.put_schedules()
        except GkickError as error:
            log.error("the recurring jobs could not be written: %s", error)
            self._put = None
        finally:
            self._app.close()

    # --- Signals ---

    def _signal(self) -> None:
        self._signals += 1
        if self._signals == 1:
            log.info("finishing what runs, jobs: %d; a second signal gives them back at once", len(self._running))
            self._stream.drain()
            asyncio.get_running_loop().call_later(self._settings.drain_timeout, self._give_back)
        else:
            self._give_back()

    def _give_back(self) -> None:
        """What still runs goes to others, without counting as an attempt."""
        self._gives_back = True
        for token in list(self._running):
            if token in self._stream.held and token not in self._stream.unsettled:
                self._settle(token, release=_wire.message("Release"))
        for child in self._children.all:
            if child.held:
                child.kill("given back")
        # A moment for what was said to be heard; who does not hear it notices the broken connection.
        asyncio.get_running_loop().call_later(1, lambda: self._main and self._main.cancel())

    # --- Jobs ---

    def _start(self, job: Any) -> None:
        token, job_id = job.lease.token, job.lease.job_id
        if self._gives_back:
            # It was on its way when the others went back.
            self._settle(token, release=_wire.message("Release"))
            return
        known = self._app.jobs.get(job.name)
        isolated = job_id in self._suspects or bool(known and known.isolate)
        child = self._children.place(isolated)
        child.held.add(token)
        self._running[token] = child
        self._jobs[token] = job_id
        child.say(("run", token, job.SerializeToString()))

    def _stop(self, token: int, reason: str) -> None:
        child = self._running.get(token)
        if child is None:
            return
        self._reasons[token] = reason
        child.say(("stop", token, reason))
        if child.places == 1:
            # A time-out has had its time; whoever canceled gives some.
            grace = 0.0 if reason == "timeout" else self._settings.kill_grace
            self._kills[token] = asyncio.get_running_loop().call_later(grace, child.kill, reason)

    def _hear(self, child: ChildProcess, message: Any) -> None:
        try:
            self._take(child, message)
        except Exception as error:
            # Whatever is wrong with one message, the job is to end and the others are to be heard.
            log.exception("a process that runs jobs says what cannot be used")
            if message[0] == "ended":
                self._fail(message[1], "OutcomeUnusable", ascii(error))

    def _take(self, child: ChildProcess, message: Any) -> None:
        kind = message[0]
        if kind == "progress":
            self._stream.progress(*message[1:])
        elif kind == "ended":
            token, ended = message[1], message[2]
            child.held.discard(token)
            if child.places == 1:
                self._suspects.pop(self._jobs.get(token, ""), None)
            self._left(token)
            if ended.kind == "success":
                self._settle(token, success=_wire.message("Success", result=ended.result))
            elif ended.kind == "release":
                release = _wire.message("Release")
                if ended.delay is not None:
                    release.delay.CopyFrom(duration(ended.delay))
                self._settle(token, release=release)
            elif ended.kind == "canceled":
                reason = self._reasons.get(token, "")
                if reason == "timeout":
                    self._fail(token, "timeout", "the attempt took too long and was stopped")
                else:
                    self._settle(token, canceled=True)
            else:
                self._fail(token, ended.type, ended.message, ended.backtrace, ended.retryable)
            self._reasons.pop(token, None)

    def _died(self, tokens: Set[int], how: str, kill_reason: str, was_alone: bool, was_ready: bool) -> None:
        if tokens and not was_ready and not kill_reason:
            log.error("a process %s before it was ready; its jobs are given back", how)
        for token in tokens:
            job_id = self._jobs.get(token, "")
            reason = self._reasons.pop(token, "")
            self._left(token)
            if kill_reason == "given back":
                continue
            if reason == "timeout":
                self._fail(token, "timeout", "the attempt took too long, and its process was killed")
            elif reason:
                self._settle(token, canceled=True)
            elif not was_ready:
                # No job had begun: none is to blame, and none loses an attempt.
                release = _wire.message("Release")
                release.delay.CopyFrom(duration(1))
                self._settle(token, release=release)
            elif was_alone:
                self._suspects.pop(job_id, None)
                self._fail(token, "ProcessDied", f"the process that ran the job {how}")
            else:
                # One of several did it, nobody knows which: each runs alone the next time, and then it shows.
                self._suspects[job_id] = None
                while len(self._suspects) > SUSPECTS:
                    self._suspects.popitem(last=False)
                self._settle(token, release=_wire.message("Release"))

    def _left(self, token: int) -> None:
        """A job's place is free."""
        self._running.pop(token, None)
        kill = self._kills.pop(token, None)
        if kill is not None:
            kill.cancel()
        if token not in self._stream.held:
            self._jobs.pop(token, None)
            self._tell_capacity()

    def _settled(self, token: int) -> None:
        """The server has heard of the end of a job, or has taken it away."""
        if token in self._running:
            # Its lease is lost, but it goes on: a place less until it ends.
            self._tell_capacity()
        else:
            self._jobs.pop(token, None)

    def _tell_capacity(self) -> None:
        lost = sum(1 for token in self._running if token not in self._stream.held)
        self._stream.capacity(max(0, self._settings.slots - lost))

    # --- Outcomes ---

    def _settle(self, token: int, **how: Any) -> None:
        lease = self._stream.held.get(token)
        if lease is not None:
            self._stream.settle(token, _wire.messages["Outcome"](lease=lease, **how))

    def _fail(self, token: int, kind: str, message: str, backtrace: str = "", retryable: bool = True) -> None:
        self._settle(token, failure=_wire.message(
            "Failure", type=kind, message=message, backtrace=backtrace, retryable=retryable))
