"""A streaming worker: runs jobs side by side, keeps its leases while it works, finishes what it holds on SIGTERM, and after a
broken connection comes back with the same id and goes on with the jobs it is still running."""
import hashlib
import queue
import signal
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import grpc
from gkick.v1 import worker_service_pb2 as pb
from gkick.v1.job_pb2 import Failure
from gkick.v1.worker_service_pb2_grpc import WorkerServiceStub
from google.protobuf.duration_pb2 import Duration

from who import ADDRESS, WHO


def hash_word(job):
    return hashlib.sha256(job.payload).hexdigest().encode()


HANDLERS = {"example.hash": hash_word}
SLOTS = 8


class Worker:
    def __init__(self, address):
        self.address = address
        self.id = f"python-{uuid.uuid4()}"
        self.pool = ThreadPoolExecutor(SLOTS)
        self.held = {}  # token -> JobLease: what runs now, told again after a reconnect
        self.unsent = {}  # token -> Outcome: until the server has said that it is stored
        self.lock = threading.Lock()
        self.outbox = None
        self.draining = threading.Event()

    def run(self):
        backoff = 0.1
        while True:
            try:
                self.stream()
                return  # the server ended the call with OK: drained
            except grpc.RpcError as error:
                if self.draining.is_set() and not self.held:
                    return
                print(f"connection lost ({error.code().name}), again in {backoff:.1f} s", flush=True)
                time.sleep(backoff)
                backoff = min(backoff * 2, 10)

    def stream(self):
        outbox = self.outbox = queue.Queue()
        with self.lock:
            hello = pb.WorkerHello(
                worker_id=self.id, names=list(HANDLERS), max_in_flight=SLOTS,
                queues=[pb.QueueSubscription(queue="default")],
                resume_window=Duration(seconds=30), held=list(self.held.values()))
            outbox.put(pb.WorkRequest(hello=hello))
            if self.unsent:  # finished while the connection was away
                outbox.put(pb.WorkRequest(outcomes=list(self.unsent.values())))
        if self.draining.is_set():
            outbox.put(pb.WorkRequest(drain=True))
        heartbeat = [5.0]

        def requests():
            while True:
                try:
                    message = outbox.get(timeout=heartbeat[0])
                except queue.Empty:
                    message = pb.WorkRequest()  # any message renews the leases
                if message is None:
                    return
                yield message

        with grpc.insecure_channel(self.address) as channel:
            try:
                for update in WorkerServiceStub(channel).Work(requests(), metadata=WHO):
                    if update.HasField("welcome"):
                        heartbeat[0] = update.welcome.heartbeat.ToMilliseconds() / 2000
                        self.forget(update.welcome.lost)
                        print(f"worker {update.welcome.worker_id} is ready", flush=True)
                    self.forget(result.lease for result in update.results if result.status_code != 14)
                    for job in update.jobs:
                        self.held[job.lease.token] = job.lease
                        self.pool.submit(self.execute, job)
                    outbox.put(pb.WorkRequest(ack_seq=update.seq))
            finally:
                outbox.put(None)

    def execute(self, job):
        outcome = pb.Outcome(lease=job.lease)
        try:
            outcome.success.result = HANDLERS[job.name](job)
        except Exception as error:
            outcome.failure.CopyFrom(Failure(type=type(error).__name__, message=str(error), retryable=True))
        with self.lock:
            if job.lease.token in self.held:
                self.unsent[job.lease.token] = outcome
                self.outbox.put(pb.WorkRequest(outcomes=[outcome]))

    def forget(self, leases):
        with self.lock:
            for lease in leases:
                self.held.pop(lease.token, None)
                self.unsent.pop(lease.token, None)

    def drain(self, *_):
        self.draining.set()
        if self.outbox:
            self.outbox.put(pb.WorkRequest(drain=True))


worker = Worker(ADDRESS)
signal.signal(signal.SIGTERM, worker.drain)
signal.signal(signal.SIGINT, worker.drain)
worker.run()
