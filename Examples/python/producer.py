"""Enqueues the words given as arguments and prints the result of each: its SHA-256."""
import sys

import grpc
from gkick.v1.job_pb2 import JobSpec, JobState
from gkick.v1.job_service_pb2 import EnqueueRequest, WaitJobRequest
from gkick.v1.job_service_pb2_grpc import JobServiceStub

from who import ADDRESS, WHO

channel = grpc.insecure_channel(ADDRESS)
jobs = JobServiceStub(channel)

ids = [
    jobs.Enqueue(EnqueueRequest(job=JobSpec(name="example.hash", payload=word.encode())), metadata=WHO).job_id
    for word in sys.argv[1:] or ["hello"]
]
for job_id in ids:
    job = jobs.WaitJob(WaitJobRequest(job_id=job_id), timeout=30, metadata=WHO).job
    print(job_id, JobState.Name(job.state), job.result.decode())
