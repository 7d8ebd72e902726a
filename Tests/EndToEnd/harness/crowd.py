"""Many workers at once, each on a connection of its own, in one thread: what a test of many costs should be the server's work, not Python's."""
import asyncio
import time

import grpc

from .server import CHANNEL_OPTIONS
from .stubs import pb
from .worker import subscriptions


class Member:
    """Confirms what it gets; keeps what came in."""

    def __init__(self, address, queues, slots):
        self.jobs, self.results, self.seqs = [], [], []
        self.welcome = None
        self.channel = grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
        self.hello = pb.WorkerHello(queues=subscriptions(queues), max_in_flight=slots)
        self.writing = asyncio.Lock()
        self.said_at = 0.0

    async def live(self, changed):
        self.call = pb.WorkerServiceStub(self.channel).Work(wait_for_ready=True)
        await self.say(hello=self.hello)
        async for message in self.call:
            self.seqs.append(message.seq)
            if message.HasField("welcome"):
                self.welcome = message.welcome
            self.jobs += message.jobs
            self.results += message.results
            if message.jobs:
                await self.say(ack_seq=message.seq)
            if message.jobs or message.results or message.HasField("welcome"):
                changed.set()

    async def say(self, **request):
        async with self.writing:
            await self.call.write(pb.WorkRequest(**request))
            self.said_at = time.monotonic()


class Crowd:
    """`async with Crowd(...)`: all are welcomed; one timer sends the heartbeats of those that have been quiet."""

    def __init__(self, server, queues, count, slots=1):
        self.members = [Member(server.address, queues, slots) for _ in range(count)]
        self.changed = asyncio.Event()

    async def __aenter__(self):
        self.tasks = [asyncio.create_task(one.live(self.changed)) for one in self.members]
        self.tasks.append(asyncio.create_task(self._beat()))
        await self.until(lambda one: one.welcome, "a welcome", 30)
        return self

    async def _beat(self):
        while True:
            await asyncio.sleep(0.1)
            for one in self.members:
                # Well within the heartbeat.
                if one.welcome and time.monotonic() - one.said_at > one.welcome.heartbeat.ToMilliseconds() / 1000 * 0.7:
                    await one.say()

    async def until(self, condition, what, timeout):
        """Waits until the condition holds for every member."""
        end = time.monotonic() + timeout
        rest = self.members
        while rest := [one for one in rest if not condition(one)]:
            for task in self.tasks:
                if task.done():
                    task.result()
                    raise AssertionError(f"a worker's stream ended while waiting for {what}")
            left = end - time.monotonic()
            assert left > 0, f"{len(rest)} of {len(self.members)} are without {what} after {timeout} s"
            self.changed.clear()
            try:
                await asyncio.wait_for(self.changed.wait(), min(left, 1))
            except asyncio.TimeoutError:
                pass

    async def __aexit__(self, *_):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await asyncio.gather(*(one.channel.close() for one in self.members), return_exceptions=True)
