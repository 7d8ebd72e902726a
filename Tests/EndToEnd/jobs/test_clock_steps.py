"""Somebody sets the clock, forwards and back: spans are kept, and only what was asked for by the clock follows it."""
import os
import shutil
import subprocess
import time

import pytest
from google.protobuf.duration_pb2 import Duration
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker

# Adds the seconds in a file to what the clocks say that can be set, and to no other.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static long step(void) {
  char text[32] = {0};
  int file = open(getenv("CLOCK_STEP"), O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  long count = read(file, text, sizeof text - 1);
  close(file);
  return count > 0 ? atol(text) : 0;
}
int clock_gettime(clockid_t clock, struct timespec *time) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int code = real(clock, time);
  if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) time->tv_sec += step();
  return code;
}
int gettimeofday(struct timeval *time, void *zone) {
  struct timespec now;
  (void)zone;
  clock_gettime(CLOCK_REALTIME, &now);
  time->tv_sec = now.tv_sec;
  time->tv_usec = now.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
"""
pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


@pytest.fixture
def stepped(tmp_path):
    """A server, and what steps its clock by so many seconds from the true time."""
    (tmp_path / "shim.c").write_text(SHIM)
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", tmp_path / "shim.so", tmp_path / "shim.c", "-ldl"], check=True)
    steps = tmp_path / "step"
    steps.write_text("0")

    def step(seconds):
        (tmp_path / "next").write_text(str(seconds))
        os.replace(tmp_path / "next", steps)

    with Server(lease="2s", environment={"LD_PRELOAD": str(tmp_path / "shim.so"), "CLOCK_STEP": str(steps)}) as server:
        if server.leader:
            pytest.skip("one server's clock")
        yield server, step


def delayed(server, queue, seconds):
    request = pb.ScheduleRequest(job=pb.JobSpec(queue=queue, name="t"), delay=Duration(seconds=seconds))
    return server.jobs.Schedule(request, timeout=10).job_id


@pytest.mark.parametrize("hours", [(1,), (-1,), (2, 0, -2, 0), (24 * 365, -24 * 365)])
def test_leases_and_waits_are_spans(stepped, hours):
    server, step = stepped
    with Worker(server, "held", slots=2) as worker:
        jobs = [server.enqueue("held"), server.enqueue("held", timeout=Duration(seconds=60))]
        held = worker.take(2)
        waiting = server.jobs.WaitJob.future(pb.WaitJobRequest(job_id=jobs[0]), timeout=60)
        # It waits on, and answers when there is something, whatever the clock says.
        fetching = server.work.Fetch.future(
            pb.FetchRequest(worker_id="f", queues=[pb.QueueSubscription(queue="later")], max_wait=Duration(seconds=40)), timeout=50)
        for hour in hours:
            step(hour * 3600)
            end = time.monotonic() + 3
            while time.monotonic() < end:
                time.sleep(0.3)
                for job in jobs:
                    assert (server.job(job).state, server.job(job).lost) == (pb.JOB_STATE_RUNNING, 0)
            assert not waiting.done() and not fetching.done()
            # What is put off by a span now is not over.
            later = server.job(delayed(server, "put-off", 600))
            assert later.state == pb.JOB_STATE_SCHEDULED
            assert abs(later.run_at.seconds - later.created_at.seconds - 600) <= 1
        server.enqueue("later")
        assert len(fetching.result(timeout=10).jobs) == 1
        assert all(worker.succeed(job) == 0 for job in held)
        assert waiting.result(timeout=10).job.state == pb.JOB_STATE_SUCCEEDED
        assert worker.ended is None
    for job in jobs:
        done = server.job(job)
        assert (done.state, done.attempt, done.lost) == (pb.JOB_STATE_SUCCEEDED, 1, 0)


def test_a_time_of_the_clock_follows_it(stepped):
    server, step = stepped
    job = delayed(server, "q", 600)
    step(3600)
    with Worker(server, "q") as worker:
        assert worker.job(timeout=10).lease.job_id == job


@pytest.mark.parametrize("seconds", [0, -1, 253_402_300_799, 2**62])
def test_a_failures_time_that_cannot_be_is_put_right(stepped, seconds):
    """A worker's clock is nobody else's: what it says is not refused."""
    server, _ = stepped
    with Worker(server, "q") as worker:
        job = server.enqueue("q")
        failure = pb.Failure(type="E", message="m", retryable=False)
        failure.at.seconds = seconds
        assert worker.outcome(worker.job(), failure=failure) == 0
    told = server.job(job)
    assert told.state == pb.JOB_STATE_DEAD
    assert told.created_at.seconds <= told.failures[-1].at.seconds <= int(time.time()) + 1
