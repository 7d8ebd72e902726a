"""Workers that take what a rate lets start, whatever ends the servers that they ask; and what must be true of all starts."""
import collections
import threading
import time

import grpc

from .calls import AWAY, fetch, succeed
from .worker import Worker
from .stubs import pb

STARTED = [pb.EVENT_TYPE_STARTED]


class Takers:
    """Half of them ask by Fetch, each of one server and then of the next, half hold a stream to each server open. Each job is done at once."""

    def __init__(self, servers, queue, fetching=4):
        self.servers, self.queue = servers, queue
        # By whom, when it was told, which job, which attempt.
        self.starts, self.odd = [], []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._fetch, args=(number,), daemon=True) for number in range(fetching)]
        self.threads += [threading.Thread(target=self._stream, args=(server,), daemon=True) for server in servers]
        for thread in self.threads:
            thread.start()

    def _told(self, jobs):
        now = time.time()
        self.starts += [(now, job.lease.job_id, job.attempt) for job in jobs]

    def _fetch(self, number):
        turn = number
        while not self.stop.is_set():
            server = self.servers[turn % len(self.servers)]
            try:
                jobs = fetch(server, f"fetch-{number}", self.queue, max_jobs=5, wait=0.5)
                self._told(jobs)
                if jobs:
                    succeed(server, f"fetch-{number}", jobs)
            except grpc.RpcError as error:
                if error.code() not in AWAY:
                    self.odd.append(error)
                turn += 1
                time.sleep(0.02)

    def _stream(self, server):
        while not self.stop.is_set():
            try:
                with Worker(server, self.queue, slots=5) as worker:
                    while worker.ended is None and not self.stop.is_set():
                        with worker.changed:
                            worker.changed.wait_for(lambda: worker.jobs or worker.ended is not None, 0.2)
                            jobs, worker.jobs = worker.jobs, []
                        self._told(jobs)
                        for job in jobs:
                            worker.succeed(job, wait=False)
            except AssertionError:
                # No welcome: its server is away.
                time.sleep(0.05)

    def close(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(20)


def check(events, takers, count, period):
    """In no window do more start than the rate lets, and no worker was given a start that was not counted.

    Returns the times of all starts, in seconds.
    """
    assert not takers.odd, takers.odd[:3]
    times = sorted(event.at.ToMicroseconds() for event in events)
    width = round(period * 1_000_000)
    for head in range(count, len(times)):
        assert times[head] - times[head - count] >= width, (
            f"{count + 1} starts within {(times[head] - times[head - count]) / 1e6} s at {(times[head] - times[0]) / 1e6} s")
    # Each that was told is stored, so that whoever leads next counts it; one that is stored may have been told to nobody.
    stored = collections.Counter((event.job_id, event.attempt) for event in events)
    told = collections.Counter((job, attempt) for _, job, attempt in takers.starts)
    assert not told - stored, f"told and not stored: {told - stored}"
    # None was told before it counted: how long it takes to tell it is nobody's promise while leaders change. What a leader gave out and nobody
    # confirmed is started again as the same attempt: the second start has the second telling.
    counted = collections.defaultdict(list)
    for at, job, attempt in sorted((event.at.ToMicroseconds() / 1e6, event.job_id, event.attempt) for event in events):
        counted[job, attempt].append(at)
    early = [start for start in sorted(takers.starts) if start[0] < counted[start[1:]].pop(0) - 0.001]
    assert not early, f"told before they counted: {early[:3]}"
    return [at / 1e6 for at in times]
