"""What events tell of all jobs, folded up, against what is looked up: states, queues' and batches' counts, limits, keys, dependencies."""
import collections
import threading
import time

import grpc

from .stubs import pb

SCHEDULED, READY, RUNNING, RETRYING, SUCCEEDED, DEAD, CANCELED, EXPIRED, BLOCKED = range(1, 10)
FINAL = {SUCCEEDED, DEAD, CANCELED, EXPIRED}
WAITING = {SCHEDULED, READY, RETRYING, BLOCKED}
ENTERS = {
    pb.EVENT_TYPE_SCHEDULED: SCHEDULED, pb.EVENT_TYPE_ENQUEUED: READY, pb.EVENT_TYPE_STARTED: RUNNING, pb.EVENT_TYPE_SUCCEEDED: SUCCEEDED, pb.EVENT_TYPE_FAILED: RETRYING,
    pb.EVENT_TYPE_DEAD: DEAD, pb.EVENT_TYPE_CANCELED: CANCELED, pb.EVENT_TYPE_EXPIRED: EXPIRED, pb.EVENT_TYPE_BLOCKED: BLOCKED}
NEW = {SCHEDULED, READY, BLOCKED, CANCELED}
# A waiting job may also be replaced, and then be anything that a new one is.
STEPS = {
    None: NEW, SCHEDULED: NEW | {EXPIRED}, READY: NEW | {RUNNING, EXPIRED}, RUNNING: {SUCCEEDED, RETRYING, DEAD, CANCELED, READY, SCHEDULED}, RETRYING: NEW,
    BLOCKED: NEW | {EXPIRED}, SUCCEEDED: set(), DEAD: {READY, BLOCKED}, CANCELED: {READY, BLOCKED}, EXPIRED: {READY, BLOCKED}}


class Watcher:
    """Follows all events from the first on, over whatever happens to the server."""

    def __init__(self, server):
        self.server, self.events, self.call = server, [], None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self):
        after, channel = "0", self.server.channel()
        while not self.stop.is_set():
            try:
                self.call = pb.JobServiceStub(channel).StreamEvents(pb.StreamEventsRequest(after_cursor=after), timeout=600)
                for batch in self.call:
                    self.events += batch.events
                    after = batch.cursor or after
            except grpc.RpcError:
                self.stop.wait(0.05)
        channel.close()

    def until_told_of(self, job_id):
        end = time.monotonic() + 60
        while not any(event.job_id == job_id for event in self.events[-100:]):
            assert time.monotonic() < end, "the watcher does not come to the newest event"
            time.sleep(0.02)
        return list(self.events)

    def close(self):
        self.stop.set()
        if self.call:
            self.call.cancel()
        self.thread.join(30)


def asked(call, request, seconds=60):
    """Again and again while the server is away; None: it is not there, or not as it should be."""
    end = time.monotonic() + seconds
    while True:
        try:
            return call(request, timeout=30)
        except grpc.RpcError as error:
            if error.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.FAILED_PRECONDITION):
                return None
            if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.DEADLINE_EXCEEDED) or time.monotonic() > end:
                raise
            time.sleep(0.05)


def every_job(server, **filters):
    found, token = {}, ""
    while True:
        page = asked(server.jobs.ListJobs, pb.ListJobsRequest(page_size=1000, page_token=token, **filters))
        found |= {job.spec.id: job for job in page.jobs}
        token = page.next_page_token
        if not token:
            return found


class Shot:
    """All that can be looked up. To be taken when nothing moves."""

    def __init__(self, server):
        # Its event comes after all others.
        self.fence = asked(server.jobs.Enqueue, pb.EnqueueRequest(job=pb.JobSpec(queue="fence", name="fence"))).job_id
        self.jobs = every_job(server)
        self.queues = {queue.name: queue for queue in asked(server.admin.ListQueues, pb.ListQueuesRequest()).queues}
        self.batches = {batch.id: batch for batch in asked(server.jobs.ListBatches, pb.ListBatchesRequest(page_size=1000)).batches}
        self.members = {name: set(every_job(server, batch_id=name)) for name in self.batches}
        answer = asked(server.admin.ListLimits, pb.ListLimitsRequest(page_size=1000))
        self.limits = list(zip(answer.limits, answer.usage))

    def of_batch(self, name):
        return [job for job in self.jobs.values() if job.spec.batch_id == name]

    def still(self):
        """What a restart must not change."""
        jobs = {}
        for name, job in self.jobs.items():
            if job.spec.queue != "fence":
                jobs[name] = pb.Job()
                jobs[name].CopyFrom(job)
                jobs[name].ClearField("waiting_reason")
        queues = {
            name: (one.paused, one.ready, one.scheduled, one.running, one.dead, one.blocked, one.succeeded_total, one.failed_total)
            for name, one in self.queues.items() if name != "fence"}
        return jobs, queues, self.batches, [(limit, usage.running, usage.waiting) for limit, usage in self.limits]


class Account:
    """Each job's life as the events tell it."""

    def __init__(self, events, again, fault):
        self.state, self.last, self.lives = {}, {}, collections.defaultdict(list)
        self.succeeded, self.finished = collections.Counter(), collections.Counter()
        running, starts, cursor = {"two": set(), "lim": set()}, [], 0
        for event in events:
            if int(event.cursor) <= cursor:
                fault("cursors do not rise", cursor, event.cursor)
            cursor = int(event.cursor)
            if event.type == pb.EVENT_TYPE_BATCH_FINISHED:
                self.finished[event.batch_id] += 1
            if not event.job_id or event.type not in ENTERS:
                continue
            job, before, after = event.job_id, self.state.get(event.job_id), ENTERS[event.type]
            self.lives[job].append(after)
            # The id of one that was deleted may be a new job's.
            if after not in STEPS[before] and not (job in again and after in NEW):
                fault("no such step", job, self.lives[job])
            self.state[job], self.last[job] = after, event
            for name, most, is_one in (("two", 2, event.name == "two"), ("lim", 3, event.queue == "lim")):
                running[name].discard(job)
                if after == RUNNING and is_one:
                    running[name].add(job)
                    if len(running[name]) > most:
                        fault("more run than the limit lets", name, running[name])
            if after == RUNNING and event.queue == "lim":
                starts.append(event.at.ToMicroseconds())
                if len(starts) > 30 and starts[-1] - starts[-31] < 1_000_000:
                    fault("more start than the rate lets", starts[-31:])
            self.succeeded[event.queue] += after == SUCCEEDED


def check(shot, events, mischief, when):
    """Everything agrees with everything."""
    def fault(*words):
        mischief.fault(when, *words)

    account = Account(events, mischief.again, fault)
    gone = set(account.state) - set(shot.jobs)
    for name, job in shot.jobs.items():
        if account.state.get(name) != job.state:
            fault("events say", account.lives[name], "and a look", job)
            continue
        event = account.last[name]
        if (event.queue, event.name, event.batch_id) != (job.spec.queue, job.spec.name, job.spec.batch_id):
            fault("the newest event is of another job", event, job)
        if (job.state in FINAL) != job.HasField("finished_at") or (job.state in WAITING) != bool(job.waiting_reason) or (job.state == BLOCKED) != (job.dependencies_open > 0):
            fault("a job that is not as its state", job)
        unfinished = sum(1 for other in set(job.spec.depends_on) if other in shot.jobs and shot.jobs[other].state not in FINAL)
        if job.state == BLOCKED and job.dependencies_open != unfinished and not mischief.again.intersection(job.spec.depends_on):
            fault("dependencies_open is not", unfinished, job)
    lost = mischief.acknowledged - set(account.state)
    if lost:
        fault("acknowledged, and without an event", list(lost)[:3])
    if mischief.is_sure and not mischief.again and len(gone) != mischief.deleted:
        fault(len(gone), "are gone and", mischief.deleted, "were deleted")
    _check_queues(shot, account, fault)
    _check_batches(shot, account, gone, mischief, fault)
    holders = collections.Counter((job.spec.queue, job.spec.unique.key) for job in shot.jobs.values() if job.spec.unique.key and job.state not in FINAL)
    if holders and max(holders.values()) > 1:
        fault("a key is held by several", holders.most_common(1))
    for limit, usage in shot.limits:
        def covers(job):
            scope = limit.WhichOneof("scope")
            if scope == "concurrency_key_prefix":
                return job.spec.concurrency_key.startswith(limit.concurrency_key_prefix)
            return (job.spec.queue if scope == "queue" else job.spec.concurrency_key) == getattr(limit, scope)
        states = [job.state for job in shot.jobs.values() if covers(job)]
        counts = states.count(RUNNING), sum(state in WAITING for state in states)
        if counts != (usage.running, usage.waiting):
            fault("a limit counts otherwise", limit, usage, counts)


def _check_queues(shot, account, fault):
    counts = collections.defaultdict(collections.Counter)
    for job in shot.jobs.values():
        counts[job.spec.queue][job.state] += 1
    for name in set(counts) | set(shot.queues):
        queue, count = shot.queues.get(name, pb.Queue()), counts[name]
        told = (queue.ready, queue.scheduled, queue.running, queue.dead, queue.blocked, queue.succeeded_total)
        found = (count[READY], count[SCHEDULED] + count[RETRYING], count[RUNNING], count[DEAD], count[BLOCKED], account.succeeded[name])
        if told != found:
            fault("queue", name, "tells", told, "and has", found)


def _check_batches(shot, account, gone, mischief, fault):
    for name, batch in shot.batches.items():
        mine = shot.of_batch(name)
        if {job.spec.id for job in mine} != shot.members[name]:
            fault("a batch's jobs are listed otherwise", name)
        count = collections.Counter(job.state for job in mine)
        # What was over stays counted when it is deleted, what was not counts as canceled.
        count.update(account.state[job] if account.state[job] in FINAL else CANCELED for job in gone if account.last[job].batch_id == name)
        told = (batch.jobs, batch.waiting, batch.running, batch.succeeded, batch.dead, batch.canceled)
        found = (count.total(), sum(count[state] for state in WAITING), count[RUNNING], count[SUCCEEDED], count[DEAD], count[CANCELED] + count[EXPIRED])
        if told != found and not mischief.again:
            fault("batch", name, "tells", told, "and has", found)
        if account.finished[name] != batch.HasField("finished_at"):
            fault("a batch's end is told", account.finished[name], "times", batch)
        for field in ("on_finished", "on_succeeded"):
            made = [job for job, event in account.last.items() if event.name == f"{field}:{name}"]
            if len(made) > 1 or made and made != [getattr(batch, f"{field}_job_id")]:
                fault("callbacks", made, batch)


def check_ends(shot, fault):
    for name, batch in shot.batches.items():
        if batch.closed and not batch.HasField("finished_at"):
            fault("a batch does not finish", batch)
        if batch.HasField("finished_at") and batch.HasField("on_finished") and not batch.on_finished_job_id:
            fault("a batch finished without its callback", batch)
        if batch.closed and batch.succeeded == batch.jobs and batch.HasField("on_succeeded") and not batch.on_succeeded_job_id:
            fault("a batch succeeded without its callback", batch)
