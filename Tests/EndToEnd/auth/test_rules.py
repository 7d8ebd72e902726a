"""What the table has no room for: ids, dependencies, batches, workers, lists and counts across queues."""
import re

import grpc
import pytest

from conftest import code_of
from harness.stubs import pb
from harness.worker import Worker, duration


def spec(queue, name="t", **rest):
    return pb.JobSpec(queue=queue, name=name, **rest)


def enqueue(caller, queue, **rest):
    return caller.Enqueue(pb.EnqueueRequest(job=spec(queue, **rest))).job_id


@pytest.fixture
def two(guarded, mark):
    """A producer, an operator and a worker of the queues own*, and what the other queue is called."""
    queues = [f"{mark}own*"]

    class Two:
        own, other = f"{mark}own", f"{mark}other"
        root = guarded.root
        producer = guarded.caller(guarded.add("producer", ["producer"], queues))
        operator = guarded.caller(guarded.add("operator", ["operator"], queues))
        worker_token = guarded.add("worker", ["worker"], queues)
        worker = guarded.caller(worker_token)
    return Two


def metadata(token):
    return [("authorization", f"Bearer {token}")]


def test_what_is_missing_is_named(two):
    with pytest.raises(grpc.RpcError) as refusal:
        two.producer.PauseQueue(pb.PauseQueueRequest(queue=two.own))
    assert "PauseQueue" in refusal.value.details() and "operator" in refusal.value.details()
    with pytest.raises(grpc.RpcError) as refusal:
        enqueue(two.producer, two.other)
    assert two.other in refusal.value.details() and f"{two.own}*" in refusal.value.details()


def test_an_id_of_another_is_taken_and_shows_nothing(two):
    two.root.Enqueue(pb.EnqueueRequest(job=spec(two.other, id=f"{two.own}-taken", name="secret.name")))
    with pytest.raises(grpc.RpcError) as refusal:
        enqueue(two.producer, two.own, id=f"{two.own}-taken")
    assert refusal.value.code() == grpc.StatusCode.ALREADY_EXISTS
    assert two.other not in refusal.value.details() and "secret" not in refusal.value.details()
    batch = two.producer.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[
        pb.ScheduleRequest(job=spec(two.own, id=f"{two.own}-taken")), pb.ScheduleRequest(job=spec(two.other)), pb.ScheduleRequest(job=spec(two.own))]))
    assert [result.status_code for result in batch.results] == [6, 7, 0]
    whole = two.producer.EnqueueBatch(pb.EnqueueBatchRequest(all_or_nothing=True, jobs=[
        pb.ScheduleRequest(job=spec(two.own, id=f"{two.own}-taken")), pb.ScheduleRequest(job=spec(two.own, id=f"{two.own}-not"))]))
    assert [result.status_code for result in whole.results] == [6, 10]
    assert code_of(lambda: two.root.GetJob(pb.GetJobRequest(job_id=f"{two.own}-not"))) == "NOT_FOUND"


def test_nobody_depends_on_a_job_of_another(two):
    foreign = enqueue(two.root, two.other)
    unknown = code_of(lambda: enqueue(two.producer, two.own, depends_on=["nobody"]))
    assert code_of(lambda: enqueue(two.producer, two.own, depends_on=[foreign])) == unknown == "FAILED_PRECONDITION"
    enqueue(two.producer, two.own, depends_on=[enqueue(two.producer, two.own)])


def test_a_job_of_another_is_not_replaced(two):
    unique = pb.Uniqueness(key="k", on_conflict=pb.ON_CONFLICT_REPLACE)
    foreign = enqueue(two.root, two.other, unique=unique, payload=b"theirs")
    mine = enqueue(two.producer, two.own, unique=unique, payload=b"mine")
    assert mine != foreign
    assert two.root.GetJob(pb.GetJobRequest(job_id=foreign)).job.spec.payload == b"theirs"


def test_lists_and_counts_leave_out_what_is_anothers(two):
    for queue in (two.own, two.other):
        for _ in range(3):
            enqueue(two.root, queue, name=f"{two.own}-listed")
    listed = two.producer.ListJobs(pb.ListJobsRequest(name=f"{two.own}-listed")).jobs
    assert {job.spec.queue for job in listed} == {two.own} and len(listed) == 3
    counted = two.operator.ChangeJobs(pb.ChangeJobsRequest(name=f"{two.own}-listed", action=pb.BULK_ACTION_COUNT))
    assert counted.changed == 3
    changed = two.operator.ChangeJobs(pb.ChangeJobsRequest(name=f"{two.own}-listed", action=pb.BULK_ACTION_CANCEL))
    assert changed.changed == 3
    left = two.root.ListJobs(pb.ListJobsRequest(name=f"{two.own}-listed", states=[pb.JOB_STATE_READY])).jobs
    assert {job.spec.queue for job in left} == {two.other} and len(left) == 3
    for job in left:
        two.root.CancelJob(pb.CancelJobRequest(job_id=job.spec.id))
    retried = two.operator.RetryJobs(pb.RetryJobsRequest(name=f"{two.own}-listed", states=[pb.JOB_STATE_CANCELED]))
    assert retried.retried == 3
    left = two.root.ListJobs(pb.ListJobsRequest(name=f"{two.own}-listed", states=[pb.JOB_STATE_CANCELED])).jobs
    assert {job.spec.queue for job in left} == {two.other} and len(left) == 3


def test_a_batch_is_seen_by_who_sees_one_of_its_queues_and_canceled_by_who_sees_all(two):
    batch = f"{two.own}-mixed"
    for queue in (two.own, two.other):
        enqueue(two.root, queue, batch_id=batch)
    assert two.producer.GetBatch(pb.GetBatchRequest(batch_id=batch)).batch.jobs == 2
    assert code_of(lambda: two.producer.CancelBatch(pb.CancelBatchRequest(batch_id=batch))) == "PERMISSION_DENIED"
    mine = f"{two.own}-mine"
    two.producer.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id=mine)))
    enqueue(two.producer, two.own, batch_id=mine)
    assert two.producer.CancelBatch(pb.CancelBatchRequest(batch_id=mine)).batch.canceled == 1
    theirs = f"{two.own}-theirs"
    enqueue(two.root, two.other, batch_id=theirs)
    assert code_of(lambda: enqueue(two.producer, two.own, batch_id=theirs)) == "ALREADY_EXISTS"
    callback = pb.Batch(id=f"{two.own}-cb", on_finished=spec(two.other))
    assert code_of(lambda: two.producer.PutBatch(pb.PutBatchRequest(batch=callback))) == "PERMISSION_DENIED"


def test_limits_on_keys_are_for_all_queues(two):
    limit = pb.Limit(concurrency_key=f"{two.own}-k", max_running=1)
    assert code_of(lambda: two.operator.PutLimit(pb.PutLimitRequest(limit=limit))) == "PERMISSION_DENIED"
    two.root.PutLimit(pb.PutLimitRequest(limit=limit))
    assert code_of(lambda: two.operator.DeleteLimit(pb.DeleteLimitRequest(limit=limit))) == "PERMISSION_DENIED"
    assert not [one for one in two.operator.ListLimits(pb.ListLimitsRequest()).limits if one.concurrency_key]


def test_a_worker_takes_no_more_than_its_own(two, guarded):
    for queue in ("*", two.own[:-1] + "*", two.other):
        ask = pb.WorkRequest(hello=pb.WorkerHello(queues=[pb.QueueSubscription(queue=queue)], max_in_flight=1))
        assert code_of(lambda: list(two.worker.Work(iter([ask])))) == "PERMISSION_DENIED", queue
    job = enqueue(two.producer, two.own)
    worker = Worker(guarded.server, f"{two.own}*", metadata=metadata(two.worker_token))
    assert worker.job().lease.job_id == job
    worker.close()


def test_a_worker_of_another_is_not_taken_over(two, guarded):
    other = Worker(guarded.server, two.other, worker_id=f"{two.own}-w", metadata=metadata(guarded.root_token))
    ask = pb.WorkRequest(hello=pb.WorkerHello(worker_id=f"{two.own}-w", queues=[pb.QueueSubscription(queue=two.own)], max_in_flight=1))
    assert code_of(lambda: list(two.worker.Work(iter([ask])))) == "PERMISSION_DENIED"
    assert other.ended is None
    job = enqueue(two.root, two.other)
    held = other.job()
    assert held.lease.job_id == job
    report = two.worker.Report(pb.ReportRequest(
        worker_id=f"{two.own}-w", outcomes=[pb.Outcome(lease=held.lease, success=pb.Success())], extend=[held.lease]))
    assert [result.status_code for result in report.results] == [9, 9]
    assert not report.cancellations
    assert two.root.GetJob(pb.GetJobRequest(job_id=job)).job.state == pb.JOB_STATE_RUNNING
    other.close()


def test_events_of_others_are_left_out(two):
    own, foreign = enqueue(two.root, two.own), enqueue(two.root, two.other)
    two.root.PauseQueue(pb.PauseQueueRequest(queue=two.other))
    last = enqueue(two.root, two.own)
    seen = []
    for message in two.producer.StreamEvents(pb.StreamEventsRequest(after_cursor="0", job_ids=[]), timeout=10):
        seen += message.events
        if any(event.job_id == last for event in seen):
            break
    assert {event.queue for event in seen} == {two.own}
    assert own in {event.job_id for event in seen} and foreign not in str(seen)


def test_explaining_names_no_job_of_others(two, guarded):
    """The worker that is busy runs another queue's job."""
    busy = Worker(guarded.server, [two.own, two.other], metadata=metadata(guarded.root_token))
    foreign = enqueue(two.root, two.other)
    assert busy.job().lease.job_id == foreign
    mine = enqueue(two.producer, two.own)
    told = two.producer.ExplainJob(pb.ExplainJobRequest(job_id=mine))
    assert told.reasons and foreign not in str(told)
    assert foreign in str(two.root.ExplainJob(pb.ExplainJobRequest(job_id=mine)))
    busy.close()


def test_workers_are_shown_with_their_own_queues_only(two, guarded):
    both = Worker(guarded.server, [two.own, two.other], worker_id=f"{two.own}-both", metadata=metadata(guarded.root_token))
    shown = two.operator.ListWorkers(pb.ListWorkersRequest()).workers
    assert [(one.worker_id, list(one.queues)) for one in shown] == [(both.id, [two.own])]
    assert code_of(lambda: two.operator.DrainWorker(pb.DrainWorkerRequest(worker_id=both.id))) == "PERMISSION_DENIED"
    both.close()


def test_a_recurring_job_is_its_queues(two):
    job = pb.RecurringJob(id=f"{two.own}-r", every=duration(3600), job=spec(two.other), paused=True)
    two.root.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=job))
    job.job.queue = two.own
    assert code_of(lambda: two.operator.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=job))) == "ALREADY_EXISTS"
    job.id = f"{two.own}-r2"
    two.operator.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=job))
    listed = [one.id for one in two.operator.ListRecurringJobs(pb.ListRecurringJobsRequest()).recurring_jobs]
    assert listed == [job.id]


def test_what_the_server_makes_for_somebody_waits_for_and_joins_no_more_than_they_could(two, guarded):
    """Jobs of recurring jobs and callbacks: what is foreign is left out, also when it came after they were asked for, and over a restart."""
    foreign = enqueue(two.root, two.other)
    theirs, later = f"{two.own}-theirs", f"{two.own}-later"
    enqueue(two.root, two.other, batch_id=theirs)
    recurring = [pb.RecurringJob(id=f"{two.own}-{batch}", cron="@yearly", job=spec(two.own, batch_id=batch, depends_on=[foreign])) for batch in (theirs, later)]
    for one in recurring:
        two.operator.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=one))
    inner = [f"{two.own}-inner-{field}" for field in ("on_finished", "on_succeeded")]
    for batch in inner:
        two.producer.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id=batch, **{batch.rpartition("-")[2]: spec(two.own, batch_id=later)})))
    enqueue(two.root, two.other, batch_id=later)
    guarded.server.restart()
    made = [two.operator.TriggerRecurringJob(pb.TriggerRecurringJobRequest(id=one.id)).job_id for one in recurring]
    for batch in inner:
        view = two.producer.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id=batch, closed=True))).batch
        made.append(view.on_finished_job_id or view.on_succeeded_job_id)
    for job_id in made:
        job = two.root.GetJob(pb.GetJobRequest(job_id=job_id)).job
        assert (job.state, job.spec.queue, job.spec.batch_id, list(job.spec.depends_on)) == (pb.JOB_STATE_READY, two.own, "", [])
    for batch in (theirs, later):
        assert two.root.GetBatch(pb.GetBatchRequest(batch_id=batch)).batch.jobs == 1
        assert code_of(lambda: two.producer.GetBatch(pb.GetBatchRequest(batch_id=batch))) == "NOT_FOUND"
    # Who may see all may have them join.
    two.root.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=recurring[0]))
    job = two.root.GetJob(pb.GetJobRequest(job_id=two.operator.TriggerRecurringJob(pb.TriggerRecurringJobRequest(id=recurring[0].id)).job_id)).job
    assert (job.state, job.spec.batch_id, list(job.spec.depends_on)) == (pb.JOB_STATE_BLOCKED, theirs, [foreign])


def test_a_callback_of_another_queue_is_not_shown(two):
    batch, secret = f"{two.own}-secret", spec(two.other, name="secret.name", payload=b"secret")
    two.root.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id=batch, on_finished=secret, on_succeeded=secret, closed=True)))
    enqueued = two.root.GetBatch(pb.GetBatchRequest(batch_id=batch)).batch
    assert enqueued.on_finished.payload == b"secret" and enqueued.on_finished_job_id and enqueued.on_succeeded_job_id
    mixed = f"{two.own}-mixed-callbacks"
    two.root.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id=mixed, on_finished=spec(two.own, payload=b"mine"), on_succeeded=secret)))
    shown = [
        two.producer.GetBatch(pb.GetBatchRequest(batch_id=mixed)).batch,
        two.producer.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id=mixed, description="d"))).batch,
        next(one for one in two.producer.ListBatches(pb.ListBatchesRequest(page_size=1000)).batches if one.id == mixed)]
    for one in shown:
        assert one.on_finished.payload == b"mine" and not one.HasField("on_succeeded") and not one.on_succeeded_job_id
        assert "secret" not in str(one)
    assert two.root.GetBatch(pb.GetBatchRequest(batch_id=mixed)).batch.on_succeeded.payload == b"secret", "what is not shown is not taken away"


def test_changes_are_told_in_the_log_and_as_events(two, guarded):
    job = enqueue(two.producer, two.own)
    two.operator.PauseQueue(pb.PauseQueueRequest(queue=two.own))
    two.operator.CancelJob(pb.CancelJobRequest(job_id=job))
    two.operator.DeleteJob(pb.DeleteJobRequest(job_id=job))
    two.operator.PurgeQueue(pb.PurgeQueueRequest(queue=two.own))
    two.operator.ChangeJobs(pb.ChangeJobsRequest(queue=two.own, action=pb.BULK_ACTION_CANCEL))
    two.operator.PutLimit(pb.PutLimitRequest(limit=pb.Limit(queue=two.own, max_running=1)))
    # No changes: one that only counts, one that is refused, a producer's own.
    two.operator.ChangeJobs(pb.ChangeJobsRequest(queue=two.own, action=pb.BULK_ACTION_COUNT))
    assert code_of(lambda: two.operator.RetryJob(pb.RetryJobRequest(job_id="nobody"))) == "NOT_FOUND"
    two.producer.CancelJob(pb.CancelJobRequest(job_id=enqueue(two.producer, two.own)))
    two.operator.ResumeQueue(pb.ResumeQueueRequest(queue=two.own))
    seen = []
    for message in two.operator.StreamEvents(
            pb.StreamEventsRequest(after_cursor="0", queues=[two.own], types=[pb.EVENT_TYPE_AUDIT]), timeout=10):
        seen += message.events
        if seen and seen[-1].call == "ResumeQueue":
            break
    assert [(one.call, one.job_id) for one in seen] == [
        ("PauseQueue", ""), ("CancelJob", job), ("DeleteJob", job), ("PurgeQueue", ""), ("ChangeJobs", ""), ("PutLimit", ""),
        ("ResumeQueue", "")]
    assert {one.principal for one in seen} == {"operator"}
    lines = [line for line in guarded.server.log().splitlines() if " audit " in line and two.own in line]
    assert any(re.search(rf"call=PauseQueue .*from=127\.0\.0\.1:\d+ .*{re.escape(two.own)}.* principal=operator", line) for line in lines), lines


def test_what_an_admin_enqueues_is_told(two, guarded, mark):
    root, own = guarded.root, two.own
    spec = pb.JobSpec(queue=own, name="t", id=f"{mark}one")
    one = root.Enqueue(pb.EnqueueRequest(job=spec)).job_id
    assert root.Enqueue(pb.EnqueueRequest(job=spec)).duplicate, "changes nothing"
    later = root.Schedule(pb.ScheduleRequest(job=pb.JobSpec(queue=own, name="t"), delay={"seconds": 60})).job_id
    jobs = [pb.ScheduleRequest(job=pb.JobSpec(queue=own, name="t")) for _ in range(3)]
    root.EnqueueBatch(pb.EnqueueBatchRequest(jobs=jobs))
    list(root.EnqueueStream(iter([pb.EnqueueBatchRequest(jobs=jobs[:1]), pb.EnqueueBatchRequest(jobs=jobs)])))
    root.PutBatch(pb.PutBatchRequest(batch=pb.Batch(id=f"{mark}b", on_finished=pb.JobSpec(queue=own, name="t"))))
    enqueue(two.producer, own)
    root.PauseQueue(pb.PauseQueueRequest(queue=own))
    seen = []
    for message in root.StreamEvents(pb.StreamEventsRequest(after_cursor="0", queues=[own], types=[pb.EVENT_TYPE_AUDIT]), timeout=10):
        seen += message.events
        if seen and seen[-1].call == "PauseQueue":
            break
    # A batch that has no jobs yet is in no queue.
    calls = [(event.call, event.job_id) for event in seen if event.principal == "root" and event.call != "PutBatch"]
    assert calls[:3] == [("Enqueue", one), ("Schedule", later), ("EnqueueBatch", "")]
    assert [call for call, _ in calls[3:]] == ["EnqueueStream", "EnqueueStream", "PauseQueue"]
    lines = [line for line in guarded.server.log().splitlines() if " audit " in line]
    assert any("call=Enqueue " in line and one in line for line in lines) and any("call=EnqueueStream " in line and "4 jobs" in line for line in lines)
    assert any("call=PutBatch " in line and f"{mark}b" in line for line in lines)
