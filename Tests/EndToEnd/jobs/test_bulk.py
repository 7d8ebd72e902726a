"""ChangeJobs: count, retry, cancel or delete all that match; ListServers; the filters of ListJobs."""
import time

import grpc
import pytest

from harness.asking import CANCELED, DEAD, READY, RUNNING, SCHEDULED, at, enqueue, refused, schedule, spec
from harness.stubs import pb
from harness.worker import Worker, duration

COUNT, RETRY, CANCEL, DELETE = 1, 2, 3, 4


def change(server, action, **rest):
    return server.admin.ChangeJobs(pb.ChangeJobsRequest(action=action, **rest), timeout=30).changed


def many(server, queue, count, **rest):
    jobs = [pb.ScheduleRequest(job=spec(queue, **rest)) for _ in range(count)]
    return [result.job_id for result in server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=jobs), timeout=20).results]


def test_counts_cancels_and_deletes_more_than_a_page(server, queue):
    many(server, queue, 700)
    assert change(server, COUNT, queue=queue) == 700
    assert change(server, COUNT, queue=queue, states=[SCHEDULED]) == 0
    assert change(server, CANCEL, queue=queue, reason="no longer wanted") == 700
    assert change(server, CANCEL, queue=queue) == 0, "final ones are passed over"
    assert change(server, COUNT, queue=queue, states=[CANCELED]) == 700
    assert change(server, DELETE, queue=queue, states=[READY]) == 0
    assert change(server, DELETE, queue=queue) == 700
    assert change(server, COUNT, queue=queue) == 0


def test_retries_what_can_be_retried(server, queue):
    with Worker(server, queue, slots=3) as worker:
        ids = many(server, queue, 3, retry=pb.RetryPolicy(max_attempts=2, initial_backoff=duration(600)))
        for job in worker.take(3):
            worker.fail(job)
        worker.send(drain=True)
        worker.end()
    ready = enqueue(server, queue).job_id
    assert change(server, COUNT, queue=queue, states=[pb.JOB_STATE_RETRYING]) == 3
    assert change(server, RETRY, queue=queue, reset_attempts=True) == 3
    assert all(server.job(job_id).state == READY and server.job(job_id).attempt == 0 for job_id in ids)
    assert change(server, RETRY, queue=queue) == 0 and server.job(ready).state == READY


def test_running_jobs_are_told_to_stop_and_not_deleted(server, queue):
    running, waiting = many(server, queue, 2)
    with Worker(server, queue) as worker:
        job = worker.job()
        assert server.job(running).state == RUNNING
        assert change(server, DELETE, queue=queue) == 1
        assert change(server, CANCEL, queue=queue) == 1
        assert worker.cancellation().reason == "canceled"
        worker.outcome(job, canceled=True)
        assert server.job(running).state == CANCELED
        assert refused(server.jobs.GetJob, pb.GetJobRequest(job_id=waiting)).code() is grpc.StatusCode.NOT_FOUND


def test_every_filter(server, queue):
    plain = enqueue(server, queue).job_id
    named = enqueue(server, queue, name="other").job_id
    keyed = enqueue(server, queue, concurrency_key="c").job_id
    fair = enqueue(server, queue, fairness_key="f").job_id
    batched = enqueue(server, queue, batch_id=f"batch-{queue}").job_id
    later = schedule(server, queue, 600).job_id
    time.sleep(0.05)
    middle = at(0)
    time.sleep(0.05)
    last = enqueue(server, queue).job_id
    assert change(server, COUNT, queue=queue) == 7
    assert change(server, COUNT, queue=queue, name="other") == 1
    assert change(server, COUNT, queue=queue, concurrency_key="c") == 1
    assert change(server, COUNT, batch_id=f"batch-{queue}") == 1
    assert change(server, COUNT, queue=queue, states=[SCHEDULED]) == 1
    assert change(server, COUNT, queue=queue, created_before=middle) == 6
    assert change(server, DELETE, queue=queue, created_before=middle) == 6
    assert server.job(last).state == READY
    for job_id in (plain, named, keyed, fair, batched, later):
        assert refused(server.jobs.GetJob, pb.GetJobRequest(job_id=job_id)).code() is grpc.StatusCode.NOT_FOUND


def test_filters_of_lists(server, queue):
    keyed = enqueue(server, queue, concurrency_key=f"c-{queue}").job_id
    fair = enqueue(server, queue, fairness_key=f"f-{queue}").job_id
    enqueue(server, queue)

    def listed(**rest):
        return [job.spec.id for job in server.jobs.ListJobs(pb.ListJobsRequest(**rest)).jobs]

    assert listed(concurrency_key=f"c-{queue}") == [keyed] and listed(fairness_key=f"f-{queue}") == [fair]
    assert listed(queue=queue, recurring_job_id="none") == []


@pytest.mark.parametrize("bad", [dict(), dict(action=9), dict(action=COUNT, states=[99]), dict(action=COUNT, queue="a b"),
                                 dict(action=COUNT, batch_id="a b")])
def test_bad_changes(server, bad):
    error = refused(server.admin.ChangeJobs, pb.ChangeJobsRequest(**bad))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert (list(bad)[-1] if bad else "action") in error.details()


@pytest.mark.parametrize("action, state", [(CANCEL, CANCELED), (RETRY, READY)])
def test_what_was_done_before_the_call_ended_stays_done(server, queue, action, state):
    many(server, queue, 1000)
    if action == RETRY:
        assert change(server, CANCEL, queue=queue) == 1000
    call = server.admin.ChangeJobs.future(pb.ChangeJobsRequest(action=action, queue=queue))
    end = time.monotonic() + 10
    while change(server, COUNT, queue=queue, states=[state]) == 0 and time.monotonic() < end:
        time.sleep(0.005)
    call.cancel()
    time.sleep(0.2)
    done = change(server, COUNT, queue=queue, states=[state])
    assert done > 0
    time.sleep(0.3)
    assert change(server, COUNT, queue=queue, states=[state]) == done, "nothing goes on for a caller who has gone"
    assert change(server, action, queue=queue) == 1000 - done


def test_a_list_of_servers(server, queue):
    info = server.admin.GetServerInfo(pb.GetServerInfoRequest())

    def asked():
        servers = server.admin.ListServers(pb.ListServersRequest()).servers
        return servers, next(one for one in servers if one.server_id == info.server_id)

    with Worker(server, queue):
        servers, own = asked()
        # Where servers share a store each tells the others once a second.
        end = time.monotonic() + 5
        while own.workers == 0 and time.monotonic() < end:
            time.sleep(0.05)
            servers, own = asked()
    assert own.version == info.version and own.started_at == info.started_at and own.workers >= 1
    assert abs(own.last_seen_at.seconds - time.time()) < 30
    if server.store_kind == "embedded":
        assert len(servers) == 1 and own.leads and own.address == server.address


def test_abandoned_lists_do_not_go_on(server, queue):
    """60 lists that find nothing, given up at once: who asks for one job does not wait for them."""
    job_id = many(server, queue, 1000)[0]
    calls = [server.jobs.ListJobs.future(pb.ListJobsRequest(queue=f"{queue}-none"), timeout=0.05) for _ in range(60)]
    for call in calls:
        call.exception()
    began = time.monotonic()
    assert server.job(job_id).state == READY
    assert time.monotonic() - began < 2


def test_abandoned_purges_do_not_go_on(server, queue):
    """Eight sweeps through other queues, given up at once: the next one does not wait for them."""
    for _ in range(5):
        many(server, f"{queue}-other", 1000)
    calls = [server.admin.PurgeQueue.future(pb.PurgeQueueRequest(queue=f"{queue}-other", states=[DEAD])) for _ in range(8)]
    for call in calls:
        call.cancel()
    enqueue(server, queue)
    began = time.monotonic()
    assert server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=queue), timeout=10).deleted == 1
    assert time.monotonic() - began < 2


def test_a_queue_is_forgotten_once_it_is_empty(server, queue):
    def known():
        return queue in [one.name for one in server.admin.ListQueues(pb.ListQueuesRequest(prefix=queue)).queues]

    def delete():
        server.admin.DeleteQueue(pb.DeleteQueueRequest(queue=queue), timeout=5)

    request = pb.DeleteQueueRequest(queue=queue)
    assert refused(server.admin.DeleteQueue, request).code() is grpc.StatusCode.NOT_FOUND
    server.admin.PauseQueue(pb.PauseQueueRequest(queue=queue))
    delete()
    assert not known()
    enqueue(server, queue)
    assert refused(server.admin.DeleteQueue, request).code() is grpc.StatusCode.FAILED_PRECONDITION
    with Worker(server, queue) as worker:
        assert worker.succeed(worker.job()) == 0
    error = refused(server.admin.DeleteQueue, request)
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION and queue in error.details(), "finished jobs count"
    server.admin.PurgeQueue(pb.PurgeQueueRequest(queue=queue))
    assert known(), "with its totals"
    delete()
    assert not known()
    enqueue(server, queue)
    one = next(one for one in server.admin.ListQueues(pb.ListQueuesRequest(prefix=queue)).queues if one.name == queue)
    assert (one.ready, one.succeeded_total, one.paused) == (1, 0, False)
    assert refused(server.admin.DeleteQueue, pb.DeleteQueueRequest()).code() is grpc.StatusCode.INVALID_ARGUMENT
