"""A load on servers of one store while one of them, or the store, has a fault; and what must be true of all that was seen."""
import collections
import os
import threading
import time

import grpc
from harness.calls import until
from harness.stubs import pb
from harness.worker import Worker

ROUNDS = int(os.environ.get("GKICK_ROUNDS", "1"))
WAITING = int(os.environ.get("GKICK_WAITING", "0"))


def listed(server):
    return {one.server_id: one for one in server.admin.ListServers(pb.ListServersRequest(), timeout=5).servers}


def leader_of(servers):
    """The one of them that leads, as a living one says."""
    def find():
        for server in servers:
            if server.process.poll() is None:
                leading = [one.address for one in listed(server).values() if one.leads]
                if leading:
                    return next((one for one in servers if one.to_others.address == leading[0]), None)
        return None

    return until(find, "leader", timeout=15)


def fill(server, count):
    """So many jobs that wait for a worker that never comes."""
    for start in range(0, count, 1000):
        specs = [pb.JobSpec(id=f"waiting-{start + index}", queue="waiting", name="t", payload=b"x" * 100)
                 for index in range(min(1000, count - start))]
        jobs = [pb.ScheduleRequest(job=one) for one in specs]
        until(lambda: server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=jobs), timeout=30), "room for a batch")


class Load:
    """A producer, a worker and a watcher on servers of their own, and all that they saw."""

    def __init__(self, producer, worker, watcher, queue, tokens):
        self.queue, self.tokens = queue, tokens
        self.producer, self.watcher = producer, watcher
        self.acknowledged, self.asked, self.gaps, self.odd = [], [], [], []
        self.stop, self.done = threading.Event(), threading.Event()
        self.events, self.watching = [], None
        self.worker = Worker(worker, queue, slots=32, resume=30)
        # From here on every event must come.
        self.start = until(
            lambda: next(iter(watcher.jobs.StreamEvents(pb.StreamEventsRequest(), timeout=10))).cursor, "a place in the events")
        self.threads = [threading.Thread(target=one, daemon=True) for one in (self.produce, self.work, self.watch)]
        for thread in self.threads:
            thread.start()
        until(lambda: len(self.acknowledged) >= 150, "a load", timeout=30)

    def produce(self):
        number, last = 0, time.monotonic()
        while not self.stop.is_set():
            number += 1
            name = f"{self.queue}-{number}"
            self.asked.append(name)
            while not self.stop.is_set():
                try:
                    self.producer.enqueue(self.queue, id=name)
                    self.acknowledged.append(name)
                    break
                except grpc.RpcError as error:
                    # It may have been taken: with its own id it is said again.
                    if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
                        self.odd.append(error)
                    time.sleep(0.02)
            now = time.monotonic()
            self.gaps.append(now - last)
            last = now
            time.sleep(0.002)

    def work(self):
        while not self.done.is_set():
            # "The store does not take it now, send it again."
            with self.worker.changed:
                again = [one.lease for one in self.worker.results if one.status_code in (8, 14)]
                self.worker.results.clear()
            for lease in again:
                self.worker.succeed(lease, wait=False)
            try:
                job = self.worker.job(timeout=0.1)
            except AssertionError:
                continue
            self.tokens[job.lease.token] += 1
            self.worker.succeed(job, wait=False)

    def watch(self):
        request = pb.StreamEventsRequest(queues=[self.queue], after_cursor=self.start)
        self.watching = self.watcher.jobs.StreamEvents(request)
        try:
            for message in self.watching:
                self.events.extend(message.events)
        except grpc.RpcError as error:
            self.watching = error.code()

    def pause(self):
        """The longest time that the producer waited for an answer."""
        return max(self.gaps, default=0)

    def served_again(self, timeout=20):
        before = len(self.acknowledged)
        until(lambda: len(self.acknowledged) > before + 50, "service again", timeout=timeout)

    def finish(self, asked_of, forgotten=()):
        """Everything must have ended, once, and been told, once. `forgotten`: what the store has lost."""
        self.stop.set()
        self.threads[0].join(timeout=30)
        assert not self.odd, self.odd[0]
        kept = set(self.acknowledged) - set(forgotten)

        def open_jobs():
            queues = {one.name: one for one in asked_of.admin.ListQueues(pb.ListQueuesRequest(), timeout=5).queues}
            one = queues[self.queue]
            return one.ready + one.scheduled + one.running == 0

        until(open_jobs, "end of all jobs", timeout=60)
        self.done.set()
        self.threads[1].join(timeout=30)
        assert self.worker.ended is None, f"the worker's stream: {self.worker.ended} {self.worker.details}"
        seqs = [message.seq for _, message in self.worker.messages]
        assert seqs == list(range(1, len(seqs) + 1)), "the worker's messages are numbered without a gap"
        assert sum(message.HasField("welcome") for _, message in self.worker.messages) == 1
        assert max(self.tokens.values(), default=1) == 1, "a token was given twice"
        succeeded = set(self.succeeded(asked_of))
        assert kept <= succeeded, f"lost: {sorted(kept - succeeded)[:5]}"
        assert succeeded <= set(self.asked)
        if not forgotten:
            assert not isinstance(self.watching, grpc.StatusCode), f"the watcher's stream: {self.watching}"
            until(lambda: {one.job_id for one in self.events if one.type == pb.EVENT_TYPE_SUCCEEDED} >= kept,
                  "all events at the watcher", timeout=20)
            ended = collections.Counter(one.job_id for one in self.events if one.type == pb.EVENT_TYPE_SUCCEEDED)
            assert max(ended.values()) == 1, "a job succeeded twice"
            enqueued = {one.job_id for one in self.events if one.type == pb.EVENT_TYPE_ENQUEUED}
            assert kept <= enqueued, "an event was passed over"
        cursors = [int(one.cursor) for one in self.events if one.cursor]
        assert cursors == sorted(set(cursors)), "events were told twice, or out of order"
        self.close()

    def succeeded(self, server):
        token = ""
        while True:
            page = server.jobs.ListJobs(pb.ListJobsRequest(
                queue=self.queue, states=[pb.JOB_STATE_SUCCEEDED], page_size=1000, page_token=token), timeout=20)
            yield from (one.spec.id for one in page.jobs)
            token = page.next_page_token
            if not token:
                return

    def close(self):
        self.stop.set()
        self.done.set()
        self.worker.close()
        if self.watching is not None and not isinstance(self.watching, grpc.StatusCode):
            self.watching.cancel()
