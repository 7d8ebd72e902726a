"""A child of the worker: runs jobs, sync ones in threads, async ones in one event loop. Started by the supervisor, never by hand.

Messages to it:    ("run", token, assignment), ("stop", token, reason), ("end",)
Messages from it:  ("ready", names), ("ended", token, Ended), ("progress", token, percent, message)
"""
from __future__ import annotations

import asyncio
import faulthandler
import os
import queue
import signal
import socket
import sys
import threading
from typing import Any, Dict, List, Optional, Tuple

from .. import _wire
from ..app import App
from ..connection import Address
from ..context import JobContext
from ..models import moment
from . import execution
from .loading import load_app
from .logs import LogFormat, set_up_logging
from .pipe import Unpacker, pack


class Child:
    def __init__(self, app: App, line: socket.socket, threads: int, limit: int) -> None:
        self.app = app
        self.line = line
        self.limit = limit
        self.waiting: queue.SimpleQueue[Optional[Tuple[int, Any]]] = queue.SimpleQueue()
        self.contexts: Dict[int, JobContext] = {}
        self.tasks: Dict[int, Any] = {}
        self.sending = threading.Lock()
        self.outbox: List[Any] = []
        self.loop: Optional[asyncio.AbstractEventLoop] = None
        self.is_fork = False
        self.threads = [threading.Thread(target=self._work, name=f"job-{n}", daemon=True) for n in range(threads)]

    def say(self, message: Any) -> None:
        """What several threads have to say goes out together: whoever has the socket sends all of it."""
        if self.is_fork:
            return
        self.outbox.append(message)
        while self.outbox and self.sending.acquire(blocking=False):
            try:
                batch, self.outbox = self.outbox, []
                if batch:
                    self.line.sendall(pack(batch))
            except OSError:
                # A job has closed the line: what becomes of the jobs here is heard from the end of this process.
                os._exit(1)
            finally:
                self.sending.release()

    def forked(self) -> None:
        """In a process that a job has forked: it must not speak on the line, nor keep it open when this process dies."""
        self.is_fork = True
        self.line.close()
        for one in (signal.SIGINT, signal.SIGTERM):
            signal.signal(one, signal.SIG_DFL)

    def run(self) -> None:
        os.register_at_fork(after_in_child=self.forked)
        for thread in self.threads:
            thread.start()
        if any(job.is_async for job in self.app.jobs.values()):
            self.loop = asyncio.new_event_loop()
            threading.Thread(target=self._serve_loop, args=(self.loop,), name="async-jobs", daemon=True).start()
        self.say(("ready", sorted(self.app.jobs)))
        unpacker = Unpacker()
        while True:
            data = self.line.recv(1 << 18)
            if not data:
                # The supervisor is gone: nobody hears what becomes of the jobs.
                os._exit(1)
            for message in unpacker.feed(data):
                if message[0] == "run":
                    self._take(message[1], message[2])
                elif message[0] == "stop":
                    self._stop(message[1], message[2])
                else:
                    return

    @staticmethod
    def _serve_loop(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.run_forever()

    def _take(self, token: int, data: bytes) -> None:
        assignment = _wire.messages["Assignment"].FromString(data)
        context = JobContext(
            job_id=assignment.lease.job_id, queue=assignment.queue, name=assignment.name, attempt=assignment.attempt,
            max_attempts=assignment.max_attempts, metadata=dict(assignment.metadata), depends_on=list(assignment.depends_on),
            batch_id=assignment.batch_id, created_at=moment(assignment, "created_at"), deadline=moment(assignment, "deadline"))
        context._report = lambda percent, message: self.say(
            ("progress", token, percent, execution.plain(message, execution.MESSAGE_LIMIT)))
        self.contexts[token] = context
        job = self.app.jobs.get(assignment.name)
        if job is None:
            self._ended(token, execution.Ended(
                "failure", type="UnknownJob", message=f"this worker knows no job {assignment.name!r}", retryable=True))
        elif job.is_async and self.loop is not None:
            self.loop.call_soon_threadsafe(self._start_task, token, job, context, assignment.payload)
        else:
            self.waiting.put((token, assignment))

    def _start_task(self, token: int, job: Any, context: JobContext, payload: bytes) -> None:
        task = asyncio.ensure_future(self._run_task(job, context, payload))
        self.tasks[token] = task
        task.add_done_callback(lambda done: self._task_ended(token, done))
        if context.canceled:
            task.cancel()

    async def _run_task(self, job: Any, context: JobContext, payload: bytes) -> execution.Ended:
        try:
            return await execution.arun(job, context, payload, self.limit)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            # Of a job's own doing, and the loop is needed for the others.
            return execution.Ended.of(error)

    def _task_ended(self, token: int, task: Any) -> None:
        self.tasks.pop(token, None)
        if task.cancelled():
            ended = execution.Ended("failure", type="CancelledError", message="the job's task was canceled by itself")
        else:
            ended = task.result()
        self._ended(token, ended)

    def _work(self) -> None:
        while True:
            taken = self.waiting.get()
            if taken is None:
                return
            token, assignment = taken
            context = self.contexts[token]
            if context.canceled:
                ended = execution.Ended("canceled")
            else:
                try:
                    ended = execution.run(self.app.jobs[assignment.name], context, assignment.payload, self.limit)
                except BaseException as error:
                    # KeyboardInterrupt and their kin, of a job's own doing: the thread is needed for the next.
                    ended = execution.Ended.of(error)
            self._ended(token, ended)

    def _ended(self, token: int, ended: execution.Ended) -> None:
        if self.is_fork:
            # The job came to its end here too; its other self says so.
            os._exit(0)
        self.contexts.pop(token, None)
        self.say(("ended", token, ended))

    def _stop(self, token: int, reason: str) -> None:
        context = self.contexts.get(token)
        if context is None:
            return
        context._tell(reason)
        if self.loop is not None:
            self.loop.call_soon_threadsafe(lambda: token in self.tasks and self.tasks[token].cancel())


def main() -> None:
    target, descriptor, threads, limit, log_format, log_level, address = sys.argv[1:8]
    faulthandler.enable()
    # The supervisor decides when to end: what a terminal or systemd sends to all is its business. Not SIG_IGN, which the programs that jobs start
    # would inherit: they could not be told to end.
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda *_: None)
    set_up_logging(LogFormat(log_format), log_level)
    line = socket.socket(fileno=int(descriptor))
    # What the jobs start does not get the line.
    line.set_inheritable(False)
    app = load_app(target)
    if address:
        app.address = Address.of(address)
    Child(app, line, int(threads), int(limit)).run()
    os._exit(0)


if __name__ == "__main__":
    main()
