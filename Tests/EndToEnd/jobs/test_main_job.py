"""The main job: 10,000 files hashed by two workers, while the server and a worker are killed; nothing is lost and the events tell
the whole story."""
import collections
import hashlib
import pathlib
import subprocess
import sys
import threading
import time

import grpc

from harness.server import Server
from harness.stubs import pb

COUNT = 10_000
HERE = pathlib.Path(__file__).parent
FINAL = {pb.EVENT_TYPE_SUCCEEDED, pb.EVENT_TYPE_DEAD, pb.EVENT_TYPE_CANCELED, pb.EVENT_TYPE_EXPIRED}


def files(tmp_path):
    """A tree of 10,000 real files: this project's own, over and over under other names."""
    sources = [path for path in sorted((HERE.parents[2] / "Sources").rglob("*")) if path.is_file()]
    contents = [path.read_bytes() for path in sources]
    paths = []
    for index in range(COUNT):
        path = tmp_path / f"{index % 100:02}" / f"{index}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(f"{index}\n".encode() + contents[index % len(contents)])
        paths.append(path)
    return paths


class Watcher(threading.Thread):
    """Follows all events of the queue, across the server's death."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.events, self.cursors, self.finished = server, collections.defaultdict(list), [], set()
        self.start()

    def run(self):
        cursor = "0"
        with self.server.channel() as channel:
            while len(self.finished) < COUNT:
                try:
                    request = pb.StreamEventsRequest(after_cursor=cursor, queues=["files"])
                    call = pb.JobServiceStub(channel).StreamEvents(request, wait_for_ready=True)
                    for batch in call:
                        for event in batch.events:
                            self.events[event.job_id].append(event)
                            self.cursors.append(int(event.cursor))
                            if event.type in FINAL:
                                self.finished.add(event.job_id)
                        cursor = batch.cursor
                        if len(self.finished) >= COUNT:
                            call.cancel()
                            return
                except grpc.RpcError:
                    time.sleep(0.02)


def produce(server, paths, acknowledged):
    """Unary enqueues with ids of its own, so that an unanswered one can be said again."""
    for index, path in enumerate(paths):
        request = pb.EnqueueRequest(job=pb.JobSpec(
            id=f"file-{index}", queue="files", name="file.sha256", payload=str(path).encode()))
        while True:
            try:
                acknowledged.append(server.jobs.Enqueue(request, timeout=30, wait_for_ready=True).job_id)
                break
            except grpc.RpcError as error:
                assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED), error
                time.sleep(0.02)


def worker(server, name, record):
    return subprocess.Popen(
        [sys.executable, str(HERE / "hashing_worker.py"), server.address, name, str(record)], stdin=subprocess.DEVNULL)


def until(condition, what, timeout=120):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {timeout} s"
        time.sleep(0.02)


def test_ten_thousand_files(tmp_path):
    paths = files(tmp_path)
    with Server() as server:
        watcher = Watcher(server)
        acknowledged = []
        producer = threading.Thread(target=produce, args=(server, paths, acknowledged))
        records = [tmp_path / f"record-{index}" for index in range(3)]
        workers = [worker(server, f"worker-{index}", records[index]) for index in range(2)]
        try:
            producer.start()
            until(lambda: len(watcher.finished) > COUNT // 5, "a fifth")
            server.restart()
            until(lambda: len(watcher.finished) > COUNT // 2, "half")
            workers[1].kill()
            workers[1].wait()
            workers.append(worker(server, "worker-2", records[2]))
            producer.join(120)
            assert len(acknowledged) == COUNT
            until(lambda: len(watcher.finished) == COUNT, "all")
            watcher.join(10)
        finally:
            for process in workers:
                process.kill()
                process.wait()

        # Each ran, and its result is right.
        digests = {f"file-{index}": hashlib.sha256(path.read_bytes()).hexdigest() for index, path in enumerate(paths)}
        ran = collections.Counter()
        for record in records:
            for line in record.read_text().splitlines():
                job_id, digest = line.split()
                assert digests[job_id] == digest
                ran[job_id] += 1
        assert set(ran) == set(digests)
        again = sum(count - 1 for count in ran.values())
        assert again <= 200, f"{again} jobs ran more than once: more than workers held when they or the server were killed"
        token, results = "", {}
        while True:
            page = server.jobs.ListJobs(pb.ListJobsRequest(queue="files", page_size=1000, page_token=token))
            for job in page.jobs:
                assert job.state == pb.JOB_STATE_SUCCEEDED, job
                results[job.spec.id] = job.result.decode()
            token = page.next_page_token
            if not token:
                break
        assert results == digests

        # The events tell the whole story, each once and in order.
        assert watcher.cursors == sorted(set(watcher.cursors))
        for job_id, events in watcher.events.items():
            check_story(job_id, [event.type for event in events])
        assert set(watcher.events) == set(digests)


def check_story(job_id, steps):
    assert steps[0] == pb.EVENT_TYPE_ENQUEUED, (job_id, steps)
    assert steps[-1] == pb.EVENT_TYPE_SUCCEEDED and steps.count(pb.EVENT_TYPE_SUCCEEDED) == 1, (job_id, steps)
    after = {
        pb.EVENT_TYPE_ENQUEUED: {pb.EVENT_TYPE_STARTED},
        # Given back by a worker that never confirmed it, or whose worker went silent.
        pb.EVENT_TYPE_STARTED: {pb.EVENT_TYPE_SUCCEEDED, pb.EVENT_TYPE_LEASE_LOST, pb.EVENT_TYPE_ENQUEUED},
        pb.EVENT_TYPE_LEASE_LOST: {pb.EVENT_TYPE_ENQUEUED, pb.EVENT_TYPE_STARTED},
    }
    for step, following in zip(steps, steps[1:]):
        assert following in after[step], (job_id, steps)
