"""GetJob, ListJobs, WaitJob, ExplainJob."""
import threading
import time

import grpc
import pytest

from harness.stubs import pb
from harness.worker import Worker, duration


def listed(server, **request):
    """All pages; the ids in the order given."""
    ids, token = [], ""
    while True:
        page = server.jobs.ListJobs(pb.ListJobsRequest(page_token=token, **request), timeout=10)
        ids += [job.spec.id for job in page.jobs]
        token = page.next_page_token
        if not token:
            return ids


def batch(server, queue, count, **spec):
    requests = [pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t", **spec)) for _ in range(count)]
    return [one.job_id for one in server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=requests)).results]


def test_newest_first_by_pages(server, queue):
    ids = batch(server, queue, 25)
    assert listed(server, queue=queue, page_size=7) == ids[::-1]
    assert listed(server, queue=queue) == ids[::-1]
    first = server.jobs.ListJobs(pb.ListJobsRequest(queue=queue, page_size=25))
    assert len(first.jobs) == 25


def test_pages_stay_right_while_jobs_come_and_go(server, queue):
    ids = batch(server, queue, 100)
    seen, token = [], ""
    while True:
        page = server.jobs.ListJobs(pb.ListJobsRequest(queue=queue, page_size=10, page_token=token))
        seen += [job.spec.id for job in page.jobs]
        token = page.next_page_token
        if not token:
            break
        batch(server, queue, 3)
        server.jobs.DeleteJob(pb.DeleteJobRequest(job_id=seen[-1]))
    assert len(set(seen)) == len(seen), "a job came twice"
    assert set(ids) <= set(seen), "a job that was there all the time was left out"


def test_filters(server, queue):
    ready = server.enqueue(queue, "a")
    other = server.enqueue(queue, "b")
    later = server.jobs.Schedule(pb.ScheduleRequest(
        job=pb.JobSpec(queue=queue, name="a"), delay=duration(60))).job_id
    canceled = server.enqueue(queue, "b")
    server.jobs.CancelJob(pb.CancelJobRequest(job_id=canceled))
    assert listed(server, queue=queue, states=[pb.JOB_STATE_READY]) == [other, ready]
    assert listed(server, queue=queue, states=[pb.JOB_STATE_SCHEDULED, pb.JOB_STATE_CANCELED]) == [canceled, later]
    assert listed(server, queue=queue, name="a") == [later, ready]
    assert listed(server, queue=queue + "none") == []
    assert ready in listed(server, page_size=1000)


@pytest.mark.parametrize("bad", [
    dict(page_token="nonsense"), dict(page_token="\x7f" * 300), dict(states=[99]),
    dict(queue="a b"),
])
def test_bad_list_requests(server, bad):
    with pytest.raises(grpc.RpcError) as refusal:
        server.jobs.ListJobs(pb.ListJobsRequest(**bad), timeout=5)
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert next(iter(bad)) in refusal.value.details()


@pytest.mark.parametrize("job_id", ["", "x", "0192f7a0-0000-7000-8000-000000000000", "a b", "x" * 1000])
def test_unknown_and_impossible_ids(server, job_id):
    with pytest.raises(grpc.RpcError) as refusal:
        server.jobs.GetJob(pb.GetJobRequest(job_id=job_id), timeout=5)
    assert refusal.value.code() in (grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT)


def test_wait_answers_when_the_job_is_final(server, queue):
    job_id = server.enqueue(queue)
    found = []
    thread = threading.Thread(target=lambda: found.append((server.wait(job_id, timeout=20), time.time())))
    thread.start()
    with Worker(server, queue) as worker:
        job = worker.job()
        time.sleep(0.3)
        assert not found
        began = time.time()
        worker.succeed(job, b"r")
        thread.join(5)
    job, ended = found[0]
    assert job.state == pb.JOB_STATE_SUCCEEDED and job.result == b"r" and ended - began < 0.5
    assert server.wait(job_id).result == b"r", "of a final job it answers at once"


def test_wait_answers_before_the_deadline_with_the_state_so_far(server, queue):
    job_id = server.enqueue(queue)
    began = time.time()
    assert server.wait(job_id, timeout=1).state == pb.JOB_STATE_READY
    assert 0.3 < time.time() - began < 1.0


def reasons(server, job_id):
    response = server.jobs.ExplainJob(pb.ExplainJobRequest(job_id=job_id))
    return response, [reason.hindrance for reason in response.reasons]


def test_explain_says_why(server, queue):
    job_id = server.enqueue(queue, "n")
    response, hindrances = reasons(server, job_id)
    assert hindrances == [pb.HINDRANCE_NO_WORKER] and response.reasons[0].text
    with Worker(server, queue, names=["other"]):
        assert reasons(server, job_id)[1] == [pb.HINDRANCE_NO_WORKER]
    with Worker(server, queue) as worker:
        running = worker.job()
        assert reasons(server, job_id)[1] == []
        second, third = server.enqueue(queue, "n"), server.enqueue(queue, "n")
        assert pb.HINDRANCE_WORKERS_BUSY in reasons(server, second)[1]
        response, hindrances = reasons(server, third)
        assert response.jobs_ahead == 1 and pb.HINDRANCE_JOBS_AHEAD in hindrances
        server.admin.PauseQueue(pb.PauseQueueRequest(queue=queue))
        assert pb.HINDRANCE_QUEUE_PAUSED in reasons(server, second)[1]
        assert server.job(second).waiting_reason
        server.admin.ResumeQueue(pb.ResumeQueueRequest(queue=queue))
        worker.succeed(running)
    later = server.jobs.Schedule(pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="n"), delay=duration(60)))
    response, hindrances = reasons(server, later.job_id)
    assert hindrances[0] == pb.HINDRANCE_NOT_DUE
    assert response.reasons[0].not_before == later.run_at
    server.jobs.CancelJob(pb.CancelJobRequest(job_id=later.job_id))
    assert reasons(server, later.job_id)[1] == []
