"""What lasts: every kind of long call, and the events of the web page, through every proxy at once for over two minutes."""
import concurrent.futures
import contextlib
import http.client
import json
import time

from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker, duration
from proxies import envoy, haproxy, haproxy_web, nginx, nginx_web, through

# Longer than the minute after which nginx, and the 50 s after which HAProxy, cut what is silent if they are not told otherwise.
LONG = 125


def live_long(proxied):
    """Every kind of long call at once, for over two minutes."""
    with proxied.channel() as channel, Worker(proxied, "work", slots=4) as worker, concurrent.futures.ThreadPoolExecutor() as pool:
        jobs, work = pb.JobServiceStub(channel), pb.WorkerServiceStub(channel)
        late = jobs.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="late", name="n")), timeout=5).job_id
        started = time.monotonic()

        def watch():
            for batch in jobs.StreamEvents(pb.StreamEventsRequest(job_ids=[late]), timeout=LONG + 60):
                for event in batch.events:
                    if event.type == pb.EVENT_TYPE_CANCELED:
                        return time.monotonic() - started

        def wait():
            answer = jobs.WaitJob(pb.WaitJobRequest(job_id=late), timeout=LONG + 60)
            return answer.job.state, time.monotonic() - started

        def fetch():
            request = pb.FetchRequest(
                worker_id="f", queues=[pb.QueueSubscription(queue="none")], max_jobs=1, max_wait=duration(60))
            return len(work.Fetch(request, timeout=90).jobs), time.monotonic() - started

        def enqueue():
            def requests():
                for pause in (0, LONG):
                    time.sleep(pause)
                    yield pb.EnqueueBatchRequest(jobs=[pb.ScheduleRequest(job=pb.JobSpec(queue="stream", name="n"))])

            return [answer.results[0].job_id for answer in jobs.EnqueueStream(requests(), timeout=LONG + 60)]

        asked = {one.__name__: pool.submit(one) for one in (watch, wait, fetch, enqueue)}
        time.sleep(LONG)
        # The worker's stream is the one that it was.
        job = jobs.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="work", name="n")), timeout=5).job_id
        assigned = worker.job()
        assert assigned.lease.job_id == job and worker.succeed(assigned) == 0 and worker.ended is None
        jobs.CancelJob(pb.CancelJobRequest(job_id=late), timeout=5)
        seen = {name: one.result(60) for name, one in asked.items()}
    assert seen["watch"] >= LONG
    assert seen["wait"][0] == pb.JOB_STATE_CANCELED and seen["wait"][1] >= LONG
    assert seen["fetch"][0] == 0 and 58 <= seen["fetch"][1] < 80
    assert len(seen["enqueue"]) == 2 and all(seen["enqueue"])
    return "lived"


def follow_long(proxied):
    """Server-sent events, with nothing but comments until the end."""
    connection = http.client.HTTPConnection("127.0.0.1", proxied.port, timeout=30)
    started = last = time.monotonic()
    with contextlib.closing(connection), concurrent.futures.ThreadPoolExecutor() as pool:
        connection.request("GET", "/gkick/events?queue=late")
        late = pool.submit(lambda: (time.sleep(LONG), proxied.server.enqueue("late"))[1])
        for line in connection.getresponse():
            # Something comes at least every 10 s.
            assert time.monotonic() - last < 11
            last = time.monotonic()
            if line.startswith(b"data:"):
                assert json.loads(line[5:])["jobId"] == late.result() and last - started >= LONG
                return "lived"


def test_what_lasts(tmp_path):
    with contextlib.ExitStack() as stack:
        def start(make):
            return stack.enter_context(through(make, tmp_path / make.__name__, stack.enter_context(Server(lease="10s"))))

        asked = []
        with concurrent.futures.ThreadPoolExecutor() as pool:
            asked += [pool.submit(live_long, one) for one in map(start, (nginx, haproxy, envoy))]
            asked += [pool.submit(follow_long, one) for one in map(start, (nginx_web, haproxy_web))]
            assert [one.result() for one in asked] == ["lived"] * 5
