"""A workflow on the jobs of worker.py: hashes words side by side (fan-out), hashes once more when all have succeeded (fan-in), and has a
callback when the whole batch is done; a limit keeps it from taking more than two workers at once, a recurring job repeats one word every second."""
import sys
import time
import uuid

import grpc
from gkick.v1 import admin_service_pb2 as admin
from gkick.v1 import job_service_pb2 as pb
from gkick.v1.admin_service_pb2_grpc import AdminServiceStub
from gkick.v1.job_pb2 import JobSpec
from gkick.v1.job_service_pb2_grpc import JobServiceStub
from google.protobuf.duration_pb2 import Duration

from who import ADDRESS, WHO

channel = grpc.insecure_channel(ADDRESS)
jobs, operator = JobServiceStub(channel), AdminServiceStub(channel)
run = f"workflow-{uuid.uuid4()}"

# At most two of this workflow's jobs run at once, wherever; each tenant could have such a limit by one prefix.
operator.PutLimit(admin.PutLimitRequest(limit=admin.Limit(concurrency_key=run, max_running=2)), metadata=WHO)

jobs.PutBatch(pb.PutBatchRequest(batch=pb.Batch(
    id=run, description="hash many words", on_succeeded=JobSpec(id=f"{run}:done", name="example.hash", payload=b"done"))), metadata=WHO)
words = sys.argv[1:] or ["ada", "grace", "edsger"]
specs = [
    JobSpec(id=f"{run}:{index}", name="example.hash", payload=word.encode(), batch_id=run, concurrency_key=run)
    for index, word in enumerate(words)
]
together = JobSpec(
    id=f"{run}:together", name="example.hash", payload=" ".join(words).encode(), batch_id=run, depends_on=[spec.id for spec in specs])
jobs.EnqueueBatch(pb.EnqueueBatchRequest(
    all_or_nothing=True, jobs=[pb.ScheduleRequest(job=spec) for spec in [together, *specs]]), metadata=WHO)
jobs.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id=run, closed=True)), metadata=WHO)

print("together", jobs.WaitJob(pb.WaitJobRequest(job_id=together.id), timeout=30, metadata=WHO).job.result.decode())
print("callback", jobs.WaitJob(pb.WaitJobRequest(job_id=f"{run}:done"), timeout=30, metadata=WHO).job.result.decode())
batch = jobs.GetBatch(pb.GetBatchRequest(batch_id=run), metadata=WHO).batch
print("batch", batch.succeeded, "of", batch.jobs, "succeeded")
operator.DeleteLimit(admin.DeleteLimitRequest(limit=admin.Limit(concurrency_key=run)), metadata=WHO)

operator.PutRecurringJob(admin.PutRecurringJobRequest(recurring_job=admin.RecurringJob(
    id=run, every=Duration(seconds=1), overlap=admin.OVERLAP_SKIP, job=JobSpec(name="example.hash", payload=b"again"))), metadata=WHO)
while not (made := jobs.ListJobs(pb.ListJobsRequest(recurring_job_id=run), metadata=WHO).jobs):
    time.sleep(0.1)
print("recurring", jobs.WaitJob(pb.WaitJobRequest(job_id=made[0].spec.id), timeout=30, metadata=WHO).job.result.decode())
operator.DeleteRecurringJob(admin.DeleteRecurringJobRequest(id=run), metadata=WHO)
