"""Operators and workers who do anything that the contract allows, drawn from one number, and what they were told; see books.py for what must come of it."""
import collections
import random
import threading
import time
import traceback

import grpc

from .asking import at
from .stubs import pb
from .worker import Worker, duration

CODE = grpc.StatusCode
AWAY = {CODE.UNAVAILABLE, CODE.DEADLINE_EXCEEDED, CODE.CANCELLED}
QUEUES = ["q0", "q1", "q2", "q3", "lim"]
KEYS = ["k0", "k1", "p.0", "p.1"]
# What a call may come to besides OK.
EXCUSES = collections.defaultdict(set) | dict.fromkeys(["CancelJob", "RetryJob", "DeleteJob", "DeleteQueue", "DrainWorker"], {CODE.NOT_FOUND, CODE.FAILED_PRECONDITION})
EXCUSES |= dict.fromkeys(["GetJob", "ExplainJob", "CancelBatch", "DeleteLimit", "TriggerRecurringJob", "DeleteRecurringJob"], {CODE.NOT_FOUND})
EXCUSES |= dict.fromkeys(["Enqueue", "Schedule"], {CODE.FAILED_PRECONDITION, CODE.ALREADY_EXISTS, CODE.RESOURCE_EXHAUSTED, CODE.INVALID_ARGUMENT})
EXCUSES |= {"PutBatch": {CODE.FAILED_PRECONDITION}, "WaitJob": {CODE.NOT_FOUND, CODE.DEADLINE_EXCEEDED}}


class Mischief:
    """`is_shaken`: the server is killed meanwhile, and may be away."""

    def __init__(self, server, seed, is_shaken=False):
        self.server, self.seed, self.is_shaken = server, seed, is_shaken
        self.faults = []
        self.lock = threading.Lock()
        self.stop, self.stop_work = threading.Event(), threading.Event()
        # Ids of jobs, those that were acknowledged as new, and those that were asked for again after they had been somebody's.
        self.known, self.acknowledged, self.again = [], set(), set()
        self.reuses_ids = seed % 2 == 1
        # How many jobs were deleted; in vain or not, nobody knows of calls that broke.
        self.deleted, self.is_sure = 0, True
        self.tokens = set()
        self.batches = [f"b{number}" for number in range(6)]
        self.number = 0
        self.calls = collections.Counter()
        self.operators, self.workers = [], []

    def fault(self, *words):
        with self.lock:
            self.faults.append(" ".join(str(word) for word in words))

    def start(self, operators=3, streams=3, fetchers=1):
        # Of these no more than so many run, ever: `two` and `lim` are asked for by nobody else.
        self.server.admin.PutLimit(pb.PutLimitRequest(limit=pb.Limit(queue="lim", max_running=3, rate_count=30, rate_period=duration(1))), timeout=30)
        self.server.admin.PutLimit(pb.PutLimitRequest(limit=pb.Limit(concurrency_key="two", max_running=2)), timeout=30)
        self.operators = [self._begin(self._operate, number) for number in range(operators)]
        self.workers = [self._begin(self._stream, number) for number in range(streams)] + [self._begin(self._fetch, number) for number in range(fetchers)]

    def _begin(self, role, number):
        thread = threading.Thread(target=self._guarded, args=(role, f"{self.seed} {role.__name__} {number}"), daemon=True)
        thread.start()
        return thread

    def _guarded(self, role, name):
        chance, channel = random.Random(name), self.server.channel()
        try:
            role(chance, channel, name.replace(" ", "-"))
        except Exception:
            self.fault(name, traceback.format_exc())
        channel.close()

    def end_operators(self):
        self.stop.set()
        self._join(self.operators)

    def end_workers(self):
        self.stop_work.set()
        self._join(self.workers)

    def _join(self, threads):
        for thread in threads:
            thread.join(60)
            if thread.is_alive():
                self.fault("a thread hangs")

    # MARK: Operators

    def _operate(self, chance, channel, _):
        stubs = {name: getattr(stub, name) for stub in (pb.JobServiceStub(channel), pb.AdminServiceStub(channel)) for name in vars(stub)}
        kinds = dict(
            enqueue=30, schedule=8, batch=14, cancel=8, retry=8, delete=5, look=6, change=3, retry_jobs=1, purge=0.7, pause=1.5, resume=3, put_batch=4,
            cancel_batch=0.7, put_limit=2, delete_limit=2, recurring=1.5, trigger=3, delete_recurring=1, list=3, drain=0.7)
        names, weights = list(kinds), list(kinds.values())
        while not self.stop.is_set():
            getattr(self, "_do_" + chance.choices(names, weights)[0])(chance, lambda name, request, timeout=30: self._call(stubs[name], name, request, timeout))
            time.sleep(chance.choice([0, 0, 0.005]))

    def _call(self, method, name, request, timeout):
        self.calls[name] += 1
        try:
            return method(request, timeout=timeout)
        except grpc.RpcError as error:
            if error.code() in EXCUSES[name]:
                return None
            if self.is_shaken and error.code() in AWAY | {CODE.RESOURCE_EXHAUSTED}:
                self.is_sure = self.is_sure and name not in ("DeleteJob", "ChangeJobs", "PurgeQueue")
                time.sleep(0.02)
                return None
            self.fault(name, error.code(), error.details(), request)
            return None

    def spec(self, chance, mates=()):
        spec = pb.JobSpec(queue=chance.choice(QUEUES[:4]), name=chance.choice("abc"), payload=chance.randbytes(chance.choice([0, 0, 10, 300])))
        spec.retry.CopyFrom(pb.RetryPolicy(
            max_attempts=chance.randint(1, 3), initial_backoff=duration(chance.choice([0.01, 0.1, 0.3])), max_backoff=duration(0.5), max_lost=chance.randint(1, 3)))

        def sometimes(share):
            return chance.random() < share

        if sometimes(0.15):
            spec.queue = "lim"
        if sometimes(0.4):
            spec.priority = chance.randint(-2, 2)
        if sometimes(0.15):
            spec.timeout.CopyFrom(duration(chance.choice([0.2, 0.5, 1])))
        if sometimes(0.1):
            spec.start_before.CopyFrom(at(chance.choice([-1, 0.1, 0.5, 1.5])))
        if sometimes(0.4):
            spec.concurrency_key = chance.choice(KEYS)
        if sometimes(0.3):
            spec.unique.CopyFrom(pb.Uniqueness(key=chance.choice(["u0", "u1"]), on_conflict=chance.choice([0, 1, 2, 3, 3])))
            if sometimes(0.3):
                spec.unique.hold_for.CopyFrom(duration(chance.choice([0.3, 1, 2])))
        elif sometimes(0.1):
            spec.name = spec.concurrency_key = "two"
        if sometimes(0.3):
            spec.fairness_key = chance.choice(["f0", "f1"])
        if sometimes(0.35):
            spec.batch_id = chance.choice(self.batches)
        if sometimes(0.35):
            pool = [*mates, *self.known[-40:]]
            spec.depends_on.extend(chance.choice(pool) for _ in range(chance.randint(1, 3)) if pool)
            spec.on_dependency_failure = chance.randint(0, 2)
        if sometimes(0.4):
            with self.lock:
                self.number += 1
                spec.id = f"j{self.number}"
        elif self.reuses_ids and sometimes(0.03) and self.known:
            spec.id = chance.choice(self.known[-50:])
            self.again.add(spec.id)
        return spec

    def _request(self, chance, mates=()):
        request = pb.ScheduleRequest(job=self.spec(chance, mates))
        if chance.random() < 0.25:
            request.delay.CopyFrom(duration(chance.choice([0.05, 0.3, 1])))
        return request

    def _acknowledged(self, spec, answer):
        if not answer.job_id or spec.id and answer.job_id != spec.id and not (answer.duplicate and spec.unique.key):
            self.fault("acknowledged by another id than asked", spec.id, answer)
        with self.lock:
            self.known.append(answer.job_id)
            if not answer.duplicate:
                if answer.job_id in self.acknowledged and answer.job_id not in self.again:
                    self.faults.append(f"two jobs are called {answer.job_id}")
                self.acknowledged.add(answer.job_id)

    def _some(self, chance):
        return chance.choice(self.known[-60:] or ["none"]) if chance.random() < 0.8 else chance.choice(self.known or ["none"])

    def _counted(self, answer, count):
        with self.lock:
            self.deleted += count(answer) if answer is not None else 0

    def _do_enqueue(self, chance, call):
        request = pb.EnqueueRequest(job=self.spec(chance), durability=chance.randint(0, 2))
        if answer := call("Enqueue", request):
            self._acknowledged(request.job, answer)

    def _do_schedule(self, chance, call):
        request = self._request(chance)
        if answer := call("Schedule", request):
            self._acknowledged(request.job, answer)

    def _do_batch(self, chance, call):
        requests, ids = [], []
        for _ in range(chance.randint(1, 10)):
            requests.append(self._request(chance, ids))
            ids += [requests[-1].job.id] if requests[-1].job.id else []
        whole = chance.random() < 0.5
        if whole:
            chance.shuffle(requests)
        answer = call("EnqueueBatch", pb.EnqueueBatchRequest(jobs=requests, all_or_nothing=whole))
        if answer is None:
            return
        codes = [result.status_code for result in answer.results]
        if len(codes) != len(requests) or not set(codes) <= {0, 3, 6, 8, 9, 10} or whole and any(codes) and not all(codes):
            self.fault("results of a batch", whole, codes)
        for request, result in zip(requests, answer.results):
            if result.status_code == 0:
                self._acknowledged(request.job, result)

    def _do_cancel(self, chance, call):
        call("CancelJob", pb.CancelJobRequest(job_id=self._some(chance), reason=chance.choice(["", "why"])))

    def _do_retry(self, chance, call):
        call("RetryJob", pb.RetryJobRequest(job_id=self._some(chance), reset_attempts=chance.random() < 0.5))

    def _do_delete(self, chance, call):
        self._counted(call("DeleteJob", pb.DeleteJobRequest(job_id=self._some(chance))), lambda _: 1)

    def _do_look(self, chance, call):
        name, request, timeout = chance.choice([
            ("GetJob", pb.GetJobRequest, 30), ("ExplainJob", pb.ExplainJobRequest, 30), ("WaitJob", pb.WaitJobRequest, 1)])
        if answer := call(name, request(job_id=self._some(chance)), timeout):
            if not answer.job.spec.id or not answer.job.state:
                self.fault("not a whole job", answer)

    def _filtered(self, chance, request):
        for share, field, values in ((0.5, "queue", QUEUES), (0.3, "name", "abc"), (0.3, "batch_id", self.batches), (0.2, "concurrency_key", KEYS)):
            if chance.random() < share:
                setattr(request, field, chance.choice(values))
        if chance.random() < 0.3:
            request.states.extend(chance.sample(range(1, 10), 2))
        return request

    def _do_change(self, chance, call):
        action = chance.choice([pb.BULK_ACTION_COUNT, pb.BULK_ACTION_RETRY, pb.BULK_ACTION_CANCEL, pb.BULK_ACTION_DELETE])
        request = self._filtered(chance, pb.ChangeJobsRequest(action=action, reset_attempts=chance.random() < 0.5, reason="in bulk"))
        if action >= pb.BULK_ACTION_CANCEL and not (request.queue and (request.name or request.states or request.batch_id)):
            return
        answer = call("ChangeJobs", request)
        if action == pb.BULK_ACTION_DELETE:
            self._counted(answer, lambda one: one.changed)

    def _do_retry_jobs(self, chance, call):
        call("RetryJobs", pb.RetryJobsRequest(queue=chance.choice(["", *QUEUES])))

    def _do_purge(self, chance, call):
        self._counted(call("PurgeQueue", pb.PurgeQueueRequest(queue=chance.choice(QUEUES), states=chance.sample([1, 2, 4, 5, 6, 7, 8, 9], 2))), lambda one: one.deleted)

    def _do_pause(self, chance, call):
        call("PauseQueue", pb.PauseQueueRequest(queue=chance.choice(QUEUES)))

    def _do_resume(self, chance, call):
        call("ResumeQueue", pb.ResumeQueueRequest(queue=chance.choice(QUEUES)))

    def _do_put_batch(self, chance, call):
        place = chance.randrange(len(self.batches))
        batch = pb.Batch(id=self.batches[place])
        if chance.random() < 0.4:
            # Nobody joins one that is closed: another takes its place.
            batch.closed = True
            with self.lock:
                self.number += 1
                self.batches[place] = f"b-{self.number}"
        for field in ("on_finished", "on_succeeded"):
            if chance.random() < 0.4:
                callback = pb.JobSpec(queue=chance.choice(QUEUES[:4]), name=f"{field}:{batch.id}")
                if chance.random() < 0.3:
                    callback.batch_id = chance.choice([one for one in self.batches if one != batch.id])
                if chance.random() < 0.2:
                    callback.id = f"{field}-{batch.id}"
                getattr(batch, field).CopyFrom(callback)
        call("PutBatch", pb.PutBatchRequest(batch=batch))

    def _do_cancel_batch(self, chance, call):
        answer = call("CancelBatch", pb.CancelBatchRequest(batch_id=chance.choice(self.batches)))
        if answer and not answer.batch.closed:
            self.fault("a canceled batch is open", answer)

    def _limit(self, chance):
        return pb.Limit(**chance.choice([
            dict(queue=chance.choice(QUEUES[:4])), dict(concurrency_key=chance.choice(KEYS)), dict(concurrency_key_prefix=chance.choice(["p.", "k"]))]))

    def _do_put_limit(self, chance, call):
        limit = self._limit(chance)
        limit.max_running = chance.choice([1, 2, 3])
        if chance.random() < 0.3:
            limit.rate_count, limit.rate_period.seconds = chance.choice([3, 200]), 1
        if chance.random() < 0.2:
            limit.max_waiting = 20
        call("PutLimit", pb.PutLimitRequest(limit=limit))

    def _do_delete_limit(self, chance, call):
        call("DeleteLimit", pb.DeleteLimitRequest(limit=self._limit(chance)))

    def _do_recurring(self, chance, call):
        spec = self.spec(chance)
        spec.id = ""
        call("PutRecurringJob", pb.PutRecurringJobRequest(recurring_job=pb.RecurringJob(
            id=f"r{chance.randrange(3)}", every=duration(chance.choice([0.2, 0.5])), job=spec, overlap=chance.randrange(3), missed_runs=chance.randrange(4),
            paused=chance.random() < 0.2)))

    def _do_trigger(self, chance, call):
        if answer := call("TriggerRecurringJob", pb.TriggerRecurringJobRequest(id=f"r{chance.randrange(3)}")):
            if not answer.job_id:
                self.fault("a trigger names no job")
            self.known.append(answer.job_id)

    def _do_delete_recurring(self, chance, call):
        call("DeleteRecurringJob", pb.DeleteRecurringJobRequest(id=f"r{chance.randrange(3)}"))

    def _do_list(self, chance, call):
        request = self._filtered(chance, pb.ListJobsRequest(page_size=chance.choice([1, 7, 100, 1000])))
        if answer := call("ListJobs", request):
            ids = {job.spec.id for job in answer.jobs}
            if len(ids) < len(answer.jobs):
                self.fault("a job is listed twice", request)
            for job in answer.jobs:
                asked = [(request.queue, job.spec.queue), (request.name, job.spec.name), (request.batch_id, job.spec.batch_id), (request.concurrency_key, job.spec.concurrency_key)]
                if any(want and want != have for want, have in asked) or request.states and job.state not in request.states:
                    self.fault("ListJobs gives what nobody asked for", request, job)

    def _do_drain(self, chance, call):
        answer = call("ListWorkers", pb.ListWorkersRequest())
        if answer and answer.workers:
            call("DrainWorker", pb.DrainWorkerRequest(worker_id=chance.choice(answer.workers).worker_id))

    # MARK: Workers

    def _given(self, jobs):
        with self.lock:
            for job in jobs:
                if job.lease.token in self.tokens:
                    self.faults.append(f"a token is given twice: {job.lease}")
                self.tokens.add(job.lease.token)

    def _stream(self, chance, _, __):
        """Comes and goes, with what it holds or without; hangs now and then."""
        held, worker_id = [], ""
        while not self.stop_work.is_set():
            slots, window = chance.randint(1, 6), chance.choice([None, None, 0.5, 3])
            queues = chance.choice([["*"], ["q*", "lim"], QUEUES, [("q0", 1), ("q1", 2), ("q*", 1), ("lim", 1)]])
            worker = Worker(
                self.server, queues, slots=slots, worker_id=worker_id, resume=window, held=[job.lease for job, _ in held], connect=False, ack=chance.random() < 0.9,
                heartbeat=chance.random() < 0.9)
            try:
                worker.until(lambda: worker.welcome, "welcome", 30)
                held = [pair for pair in held if pair[0].lease not in worker.welcome.lost]
                worker_id = worker.welcome.worker_id
                self._work(chance, worker, held, max(slots, len(held)))
            except AssertionError:
                # It was killed before it could say anything.
                if not self.is_shaken:
                    raise
            if worker.ended not in (None, CODE.OK, *AWAY):
                self.fault("a stream ended", worker.ended, worker.details)
            if chance.random() < 0.5:
                worker.break_connection()
            worker.close()
            if window is None or chance.random() < 0.5:
                held = []
            if chance.random() < 0.3:
                held, worker_id = [], ""

    def _work(self, chance, worker, held, most):
        end = time.monotonic() + chance.choice([0.3, 1, 3, 10])
        while not self.stop_work.is_set() and worker.ended is None and time.monotonic() < end:
            with worker.changed:
                worker.changed.wait(0.02)
                jobs, worker.jobs = worker.jobs, []
                results, worker.results = worker.results, []
                notices, worker.cancellations = worker.cancellations, []
            self._given(jobs)
            held += [(job, time.monotonic() + chance.choice([0, 0, 0.02, 0.2, 0.7, 1.5])) for job in jobs]
            for notice in notices:
                is_lost = notice.reason == "lease lost"
                for pair in [pair for pair in held if pair[0].lease == notice.lease and (is_lost or chance.random() < 0.7)]:
                    held.remove(pair)
                    worker.outcome(pair[0], wait=False, canceled=True)
            if len(held) > most:
                self.fault("a worker holds more than it can", len(held), most)
            now = time.monotonic()
            for pair in [pair for pair in held if pair[1] <= now and chance.random() < 0.98]:
                held.remove(pair)
                self._say(chance, worker, pair[0])
            for result in results:
                if result.status_code not in (0, 8, 9, 14):
                    self.fault("an outcome", result)
            if chance.random() < 0.005:
                worker.send(capacity=pb.SetCapacity(max_in_flight=chance.randint(0, most)))
            elif chance.random() < 0.005:
                worker.send(drain=True)

    def _say(self, chance, worker, job):
        kind = chance.random()
        if kind < 0.2:
            worker.fail(job, retryable=chance.random() < 0.8, wait=False)
        elif kind < 0.3:
            worker.release(job, chance.choice([None, 0.1, 0.5]), wait=False)
        elif kind < 0.33:
            worker.outcome(job, wait=False, canceled=True)
        elif kind < 0.37:
            worker.send(progress=[pb.ProgressReport(lease=job.lease, progress=pb.Progress(percent=50))])
            worker.succeed(job, wait=False)
        else:
            worker.succeed(job, chance.randbytes(chance.choice([0, 5, 200])), wait=False)
            if kind < 0.4:
                worker.succeed(job, wait=False)

    def _fetch(self, chance, channel, name):
        work, held = pb.WorkerServiceStub(channel), []
        while not self.stop_work.is_set():
            try:
                if len(held) < 4:
                    jobs = work.Fetch(pb.FetchRequest(
                        worker_id=name, queues=[pb.QueueSubscription(queue="*")], max_jobs=chance.randint(1, 3), max_wait=duration(0.2)), timeout=30).jobs
                    self._given(jobs)
                    held += jobs
                done = [job for job in held if chance.random() < 0.6]
                held = [job for job in held if job not in done]
                how = [dict(success=pb.Success(result=b"x")), dict(success=pb.Success()), dict(failure=pb.Failure(type="T", retryable=True)), dict(release=pb.Release()),
                       dict(canceled=True)]
                outcomes = [pb.Outcome(lease=job.lease, **chance.choice(how)) for job in done]
                extend = [job.lease for job in held if chance.random() < 0.8]
                results = work.Report(pb.ReportRequest(worker_id=name, outcomes=outcomes, extend=extend), timeout=30).results
                if len(results) != len(outcomes) + len(extend):
                    self.fault("results of a report", len(results), len(outcomes), len(extend))
                lost = [result.lease for result in results if result.status_code]
                held = [job for job in held if job.lease not in lost]
            except grpc.RpcError as error:
                if not (self.is_shaken and error.code() in AWAY | {CODE.RESOURCE_EXHAUSTED}):
                    self.fault("Fetch or Report", error.code(), error.details())
                time.sleep(0.03)
