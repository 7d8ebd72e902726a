"""`gkick bench`: every scenario and mode ends, says what it measured and under which durability, and leaves nothing behind."""
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from harness.server import Server, binary, free_port


@pytest.fixture(scope="module")
def server():
    with Server() as running:
        yield running


@pytest.fixture
def bench(server):
    def run(*arguments, code=0, address=None):
        done = subprocess.run(
            [binary(), "bench", *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
            env=os.environ | {"GKICK_ADDRESS": address or server.address})
        assert done.returncode == code, (arguments, done.returncode, done.stdout, done.stderr)
        return done

    return run


# Small, so that they end soon on a busy machine; nothing here looks at how fast it was.
SMALL = ["--jobs", "600", "--connections", "2", "--in-flight", "8", "--workers", "2", "--duration", "60s"]


def documents(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


def stored(server):
    return sum(jobs for line in server.get("/metrics")[1].splitlines()
               if line.startswith("gkick_queue_jobs{") for jobs in [int(line.rsplit(" ", 1)[1])])


@pytest.mark.parametrize("mode", ["unary", "batch", "stream"])
def test_enqueue(server, bench, mode):
    [report] = documents(bench("enqueue", "--mode", mode, "--batch-size", "70", "--queues", "3", "--payload", "1KiB",
                               "--json", "--http", f"127.0.0.1:{server.http_port}", *SMALL))
    assert (report["scenario"], report["jobs"], report["durability"]) == ("enqueue", 600, "SYNCED")
    assert "failed" not in report
    assert report["jobs_per_second"] == pytest.approx(600 / report["seconds"])
    times = report["acknowledged_microseconds"]
    assert 0 < times["p50"] <= times["p99"] <= times["p99.9"] <= times["max"]
    assert report["server_cpu_microseconds_per_job"] >= 0 and report["bench_cpu_microseconds_per_job"] > 0
    assert stored(server) == 0, "the jobs are gone"


@pytest.mark.parametrize("scenario", ["drain", "both"])
@pytest.mark.parametrize("mode", ["unary", "batch", "stream"])
def test_jobs_are_run(server, bench, scenario, mode):
    [report] = documents(bench(scenario, "--mode", mode, "--durability", "relaxed", "--json", *SMALL))
    assert (report["scenario"], report["jobs"], report["durability"]) == (scenario, 600, "RELAXED")
    assert report["server_cpu_microseconds_per_job"] is None, "no page to ask at that address"
    assert ("acknowledged_microseconds" in report) == (scenario == "both")
    assert stored(server) == 0


def test_latency_is_of_the_rate_that_was_asked_for(server, bench):
    [report] = documents(bench("latency", "--rate", "200", "--duration", "2s", "--connections", "3", "--workers", "2", "--json"))
    assert (report["jobs"], report["rate"], report["durability"]) == (400, 200, "SYNCED")
    # The last job is meant for 5 ms before the end: however slow the machine is, no earlier.
    assert report["seconds"] > 1.98
    for times in (report["acknowledged_microseconds"], report["started_microseconds"]):
        assert 0 < times["p50"] <= times["p99"] <= times["p99.9"] <= times["max"]
    assert stored(server) == 0


def test_a_stall_of_the_server_shows_in_the_latencies(server, bench):
    """Free of coordinated omission: jobs that were due while the server stood still have waited, each of them."""
    stalled = threading.Event()

    def queues():
        return set(re.findall(r'"(bench-\d+-\d+-\d+-\d+)"', server.get("/metrics")[1]))

    before = queues()

    def stall():
        # Once jobs of this run have come in: its queue is there.
        while queues() == before:
            time.sleep(0.01)
        server.process.send_signal(signal.SIGSTOP)
        threading.Timer(1.0, lambda: (server.process.send_signal(signal.SIGCONT), stalled.set())).start()

    thread = threading.Thread(target=stall, daemon=True)
    thread.start()
    [report] = documents(bench("latency", "--rate", "50", "--duration", "6s", "--json", "--timeout", "60s"))
    assert stalled.wait(10) and report["jobs"] == 300
    # A second of six without answers: a sixth of all jobs were due in it and waited for its end, which is far more than one in a
    # hundred. A bench that waits for an answer before it goes on would have a few slow ones at most.
    assert report["acknowledged_microseconds"]["max"] > 900_000
    assert report["acknowledged_microseconds"]["p99"] > 500_000


def test_all_scenarios_as_a_table(server, bench):
    done = bench("--rate", "100", "--duration", "1s", "--jobs", "300", "--http", f"127.0.0.1:{server.http_port}")
    lines = done.stdout.splitlines()
    assert lines[0].split()[0] == "SCENARIO" and lines[0].split()[-1] == "DURABILITY"
    assert [line.split()[0] for line in lines[1:]] == ["enqueue", "drain", "both", "latency"]
    assert all(line.split()[-1] == "SYNCED" and line.split()[-2].endswith("µs") for line in lines[1:])
    assert "store embedded" in done.stderr and "\x1b" not in done.stdout + done.stderr


def test_jobs_can_be_kept(server, bench):
    bench("enqueue", "--keep", *SMALL)
    assert stored(server) == 600


def test_jobs_that_fail(server, bench):
    done = bench("enqueue", "--payload", "2MiB", "--jobs", "3", code=4)
    assert "payload" in done.stderr


@pytest.mark.parametrize("arguments", [
    ["nothing"], ["--mode", "fast"], ["--jobs", "0"], ["--in-flight", "-1"], ["--batch-size", "1001"], ["--payload", "1TiB"],
    ["--duration", "soon"], ["--rate", "0"], ["--http", "nowhere"], ["--durability", "hopeful"],
])
def test_wrong_command_lines(bench, arguments):
    assert "Error" in bench(*arguments, code=64).stderr


def test_no_server(bench):
    assert "gkick server" in bench("--timeout", "3s", address=f"127.0.0.1:{free_port()}", code=69).stderr
