"""StreamEvents: order, cursors, filters, late readers, heartbeats."""
import threading
import time

import grpc
import pytest

from harness.stubs import pb
from harness.worker import Worker, duration


def follow(server, stop, timeout=30, **request):
    """Events as they come until `stop(found)`."""
    found = []
    call = server.jobs.StreamEvents(pb.StreamEventsRequest(**request), timeout=timeout)
    for batch in call:
        found.extend(batch.events)
        if stop(found):
            break
    call.cancel()
    return found


def names(events):
    return [pb.EventType.Name(event.type).removeprefix("EVENT_TYPE_") for event in events]


def run_jobs(server, queue, count):
    ids = [server.enqueue(queue) for _ in range(count)]
    with Worker(server, queue, slots=5) as worker:
        for _ in ids:
            worker.succeed(worker.job(), wait=False)
        worker.until(lambda: len(worker.results) >= count, "results")
    return ids


def test_events_tell_the_whole_story_in_order(server, queue):
    job_id = server.enqueue(queue, "story", retry=pb.RetryPolicy(initial_backoff=duration(0.1)))
    with Worker(server, queue) as worker:
        worker.fail(worker.job(), "E", "m")
        worker.succeed(worker.job())
    events = server.events(job_ids=[job_id])
    assert names(events) == ["ENQUEUED", "STARTED", "FAILED", "ENQUEUED", "STARTED", "SUCCEEDED"]
    assert {event.queue for event in events} == {queue} and {event.name for event in events} == {"story"}
    assert [event.attempt for event in events][1::2][0] == 1
    failed = events[2]
    assert failed.failure.type == "E" and failed.HasField("next_run_at") and events[1].worker_id == worker.id
    cursors = [int(event.cursor) for event in events]
    assert cursors == sorted(set(cursors))
    times = [event.at.ToNanoseconds() for event in events]
    assert times == sorted(times)


def test_from_now_on_means_from_now_on(server, queue):
    server.enqueue(queue, "before")
    found = []
    ready = threading.Event()

    def watch():
        call = server.jobs.StreamEvents(pb.StreamEventsRequest(queues=[queue]), timeout=10)
        for batch in call:
            ready.set()
            found.extend(batch.events)
            if found:
                call.cancel()
                return

    thread = threading.Thread(target=watch)
    thread.start()
    assert ready.wait(6), "the first message says at once where now is"
    server.enqueue(queue, "after")
    thread.join(5)
    assert [event.name for event in found] == ["after"]


def test_a_scheduled_job_says_when(server, queue):
    job = server.jobs.Schedule(pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t"), delay=duration(0.3)))
    events = follow(server, lambda found: len(found) == 2, after_cursor="0", job_ids=[job.job_id])
    assert names(events) == ["SCHEDULED", "ENQUEUED"] and events[0].next_run_at == job.run_at
    assert events[1].at.ToNanoseconds() >= job.run_at.ToNanoseconds()


def test_every_cursor_resumes_without_gap_or_double(server, queue):
    run_jobs(server, queue, 20)
    everything = server.events(queues=[queue])
    assert len(everything) == 60
    for index, event in enumerate(everything):
        if index == len(everything) - 1:
            continue
        rest = follow(server, lambda found: len(found) >= len(everything) - index - 1,
                      after_cursor=event.cursor, queues=[queue])
        assert [one.cursor for one in rest] == [one.cursor for one in everything[index + 1:]]


def test_the_batch_cursor_resumes_too(server, queue):
    everything, cursor = [], "0"
    run_jobs(server, queue, 10)
    for _ in range(200):
        call = server.jobs.StreamEvents(pb.StreamEventsRequest(after_cursor=cursor, queues=[queue]), timeout=10)
        batch = next(batch for batch in call if batch.cursor != cursor)
        call.cancel()
        everything += batch.events
        cursor = batch.cursor
        if len(everything) >= 30:
            break
    assert len({event.cursor for event in everything}) == len(everything) == 30


def test_filters(server, queue):
    other = queue + "other"
    a = server.enqueue(queue, "a")
    server.enqueue(queue, "b")
    server.enqueue(other, "a")
    server.jobs.CancelJob(pb.CancelJobRequest(job_id=a))
    assert len(server.events(queues=[queue])) == 3
    assert len(server.events(queues=[queue, other])) == 4
    assert len(server.events(queues=[queue, other], names=["a"])) == 3
    assert names(server.events(queues=[queue], types=[pb.EVENT_TYPE_CANCELED])) == ["CANCELED"]
    assert len(server.events(job_ids=[a])) == 2
    tagged = server.enqueue(queue, batch_id=f"batch-{queue}")
    assert [event.job_id for event in server.events(batch_id=f"batch-{queue}")] == [tagged]


def test_workers_come_and_go(server, queue):
    with Worker(server, queue, worker_id=f"w{queue}"):
        pass
    deadline = time.time() + 5
    while time.time() < deadline:
        seen = [event for event in server.events(types=[30, 31]) if event.worker_id == f"w{queue}"]
        if len(seen) == 2:
            break
        time.sleep(0.1)
    assert names(seen) == ["WORKER_CONNECTED", "WORKER_DISCONNECTED"]


def test_a_heartbeat_carries_the_cursor(server, queue):
    call = server.jobs.StreamEvents(pb.StreamEventsRequest(queues=[queue + "silent"]), timeout=20)
    first = next(iter(call))
    assert first.cursor and not first.events
    second = next(iter(call))
    assert not second.events and int(second.cursor) >= int(first.cursor)
    call.cancel()


@pytest.mark.parametrize("bad", [
    dict(after_cursor="x"), dict(after_cursor="-1"), dict(after_cursor="9" * 40), dict(types=[99]),
    dict(after_cursor="٣"),
])
def test_bad_requests(server, bad):
    with pytest.raises(grpc.RpcError) as refusal:
        next(iter(server.jobs.StreamEvents(pb.StreamEventsRequest(**bad), timeout=5)))
    assert refusal.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert next(iter(bad)) in refusal.value.details()


def test_sixty_thousand_events_to_a_reader_that_reads_late(server, queue):
    """The stream is opened first and not read while 60,000 events happen: none may be missing, and none kept in memory for it."""
    call = server.jobs.StreamEvents(pb.StreamEventsRequest(queues=[queue]), timeout=120)
    reader = iter(call)
    next(reader)
    before = server.resident_mib()
    for _ in range(20):
        requests = [pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t")) for _ in range(1000)]
        server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=requests, durability=pb.DURABILITY_RELAXED))
    done = 0
    while done < 20_000:
        jobs = server.work.Fetch(pb.FetchRequest(
            worker_id="late", queues=[pb.QueueSubscription(queue=queue)], max_jobs=1000, lease=duration(60))).jobs
        outcomes = [pb.Outcome(lease=job.lease, success=pb.Success()) for job in jobs]
        results = server.work.Report(pb.ReportRequest(worker_id="late", outcomes=outcomes)).results
        assert all(one.status_code == 0 for one in results)
        done += len(jobs)
    grown = server.resident_mib() - before
    seen, steps = 0, {}
    last = 0
    for batch in reader:
        for event in batch.events:
            assert int(event.cursor) > last
            last = int(event.cursor)
            steps.setdefault(event.job_id, []).append(event.type)
            seen += 1
        if seen >= 60_000:
            break
    call.cancel()
    assert seen == 60_000 and len(steps) == 20_000
    assert set(map(tuple, steps.values())) == {(pb.EVENT_TYPE_ENQUEUED, pb.EVENT_TYPE_STARTED, pb.EVENT_TYPE_SUCCEEDED)}
    assert grown < 120, f"the server grew by {grown:.0f} MiB"
