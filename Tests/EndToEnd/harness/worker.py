"""A worker on a Work stream that a test steers by hand."""
import queue
import threading
import time

import grpc
from google.protobuf.duration_pb2 import Duration

from .stubs import pb


def duration(seconds):
    nanos = round(seconds * 1e9)
    return Duration(seconds=nanos // 1_000_000_000, nanos=nanos % 1_000_000_000)


def subscriptions(queues):
    """"q", ["q", "p*"] or [("q", 3), ("p", 1)]."""
    if isinstance(queues, str):
        queues = [queues]
    pairs = [(one, 0) if isinstance(one, str) else one for one in queues]
    return [pb.QueueSubscription(queue=name, weight=weight) for name, weight in pairs]


class Worker:
    """Confirms what it gets and sends heartbeats, unless told not to; outcomes are the test's business."""

    def __init__(self, server, queues, names=(), slots=1, worker_id="", resume=None, held=(), max_bytes=0, labels=None,
                 ack=True, heartbeat=True, connect=True, metadata=None):
        self.hello = pb.WorkerHello(
            worker_id=worker_id, queues=subscriptions(queues), names=list(names), max_in_flight=slots,
            max_in_flight_bytes=max_bytes, labels=labels or {}, held=list(held))
        if resume is not None:
            self.hello.resume_window.CopyFrom(duration(resume))
        self.ack = ack
        self.channel = server.channel()
        self.outbox = queue.SimpleQueue()
        self.changed = threading.Condition()
        self.jobs, self.results, self.cancellations, self.messages = [], [], [], []
        self.welcome = None
        self.draining = False
        self.ended = None  # the final status code, once the call is over
        self.details = ""
        self.ended_at = None
        self.call = pb.WorkerServiceStub(self.channel).Work(iter(self.outbox.get, None), wait_for_ready=True, metadata=metadata)
        self.outbox.put(pb.WorkRequest(hello=self.hello))
        self.beats = heartbeat
        threading.Thread(target=self._read, daemon=True).start()
        if connect:
            self.until(lambda: self.welcome, "a welcome")
            self.id = self.welcome.worker_id

    def _read(self):
        try:
            for message in self.call:
                with self.changed:
                    self.messages.append((time.time(), message))
                    if message.HasField("welcome"):
                        self.welcome = message.welcome
                        if self.beats:
                            threading.Thread(target=self._beat, daemon=True).start()
                    self.jobs.extend(message.jobs)
                    self.results.extend(message.results)
                    self.cancellations.extend(message.cancellations)
                    self.draining = self.draining or message.drain
                    self.changed.notify_all()
                if self.ack and message.jobs:
                    self.send(ack_seq=message.seq)
            code, details = grpc.StatusCode.OK, ""
        except grpc.RpcError as error:
            code, details = error.code(), error.details()
        with self.changed:
            self.ended, self.details, self.ended_at = code, details, time.time()
            self.changed.notify_all()
        self.outbox.put(None)

    def _beat(self):
        pause = max(0.05, self.welcome.heartbeat.ToMilliseconds() / 2000)
        while self.ended is None:
            time.sleep(pause)
            self.send()

    def send(self, **request):
        if self.ended is None:
            self.outbox.put(pb.WorkRequest(**request))

    def until(self, condition, what, timeout=5.0):
        """Waits for a condition over what came in; its value."""
        end = time.monotonic() + timeout
        with self.changed:
            while not (value := condition()):
                rest = end - time.monotonic()
                if rest <= 0 or (self.ended is not None and self.ended is not grpc.StatusCode.OK):
                    raise AssertionError(
                        f"no {what} within {timeout} s (ended: {self.ended} {self.details}; messages: {len(self.messages)})")
                self.changed.wait(rest)
            return value

    def job(self, timeout=5.0):
        """The next assignment."""
        self.until(lambda: self.jobs, "job", timeout)
        return self.jobs.pop(0)

    def take(self, count, timeout=5.0):
        """The next `count` assignments."""
        self.until(lambda: len(self.jobs) >= count, f"{count} jobs", timeout)
        return [self.jobs.pop(0) for _ in range(count)]

    def idle(self, seconds=0.3):
        """Asserts that no job comes."""
        time.sleep(seconds)
        assert not self.jobs, f"unexpected: {self.jobs}"

    def cancellation(self, timeout=5.0):
        self.until(lambda: self.cancellations, "cancellation", timeout)
        return self.cancellations.pop(0)

    def outcome(self, job, wait=True, timeout=5.0, **how):
        """Sends an outcome (success=, failure=, release=, canceled=) and, unless told not to, returns its result's code."""
        lease = job.lease if hasattr(job, "lease") else job
        self.send(outcomes=[pb.Outcome(lease=lease, **how)])
        if not wait:
            return None
        return self.result(lease, timeout).status_code

    def result(self, lease, timeout=5.0):
        def find():
            return next((one for one in self.results if one.lease == lease), None)

        found = self.until(find, "result", timeout)
        with self.changed:
            self.results.remove(found)
        return found

    def succeed(self, job, result=b"", **options):
        return self.outcome(job, success=pb.Success(result=result), **options)

    def fail(self, job, type="Error", message="m", retryable=True, backtrace="", **options):
        failure = pb.Failure(type=type, message=message, retryable=retryable, backtrace=backtrace)
        return self.outcome(job, failure=failure, **options)

    def release(self, job, delay=None, **options):
        release = pb.Release() if delay is None else pb.Release(delay=duration(delay))
        return self.outcome(job, release=release, **options)

    def end(self, timeout=5.0):
        """Waits for the call's end; its code."""
        end = time.monotonic() + timeout
        with self.changed:
            while self.ended is None:
                rest = end - time.monotonic()
                assert rest > 0, f"the stream is still open after {timeout} s"
                self.changed.wait(rest)
        return self.ended

    def break_connection(self):
        """As if the network cut it: the channel goes, nothing is said."""
        self.channel.close()

    def close(self):
        self.call.cancel()
        self.channel.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
