"""`gkick work` is the worker of every language: no program and no signal may break it."""
import ctypes
import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from harness.server import Server, binary, free_port
from harness.stubs import pb


def state(server, job_id):
    return pb.JobState.Name(server.job(job_id).state)[len("JOB_STATE_"):]


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end
        time.sleep(0.02)


def running(server, job_id):
    until(lambda: state(server, job_id) == "RUNNING")


# --- C.1 programs that use their pipes as they like -----------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 100_000])
def test_programs_that_do_not_read_their_input(server, work, size):
    with work("--queue", f"unread-{size}", "--exec", "true", "--concurrency", "8") as worker:
        ids = [server.enqueue(f"unread-{size}", payload=b"x" * size, retry=pb.RetryPolicy(max_attempts=1)) for _ in range(100)]
        for job_id in ids:
            assert server.wait(job_id, 30).state == pb.JOB_STATE_SUCCEEDED, worker.said
        assert worker.process.poll() is None


@pytest.mark.parametrize("script,result", [
    ("head -c 10", b"x" * 10),                                  # reads 10 bytes of 70,000
    ("exec <&-; sleep 0.1; echo closed", b"closed\n"),
    ("exec >&-; exec 2>&-; cat >/dev/null; sleep 0.1", b""),
    ("exec <&- >&- 2>&- 3>&-; sleep 0.2", b""),
    ("sleep 5 & echo here", b"here\n"),                       # what it started keeps the pipes
    ("true", b""),
    ("head -c 3000000 /dev/zero >&2; echo much was said", b"much was said\n"),
    ("yes | head -c 200000 >&3; echo reported", b"reported\n"),
])
def test_every_use_of_the_pipes_ends_one_job(server, work, script, result):
    with work("--queue", "pipes", "--exec", script) as worker:
        job_id = server.enqueue("pipes", payload=b"x" * 70_000, retry=pb.RetryPolicy(max_attempts=1))
        job = server.wait(job_id, 20)
        assert (job.state, job.result) == (pb.JOB_STATE_SUCCEEDED, result), (job, worker.said)
        assert worker.process.poll() is None


def test_100_mb_of_output_fail_one_job(server, work):
    with work("--queue", "flood", "--exec", 'if [ "$GKICK_JOB_NAME" = flood ]; then head -c 100000000 /dev/zero; else echo fine; fi') as worker:
        flood = server.enqueue("flood", name="flood", retry=pb.RetryPolicy(max_attempts=1))
        job = server.wait(flood, 60)
        assert job.state == pb.JOB_STATE_DEAD
        assert job.failures[-1].message == "result of 95.4 MiB, at most 1 MiB"
        memory = pathlib.Path(f"/proc/{worker.process.pid}/statm").read_text().split()[1]
        assert int(memory) * os.sysconf("SC_PAGESIZE") < 200 << 20
        assert server.wait(server.enqueue("flood"), 20).result == b"fine\n"


def test_a_result_over_the_servers_limit_is_the_jobs_failure(server, work):
    """The worker takes more than this server does: the job fails, the worker and its other jobs go on."""
    script = 'case "$GKICK_JOB_NAME" in large) head -c 1500000 /dev/zero;; *) sleep 1; echo fine;; esac'
    with work("--queue", "large", "--exec", script, "--max-result", "4MiB", "--concurrency", "2"):
        beside = server.enqueue("large", retry=pb.RetryPolicy(max_attempts=1, max_lost=1))
        large = server.enqueue("large", name="large", retry=pb.RetryPolicy(max_attempts=1))
        job = server.wait(large, 30)
        assert job.state == pb.JOB_STATE_DEAD and job.lost == 0, job
        assert server.wait(beside, 20).state == pb.JOB_STATE_SUCCEEDED


# --- C.2 the end ------------------------------------------------------------------------------------------------------------

STUBBORN = """trap '' TERM; echo $$ >"$PIDS"; (trap '' TERM; while :; do sleep 0.1; done) & echo $! >>"$PIDS"; while :; do sleep 0.1; done"""


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] not in "ZX"
    except FileNotFoundError:
        return False


@pytest.fixture
def stubborn(server, work, tmp_path):
    """A worker whose program and that program's child ignore SIGTERM, with a job that runs."""
    pids = tmp_path / "pids"

    def start(queue, *arguments, code=0):
        worker = work("--queue", queue, "--exec", STUBBORN, *arguments, code=code, env={"PIDS": str(pids)})
        job_id = server.enqueue(queue)
        until(lambda: pids.exists() and len(pids.read_text().split()) == 2)
        return worker, job_id, [int(word) for word in pids.read_text().split()]

    return start


def test_a_canceled_program_that_ignores_sigterm_is_killed_with_its_children(server, stubborn):
    worker, job_id, pids = stubborn("ignore-cancel", "--grace", "500ms")
    with worker:
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id), timeout=10)
        assert server.wait(job_id, 15).state == pb.JOB_STATE_CANCELED
        until(lambda: not any(alive(pid) for pid in pids), 5)


def test_a_worker_that_drains_kills_what_does_not_end_and_reports_it(server, stubborn):
    worker, job_id, pids = stubborn("ignore-drain", "--grace", "500ms", "--drain-timeout", "300ms")
    with worker:
        worker.signal()
        assert worker.process.wait(15) == 0
    assert not any(alive(pid) for pid in pids)
    job = server.job(job_id)
    assert (job.state, job.attempt, job.lost) == (pb.JOB_STATE_READY, 0, 0), "given back: neither lost nor an attempt"


def test_a_second_signal_ends_at_once_and_gives_the_jobs_back(server, stubborn):
    worker, job_id, pids = stubborn("twice", "--grace", "60s", "--drain-timeout", "60s", "--resume-window", "60s", code=None)
    with worker:
        worker.signal()
        worker.wait_for("told to end")
        started = time.monotonic()
        worker.signal()
        worker.process.wait(5)
        assert time.monotonic() - started < 3
    assert not any(alive(pid) for pid in pids)
    job = server.job(job_id)
    assert (job.state, job.attempt, job.lost) == (pb.JOB_STATE_READY, 0, 0)


def test_children_that_clean_up_have_their_time(server, work, tmp_path):
    """The shell ends by SIGTERM at once; what it has started is not killed before the grace is over."""
    done = tmp_path / "done"
    script = f"(trap 'sleep 0.5; touch {done}; exit 0' TERM; touch {tmp_path}/on; while :; do sleep 0.05; done) & wait"
    with work("--queue", "clean", "--exec", script, "--grace", "20s"):
        job_id = server.enqueue("clean")
        until((tmp_path / "on").exists)
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job_id), timeout=10)
        assert server.wait(job_id, 10).state == pb.JOB_STATE_CANCELED
        assert done.exists()


# --- C.3 much said; orphans -------------------------------------------------------------------------------------------------


def test_the_end_of_what_is_said_is_the_failures_message(server, work):
    script = "i=0; while [ $i -lt 60000 ]; do echo line $i of many words that nobody reads >&2; i=$((i+1)); done; echo the cause >&2; exit 1"
    with work("--queue", "words", "--exec", script) as worker:
        job = server.wait(server.enqueue("words", retry=pb.RetryPolicy(max_attempts=1)), 60)
        message = job.failures[-1].message
        assert message.endswith("line 59999 of many words that nobody reads\nthe cause") and len(message) <= 2_000
        passed_on = [line for line in worker.said.splitlines() if line.startswith("line ")]
        assert len(passed_on) == 60_000, "all of it is passed on"


def adopt_orphans():
    """What process 1 of a container does: PR_SET_CHILD_SUBREAPER, which the program that is started then keeps."""
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def zombies_of(pid):
    found = []
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(") ", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid and fields[0] == "Z":
            found.append(stat.parent.name)
    return found


def test_orphans_are_reaped_by_the_worker(server, work):
    with work("--queue", "orphans", "--exec", "(sleep 0.1 &) ; (sleep 0.1 &) ; true", preexec=adopt_orphans) as worker:
        for job_id in [server.enqueue("orphans") for _ in range(30)]:
            assert server.wait(job_id, 20).state == pb.JOB_STATE_SUCCEEDED
        time.sleep(0.5)
        assert zombies_of(worker.process.pid) == []


def test_orphans_are_reaped_by_the_server():
    def orphaned():
        adopt_orphans()
        # A child of what becomes the server, which ends later.
        if os.fork() == 0:
            os.closerange(0, 256)
            time.sleep(1)
            os._exit(0)

    with Server(preexec=orphaned) as server:
        time.sleep(1.5)
        assert zombies_of(server.process.pid) == []


# --- C.4 a worker that was killed -------------------------------------------------------------------------------------------


def test_the_resume_window(server, work):
    for queue, flags, at_least, at_most in [("window", [], 4, 8), ("window-short", ["--resume-window", "1s"], 0.5, 4)]:
        with work("--queue", queue, "--exec", "sleep 60", *flags, code=None) as worker:
            job_id = server.enqueue(queue)
            running(server, job_id)
            os.killpg(worker.process.pid, signal.SIGKILL)
            started = time.monotonic()
            until(lambda: state(server, job_id) != "RUNNING")
            assert at_least <= time.monotonic() - started <= at_most, queue


# --- C.5 what it says of its server -----------------------------------------------------------------------------------------


def test_connected_is_said_once_it_is(server, work):
    with work("--queue", "said", "--exec", "true") as worker:
        worker.wait_for(f"connected to {server.address}")


def test_a_server_that_is_away_is_said_once_and_its_coming(tmp_path, work):
    port = free_port()
    with work("--exec", "true", address=f"127.0.0.1:{port}") as worker:
        worker.wait_for("connection refused")
        time.sleep(3)
        assert worker.said.count("connection refused") == 1 and "gkick server" in worker.said and "rying again" in worker.said
        assert "connected to" not in worker.said
        late = Server(data=tmp_path / "data", start=False)
        late.port = port
        with late.start():
            worker.wait_for("connected to")
        worker.wait_for("connection refused", 10)


def test_why_there_is_no_connection(server, work, tmp_path):
    with work("--exec", "true", "--tls") as worker:
        worker.wait_for("does not speak TLS")
        time.sleep(2)
        assert worker.said.count("does not speak TLS") == 1 and "connected to" not in worker.said
    with work("--exec", "true", address=f"127.0.0.1:{server.http_port}") as worker:
        worker.wait_for("not gRPC")
        assert "--http" in worker.said and "7450" in worker.said and "connected to" not in worker.said


# --- C.6 programs that cannot be started ------------------------------------------------------------------------------------


@pytest.mark.parametrize("command,why", [
    ("no-such-program --flag", "'no-such-program' is not found"), ("./nowhere/run.sh", "'./nowhere/run.sh' is not found"),
    ("{folder}/plain.sh", "is not executable"), ("{folder}", "no file"), ("if true; then", "yntax error"),
])
def test_what_cannot_be_started_is_refused(gkick, tmp_path, command, why):
    (tmp_path / "plain.sh").write_text("#!/bin/sh\n")
    said = gkick("work", "--exec", command.format(folder=tmp_path), code=64).stderr
    assert "--exec" in said and why in said


@pytest.mark.parametrize("command", ["if true; then :; fi", "A=1 sh -c :", "'true' x", "cd / && ls", "exec cat", "{ :; }"])
def test_what_the_shell_can_do_is_not_refused(server, work, command):
    with work("--queue", "shell", "--exec", command):
        assert server.wait(server.enqueue("shell"), 20).state == pb.JOB_STATE_SUCCEEDED


def test_a_program_that_is_gone_later_costs_no_attempt(server, work, tmp_path):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho made\n")
    program.chmod(0o755)
    for queue, spoil in [("gone", program.unlink), ("barred", lambda: program.chmod(0o644))]:
        if not program.exists():
            program.write_text("#!/bin/sh\necho made\n")
        program.chmod(0o755)
        with work("--queue", queue, "--exec", str(program), "--snooze", "300ms") as worker:
            worker.wait_for("connected")
            spoil()
            job_id = server.enqueue(queue, retry=pb.RetryPolicy(max_attempts=1))
            worker.wait_for("cannot be started")
            assert not server.job(job_id).failures
            program.write_text("#!/bin/sh\necho made\n")
            program.chmod(0o755)
            job = server.wait(job_id, 20)
            assert (job.result, job.attempt) == (b"made\n", 1)


# --- C.7 what the program is told, and can tell -----------------------------------------------------------------------------


def test_metadata_are_in_the_environment(server, work):
    script = 'echo "$GKICK_METADATA_TRACE_ID|$GKICK_METADATA_TENANT_7|$GKICK_METADATA__|${GKICK_METADATA_OLD-none}"'
    with work("--queue", "meta", "--exec", script, env={"GKICK_METADATA_OLD": "from the worker's own"}):
        job_id = server.enqueue("meta", metadata={"trace-id": "a b", "tenant.7": "ü\n=", "é": "accent"})
        assert server.wait(job_id, 20).result.decode() == "a b|ü\n=|accent|none\n"


def test_progress_and_log_lines(server, work):
    script = """echo 'progress 40 half way' >&3; echo 'a line for the log' >"$GKICK_REPORT"; sleep 1; echo done"""
    with work("--queue", "progress", "--exec", script) as worker:
        job_id = server.enqueue("progress")
        until(lambda: server.job(job_id).progress.percent == 40)
        assert server.job(job_id).progress.message == "half way"
        assert server.wait(job_id, 20).result == b"done\n"
        worker.wait_for("a line for the log")
        assert job_id in next(line for line in worker.said.splitlines() if "a line for the log" in line)


def test_log_lines_for_programs(server, work):
    script = "echo 'said \"this\"' >&2; echo 'reported' >&3; exit 1"
    with work("--queue", "json", "--exec", script, "--log-format", "json") as worker:
        job_id = server.enqueue("json", retry=pb.RetryPolicy(max_attempts=1))
        server.wait(job_id, 20)
        until(lambda: "failed" in worker.said)
    lines = [json.loads(line) for line in worker.said.splitlines()]
    assert {"time", "level", "message"} <= set(lines[0])
    said = next(line for line in lines if line["message"] == 'said "this"')
    assert (said["job.id"], said["stream"]) == (job_id, "stderr")
    assert any(line["message"] == "reported" and line["job.id"] == job_id for line in lines)
    assert any(line["message"].startswith("connected to") for line in lines)


def test_a_worker_whose_standard_error_is_closed_works_on(server):
    """Who read the log has gone: that ends no job."""
    ours, its = socket.socketpair()
    process = subprocess.Popen([binary(), "work", "--queue", "deaf", "--exec", "echo words >&2; echo fine"], stdin=subprocess.DEVNULL,
                               stdout=its, stderr=its, env=os.environ | {"GKICK_ADDRESS": server.address})
    its.close()
    ours.close()
    try:
        for _ in range(3):
            assert server.wait(server.enqueue("deaf"), 20).result == b"fine\n"
        assert process.poll() is None
    finally:
        process.terminate()
        assert process.wait(20) == 0
