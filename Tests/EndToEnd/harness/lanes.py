"""100,000 jobs in one queue, in a queue each, and with a name each: what it takes to hand them all out."""
import concurrent.futures
import time

import grpc

from .calls import fetch, succeed
from .stubs import pb

COUNT = 100_000
# In one Fetch; what a tick claims at most.
AT_ONCE = 500


def seed(server, spec):
    """So many jobs; `spec` makes the one with this number."""
    def batch(start):
        jobs = [pb.ScheduleRequest(job=spec(number)) for number in range(start, start + 1000)]
        while True:
            try:
                return server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=jobs), timeout=60)
            except grpc.RpcError as error:
                # "The server is full, say it again."
                if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
                time.sleep(0.05)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(batch, range(0, COUNT, 1000)))


def drain(server, pattern):
    """One worker that takes them all, reporting each as it would. Seconds of the server's CPU, and the longest wait for jobs."""
    worst, before = 0.0, server.engine.cpu_seconds()
    seen = set()
    while len(seen) < COUNT:
        began = time.monotonic()
        jobs = fetch(server, "one", pattern, max_jobs=AT_ONCE, wait=5)
        took = time.monotonic() - began
        worst = max(worst, took)
        assert jobs, f"{COUNT - len(seen)} of {COUNT} jobs do not come"
        assert all(job.attempt == 1 for job in jobs)
        seen.update(job.lease.job_id for job in jobs)
        assert all(result.status_code == 0 for result in succeed(server, "one", jobs))
    return server.engine.cpu_seconds() - before, worst


SHAPES = {
    "one queue": ("one", lambda number: pb.JobSpec(queue="one", name="t")),
    "a queue each": ("u.*", lambda number: pb.JobSpec(queue=f"u.{number}", name="t")),
    "a name each": ("names", lambda number: pb.JobSpec(queue="names", name=f"name-{number}")),
}


def measured(server):
    figures = {}
    for shape, (pattern, spec) in SHAPES.items():
        seed(server, spec)
        figures[shape] = drain(server, pattern)
    return figures


def check(server, most=2):
    """All are given out in good time, and to spread them costs at most `most` times as much."""
    for is_last in (False, True):
        figures = measured(server)
        text = ", ".join(f"{shape}: {spent / COUNT * 1e6:.1f} us CPU a job, {worst * 1e3:.0f} ms at most"
                         for shape, (spent, worst) in figures.items())
        print(text)
        assert all(worst < 2 for _, worst in figures.values()), text
        plain = figures["one queue"][0]
        if all(spent <= most * plain for spent, _ in figures.values()):
            return
        # Whoever shares the processors makes the same work dearer: only what is so twice is the server's.
        assert not is_last, text
