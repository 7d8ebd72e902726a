"""Workers, queues and leases over several servers of one Redis."""
import signal
import time

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from harness.stubs import pb
from harness.worker import Worker, duration

from harness.calls import fetch, refused, server_id, stored_start, succeed, until, workers



def test_every_server_lists_the_workers_of_all(servers):
    a, b = servers(2)
    with Worker(a, "q", worker_id="wa", slots=2, labels={"zone": "one"}), Worker(b, ["q", "p*"], worker_id="wb"):
        for server in (a, b):
            listed = workers(server)
            assert set(listed) == {"wa", "wb"}
            assert listed["wa"].server_id == server_id(a) and listed["wb"].server_id == server_id(b)
            assert listed["wa"].max_in_flight == 2 and dict(listed["wa"].labels) == {"zone": "one"}
            assert list(listed["wb"].queues) == ["q", "p*"]
        a.enqueue("q")
        until(lambda: sum(worker.running for worker in workers(a).values()) == 1, "running job in the list")
        until(lambda: sum(worker.running for worker in workers(b).values()) == 1, "running job in the other list")
        counts = {queue.name: queue.workers for queue in b.admin.ListQueues(pb.ListQueuesRequest()).queues}
        assert counts["q"] == 2
    until(lambda: not workers(a) and not workers(b), "end of the workers")


def test_the_workers_of_a_server_that_died_are_gone_soon(servers):
    a, b = servers(2)
    with Worker(a, "q", worker_id="wa"), Worker(b, "q", worker_id="wb"):
        assert set(workers(b)) == {"wa", "wb"}
        a.kill()
        until(lambda: set(workers(b)) == {"wb"}, "end of the dead server's workers", timeout=15)


def test_a_stream_worker_gets_what_another_server_took_in(servers):
    a, b = servers(2)
    with Worker(b, "q", slots=4) as worker:
        jobs = [a.enqueue("q", payload=bytes([number])) for number in range(20)]
        for _ in jobs:
            assert worker.succeed(worker.job(timeout=15)) == 0
        for job in jobs:
            assert a.wait(job).state == pb.JOB_STATE_SUCCEEDED


def test_a_worker_is_drained_through_any_server(servers):
    a, b = servers(2)
    with Worker(b, "q", worker_id="wb") as worker:
        a.admin.DrainWorker(pb.DrainWorkerRequest(worker_id="wb"), timeout=10)
        assert worker.end(timeout=15) == grpc.StatusCode.OK
        assert worker.draining
    error, _ = refused(lambda: a.admin.DrainWorker(pb.DrainWorkerRequest(worker_id="nobody"), timeout=10))
    assert error.code() == grpc.StatusCode.NOT_FOUND


def test_a_pause_holds_at_every_server_and_so_does_a_cancellation(servers):
    a, b = servers(2)
    with Worker(b, "q", worker_id="wb") as worker:
        a.admin.PauseQueue(pb.PauseQueueRequest(queue="q"), timeout=10)
        until(lambda: {queue.name: queue.paused for queue in b.admin.ListQueues(pb.ListQueuesRequest()).queues}.get("q"),
              "pause at the other server")
        job = a.enqueue("q")
        worker.idle(0.5)
        explained = b.jobs.ExplainJob(pb.ExplainJobRequest(job_id=job), timeout=10)
        assert "paused" in str(explained)
        b.admin.ResumeQueue(pb.ResumeQueueRequest(queue="q"), timeout=10)
        given = worker.job(timeout=15)
        a.jobs.CancelJob(pb.CancelJobRequest(job_id=job), timeout=10)
        assert worker.cancellation(timeout=15).lease == given.lease
        assert worker.outcome(given, canceled=True) == 0
        assert a.wait(job).state == pb.JOB_STATE_CANCELED


def test_what_is_due_is_made_ready_once_by_whichever_server(servers):
    a, b = servers(2)
    at = time.time() + 1
    due = Timestamp(seconds=int(at), nanos=int(at % 1 * 1e9))
    jobs = [
        a.jobs.Schedule(pb.ScheduleRequest(job=pb.JobSpec(queue="q", name="t"), run_at=due), timeout=10).job_id
        for _ in range(20)
    ]
    # The one that took them in is not needed for that.
    a.kill()
    with Worker(b, "q", slots=50) as worker:
        given = worker.take(20, timeout=20)
        assert {one.lease.job_id for one in given} == set(jobs)
        assert time.time() >= at
        for one in given:
            assert worker.succeed(one) == 0
    enqueued = [event.job_id for event in b.events(types=[pb.EVENT_TYPE_ENQUEUED])]
    assert sorted(enqueued) == sorted(jobs)


def test_a_worker_moves_to_another_server_with_what_it_runs(servers):
    """Its server dies without a word; it says at the other one what it holds."""
    a, b = servers(2, lease="10s")
    with Worker(a, "q", worker_id="w", slots=2, resume=30) as first:
        job = a.enqueue("q")
        held = first.job()
        until(lambda: workers(b)["w"].running == 1, "confirmation")
        stored_start(b, job)
        a.process.send_signal(signal.SIGSTOP)
        with Worker(b, "q", worker_id="w", slots=2, resume=30, held=[held.lease]) as second:
            assert not second.welcome.lost
            # The old server comes back, still has the stream, and must take nothing away.
            a.process.send_signal(signal.SIGCONT)
            first.end(timeout=20)
            assert until(lambda: workers(a)["w"].server_id == server_id(b), "the worker at its new server")
            assert second.succeed(held) == 0
    done = a.wait(job)
    assert done.state == pb.JOB_STATE_SUCCEEDED and done.attempt == 1 and done.lost == 0


def test_a_server_that_stood_still_beyond_the_lease_changes_nothing_any_more(servers):
    """Fencing: its worker's job has gone to another; what it says late is refused."""
    a, b = servers(2, lease="2s")
    with Worker(a, "q", worker_id="wa") as old:
        job = b.enqueue("q")
        first = old.job(timeout=15)
        a.process.send_signal(signal.SIGSTOP)
        try:
            with Worker(b, "q", worker_id="wb") as new:
                second = new.job(timeout=20)
                assert second.lease.job_id == job and second.lease.token != first.lease.token
                a.process.send_signal(signal.SIGCONT)
                # It led, and finds out that another does by now: its worker connects again, and hears that the job is not its any more.
                if old.end(timeout=20) is not None:
                    outcome = pb.Outcome(lease=first.lease, success=pb.Success(result=b"late"))
                    report = pb.ReportRequest(worker_id="wa", outcomes=[outcome])
                    (late,) = until(lambda: a.work.Report(report, timeout=10).results, "refusal")
                    assert late.status_code == grpc.StatusCode.FAILED_PRECONDITION.value[0]
                assert b.job(job).state == pb.JOB_STATE_RUNNING
                assert new.succeed(second, result=b"good") == 0
        finally:
            a.process.send_signal(signal.SIGCONT)
    done = until(lambda: a.job(job), "answer of the server that stood still")
    assert done.state == pb.JOB_STATE_SUCCEEDED and done.result == b"good"


def test_unique_keys_and_ids_hold_over_servers(servers):
    a, b = servers(2)
    unique = pb.Uniqueness(key="k")
    first = a.enqueue("q", unique=unique)
    spec = pb.JobSpec(queue="q", name="t", unique=unique)
    again = b.jobs.Enqueue(pb.EnqueueRequest(job=spec), timeout=10)
    assert again.duplicate and again.job_id == first
    succeed(b, "w", fetch(b, "w"))
    assert a.enqueue("q", unique=unique) != first
    same = [server.jobs.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(id="mine", queue="p", name="t")), timeout=10)
            for server in (a, b, a)]
    assert [one.duplicate for one in same] == [False, True, True]


def test_a_job_is_explained_by_what_all_servers_know(servers):
    a, b = servers(2)

    def why(job):
        return [reason.text for reason in a.jobs.ExplainJob(pb.ExplainJobRequest(job_id=job), timeout=10).reasons]

    job = a.enqueue("q", name="mail")
    assert any("no worker takes queue" in text for text in why(job))
    with Worker(b, "q", names=["other"], worker_id="wb"):
        until(lambda: any("no worker takes name" in text for text in why(job)), "name in the reason")
    with Worker(b, "q", worker_id="wc") as worker:
        worker.job(timeout=15)
        waiting = a.enqueue("q", name="mail")
        until(lambda: any("wc" in text and "busy" in text for text in why(waiting)), "busy worker in the reason")
