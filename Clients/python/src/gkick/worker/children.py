"""The processes that run jobs, as the supervisor sees them."""
from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from typing import Any, Callable, List, Optional, Set

from .pipe import Unpacker, pack
from .settings import WorkerSettings

log = logging.getLogger("gkick.worker")

#: Pauses before a child that died before it was ready is started again.
_RESTART_PAUSES = (0.0, 0.1, 0.5, 1.0, 5.0)


class ChildProcess:
    """One process with so many places for jobs. `on_message` gets what it says, `on_death` the tokens that it held and how it ended."""

    def __init__(
        self, settings: WorkerSettings, places: int, on_message: Callable[[ChildProcess, Any], None],
        on_death: Callable[[ChildProcess, Set[int], str], None]
    ) -> None:
        self.places = places
        self.held: Set[int] = set()
        self.is_ready = False
        self.is_dead = False
        #: It is killed on purpose: how to call that, by token.
        self.kill_reason = ""
        self._on_message = on_message
        self._on_death = on_death
        self._unpacker = Unpacker()
        self._pending: List[Any] = []
        self._loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        theirs.set_inheritable(True)
        self._line = ours
        ours.setblocking(False)
        self._process = asyncio.ensure_future(self._start(settings, theirs))

    async def _start(self, settings: WorkerSettings, theirs: socket.socket) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gkick.worker.child", settings.target, str(theirs.fileno()), str(self.places),
            str(settings.result_limit), settings.log_format.value, settings.log_level, settings.given_address,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=[theirs.fileno()], start_new_session=True)
        theirs.close()
        self.process = process
        self._reader, self._writer = await asyncio.open_connection(sock=self._line)
        self._flush()
        try:
            while True:
                data = await self._reader.read(1 << 18)
                if not data:
                    break
                for message in self._unpacker.feed(data):
                    self._on_message(self, message)
        except ConnectionError:
            pass
        except Exception:
            log.exception("what a process that runs jobs says cannot be read; it is ended")
            self.kill()
        code = await process.wait()
        self.is_dead = True
        held, self.held = self.held, set()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        self._on_death(self, held, how)

    def say(self, message: Any) -> None:
        if not self._pending:
            self._loop.call_soon(self._flush)
        self._pending.append(message)

    def _flush(self) -> None:
        writer: Optional[Any] = getattr(self, "_writer", None)
        if self._pending and writer is not None and not self.is_dead:
            batch, self._pending = self._pending, []
            writer.write(pack(batch))

    def kill(self, reason: str = "") -> None:
        """Ends it and all that it started."""
        self.kill_reason = reason or self.kill_reason
        process = getattr(self, "process", None)
        if process is not None and process.returncode is None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    async def gone(self) -> None:
        await self._process


class Children:
    """Shared children, each with several places, and isolated ones with one place each, made as they are needed."""

    def __init__(self, settings: WorkerSettings, on_message: Callable[[ChildProcess, Any], None],
                 on_death: Callable[[Set[int], str, str, bool, bool], None]) -> None:
        self._settings = settings
        self._on_message = on_message
        self._told_death = on_death
        self.shared: List[ChildProcess] = []
        self.isolated: List[ChildProcess] = []
        self._failed_starts = 0
        self.is_ending = False

    def start(self) -> None:
        for _ in range(0 if self._settings.isolate else self._settings.processes):
            self.shared.append(self._make(self._settings.concurrency))

    def _make(self, places: int) -> ChildProcess:
        return ChildProcess(self._settings, places, self._hear, self._died)

    def _hear(self, child: ChildProcess, message: Any) -> None:
        if message[0] == "ready":
            child.is_ready = True
            self._failed_starts = 0
        self._on_message(child, message)

    def _died(self, child: ChildProcess, held: Set[int], how: str) -> None:
        was_shared = child in self.shared
        self.shared = [one for one in self.shared if one is not child]
        self.isolated = [one for one in self.isolated if one is not child]
        if not child.is_ready:
            self._failed_starts += 1
        if self.is_ending:
            self._told_death(held, how, child.kill_reason, len(held) == 1, child.is_ready)
            return
        if was_shared:
            log.error("a process that runs jobs %s; another takes its place", how)
            pause = _RESTART_PAUSES[min(self._failed_starts, len(_RESTART_PAUSES) - 1)]
            asyncio.get_running_loop().call_later(pause, self._replace)
        self._told_death(held, how, child.kill_reason, len(held) == 1, child.is_ready)

    def _replace(self) -> None:
        if not self.is_ending:
            self.shared.append(self._make(self._settings.concurrency))

    def place(self, isolated: bool) -> ChildProcess:
        """The child for one more job: the emptiest shared one, or an isolated one that is free."""
        if isolated or self._settings.isolate:
            free = next((one for one in self.isolated if not one.held and not one.is_dead), None)
            if free is None:
                free = self._make(1)
                self.isolated.append(free)
            return free
        if not self.shared:
            self.shared.append(self._make(self._settings.concurrency))
        return min(self.shared, key=lambda one: len(one.held))

    @property
    def all(self) -> List[ChildProcess]:
        return [*self.shared, *self.isolated]

    async def end(self, patience: float) -> None:
        """Asks every child to end, kills what does not."""
        self.is_ending = True
        children = self.all
        for child in children:
            child.say(("end",))
        if children:
            await asyncio.wait([asyncio.ensure_future(child.gone()) for child in children], timeout=patience)
        for child in children:
            child.kill()
        for child in children:
            await child.gone()
