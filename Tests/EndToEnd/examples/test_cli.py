"""The command line as its users type it."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.server import Server, binary, free_port  # noqa: E402


@pytest.fixture(scope="module")
def server():
    with Server(lease="10s") as running:
        yield running


@pytest.fixture
def gkick(server):
    def run(*arguments, stdin=None, code=0, address=None):
        done = subprocess.run(
            [binary(), *arguments], input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True,
            text=True, timeout=60, env=os.environ | {"GKICK_ADDRESS": address or server.address})
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return done

    return run


def test_a_job_from_beginning_to_end(server, gkick):
    job_id = gkick("enqueue", "cli.echo", "hello", "--queue", "cli-life").stdout.strip()
    assert job_id in gkick("jobs", "--queue", "cli-life").stdout
    job = json.loads(gkick("job", job_id, "--json").stdout)
    assert (job["state"], job["payload"], job["queue"]) == ("READY", "hello", "cli-life")
    assert "no worker" in gkick("job", job_id, "--explain").stdout
    worker = subprocess.Popen(
        [binary(), "work", "--queue", "cli-life", "--exec", 'tr a-z A-Z; echo ":$GKICK_JOB_NAME:$GKICK_JOB_ATTEMPT"'],
        env=os.environ | {"GKICK_ADDRESS": server.address}, stdin=subprocess.DEVNULL)
    try:
        assert gkick("wait", job_id, "--for", "20s").stdout == "HELLO:cli.echo:1\n"
        assert "cli-life" in gkick("workers").stdout
    finally:
        worker.terminate()
        assert worker.wait(20) == 0
    events = [json.loads(line) for line in gkick("events", "--after", "0", "--job", job_id, "--limit", "3", "--json").stdout.splitlines()]
    assert [event["type"] for event in events] == ["ENQUEUED", "STARTED", "SUCCEEDED"]


def test_exit_codes_of_the_program_decide(server, gkick):
    script = 'case "$(cat)" in never) echo broken >&2; exit 65;; *) exit 1;; esac'
    worker = subprocess.Popen([binary(), "work", "--queue", "cli-fail", "--exec", script],
                              env=os.environ | {"GKICK_ADDRESS": server.address}, stdin=subprocess.DEVNULL)
    try:
        never = gkick("enqueue", "x", "never", "--queue", "cli-fail").stdout.strip()
        assert "broken" in gkick("wait", never, "--for", "20s", code=2).stderr
        once = gkick("enqueue", "x", "once", "--queue", "cli-fail", "--max-attempts", "1").stdout.strip()
        assert "DEAD" in gkick("wait", once, "--for", "20s", code=2).stderr
    finally:
        worker.terminate()
        assert worker.wait(20) == 0
    assert len(gkick("jobs", "--queue", "cli-fail", "--state", "dead", "--json").stdout.splitlines()) == 2
    assert "2 jobs" in gkick("retry", "--queue", "cli-fail").stdout
    assert "2 jobs" in gkick("purge", "cli-fail", "--yes").stdout


def test_a_canceled_job_stops_its_program(server, gkick):
    worker = subprocess.Popen([binary(), "work", "--queue", "cli-cancel", "--exec", "sleep 60"],
                              env=os.environ | {"GKICK_ADDRESS": server.address}, stdin=subprocess.DEVNULL)
    try:
        job_id = gkick("enqueue", "x", "--queue", "cli-cancel").stdout.strip()
        gkick("events", "--after", "0", "--job", job_id, "--type", "started", "--limit", "1")
        gkick("cancel", job_id, "--reason", "no longer wanted")
        gkick("wait", job_id, "--for", "15s", code=2)
        assert json.loads(gkick("job", job_id, "--json").stdout)["state"] == "CANCELED"
    finally:
        worker.terminate()
        assert worker.wait(20) == 0


def test_many_lines_are_many_jobs(gkick):
    lines = "".join(f"payload {number}\n" for number in range(2_500))
    ids = gkick("enqueue", "line", "--lines", "--queue", "cli-lines", stdin=lines).stdout.split()
    assert len(set(ids)) == 2_500
    assert len(gkick("jobs", "--queue", "cli-lines", "--limit", "0", "--json").stdout.splitlines()) == 2_500
    queue = [json.loads(line) for line in gkick("queues", "--json").stdout.splitlines()]
    assert next(one["ready"] for one in queue if one["name"] == "cli-lines") == 2_500


def test_scheduled_paused_resumed_deleted(gkick):
    job_id = gkick("schedule", "--in", "1h", "later", "--queue", "cli-later").stdout.strip()
    assert json.loads(gkick("job", job_id, "--json").stdout)["state"] == "SCHEDULED"
    gkick("delete", job_id)
    assert "no job" in gkick("job", job_id, code=3).stderr
    gkick("pause", "cli-later")
    assert "paused" in gkick("queues").stdout
    gkick("resume", "cli-later")
    assert "paused" not in gkick("queues").stdout


def test_pictures_of_top(gkick):
    out = gkick("top", "--count", "2", "--every", "100ms").stdout
    assert out.count("gKick") == 2 and "QUEUE" in out


@pytest.mark.parametrize("arguments", [
    ["enqueue"], ["schedule", "x"], ["schedule", "--in", "soon", "x"], ["jobs", "--state", "lost"],
    ["events", "--type", "nothing"], ["retry"], ["work"], ["work", "--exec", "true", "--concurrency", "0"],
    ["info", "--address", "nowhere"], ["info", "--timeout", "fast"], ["enqueue", "x", "--metadata", "nothing"],
])
def test_wrong_command_lines(gkick, arguments):
    assert "Error" in gkick(*arguments, code=64).stderr


def test_refused_by_the_server(gkick):
    assert "queue" in gkick("enqueue", "x", "--queue", "no spaces", code=4).stderr


def test_no_server(gkick):
    said = gkick("info", "--timeout", "3s", address=f"127.0.0.1:{free_port()}", code=69).stderr
    assert "cannot reach a server" in said and "gkick server" in said
