"""The Work stream: pickup, capacity, sequence numbers, fencing, takeover, resuming, draining, heartbeats."""
import asyncio
import statistics
import time

import grpc
import pytest

from harness.crowd import Crowd
from harness.stubs import pb
from harness.worker import Worker

FAILED_PRECONDITION = 9
READY, RUNNING, SUCCEEDED = 2, 3, 5


def test_the_whole_life_of_a_job(server, queue):
    with Worker(server, queue, labels={"host": "h"}) as worker:
        assert worker.welcome.lease.seconds == 2 and 0 < worker.welcome.heartbeat.ToMilliseconds() <= 700
        assert worker.welcome.worker_id and worker.welcome.server_id and worker.welcome.server_version
        job_id = server.enqueue(queue, "mail", b"payload", metadata={"a": "b"}, content_type="text/plain", priority=3)
        job = worker.job()
        assert (job.lease.job_id, job.attempt, job.queue, job.name) == (job_id, 1, queue, "mail")
        assert (job.payload, job.content_type, dict(job.metadata)) == (b"payload", "text/plain", {"a": "b"})
        assert job.priority == 3 and job.max_attempts == 20 and not job.HasField("deadline")
        running = server.job(job_id)
        assert running.state == RUNNING and running.worker_id == worker.id and running.attempt == 1
        assert running.lease_expires_at.ToNanoseconds() / 1e9 > time.time()
        assert worker.succeed(job, b"result") == 0
        done = server.job(job_id)
        assert done.state == SUCCEEDED and done.result == b"result" and done.HasField("finished_at")


def test_an_idle_worker_has_the_job_within_milliseconds(server, queue):
    with Worker(server, queue) as worker:
        times = []
        for _ in range(100):
            began = time.perf_counter()
            server.enqueue(queue)
            job = worker.job()
            times.append(time.perf_counter() - began)
            worker.succeed(job)
    assert statistics.median(times) < 0.020, f"median {statistics.median(times) * 1e3:.1f} ms"


def test_never_more_than_the_slots(server, queue):
    for _ in range(10):
        server.enqueue(queue)
    with Worker(server, queue, slots=3) as worker:
        held = worker.take(3)
        worker.idle()
        # An outcome is also the pull for the next.
        worker.succeed(held.pop())
        held += worker.take(1)
        worker.idle()
        worker.send(capacity=pb.SetCapacity(max_in_flight=0))
        for job in held:
            assert worker.succeed(job) == 0
        worker.idle()
        worker.send(capacity=pb.SetCapacity(max_in_flight=5))
        assert len(worker.take(5)) == 5
        worker.idle()


def test_no_slots_until_said(server, queue):
    server.enqueue(queue)
    with Worker(server, queue, slots=0) as worker:
        worker.idle()
        worker.send(capacity=pb.SetCapacity(max_in_flight=1))
        worker.job()


def test_the_bytes_cap_holds_but_one_job_is_always_allowed(server, queue):
    for size in (5000, 400, 400, 400):
        server.enqueue(queue, payload=b"x" * size)
    with Worker(server, queue, slots=10, max_bytes=1000) as worker:
        big = worker.job()
        assert len(big.payload) == 5000
        worker.idle()
        worker.succeed(big)
        assert sum(len(job.payload) for job in worker.take(2)) == 800
        worker.idle()


def test_messages_are_numbered_without_a_gap(server, queue):
    with Worker(server, queue, slots=2) as worker:
        for _ in range(20):
            server.enqueue(queue)
        for _ in range(20):
            worker.succeed(worker.job())
        assert [message.seq for _, message in worker.messages] == list(range(1, len(worker.messages) + 1))


def test_every_assignment_has_its_own_token_and_an_old_one_changes_nothing(server, queue):
    job_id = server.enqueue(queue)
    first = Worker(server, queue, heartbeat=False)
    old = first.job()
    with Worker(server, queue) as second:
        new = second.job(timeout=6)  # the first says nothing for a lease
        assert new.lease.job_id == job_id and new.lease.token != old.lease.token
        with Worker(server, queue + "none") as other:
            assert other.succeed(old, b"late") == FAILED_PRECONDITION
            assert server.job(job_id).state == RUNNING
            forged = pb.JobLease(job_id=job_id, token=new.lease.token + 1)
            assert other.succeed(forged) == FAILED_PRECONDITION
            assert other.succeed(pb.JobLease(job_id="no-such-job", token=1)) == FAILED_PRECONDITION
        assert second.succeed(new, b"right") == 0
        assert second.succeed(new, b"twice") == FAILED_PRECONDITION
    assert server.job(job_id).result == b"right"
    first.close()


def test_a_silent_worker_loses_its_job_after_the_lease(server, queue):
    job_id = server.enqueue(queue)
    silent = Worker(server, queue, heartbeat=False)
    silent.job()
    began = time.time()
    with Worker(server, queue) as worker:
        job = worker.job(timeout=6)
        waited = time.time() - began
        assert 1.5 < waited < 4, waited
        assert job.attempt >= 1
        worker.succeed(job)
    assert server.job(job_id).lost == 1
    kinds = [event.type for event in server.events(job_ids=[job_id])]
    assert pb.EVENT_TYPE_LEASE_LOST in kinds
    silent.close()


def test_heartbeats_keep_the_job_and_come_back(server, queue):
    server.enqueue(queue)
    with Worker(server, queue) as worker, Worker(server, queue) as rival:
        time.sleep(0.2)
        holder, other = (worker, rival) if worker.jobs else (rival, worker)
        job = holder.job()
        before = len(holder.messages)
        time.sleep(5)
        assert not other.jobs, "the job was given to another although its worker spoke"
        assert len(holder.messages) - before >= 5, "the server says something at least once per heartbeat"
        assert holder.succeed(job) == 0


def test_what_was_not_confirmed_goes_to_others_at_once(server, queue):
    job_id = server.enqueue(queue)
    deaf = Worker(server, queue, ack=False, resume=30)
    deaf.job()
    began = time.time()
    deaf.break_connection()
    with Worker(server, queue) as worker:
        job = worker.job(timeout=1.5)
        assert time.time() - began < 1.5
        assert job.attempt == 1, "an unconfirmed assignment is no attempt"
        worker.succeed(job)
    assert server.job(job_id).lost == 0


def test_without_a_resume_window_a_break_loses_the_job_at_once(server, queue):
    job_id = server.enqueue(queue)
    gone = Worker(server, queue)
    gone.job()
    time.sleep(0.1)  # the confirmation arrives
    gone.break_connection()
    with Worker(server, queue) as worker:
        worker.succeed(worker.job(timeout=1.5))
    job = server.job(job_id)
    assert job.lost == 1 and job.state == SUCCEEDED


def test_a_worker_comes_back_and_goes_on(server, queue):
    job_id = server.enqueue(queue)
    first = Worker(server, queue, resume=5)
    job = first.job()
    time.sleep(0.1)
    first.break_connection()
    with Worker(server, queue) as rival:
        rival.idle(0.5)
        with Worker(server, queue, worker_id=first.id, resume=5, held=[job.lease]) as again:
            assert list(again.welcome.lost) == []
            rival.idle(0.5)
            assert again.succeed(job, b"resumed") == 0
    done = server.job(job_id)
    assert (done.state, done.result, done.attempt, done.lost) == (SUCCEEDED, b"resumed", 1, 0)


def test_after_the_resume_window_others_get_it_and_the_late_one_is_told(server, queue):
    server.enqueue(queue)
    first = Worker(server, queue, resume=0.5)
    job = first.job()
    time.sleep(0.1)
    first.break_connection()
    with Worker(server, queue) as rival:
        taken = rival.job(timeout=3)
        with Worker(server, queue, worker_id=first.id, resume=1, held=[job.lease]) as late:
            assert [lease.token for lease in late.welcome.lost] == [job.lease.token]
            assert late.succeed(job) == FAILED_PRECONDITION
        assert rival.succeed(taken) == 0


def test_what_a_resuming_worker_no_longer_holds_goes_to_others(server, queue):
    server.enqueue(queue)
    first = Worker(server, queue, resume=30)
    first.job()
    time.sleep(0.1)
    first.break_connection()
    with Worker(server, queue + "x", worker_id=first.id, resume=30, held=[]):
        with Worker(server, queue) as rival:
            rival.job(timeout=3)


def test_the_same_id_takes_over_from_a_stream_that_hangs(server, queue):
    job_id = server.enqueue(queue)
    first = Worker(server, queue, worker_id=f"w-{queue}", resume=5)
    job = first.job()
    time.sleep(0.1)
    with Worker(server, queue, worker_id=f"w-{queue}", resume=5, held=[job.lease]) as second:
        assert first.end(3) is grpc.StatusCode.ABORTED
        assert not second.welcome.lost
        assert second.succeed(job) == 0
    assert server.job(job_id).state == SUCCEEDED
    first.close()


def test_a_draining_worker_gets_nothing_new_and_the_call_ends_after_its_last_outcome(server, queue):
    server.enqueue(queue)
    server.enqueue(queue)
    with Worker(server, queue, slots=1) as worker:
        job = worker.job()
        worker.send(drain=True)
        time.sleep(0.2)
        assert worker.ended is None
        assert worker.succeed(job) == 0
        assert worker.end(3) is grpc.StatusCode.OK
        assert not worker.jobs
    assert server.admin.ListQueues(pb.ListQueuesRequest())


def test_a_worker_that_half_closes_is_drained(server, queue):
    with Worker(server, queue) as worker:
        worker.outbox.put(None)
        code = worker.end(5)
        assert code is grpc.StatusCode.OK, (code, worker.details)


@pytest.mark.parametrize("first", [pb.WorkRequest(), pb.WorkRequest(ack_seq=1), pb.WorkRequest(drain=True)])
def test_the_first_message_must_be_hello(server, first):
    with pytest.raises(grpc.RpcError) as refusal:
        list(server.work.Work(iter([first]), timeout=5))
    assert refusal.value.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)


def test_hello_comes_once(server, queue):
    worker = Worker(server, queue)
    worker.send(hello=worker.hello)
    assert worker.end(3) in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)
    worker.close()


def test_five_hundred_workers(server, queue):
    """Each on a connection of its own; every one gets its share."""
    async def run():
        async with Crowd(server, queue, 500) as crowd:
            requests = [pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t")) for _ in range(500)]
            stored = server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=requests)).results
            await crowd.until(lambda one: one.jobs, "a job", 20)
            for one in crowd.members:
                assert len(one.jobs) == 1
                await one.say(outcomes=[pb.Outcome(lease=one.jobs[0].lease, success=pb.Success())])
            await crowd.until(lambda one: one.results, "a result", 20)
            assert all(one.results[0].status_code == 0 for one in crowd.members)
            assert {one.jobs[0].lease.job_id for one in crowd.members} == {one.job_id for one in stored}
            assert len({one.welcome.worker_id for one in crowd.members}) == 500
            # They stay, and hear of the server as often as was promised, no more than that.
            before = [len(one.seqs) for one in crowd.members]
            await asyncio.sleep(4)
            heard = [len(one.seqs) - count for one, count in zip(crowd.members, before)]
            assert min(heard) >= 5 and max(heard) <= 9, (min(heard), max(heard))
            assert all(one.seqs == list(range(1, len(one.seqs) + 1)) for one in crowd.members)

    asyncio.run(run())
