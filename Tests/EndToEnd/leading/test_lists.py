"""A page's token, and a place among the events, that one leader gave hold at the next one."""
from harness.calls import until
from harness.stubs import pb
from harness.worker import Worker

from load import leader_of, listed

COUNT = 12


def lists(server):
    """Every list that has pages: by name how to ask for one, and what its entries are called."""
    jobs = lambda **filters: lambda **page: server.jobs.ListJobs(pb.ListJobsRequest(**filters, **page), timeout=20)  # noqa: E731
    job_id = lambda page: [job.spec.id for job in page.jobs]  # noqa: E731
    return {
        "jobs": (jobs(), job_id), "jobs of a queue": (jobs(queue="q1"), job_id), "jobs of a key": (jobs(concurrency_key="k1"), job_id),
        "jobs of a batch": (jobs(batch_id="b1"), job_id), "jobs in a state": (jobs(states=[pb.JOB_STATE_READY]), job_id),
        "queues": (lambda **page: server.admin.ListQueues(pb.ListQueuesRequest(**page), timeout=20), lambda page: [one.name for one in page.queues]),
        "recurring": (
            lambda **page: server.admin.ListRecurringJobs(pb.ListRecurringJobsRequest(**page), timeout=20), lambda page: [one.id for one in page.recurring_jobs]),
        "limits": (
            lambda **page: server.admin.ListLimits(pb.ListLimitsRequest(**page), timeout=20), lambda page: [one.concurrency_key for one in page.limits]),
        "batches": (lambda **page: server.jobs.ListBatches(pb.ListBatchesRequest(**page), timeout=20), lambda page: [one.id for one in page.batches])}


def rest(ask, names, token):
    found = []
    while token:
        page = ask(page_size=2, page_token=token)
        found += names(page)
        token = page.next_page_token
    return found


def follow(server, count, **request):
    """So many events."""
    found, call = [], server.jobs.StreamEvents(pb.StreamEventsRequest(**request), timeout=20)
    for message in call:
        found += message.events
        if len(found) >= count:
            break
    call.cancel()
    return found[:count]


def test_pages_and_places_go_on_at_another_leader(fleet):
    servers = fleet(2)
    until(lambda: len(listed(servers[0])) == 2, "two servers")
    leader = leader_of(servers)
    (other,) = [one for one in servers if one is not leader]
    for number in range(COUNT):
        other.enqueue(f"q{number % 3}", id=f"j{number:02d}", batch_id=f"b{number % 2}", concurrency_key=f"k{number % 2}")
        other.admin.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=pb.RecurringJob(
            id=f"r{number:02d}", cron="@yearly", job=pb.JobSpec(queue="q", name="t"))), timeout=20)
        other.admin.PutLimit(pb.PutLimitRequest(limit=pb.Limit(concurrency_key=f"l{number:02d}", max_running=1)), timeout=20)
        other.jobs.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id=f"put{number:02d}")), timeout=20)
    with Worker(other, "done") as worker:
        for _ in range(3):
            other.enqueue("done")
            worker.succeed(worker.job())
    follow(other, 1, after_cursor="0", types=[pb.EVENT_TYPE_WORKER_DISCONNECTED])
    whole, begun = {}, {}
    for name, (ask, names) in lists(other).items():
        whole[name] = names(ask(page_size=1000))
        page = ask(page_size=2)
        begun[name] = names(page), page.next_page_token
        assert page.next_page_token, name
    told = other.events()
    leader.kill()
    until(lambda: leader_of([other]) is other, "another leader")
    for name, (ask, names) in lists(other).items():
        first, token = begun[name]
        assert first + rest(ask, names, token) == whole[name], name
    place = int(told[3].cursor)
    for filters, concerns in (
            ({}, lambda event: True), ({"queues": ["q1", "done"]}, lambda event: event.queue in ("q1", "done")), ({"batch_id": "b1"}, lambda event: event.batch_id == "b1"),
            ({"job_ids": ["j05", "j11"]}, lambda event: event.job_id in ("j05", "j11")),
            ({"types": [pb.EVENT_TYPE_SUCCEEDED]}, lambda event: event.type == pb.EVENT_TYPE_SUCCEEDED)):
        wanted = [event for event in told if int(event.cursor) > place and concerns(event)]
        assert wanted and follow(other, len(wanted), after_cursor=str(place), **filters) == wanted, filters
