"""What people and monitoring are told of limits, dependencies, batches and recurring jobs."""
import re
import time
import urllib.request

from harness.stubs import pb
from harness.worker import Worker, duration
from words import enqueue, limit, unlimit, until


def metrics(server):
    text = urllib.request.urlopen(f"http://127.0.0.1:{server.engine.http_port}/metrics", timeout=10).read().decode()
    return {name: float(value) for name, value in re.findall(r"^(gkick_\S+?(?:\{[^\n]*\})?) (\S+)$", text, re.M)}


def reasons(server, job):
    answer = server.jobs.ExplainJob(pb.ExplainJobRequest(job_id=job), timeout=5)
    return {reason.hindrance: reason for reason in answer.reasons}


def test_a_blocked_job_is_explained_by_how_many_it_waits_for_and_which(server, queue):
    before = [enqueue(server, queue).job_id for _ in range(5)]
    last = enqueue(server, queue, depends_on=before).job_id
    with Worker(server, queue, slots=5) as worker:
        done = worker.take(3)
        for job in done:
            worker.succeed(job)
        left = sorted(job.lease.job_id for job in worker.take(2))
        why = reasons(server, last)[pb.HINDRANCE_DEPENDENCY]
        assert why.text == "waits for 2 of 5 jobs" and sorted(why.job_ids) == left
        assert server.job(last).waiting_reason == "waits for 2 of 5 jobs"


def test_several_limits_are_each_a_reason(server, queue):
    key = f"t-{queue}"
    limit(server, queue=queue, rate_count=1, rate_period=duration(600))
    limit(server, concurrency_key=key, max_running=1)
    first, second = (enqueue(server, queue, concurrency_key=key).job_id for _ in range(2))
    with Worker(server, queue, slots=2) as worker:
        assert worker.job().lease.job_id == first
        why = reasons(server, second)
        assert why[pb.HINDRANCE_CONCURRENCY_LIMIT].text == f"1 of 1 running for key {key}"
        slot = why[pb.HINDRANCE_RATE_LIMIT]
        assert slot.text == f"1 of 1 started in 600 s in queue {queue}"
        assert 590 < slot.not_before.seconds - time.time() < 601
    unlimit(server, queue=queue)
    unlimit(server, concurrency_key=key)


def test_metrics_of_flow(server, queue):
    before = metrics(server)
    key, other = f"m-{queue}", f"batch-{queue}"
    limit(server, concurrency_key=key, max_running=1)
    for _ in range(3):
        enqueue(server, queue, concurrency_key=key, batch_id=other)
    server.admin.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=pb.RecurringJob(
        id=f"r-{queue}", every=duration(1), job=pb.JobSpec(queue="elsewhere", name="t"))), timeout=5)

    def grown(name):
        return metrics(server).get(name, 0) - before.get(name, 0)

    with Worker(server, queue, slots=3) as worker:
        running = worker.job()
        held = next(name for name in metrics(server) if name.startswith("gkick_limit_held_back") and key in name)
        until(lambda: grown(held) == 2)
        assert grown(held.replace("held_back", "running")) == 1
        assert grown("gkick_batches_open") == 1 and grown("gkick_recurring_jobs") == 1
        until(lambda: grown('gkick_recurring_total{outcome="fired"}') >= 1)
        server.jobs.CancelBatch(pb.CancelBatchRequest(batch_id=other), timeout=5)
        worker.cancellation()
        worker.outcome(running, canceled=True)
        until(lambda: grown("gkick_batches_open") == 0)
    server.admin.DeleteRecurringJob(pb.DeleteRecurringJobRequest(id=f"r-{queue}"), timeout=5)
    unlimit(server, concurrency_key=key)
    assert grown("gkick_recurring_jobs") == 0 and held not in metrics(server)
