"""A worker as a user would write it: hashes the files it is told of, on a Work stream, with heartbeats, until told to stop.

    python hashing_worker.py ADDRESS WORKER_ID RECORD

RECORD gets one line per job that was run: its id and the file's digest. It reconnects for as long as it lives.
"""
import hashlib
import pathlib
import queue
import sys
import threading
import time

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.server import CHANNEL_OPTIONS  # noqa: E402
from harness.stubs import pb  # noqa: E402
from harness.worker import duration  # noqa: E402

SLOTS = 50


def main(address, worker_id, record):
    held = {}  # token: lease, of what is run and not yet confirmed as stored
    unconfirmed = {}  # token: outcome
    with open(record, "a", buffering=1) as log:
        while True:
            outbox = queue.SimpleQueue()
            leases = [lease for token, lease in held.items()]
            outbox.put(pb.WorkRequest(hello=pb.WorkerHello(
                worker_id=worker_id, queues=[pb.QueueSubscription(queue="files")], names=["file.sha256"],
                max_in_flight=SLOTS, resume_window=duration(5), held=leases)))
            if unconfirmed:
                outbox.put(pb.WorkRequest(outcomes=list(unconfirmed.values())))
            stop = threading.Event()

            def beat():
                while not stop.wait(0.3):
                    outbox.put(pb.WorkRequest())

            threading.Thread(target=beat, daemon=True).start()
            try:
                with grpc.insecure_channel(address, options=CHANNEL_OPTIONS) as channel:
                    for message in pb.WorkerServiceStub(channel).Work(iter(outbox.get, None), wait_for_ready=True):
                        for lease in message.welcome.lost:
                            held.pop(lease.token, None)
                            unconfirmed.pop(lease.token, None)
                        for result in message.results:
                            held.pop(result.lease.token, None)
                            unconfirmed.pop(result.lease.token, None)
                        outcomes = []
                        for job in message.jobs:
                            held[job.lease.token] = job.lease
                            outcome = run(job, log)
                            unconfirmed[job.lease.token] = outcome
                            outcomes.append(outcome)
                        if outcomes:
                            outbox.put(pb.WorkRequest(ack_seq=message.seq, outcomes=outcomes))
                        if message.drain and not held:
                            break
            except grpc.RpcError:
                time.sleep(0.05)
            finally:
                stop.set()
                outbox.put(None)


def run(job, log):
    try:
        digest = hashlib.sha256(pathlib.Path(job.payload.decode()).read_bytes()).hexdigest()
    except OSError as error:
        return pb.Outcome(lease=job.lease, failure=pb.Failure(
            type=type(error).__name__, message=str(error), retryable=False))
    log.write(f"{job.lease.job_id} {digest}\n")
    return pb.Outcome(lease=job.lease, success=pb.Success(result=digest.encode()))


if __name__ == "__main__":
    main(*sys.argv[1:4])
