"""Every call for a job in every state that a job can be in."""
import time

import pytest

from harness.asking import (CANCELED, CODE, DEAD, EXPIRED, READY, RETRYING, RUNNING, SCHEDULED, SUCCEEDED, enqueue, put_in, refused)
from harness.stubs import pb
from harness.worker import Worker


# MARK: Every call in every state

@pytest.mark.parametrize("state", range(1, 9))
def test_cancel_in_every_state(server, queue, state):
    job_id, worker = put_in(server, queue, state)
    try:
        if state in (SUCCEEDED, DEAD, EXPIRED):
            error = refused(server.jobs.CancelJob, pb.CancelJobRequest(job_id=job_id))
            assert error.code() is CODE.FAILED_PRECONDITION and server.job(job_id).state == state
            return
        job = server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id, reason="r")).job
        assert job.spec.id == job_id and job.state == (RUNNING if state == RUNNING else CANCELED)
        if worker:
            assert worker.cancellation().lease == worker.held.lease
            assert worker.fail(worker.held) == 0
        assert server.wait(job_id, timeout=3).state == CANCELED
        assert server.job(job_id).HasField("finished_at")
    finally:
        if worker:
            worker.close()


@pytest.mark.parametrize("state", range(1, 9))
@pytest.mark.parametrize("reset", [False, True])
def test_retry_in_every_state(server, queue, state, reset):
    job_id, worker = put_in(server, queue, state)
    try:
        before = server.job(job_id)
        request = pb.RetryJobRequest(job_id=job_id, reset_attempts=reset)
        if state in (SCHEDULED, READY, RUNNING, SUCCEEDED):
            assert refused(server.jobs.RetryJob, request).code() is CODE.FAILED_PRECONDITION
            assert server.job(job_id).state == state
            return
        job = server.jobs.RetryJob(request).job
        assert job.state == READY and not job.HasField("finished_at")
        assert job.attempt == (0 if reset else before.attempt)
        with Worker(server, queue) as runner:
            given = runner.job()
            assert given.lease.job_id == job_id and given.attempt == job.attempt + 1
            assert runner.succeed(given) == 0
        assert server.job(job_id).state == SUCCEEDED
    finally:
        if worker:
            worker.close()


@pytest.mark.parametrize("state", range(1, 9))
def test_delete_in_every_state(server, queue, state):
    job_id, worker = put_in(server, queue, state, unique=pb.Uniqueness(key="k"))
    try:
        if state == RUNNING:
            assert refused(server.jobs.DeleteJob, pb.DeleteJobRequest(job_id=job_id)).code() is CODE.FAILED_PRECONDITION
            return
        server.jobs.DeleteJob(pb.DeleteJobRequest(job_id=job_id))
        assert refused(server.jobs.GetJob, pb.GetJobRequest(job_id=job_id)).code() is CODE.NOT_FOUND
        assert not server.jobs.ListJobs(pb.ListJobsRequest(queue=queue)).jobs
        assert not enqueue(server, queue, unique=pb.Uniqueness(key="k")).duplicate, "its key is free"
    finally:
        if worker:
            worker.close()


def test_a_deleted_chosen_id_can_be_used_again(server, queue):
    for _ in range(2):
        assert not enqueue(server, queue, id=f"again-{queue}").duplicate
        server.jobs.DeleteJob(pb.DeleteJobRequest(job_id=f"again-{queue}"))


def test_wait_for_a_job_that_is_deleted(server, queue):
    job_id = enqueue(server, queue).job_id
    waiting = server.jobs.WaitJob.future(pb.WaitJobRequest(job_id=job_id), timeout=10)
    time.sleep(0.2)
    server.jobs.DeleteJob(pb.DeleteJobRequest(job_id=job_id))
    assert waiting.exception(timeout=3).code() is CODE.NOT_FOUND


def test_wait_with_very_little_time(server, queue):
    job_id = enqueue(server, queue).job_id
    for seconds in (0.06, 0.2, 0.5):
        assert server.jobs.WaitJob(pb.WaitJobRequest(job_id=job_id), timeout=seconds).job.state == READY


# MARK: Explain

def test_the_jobs_in_the_way_are_named_when_few(server, queue):
    with Worker(server, queue) as worker:
        ids = [enqueue(server, queue, priority=-index).job_id for index in range(4)]
        worker.job()
        answer = server.jobs.ExplainJob(pb.ExplainJobRequest(job_id=ids[3]))
        assert answer.jobs_ahead == 2 and answer.job.spec.id == ids[3] and answer.job.waiting_reason
        reasons = {reason.hindrance: reason for reason in answer.reasons}
        assert list(reasons[pb.HINDRANCE_WORKERS_BUSY].job_ids) == [ids[0]]
        assert list(reasons[pb.HINDRANCE_JOBS_AHEAD].job_ids) == ids[1:3]
        many = [enqueue(server, queue).job_id for _ in range(30)]
        answer = server.jobs.ExplainJob(pb.ExplainJobRequest(job_id=ids[3]))
        reasons = {reason.hindrance: reason for reason in answer.reasons}
        assert answer.jobs_ahead == 2 + len(many) and not reasons[pb.HINDRANCE_JOBS_AHEAD].job_ids
        assert all(reason.text for reason in answer.reasons)


def test_a_retrying_job_says_when_it_may_run(server, queue):
    job_id, _ = put_in(server, queue, RETRYING)
    answer = server.jobs.ExplainJob(pb.ExplainJobRequest(job_id=job_id))
    not_due = next(one for one in answer.reasons if one.hindrance == pb.HINDRANCE_NOT_DUE)
    assert not_due.not_before == server.job(job_id).run_at and server.job(job_id).waiting_reason


@pytest.mark.parametrize("state", [RUNNING, SUCCEEDED, DEAD, CANCELED, EXPIRED])
def test_nothing_hinders_what_runs_or_is_final(server, queue, state):
    job_id, worker = put_in(server, queue, state)
    answer = server.jobs.ExplainJob(pb.ExplainJobRequest(job_id=job_id))
    assert not answer.reasons and not answer.jobs_ahead
    if worker:
        worker.close()


# MARK: Lists

def test_every_filter_of_a_list(server, queue):
    tagged = enqueue(server, queue, batch_id=f"b-{queue}", id=f"own-{queue}").job_id
    enqueue(server, queue)
    found = server.jobs.ListJobs(pb.ListJobsRequest(batch_id=f"b-{queue}"))
    assert [job.spec.id for job in found.jobs] == [tagged]
    assert not server.jobs.ListJobs(pb.ListJobsRequest(batch_id=f"b-{queue}", name="other")).jobs
    for state in (RUNNING, RETRYING, SUCCEEDED, DEAD, CANCELED, EXPIRED):
        one = f"{queue}s{state}"
        job_id, worker = put_in(server, one, state)
        page = server.jobs.ListJobs(pb.ListJobsRequest(queue=one, states=[state]))
        assert [job.spec.id for job in page.jobs] == [job_id] and not page.next_page_token
        listed, shown = page.jobs[0], server.job(job_id)
        # A server that was held up renews leases at once, so maybe between the two.
        assert listed.HasField("lease_expires_at") == shown.HasField("lease_expires_at") == (state == RUNNING)
        listed.ClearField("lease_expires_at"), shown.ClearField("lease_expires_at")
        assert listed == shown, "a list shows the whole job"
        others = [other for other in range(1, 9) if other != state]
        assert not server.jobs.ListJobs(pb.ListJobsRequest(queue=one, states=others)).jobs
        if worker:
            worker.close()
