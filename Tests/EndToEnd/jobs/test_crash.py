"""kill -9, SIGTERM, a full disk, two servers on one store."""
import os
import signal
import subprocess
import threading
import time

import grpc
import pytest

from harness import stores
from harness.calls import stored_start, until
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker, duration


# What these look at lies in the embedded store's folder.
embedded = pytest.mark.skipif(not stores.embedded, reason="is about the embedded store")


@pytest.fixture
def own():
    with Server() as server:
        yield server


def test_everything_acknowledged_survives_kill_9(own):
    ids = [own.enqueue("q", str(n), payload=bytes([n]) * 100, priority=n % 3) for n in range(60)]
    later = own.jobs.Schedule(pb.ScheduleRequest(job=pb.JobSpec(queue="later", name="t"), delay=duration(1.5))).job_id
    own.admin.PauseQueue(pb.PauseQueueRequest(queue="paused"))
    own.jobs.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="u", name="t", unique=pb.Uniqueness(key="k"))))
    with Worker(own, "q", slots=20) as worker:
        done = worker.take(20)[:10]
        for job in done:
            assert worker.succeed(job, b"r" + job.payload) == 0
    before = own.events()
    own.restart()
    for job in done:
        kept = own.job(job.lease.job_id)
        assert kept.state == pb.JOB_STATE_SUCCEEDED and kept.result == b"r" + job.payload
    assert own.jobs.Enqueue(pb.EnqueueRequest(
        job=pb.JobSpec(queue="u", name="t", unique=pb.Uniqueness(key="k")))).duplicate
    queues = {one.name: one for one in own.admin.ListQueues(pb.ListQueuesRequest()).queues}
    assert queues["paused"].paused and queues["q"].succeeded_total == 10
    after = own.events()
    assert [event.cursor for event in after][:len(before)] == [event.cursor for event in before]
    assert after[:len(before)] == before
    # What ran when it died comes again after its lease, the rest at once; the scheduled one on time.
    with Worker(own, ["q", "later"], slots=100) as worker:
        jobs = worker.take(51, timeout=10)
        assert {job.lease.job_id for job in jobs} == {later} | set(ids) - {job.lease.job_id for job in done}
        for job in jobs:
            assert worker.succeed(job) == 0


def test_events_resume_across_kill_9_without_gap_or_double(own):
    for n in range(30):
        own.enqueue("q", str(n))
    first = own.events()
    middle = first[len(first) // 2].cursor
    own.restart()
    for n in range(30):
        own.enqueue("q", str(n))
    rest = own.events(after_cursor=middle)
    everything = own.events()
    assert [event.cursor for event in everything if int(event.cursor) > int(middle)] == [event.cursor for event in rest]
    enqueued = [event for event in everything if event.type == pb.EVENT_TYPE_ENQUEUED]
    assert len(enqueued) == 60
    # Numbers may be left out where a server began anew, so that none that was shown is ever another event's; they rise.
    cursors = [int(event.cursor) for event in everything]
    assert cursors == sorted(set(cursors))


def test_a_watcher_that_reconnects_misses_nothing(own):
    seen, stop = [], threading.Event()

    def watch():
        cursor = "0"
        channel = own.channel()
        while not stop.is_set():
            try:
                call = pb.JobServiceStub(channel).StreamEvents(
                    pb.StreamEventsRequest(after_cursor=cursor), wait_for_ready=True)
                for batch in call:
                    seen.extend(batch.events)
                    cursor = batch.cursor
                    if stop.is_set():
                        call.cancel()
                        return
            except grpc.RpcError:
                time.sleep(0.02)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    acknowledged = []
    for round_ in range(4):
        end = time.time() + 0.5
        while time.time() < end:
            acknowledged.append(own.enqueue("q"))
        own.restart()
    acknowledged.append(own.enqueue("q"))
    deadline = time.time() + 20
    while time.time() < deadline and (not seen or seen[-1].job_id != acknowledged[-1]):
        time.sleep(0.1)
    stop.set()
    own.enqueue("q")
    thread.join(10)
    enqueued = [event.job_id for event in seen if event.type == pb.EVENT_TYPE_ENQUEUED]
    assert set(acknowledged) <= set(enqueued) and len(set(enqueued)) == len(enqueued)
    cursors = [int(event.cursor) for event in seen]
    assert cursors == sorted(set(cursors))


def test_a_worker_resumes_across_kill_9(own):
    job_id = own.enqueue("q")
    worker = Worker(own, "q", resume=10)
    job = worker.job()
    stored_start(own, job_id)
    own.restart()
    with Worker(own, "q", worker_id=worker.id, resume=10, held=[job.lease]) as again:
        assert not again.welcome.lost
        assert again.succeed(job, b"r") == 0
    done = own.job(job_id)
    assert (done.state, done.attempt, done.result) == (pb.JOB_STATE_SUCCEEDED, 1, b"r")
    worker.close()


def test_what_was_scheduled_while_the_server_was_down_is_ready_at_once(own):
    job_id = own.jobs.Schedule(pb.ScheduleRequest(job=pb.JobSpec(queue="q", name="t"), delay=duration(0.5))).job_id
    own.kill()
    time.sleep(0.7)
    own.start()
    with Worker(own, "q") as worker:
        assert worker.job().lease.job_id == job_id


def test_sigterm_tells_workers_takes_outcomes_and_ends_with_0(own):
    job_id = own.enqueue("q")
    waiting = own.enqueue("q")
    worker = Worker(own, "q")
    job = worker.job()
    watcher = own.jobs.StreamEvents(pb.StreamEventsRequest())
    next(iter(watcher))
    own.process.send_signal(signal.SIGTERM)
    worker.until(lambda: worker.draining, "drain", 3)
    assert own.get("/readyz")[0] in (0, 503)
    assert own.process.poll() is None, "it waits for the running job"
    assert worker.succeed(job, b"late but taken") == 0
    assert worker.end(5) is grpc.StatusCode.OK
    assert own.process.wait(10) == 0, own.log()
    own.start()
    assert own.job(job_id).result == b"late but taken"
    assert own.job(waiting).state == pb.JOB_STATE_READY
    worker.close()


def test_an_idle_server_ends_at_once(own):
    began = time.time()
    assert own.terminate() == 0
    assert time.time() - began < 2


def test_the_drain_has_an_end():
    with Server("--drain-timeout", "1s") as own:
        job_id = own.enqueue("q")
        worker = Worker(own, "q")
        worker.job()
        began = time.time()
        assert own.terminate() == 0
        assert 0.8 < time.time() - began < 6
        worker.close()
        own.start()
        assert own.job(job_id).state in (pb.JOB_STATE_RUNNING, pb.JOB_STATE_READY)


def test_a_second_signal_ends_it_at_once(own):
    own.enqueue("q")
    worker = Worker(own, "q")
    worker.job()
    own.process.send_signal(signal.SIGTERM)
    worker.until(lambda: worker.draining, "drain", 3)
    own.process.send_signal(signal.SIGINT)
    assert own.process.wait(2) == 128 + signal.SIGINT
    worker.close()


@embedded
def test_two_servers_do_not_share_an_embedded_store(own):
    other = Server(data=own.data, start=False)
    refused = subprocess.run(other.command(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert refused.returncode not in (0, None) and refused.returncode > 0
    assert str(own.data) in refused.stderr, refused.stderr
    assert own.enqueue("q")


@embedded
def test_a_store_that_is_not_ours_is_refused(tmp_path):
    for name, content in (("text", b"this is no database " * 100),):
        folder = tmp_path / name
        folder.mkdir()
        # Whatever the file is called, find out from a store that was made properly.
        with Server(data=folder) as own:
            own.enqueue("q")
            own.terminate()
        for file in folder.iterdir():
            if file.stat().st_size > 4096 or file.suffix in (".db", ".sqlite"):
                file.write_bytes(content)
        other = Server(data=folder, start=False)
        refused = subprocess.run(other.command(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
        assert refused.returncode > 0 and "Fatal error" not in refused.stderr, refused.stderr
        assert str(folder) in refused.stderr


@embedded
def test_a_log_that_is_gone_after_a_crash_is_told_and_counted(own):
    own.enqueue("q")
    own.kill()
    for path in own.data.glob("gkick.log.*"):
        path.write_bytes(bytes(path.stat().st_size))
    own.start()
    assert "is lost" in own.log() and "\ngkick_store_findings 1\n" in own.get("/metrics")[1], own.log()
    own.restart()
    assert "is lost" not in own.log() and "\ngkick_store_findings 0\n" in own.get("/metrics")[1], own.log()


@embedded
def test_a_store_whose_files_are_gone_is_not_begun_anew_without_a_word(own):
    own.enqueue("q")
    own.kill()
    for path in own.data.glob("gkick.*"):
        path.unlink()
    refused = subprocess.run(own.command(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert refused.returncode > 0 and "a store was here" in refused.stderr, refused.stderr
    assert [path.name for path in own.data.iterdir()] == ["lock"]
    (own.data / "lock").unlink()
    own.start()
    assert len(own.jobs.ListJobs(pb.ListJobsRequest()).jobs) == 0


@embedded
def test_files_that_are_removed_while_the_server_runs(own):
    """What is written to a file that nobody finds again is not acknowledged; a log, which somebody may take for one to be thrown away, is made anew."""
    ids = [own.enqueue("q")]
    elsewhere = own.data.parent / f"{own.data.name}-elsewhere"
    own.data.rename(elsewhere)
    until(lambda: own.get("/readyz")[0] == 503, "not ready")
    assert "was removed" in own.get("/readyz")[1] and "\ngkick_store_up 0\n" in own.get("/metrics")[1]
    with pytest.raises(grpc.RpcError) as refused:
        own.jobs.Enqueue(pb.EnqueueRequest(job={"name": "a", "queue": "q"}), timeout=5)
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    elsewhere.rename(own.data)
    until(lambda: own.get("/readyz")[0] == 200, "ready again")
    ids.append(own.enqueue("q"))
    until(lambda: "the store is well again" in own.log(), "said")
    assert own.log().count("the store fails") == 1, own.log()
    for path in own.data.glob("gkick.log.*"):
        path.unlink()
    ids.append(own.enqueue("q"))
    until(lambda: len(list(own.data.glob("gkick.log.*"))) == 2, "new logs")
    ids.append(own.enqueue("q"))
    own.kill()
    own.start()
    assert sorted(job.spec.id for job in own.jobs.ListJobs(pb.ListJobsRequest()).jobs) == sorted(ids)
    assert "\ngkick_store_findings 0\n" in own.get("/metrics")[1], own.log()


@embedded
def test_a_store_that_is_damaged_is_refused_and_left_as_it_is(own):
    """Told when the jobs are read, long after the database was opened."""
    for _ in range(20):
        own.enqueue("some-queue", "some-name")
    own.terminate()
    database = own.data / "gkick.db"
    content = database.read_bytes()
    place = content.index(b"some-queue")
    database.write_bytes(content[:place] + b"x" + content[place + 1:])
    before = {path.name: path.read_bytes() for path in own.data.iterdir()}
    refused = subprocess.run(own.command(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20)
    assert refused.returncode > 0 and "damaged" in refused.stderr, refused.stderr
    assert before == {path.name: path.read_bytes() for path in own.data.iterdir()}
    database.write_bytes(content)
    own.start()
    assert len(own.jobs.ListJobs(pb.ListJobsRequest()).jobs) == 20


@embedded
def test_a_full_disk_is_said_and_survived(tmp_path):
    """On a small file system of its own, filled to the brim and emptied again."""
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=160m", "tmpfs", str(mount)], capture_output=True)
    if made.returncode != 0:
        pytest.skip("needs to be root to mount a file system")
    try:
        with Server(data=mount / "data") as own:
            acknowledged = [own.enqueue("q", payload=b"x" * 1000) for _ in range(20)]
            (mount / "ballast").write_bytes(b"b" * (80 << 20))
            code = None
            for _ in range(600):
                try:
                    acknowledged.append(own.enqueue("q", payload=b"x" * 200_000))
                except grpc.RpcError as error:
                    code = error.code()
                    break
            assert code in (grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE), code
            assert own.process.poll() is None, own.log()
            assert own.job(acknowledged[0]).state == pb.JOB_STATE_READY, "what is there can be read"
            (mount / "ballast").unlink()
            deadline = time.time() + 15
            while True:
                try:
                    acknowledged.append(own.enqueue("q", payload=b"x" * 1000))
                    break
                except grpc.RpcError as error:
                    assert time.time() < deadline, error.details()
                    time.sleep(0.2)
            own.restart()
            for job_id in acknowledged:
                assert own.job(job_id).state == pb.JOB_STATE_READY
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=False)
