"""The same on batches and recurring jobs."""
import time

import pytest

from harness.asking import CODE, at, refused
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker, duration
from words import CANCELED, EXPIRED, READY, batch, enqueue, limit, made_by, put_batch, put_recurring, schedule, spec, unlimit, until

# --- batches ------------------------------------------------------------------------------------------------------------------


def test_what_is_left_out_of_a_batch_stays_as_it_was(server, queue):
    made = put_batch(server, description="d", on_finished=spec(queue, payload=b"f"), on_succeeded=spec(queue, payload=b"s"))
    assert made.id and not made.closed and made.HasField("created_at") and not made.HasField("finished_at")
    again = put_batch(server, id=made.id, description="other")
    assert (again.description, again.on_finished.payload, again.on_succeeded.payload, again.closed) == ("other", b"f", b"s", False)
    enqueue(server, queue, batch_id=made.id)
    put_batch(server, id=made.id, closed=True)
    still = put_batch(server, id=made.id)
    assert still.closed and still.description == "other" and (still.jobs, still.waiting) == (1, 1)
    # Callbacks may change until it is finished.
    put_batch(server, id=made.id, on_finished=spec(queue, payload=b"f2"))
    with Worker(server, queue) as worker:
        worker.succeed(worker.job())
    done = until(lambda: batch(server, made.id) if batch(server, made.id).on_succeeded_job_id else None)
    assert server.job(done.on_finished_job_id).spec.payload == b"f2"
    late = refused(server.jobs.PutBatch, pb.PutBatchRequest(batch=pb.Batch(id=made.id, on_finished=spec(queue))))
    assert late.code() is CODE.FAILED_PRECONDITION
    assert put_batch(server, id=made.id, description="after").description == "after"


def test_callbacks_whose_id_exists_and_whose_batch_is_finished(server, queue):
    taken = enqueue(server, queue, id=f"{queue}-taken").job_id
    put_batch(server, id=f"{queue}-1", on_finished=spec(queue, id=taken), closed=True)
    until(lambda: batch(server, f"{queue}-1").on_finished_job_id == taken)
    # Into a batch that is finished by then: it joins none, and is enqueued all the same.
    put_batch(server, id=f"{queue}-outer", closed=True)
    until(lambda: batch(server, f"{queue}-outer").HasField("finished_at"))
    put_batch(server, id=f"{queue}-2", on_finished=spec(queue, batch_id=f"{queue}-outer"), closed=True)
    made = until(lambda: batch(server, f"{queue}-2").on_finished_job_id)
    assert server.job(made).spec.batch_id == "" and server.job(made).state == READY
    assert batch(server, f"{queue}-outer").jobs == 0
    for wrong in (pb.Batch(id="w", on_finished=spec(queue, batch_id="w")), pb.Batch(id="w", on_succeeded=spec(queue, depends_on=[taken])),
                  pb.Batch(id="w", on_finished=pb.JobSpec(queue=queue)), pb.Batch(id="w", description="d" * 257), pb.Batch(id="a b")):
        assert refused(server.jobs.PutBatch, pb.PutBatchRequest(batch=wrong)).code() is CODE.INVALID_ARGUMENT
    assert refused(server.jobs.GetBatch, pb.GetBatchRequest(batch_id="w")).code() is CODE.NOT_FOUND


def test_a_callback_joins_a_closed_batch_that_is_not_finished(server, queue):
    """It is never refused, and only a finished one has it join none."""
    outer = f"{queue}-outer"
    waits = enqueue(server, queue, batch_id=outer).job_id
    put_batch(server, id=outer, closed=True)
    put_batch(server, id=f"{queue}-inner", on_finished=spec(queue, batch_id=outer), closed=True)
    made = until(lambda: batch(server, f"{queue}-inner").on_finished_job_id)
    assert server.job(made).spec.batch_id == outer and batch(server, outer).jobs == 2
    # So does one that takes the place of a job that waits.
    key = dict(unique=pb.Uniqueness(key="k", on_conflict=pb.ON_CONFLICT_REPLACE))
    replaced = enqueue(server, queue, **key).job_id
    put_batch(server, id=f"{queue}-other", on_finished=spec(queue, batch_id=outer, **key), closed=True)
    assert until(lambda: batch(server, f"{queue}-other").on_finished_job_id) == replaced
    assert server.job(replaced).spec.batch_id == outer and batch(server, outer).jobs == 3
    # What comes from outside is refused as before, a recurring job's is in none; and it is finished with the last of them.
    assert refused(server.jobs.Enqueue, pb.EnqueueRequest(job=spec(queue, batch_id=outer))).code() is CODE.FAILED_PRECONDITION
    put_recurring(server, id=f"{queue}-again", cron="@yearly", job=spec(queue, batch_id=outer))
    again = server.admin.TriggerRecurringJob(pb.TriggerRecurringJobRequest(id=f"{queue}-again"), timeout=5).job_id
    assert server.job(again).spec.batch_id == ""
    for job in (waits, made):
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job), timeout=5)
    assert not batch(server, outer).HasField("finished_at")
    server.jobs.CancelJob(pb.CancelJobRequest(job_id=replaced), timeout=5)
    assert until(lambda: batch(server, outer).HasField("finished_at"))


def test_counts_over_every_way_a_job_goes(server, queue):
    name = f"{queue}-all"
    ids = [enqueue(server, queue, batch_id=name, retry=pb.RetryPolicy(max_attempts=1)).job_id for _ in range(4)]
    schedule(server, queue, 600, batch_id=name)
    blocked = enqueue(server, queue, batch_id=name, depends_on=[ids[3]]).job_id
    late = enqueue(server, queue, batch_id=name, start_before=at(0.2), priority=-9).job_id
    # A duplicate is counted once.
    assert enqueue(server, queue, id=ids[0], batch_id=name).duplicate
    until(lambda: server.job(late).state == EXPIRED)
    shown = batch(server, name)
    assert (shown.jobs, shown.waiting, shown.canceled) == (7, 6, 1)
    with Worker(server, queue, slots=4) as worker:
        jobs = {job.lease.job_id: job for job in worker.take(4)}
        assert batch(server, name).running == 4
        worker.succeed(jobs[ids[0]])
        worker.fail(jobs[ids[1]])
        worker.release(jobs[ids[2]], delay=600)
        shown = batch(server, name)
        assert (shown.waiting, shown.running, shown.succeeded, shown.dead, shown.canceled) == (3, 1, 1, 1, 1)
        worker.outcome(jobs[ids[3]], failure=pb.Failure(type="E", retryable=False))
    until(lambda: server.job(blocked).state == CANCELED)
    # Deleted: those that were final stay counted, others count as canceled.
    server.jobs.DeleteJob(pb.DeleteJobRequest(job_id=ids[0]), timeout=5)
    server.jobs.DeleteJob(pb.DeleteJobRequest(job_id=ids[2]), timeout=5)
    shown = batch(server, name)
    assert (shown.jobs, shown.waiting, shown.running, shown.succeeded, shown.dead, shown.canceled) == (7, 1, 0, 1, 2, 3)
    # Retried by hand it waits again.
    server.jobs.RetryJob(pb.RetryJobRequest(job_id=ids[1]), timeout=5)
    shown = batch(server, name)
    assert (shown.waiting, shown.dead) == (2, 1)
    assert len(server.jobs.ListJobs(pb.ListJobsRequest(batch_id=name), timeout=5).jobs) == 5


def test_a_closed_batch_whose_last_job_is_replaced_into_another_is_finished(server, queue):
    one, other, key = f"{queue}-one", f"{queue}-other", dict(unique=pb.Uniqueness(key="k", on_conflict=pb.ON_CONFLICT_REPLACE))
    put_batch(server, id=one, on_finished=spec(queue + "-cb"))
    job_id = enqueue(server, queue, batch_id=one, **key).job_id
    put_batch(server, id=one, closed=True)
    # It is of the batch already: that it is closed is nothing to it.
    assert enqueue(server, queue, batch_id=one, payload=b"again", **key).job_id == job_id
    assert (batch(server, one).jobs, batch(server, one).HasField("finished_at")) == (1, False)
    assert enqueue(server, queue, batch_id=other, **key).job_id == job_id
    done = until(lambda: batch(server, one) if batch(server, one).on_finished_job_id else None)
    assert (done.jobs, done.waiting, done.canceled, batch(server, other).jobs) == (0, 0, 0, 1)
    assert [event.type for event in server.events(batch_id=one)].count(pb.EVENT_TYPE_BATCH_FINISHED) == 1


def test_a_finished_batch_is_told_once(server, queue):
    name = f"{queue}-told"
    enqueue(server, queue, batch_id=name)
    put_batch(server, id=name, closed=True)
    with Worker(server, queue) as worker:
        worker.succeed(worker.job())
    until(lambda: batch(server, name).HasField("finished_at"))
    events = server.events(batch_id=name)
    assert [event.type for event in events].count(pb.EVENT_TYPE_BATCH_FINISHED) == 1
    assert {event.batch_id for event in events} == {name}
    assert [event.type for event in events][-1] == pb.EVENT_TYPE_BATCH_FINISHED


def test_cancel_closes_and_stops_what_runs(server, queue):
    name = f"{queue}-stop"
    put_batch(server, id=name, on_finished=spec(queue + "-after"), on_succeeded=spec(queue + "-after"))
    for _ in range(3):
        enqueue(server, queue, batch_id=name)
    with Worker(server, queue) as worker:
        job = worker.job()
        shown = server.jobs.CancelBatch(pb.CancelBatchRequest(batch_id=name, reason="enough"), timeout=10).batch
        assert shown.closed
        worker.cancellation()
        assert (batch(server, name).running, batch(server, name).canceled) == (1, 2)
        worker.outcome(job, canceled=True)
        worker.idle()
    done = until(lambda: batch(server, name) if batch(server, name).on_finished_job_id else None)
    assert (done.canceled, done.jobs, done.on_succeeded_job_id) == (3, 3, "")
    assert refused(server.jobs.CancelBatch, pb.CancelBatchRequest(batch_id="no-such")).code() is CODE.NOT_FOUND


# --- recurring jobs -----------------------------------------------------------------------------------------------------------


def test_a_recurring_job_is_shown_as_it_was_put(server, queue):
    shown = put_recurring(
        server, id=queue, cron="0 12 * * MON-FRI", job=pb.JobSpec(name="t", payload=b"\xff\x00", metadata={"a": "b"}, priority=-3),
        missed_runs=pb.MISSED_RUNS_ALL, overlap=pb.OVERLAP_SKIP)
    assert (shown.cron, shown.job.queue, shown.job.payload, shown.job.metadata["a"], shown.job.priority) == ("0 12 * * MON-FRI", "default", b"\xff\x00", "b", -3)
    assert (shown.missed_runs, shown.overlap, shown.paused) == (pb.MISSED_RUNS_ALL, pb.OVERLAP_SKIP, False)
    assert shown.HasField("next_run_at") and not shown.HasField("last_run_at")
    paused = put_recurring(server, id=queue, every=duration(60), job=spec(queue), paused=True)
    assert paused.cron == "" and paused.every.seconds == 60 and not paused.HasField("next_run_at")
    assert (paused.missed_runs, paused.overlap) == (pb.MISSED_RUNS_ONE, pb.OVERLAP_ALLOW)
    before = time.time()
    counted = put_recurring(server, id=queue, every=duration(60), job=spec(queue))
    assert abs(counted.next_run_at.ToMicroseconds() / 1e6 - before - 60) < 5, "counted from the call that put it"
    server.admin.DeleteRecurringJob(pb.DeleteRecurringJobRequest(id=queue), timeout=5)
    for call, request in ((server.admin.DeleteRecurringJob, pb.DeleteRecurringJobRequest(id=queue)), (server.admin.TriggerRecurringJob, pb.TriggerRecurringJobRequest(id=queue))):
        assert refused(call, request).code() is CODE.NOT_FOUND


def test_each_time_of_every_is_made_once_and_kept_over_restarts():
    with Server() as server:
        first = put_recurring(server, id="tick", every=duration(0.5), job=spec("q")).next_run_at.ToMicroseconds()
        until(lambda: len(made_by(server, "tick")) >= 2)
        server.restart()
        count = len(made_by(server, "tick"))
        until(lambda: len(made_by(server, "tick")) >= count + 2)
        server.admin.DeleteRecurringJob(pb.DeleteRecurringJobRequest(id="tick"), timeout=5)
        jobs = made_by(server, "tick")
        times = sorted(job.run_at.ToMicroseconds() for job in jobs)
        assert len(set(times)) == len(times) and all((at - first) % 500_000 == 0 for at in times), times
        assert all(job.spec.id.startswith("tick:") for job in jobs)
        # Those that it made stay.
        assert {job.state for job in jobs} == {READY}


def test_a_recurring_job_of_the_longest_id_makes_jobs_that_are_found(server, queue):
    """A job's id is as long as that."""
    name = (queue + "-").ljust(128, "r")
    put_recurring(server, id=name, every=duration(0.2), job=spec(queue))
    job_id = until(lambda: made_by(server, name))[0].spec.id
    server.admin.DeleteRecurringJob(pb.DeleteRecurringJobRequest(id=name), timeout=5)
    assert len(job_id) <= 128 and server.job(job_id).recurring_job_id == name
    assert [event.type for event in server.events(job_ids=[job_id])] == [pb.EVENT_TYPE_ENQUEUED]


def test_what_was_missed_meets_overlap_keys_limits_batches_and_pauses():
    with Server() as server:
        seconds = dict(cron="* * * * * *", missed_runs=pb.MISSED_RUNS_ALL)
        limit(server, queue="limited", max_running=1, max_waiting=1)
        put_batch(server, id="batch")
        server.admin.PauseQueue(pb.PauseQueueRequest(queue="paused"), timeout=5)
        put_recurring(server, id="overlap", overlap=pb.OVERLAP_SKIP, job=spec("overlap"), **seconds)
        put_recurring(server, id="unique", job=spec("unique", unique=pb.Uniqueness(key="k")), **seconds)
        put_recurring(server, id="stopped", job=spec("stopped"), paused=True, **seconds)
        for name in ("limited", "paused"):
            put_recurring(server, id=name, job=spec(name), **seconds)
        put_recurring(server, id="batch", job=spec("batch", batch_id="batch"), **seconds)
        until(lambda: made_by(server, "paused"))
        server.kill()
        down = int(time.time()) + 1
        time.sleep(3.2)
        up = int(time.time())
        server.start()
        until(lambda: any(job.run_at.seconds > up for job in made_by(server, "paused")), 20)
        for name in ("limited", "paused", "batch"):
            server.admin.DeleteRecurringJob(pb.DeleteRecurringJobRequest(id=name), timeout=5)
            times = [job.run_at.seconds for job in made_by(server, name)]
            assert times == list(range(times[0], times[-1] - 1, -1)) and set(range(down, up + 1)) <= set(times), "each time once, the oldest first"
        assert len(made_by(server, "overlap")) == len(made_by(server, "unique")) == 1 and not made_by(server, "stopped")
        assert batch(server, "batch").jobs == len(made_by(server, "batch"))
        # The time that passed while it was paused makes no job later either.
        now = time.time()
        put_recurring(server, id="stopped", job=spec("stopped"), **seconds)
        assert until(lambda: made_by(server, "stopped"))[-1].run_at.ToMicroseconds() / 1e6 > now - 1


def test_overlap_looks_at_the_latest_job_only_while_it_is_unfinished(server, queue):
    put_recurring(server, id=queue, every=duration(0.2), overlap=pb.OVERLAP_SKIP, job=spec(queue))
    until(lambda: made_by(server, queue))
    time.sleep(0.7)
    assert len(made_by(server, queue)) == 1
    # Also when paused or overlapping.
    server.admin.TriggerRecurringJob(pb.TriggerRecurringJobRequest(id=queue), timeout=5)
    assert len(made_by(server, queue)) == 2
    with Worker(server, queue, slots=5) as worker:
        for job in worker.take(2):
            worker.succeed(job)
        worker.succeed(worker.job())
    server.admin.DeleteRecurringJob(pb.DeleteRecurringJobRequest(id=queue), timeout=5)


def test_a_recurring_job_may_have_keys_batches_and_limits(server, queue):
    limit(server, concurrency_key=queue, max_running=1)
    put_batch(server, id=f"{queue}-closed", closed=True)
    put_recurring(server, id=queue, every=duration(0.2), job=spec(queue, concurrency_key=queue, batch_id=f"{queue}-closed", unique=pb.Uniqueness(key="one")))
    job = until(lambda: made_by(server, queue))[0]
    # It could not join the batch, and is made all the same; the unique key keeps it the only one.
    assert job.spec.batch_id == "" and job.spec.concurrency_key == queue
    time.sleep(0.6)
    assert len(made_by(server, queue)) == 1
    server.admin.DeleteRecurringJob(pb.DeleteRecurringJobRequest(id=queue), timeout=5)
    unlimit(server, concurrency_key=queue)


@pytest.mark.parametrize("recurring", [
    dict(id="", every=1), dict(id="a b", every=1), dict(id="x" * 129, every=1), dict(id="x", every=0.0999), dict(id="x"),
    dict(id="x", every=1, cron="* * * * *"), dict(id="x", cron="* * * * * * *"), dict(id="x", cron="@reboot"), dict(id="x", cron="@every 1s"),
    dict(id="x", cron="0 0 31 2 *"), dict(id="x", cron="0 0 0 * *"), dict(id="x", cron="* * * * 8"), dict(id="x", cron="5-1 * * * *"),
    dict(id="x", cron="*/0 * * * *"), dict(id="x", cron="0 0 * * MON#6"), dict(id="x", cron="0 0 32W * *"), dict(id="x", every=-1),
], ids=str)
def test_what_is_no_recurring_job_is_refused(server, recurring):
    fields = dict(recurring)
    if "every" in fields:
        fields["every"] = duration(fields["every"])
    asked = pb.RecurringJob(job=spec("q"), **fields)
    assert refused(server.admin.PutRecurringJob, pb.PutRecurringJobRequest(recurring_job=asked)).code() is CODE.INVALID_ARGUMENT
    if fields.get("id") == "x":
        assert refused(server.admin.PreviewRecurringJob, pb.PreviewRecurringJobRequest(recurring_job=asked)).code() is CODE.INVALID_ARGUMENT


def test_previews_look_at_the_schedule_only_and_begin_later_than_after(server):
    def preview(count=0, after=None, **fields):
        request = pb.PreviewRecurringJobRequest(recurring_job=pb.RecurringJob(**fields), count=count)
        if after is not None:
            request.after.FromSeconds(after)
        return [time.ToSeconds() for time in server.admin.PreviewRecurringJob(request, timeout=10).times]

    assert preview(cron="@hourly", after=7200) == [7200 + 3600 * n for n in range(1, 11)]
    assert preview(cron="30 2 29 2 *", after=0, count=2) == [68178600, 194409000]
    assert len(preview(cron="* * * * * *", count=5000)) == 1000
    assert preview(cron="0 3 * * *", time_zone="Europe/Berlin", after=1711753200, count=3) == [1711764000, 1711846800, 1711933200]
    assert preview(cron="0 0 * * 0,7", after=0, count=1) == preview(cron="0 0 * * SUN", after=0, count=1) == [259200]
    assert preview(cron="0 0 13 * FRI", after=0, count=3) == [86400, 691200, 1036800], "either day matches"
