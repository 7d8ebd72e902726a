"""Any filters together: what a list shows, what ChangeJobs counts and what a queue's figures say, against all jobs looked through here."""
import collections
import random

from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker, duration

QUEUES, NAMES, KEYS, TENANTS, BATCHES = ["a", "a.b", "a:b", "A"], ["n", "N", "\u00e9\u2603", "n "], ["", "c", "C", "c'\"\\%_"], ["", "f", "F"], ["", "b", "B"]
FIELDS = {"queue": QUEUES, "name": NAMES, "concurrency_key": KEYS, "batch_id": BATCHES, "fairness_key": TENANTS}


def every(server, **filters):
    found, token = [], ""
    while True:
        page = server.jobs.ListJobs(pb.ListJobsRequest(page_token=token, **filters), timeout=20)
        found += page.jobs
        token = page.next_page_token
        if not token:
            return found


def matches(job, filters):
    return all(job.state in value if field == "states" else getattr(job.spec, field) == value for field, value in filters.items())


def fill(server, chance):
    """Jobs in every state but EXPIRED; a worker that holds some."""
    requests = []
    for _ in range(300):
        spec = pb.JobSpec(retry=pb.RetryPolicy(max_attempts=chance.choice([1, 3]), initial_backoff=duration(600)))
        for field, values in FIELDS.items():
            setattr(spec, field, chance.choice(values))
        requests.append(pb.ScheduleRequest(job=spec, delay=duration(600) if chance.random() < 0.2 else None))
    server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=requests), timeout=20)
    worker = Worker(server, "*", slots=50, worker_id="w", resume=60)
    jobs = worker.take(50, timeout=20)
    for queue in QUEUES:
        server.admin.PauseQueue(pb.PauseQueueRequest(queue=queue), timeout=5)
    for job in jobs[:15]:
        worker.succeed(job)
    for job in jobs[15:30]:
        worker.fail(job)
    for job in jobs[30:35]:
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job.lease.job_id), timeout=5)
        worker.outcome(job, canceled=True)
    waits = pb.JobSpec(queue="a", name="n", concurrency_key="c", depends_on=[jobs[40].lease.job_id])
    server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[pb.ScheduleRequest(job=waits)] * 10), timeout=20)
    # Given by what was free before the pause.
    worker.send(capacity=pb.SetCapacity(max_in_flight=0))
    return worker


def compare(server, chance):
    jobs = every(server, page_size=1000)
    assert {job.state for job in jobs} == set(range(1, 10)) - {pb.JOB_STATE_EXPIRED}
    for _ in range(80):
        filters = {field: chance.choice([*values[1:], "none"]) for field, values in FIELDS.items() if chance.random() < 0.4}
        if chance.random() < 0.4:
            filters["states"] = chance.sample(range(1, 10), chance.randint(1, 4))
        wanted = [job.spec.id for job in jobs if matches(job, filters)]
        assert [job.spec.id for job in every(server, page_size=chance.choice([3, 50, 1000]), **filters)] == wanted, filters
        filters.pop("fairness_key", None)
        before = chance.choice(jobs).created_at
        counted = server.admin.ChangeJobs(pb.ChangeJobsRequest(action=pb.BULK_ACTION_COUNT, created_before=before, **filters), timeout=20).changed
        assert counted == sum(matches(job, filters) and job.created_at.ToNanoseconds() < before.ToNanoseconds() for job in jobs), filters
    for queue in server.admin.ListQueues(pb.ListQueuesRequest(), timeout=5).queues:
        count = collections.Counter(job.state for job in jobs if job.spec.queue == queue.name)
        told = (queue.ready, queue.scheduled, queue.running, queue.dead, queue.blocked)
        assert told == (count[2], count[1] + count[4], count[3], count[6], count[9]), queue


def test_lists_counts_and_figures_agree_whatever_is_asked_for():
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    with Server() as server:
        worker = fill(server, chance)
        try:
            compare(server, chance)
            server.restart()
            compare(server, chance)
        finally:
            worker.close()
