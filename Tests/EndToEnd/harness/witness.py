"""Producers, a worker and a watcher of one server that is about to die, and what they were promised."""
import hashlib
import random
import threading
import time

import grpc

from .stubs import pb
from .worker import Worker

# What a server may say while its disk does not work, or itself is gone.
EXCUSES = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.RESOURCE_EXHAUSTED}


def content(name, largest):
    """A payload that only this job has."""
    start = hashlib.blake2b(name.encode()).digest()
    return (start * (largest // 64 + 1))[:random.Random(name).randrange(largest + 1)]


class Witness:
    """`producers` of them, each with a connection of its own, enqueue one job at a time. `is_alone`: without a worker and a watcher."""

    def __init__(self, server, queue, producers, is_alone=False, largest=2000):
        self.server, self.queue, self.largest = server, queue, largest
        self.acknowledged, self.done, self.odd = [], set(), []
        self.cursors, self.tokens = {}, []
        self.longest = 0.0
        self.stop = threading.Event()
        self.worker = Worker(server, "nothing" if is_alone else queue, slots=16)
        self.channels = [server.channel() for _ in range(producers + 1)]
        self.threads = [threading.Thread(target=self._produce, args=(n, one), daemon=True)
                        for n, one in enumerate(self.channels[1:])]
        others = () if is_alone else (self._work, self._watch)
        self.threads += [threading.Thread(target=one, daemon=True) for one in others]
        for thread in self.threads:
            thread.start()

    def _produce(self, place, channel):
        jobs, number = pb.JobServiceStub(channel), 0
        while not self.stop.is_set():
            number += 1
            name = f"{self.queue}-{place}-{number}"
            # Every other id is the server's.
            spec = pb.JobSpec(id=name if number % 2 else "", queue=self.queue, name=name, payload=content(name, self.largest))
            began = time.monotonic()
            try:
                answer = jobs.Enqueue(pb.EnqueueRequest(job=spec), timeout=10)
                self.acknowledged.append((answer.job_id, name))
            except grpc.RpcError as error:
                if error.code() not in EXCUSES:
                    self.odd.append(f"{name}: {error.code()} {error.details()}")
                self.stop.wait(0.01)
            self.longest = max(self.longest, time.monotonic() - began)

    def _work(self):
        """A third of the jobs is left as it is: their leases end, or they begin anew."""
        leases = {}
        while not self.stop.is_set():
            with self.worker.changed:
                self.worker.changed.wait(0.02)
                jobs, self.worker.jobs = self.worker.jobs, []
                results, self.worker.results = self.worker.results, []
            for job in jobs:
                self.tokens.append(job.lease.token)
                leases[job.lease.token] = job
                self.worker.succeed(job, job.name.encode(), wait=False)
            for one in results:
                job = leases.pop(one.lease.token, None)
                if job and one.status_code == 0:
                    self.done.add(job.lease.job_id)

    def _watch(self):
        after = "0"
        while not self.stop.is_set():
            try:
                call = pb.JobServiceStub(self.channels[0]).StreamEvents(
                    pb.StreamEventsRequest(after_cursor=after, queues=[self.queue]), timeout=60)
                for batch in call:
                    for event in batch.events:
                        self.cursors[int(event.cursor)] = (event.job_id, event.type)
                    after = batch.cursor
            except grpc.RpcError:
                self.stop.wait(0.05)

    def end(self):
        """Once the server is gone: nothing more is promised."""
        self.stop.set()
        self.worker.close()
        self.channels[0].close()
        for thread in self.threads:
            thread.join(30)
            assert not thread.is_alive()
        for channel in self.channels:
            channel.close()
        assert not self.odd, self.odd[:3]

    def check(self, server):
        """The server that came after it has all that was promised."""
        kept, token = {}, ""
        while True:
            page = server.jobs.ListJobs(
                pb.ListJobsRequest(queue=self.queue, page_size=1000, page_token=token), timeout=30)
            kept.update((one.spec.id, one) for one in page.jobs)
            token = page.next_page_token
            if not token:
                break
        lost = [one for one, _ in self.acknowledged if one not in kept]
        assert not lost, f"{len(lost)} of {len(self.acknowledged)} lost: {lost[:3]}"
        for job_id, name in self.acknowledged:
            assert kept[job_id].spec.payload == content(name, self.largest), f"{job_id}: another payload"
        undone = [one for one in self.done if kept[one].state != pb.JOB_STATE_SUCCEEDED or not kept[one].result]
        assert not undone, f"outcomes of {len(undone)} of {len(self.done)} lost: {undone[:3]}"
        assert len(set(self.tokens)) == len(self.tokens), "a token was given twice"
        # An event of its own, so that "now" is not where its epoch begins: that would be told only by a heartbeat.
        server.enqueue("beside")
        told = {int(one.cursor): (one.job_id, one.type) for one in server.events(queues=[self.queue])}
        # What is no longer there was shown before it was synced; its cursor is nobody else's.
        strange = {cursor: one for cursor, one in self.cursors.items() if told.get(cursor, one) != one}
        assert not strange, f"cursors tell something else: {list(strange.items())[:3]}"
        enqueued = {job_id for job_id, kind in told.values() if kind == pb.EVENT_TYPE_ENQUEUED}
        assert {one for one, _ in self.acknowledged} <= enqueued, "an enqueue has no event"
