"""Enqueues the words given as arguments and prints the result of each: its SHA-256."""
import os
import sys

import grpc
from gkick.v1.job_pb2 import JobSpec, JobState
from gkick.v1.job_service_pb2 import EnqueueRequest, WaitJobRequest
from gkick.v1.job_service_pb2_grpc import JobServiceStub

channel = grpc.insecure_channel(os.environ.get("GKICK_ADDRESS", "127.0.0.1:7450"))
jobs = JobServiceStub(channel)
# Says who calls, to a server with --auth. In plaintext, as here, it is to go no further than this machine.
who = [("authorization", f"Bearer {os.environ['GKICK_TOKEN']}")] if "GKICK_TOKEN" in os.environ else None

ids = [
    jobs.Enqueue(EnqueueRequest(job=JobSpec(name="example.hash", payload=word.encode())), metadata=who).job_id
    for word in sys.argv[1:] or ["hello"]
]
for job_id in ids:
    job = jobs.WaitJob(WaitJobRequest(job_id=job_id), timeout=30, metadata=who).job
    print(job_id, JobState.Name(job.state), job.result.decode())
