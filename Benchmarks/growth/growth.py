"""What a call or a job costs beside few and beside many others; started by Benchmarks/growth/run.

CPU of the whole server, from the scheduler's accounts, of many calls one after the other; the server is otherwise idle."""
import asyncio
import contextlib
import pathlib
import resource
import statistics
import sys
import time

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests/EndToEnd"))

from harness.server import Server  # noqa: E402
from harness.stubs import pb  # noqa: E402

RUNNING = pb.JOB_STATE_RUNNING


def cpu(server):
    """Microseconds that the server's threads have run."""
    total = 0
    for task in pathlib.Path(f"/proc/{server.process.pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1000


def each(server, count, call):
    """CPU microseconds of one call: the median of five rounds of `count`, after one that warms."""
    found = []
    for round in range(6):
        before = cpu(server)
        for _ in range(count):
            call()
        found.append((cpu(server) - before) / count)
    return statistics.median(found[1:])


def fill(server, specs, call=None):
    """Enqueues many jobs, relaxed, 500 at a time."""
    for start in range(0, len(specs), 500):
        server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(
            jobs=[pb.ScheduleRequest(job=spec) for spec in specs[start:start + 500]],
            durability=pb.DURABILITY_RELAXED), timeout=60)


def settled(server):
    """When what was put in is written behind, and the server idles."""
    while True:
        before = cpu(server)
        time.sleep(1.5)
        if cpu(server) - before < 15_000:
            return


def fetch(server, queue, count=1, worker="w", **rest):
    return server.work.Fetch(pb.FetchRequest(
        worker_id=worker, queues=[pb.QueueSubscription(queue=queue, **rest)], max_jobs=count), timeout=30).jobs


def live(server, queue, subscription=None, **spec):
    """One whole life: enqueue, fetch, report."""
    server.jobs.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue=queue, name="n", **spec)), timeout=30)
    job = fetch(server, subscription or queue)[0]
    outcome = pb.Outcome(success=pb.Success())
    outcome.lease.CopyFrom(job.lease)
    server.work.Report(pb.ReportRequest(worker_id="w", outcomes=[outcome]), timeout=30)


def running(many):
    """A page of 100 of the jobs that run, of so many."""
    with Server(lease="600s") as server:
        fill(server, [pb.JobSpec(queue="held", name="n") for _ in range(many)])
        held = 0
        while held < many:
            held += len(fetch(server, "held", min(1000, many - held), worker=f"w{held}"))
        settled(server)
        request = pb.ListJobsRequest(states=[RUNNING], page_size=100)
        return each(server, 40, lambda: server.jobs.ListJobs(request, timeout=30))


def queues(many, pollers=0):
    """A page of 100 queues, of so many."""
    with Server(lease="600s") as server:
        fill(server, [pb.JobSpec(queue=f"q{number:06}", name="n") for number in range(many)])
        for number in range(pollers):
            server.work.Fetch(pb.FetchRequest(
                worker_id=f"w{number}", queues=[pb.QueueSubscription(queue=f"other{number}")], max_jobs=1,
                max_wait={"nanos": 1_000_000}), timeout=30)
        settled(server)
        return each(server, 40, lambda: server.admin.ListQueues(pb.ListQueuesRequest(page_size=100), timeout=30))


def metrics(many):
    """/metrics, which shows the busiest thousand."""
    with Server(lease="600s") as server:
        fill(server, [pb.JobSpec(queue=f"q{number:06}", name="n") for number in range(many)])
        settled(server)
        return each(server, 5, lambda: server.get("/metrics"))


def prefix(many):
    """The life of a job whose worker takes all of so many queues, each with a job that waits."""
    with Server(lease="600s") as server:
        fill(server, [pb.JobSpec(queue=f"u.{number:06}", name="n") for number in range(many)])
        fetch(server, "u.*")
        settled(server)
        return each(server, 100, lambda: live(server, "u.first", "u.*", priority=5))


def names(many):
    """The same of one queue with so many names."""
    with Server(lease="600s") as server:
        fill(server, [pb.JobSpec(queue="q", name=f"n{number:06}") for number in range(many)])
        settled(server)
        return each(server, 100, lambda: live(server, "q", priority=5))


def keyed(kind):
    """The same beside 10,000 waiting jobs of 1,000 keys; 0: without keys."""
    with Server(lease="600s") as server:
        key = (lambda number: {kind: f"k{number % 1000}"}) if kind else (lambda number: {})
        fill(server, [pb.JobSpec(queue="q", name="n", **key(number)) for number in range(10_000)])
        settled(server)
        return each(server, 100, lambda: live(server, "q", priority=5, **key(0)))


def beside(many, open_one, per_channel):
    """The life of a job beside so many streams that wait for something else."""
    async def measured(server):
        channels = [
            grpc.aio.insecure_channel(server.address, options=[("grpc.use_local_subchannel_pool", 1)])
            for _ in range((many + per_channel - 1) // per_channel)]
        calls = []
        for number in range(many):
            calls.append(await open_one(channels[number // per_channel], number))
        await asyncio.sleep(1)
        try:
            return await asyncio.get_running_loop().run_in_executor(
                None, lambda: each(server, 100, lambda: live(server, "busy")))
        finally:
            for channel in channels:
                await channel.close()

    with Server("--max-connections", "2000", lease="600s") as server:
        return asyncio.run(measured(server))


def subscribers(many):
    async def open_one(channel, number):
        call = pb.WorkerServiceStub(channel).Work()
        await call.write(pb.WorkRequest(hello=pb.WorkerHello(
            queues=[pb.QueueSubscription(queue=f"idle{number}.*")], max_in_flight=1)))
        await call.read()
        return call
    return beside(many, open_one, 900)


def watchers(many):
    async def open_one(channel, number):
        call = pb.JobServiceStub(channel).StreamEvents(pb.StreamEventsRequest(queues=[f"other{number}"]))
        await call.initial_metadata()
        return call
    return beside(many, open_one, 900)


CASES = [
    ("a page of running jobs", running, 100, 10_000),
    ("a page of queues", queues, 100, 100_000),
    ("a page of queues, beside 1,000 pollers", lambda many: queues(1_000, many), 10, 1_000),
    ("/metrics from 1,000 queues on", metrics, 1_000, 100_000),
    ("a life, worker of a prefix, beside ready queues", prefix, 100, 100_000),
    ("a life, beside names in its queue", names, 100, 100_000),
    ("a life, beside idle streams with prefixes", subscribers, 100, 10_000),
    ("a life, beside idle watchers with filters", watchers, 10, 1_000),
    ("a life, keys of fairness", lambda kind: keyed(kind and "fairness_key"), 0, 1),
    ("a life, keys of concurrency", lambda kind: keyed(kind and "concurrency_key"), 0, 1),
]

if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    print(f"{'CPU us of':<52} {'few':>9} {'each':>8} {'many':>9} {'each':>8} {'times':>6}")
    for name, measure, few, many in CASES:
        if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
            continue
        low, high = measure(few), measure(many)
        print(f"{name:<52} {few:>9,} {low:>8.0f} {many:>9,} {high:>8.0f} {high / low:>6.2f}", flush=True)
