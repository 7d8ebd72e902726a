"""Limits, batches, recurring jobs and dependencies by the command line."""
import json
import re
import time

import pytest

from harness.stubs import pb
from harness.worker import duration


def documents(text):
    return [json.loads(line) for line in text.splitlines()]


# --- enqueue ------------------------------------------------------------------------------------------------------------------


def test_enqueue_says_what_it_waits_for_and_its_keys(server, gkick):
    first, second = (gkick("enqueue", "step", "--queue", "flow1").stdout.strip() for _ in range(2))
    third = gkick("enqueue", "step", "--queue", "flow1", "--after", first, "--after", second, "--on-dependency-failure", "run",
                  "--key", "tenant-1", "--fairness-key", "t1", "--batch", "b-enqueue").stdout.strip()
    spec = server.job(third).spec
    assert list(spec.depends_on) == [first, second] and spec.on_dependency_failure == pb.ON_DEPENDENCY_FAILURE_RUN
    assert (spec.concurrency_key, spec.fairness_key, spec.batch_id) == ("tenant-1", "t1", "b-enqueue")
    page = gkick("job", third).stdout
    assert "BLOCKED: waits for 2 of 2 jobs" in page and page.count("depends on") == 2 and "it runs all the same" in page
    assert re.search(r"concurrency +tenant-1", page) and re.search(r"fairness +t1", page) and re.search(r"batch +b-enqueue", page)
    document = json.loads(gkick("job", third, "--json").stdout)
    assert document["depends_on"] == [first, second] and document["dependencies_open"] == 2 and document["on_dependency_failure"] == "RUN"
    assert (document["concurrency_key"], document["fairness_key"], document["batch_id"]) == ("tenant-1", "t1", "b-enqueue")
    explained = json.loads(gkick("job", third, "--explain", "--json").stdout)
    assert explained["reasons"][0] == {"hindrance": "dependency", "text": "waits for 2 of 2 jobs", "job_ids": [first, second]}
    assert explained["job"]["dependencies_open"] == 2
    for flags in (["--key", "tenant-1"], ["--fairness-key", "t1"], ["--batch", "b-enqueue"]):
        assert [job["id"] for job in documents(gkick("jobs", *flags, "--json").stdout)] == [third]


def test_lines_may_wait_and_have_keys_too(server, gkick):
    root = gkick("enqueue", "root", "--queue", "flow2").stdout.strip()
    ids = gkick("enqueue", "leaf", "--queue", "flow2", "--lines", "--after", root, "--key", "k2", stdin=b"a\nb\n").stdout.split()
    for job_id in ids:
        job = server.job(job_id)
        assert job.state == pb.JOB_STATE_BLOCKED and list(job.spec.depends_on) == [root] and job.spec.concurrency_key == "k2"


def test_what_a_limit_refuses_may_be_tried_later(gkick):
    gkick("limits", "put", "--queue", "flow-full", "--max-waiting", "1")
    flags = ["enqueue", "x", "--queue", "flow-full"]
    gkick(*flags)
    assert "Try again later" in gkick(*flags, code=69).stderr
    assert "the limit of queue flow-full" in gkick(*flags, "--lines", stdin=b"a\nb\n", code=69).stderr
    # What is refused for good is not hidden by it.
    assert "content_type" in gkick(*flags, "--lines", "--content-type", "t" * 600, stdin=b"a\n", code=4).stderr
    gkick("limits", "delete", "--queue", "flow-full")


@pytest.mark.parametrize("arguments,code,words", [
    (["enqueue", "x", "--after", "nothing"], 4, "no job nothing"),
    (["enqueue", "x", "--after", "not an id"], 4, "depends_on"),
    (["enqueue", "x", "--on-dependency-failure", "run"], 64, "--after"),
    (["enqueue", "x", "--after", "y", "--on-dependency-failure", "stop"], 64, "cancel or run"),
    (["enqueue", "x", "--key", "k" * 600], 4, "concurrency_key"),
    (["enqueue", "x", "--batch", "a b"], 4, "batch_id"),
    (["limits", "put", "--max-running", "1"], 64, "--key-prefix"),
    (["limits", "put", "--queue", "q", "--key", "k", "--max-running", "1"], 64, "one of --queue"),
    (["limits", "put", "--queue", "q"], 64, "--max-running"),
    (["limits", "put", "--queue", "q", "--max-running", "0"], 64, "gkick limits delete"),
    (["limits", "put", "--queue", "q", "--max-running", "-1"], 64, "--max-running"),
    (["limits", "put", "--queue", "q", "--rate", "5"], 64, "100/1m"),
    (["limits", "put", "--queue", "q", "--rate", "0/1s"], 64, "1 to 1,000,000"),
    (["limits", "put", "--queue", "q", "--rate", "5/1us"], 64, "1ms to 31d"),
    (["limits", "put", "--queue", "q", "--rate", "5/32d"], 64, "1ms to 31d"),
    (["limits", "put", "--queue", "q q", "--max-running", "1"], 4, "limit.queue"),
    (["limits", "delete", "--queue", "nowhere"], 3, "gkick limits"),
    (["limits", "delete"], 64, "--key-prefix"),
    (["limits", "lits"], 64, "gkick limits list"),
    (["batches", "show", "nothing"], 3, "no batch nothing"),
    (["batches", "jobs", "nothing"], 3, "no batch nothing"),
    (["batches", "cancel", "nothing", "--yes"], 3, "no batch nothing"),
    (["batches", "put", "a b"], 4, "batch.id"),
    (["batches", "put", "x", "--description", "d" * 300], 4, "batch.description"),
    (["batches", "put", "x", "--on-finished-payload", "p"], 64, "--on-finished"),
    (["batches", "put", "x", "--queue", "q"], 64, "--on-succeeded"),
    (["batches", "sow"], 64, "gkick batches show"),
    (["cron", "put", "x", "name"], 64, "--cron or --every"),
    (["cron", "put", "x", "name", "--cron", "* * * * *", "--every", "1s"], 64, "--cron or --every"),
    (["cron", "put", "x", "name", "--cron", "61 * * * *"], 64, "61"),
    (["cron", "put", "x", "name", "--cron", "0 0 30 2 *"], 4, "never comes"),
    (["cron", "put", "x", "name", "--cron", "@daily", "--time-zone", "Mars/Base"], 4, "Mars/Base"),
    (["cron", "put", "x", "name", "--every", "1s", "--time-zone", "UTC"], 64, "--time-zone goes with --cron"),
    (["cron", "put", "x", "name", "--every", "99ms"], 64, "100ms"),
    (["cron", "put", "x", "name", "--every", "soon"], 64, "soon"),
    (["cron", "put", "x", "name", "--every", "1s", "--missed", "some"], 64, "one, skip or all"),
    (["cron", "put", "x", "name", "--every", "1s", "--overlap", "no"], 64, "allow or skip"),
    (["cron", "put", "x", "name", "--every", "1s", "--id", "y"], 64, "--id"),
    (["cron", "put", "x", "name", "--every", "1s", "--lines"], 64, "--lines"),
    (["cron", "put", "x y", "name", "--every", "1s"], 4, "recurring_job.id"),
    (["cron", "show", "nothing"], 3, "no recurring job nothing"),
    (["cron", "delete", "nothing"], 3, "gkick cron"),
    (["cron", "trigger", "nothing"], 3, "no recurring job nothing"),
    (["cron", "pause", "nothing"], 3, "no recurring job nothing"),
    (["cron", "next", "nothing"], 3, "no recurring job nothing"),
    (["cron", "next"], 64, "--cron or --every"),
    (["cron", "next", "x", "--cron", "@daily"], 64, "--cron or --every"),
    (["cron", "next", "--cron", "@daily", "--limit", "3"], 64, "the id '3'"),
    (["cron", "next", "--cron", "@daily", "--count", "0"], 64, "1 to 1,000"),
    (["cron", "puse", "x"], 64, "gkick cron pause"),
], ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else None)
def test_what_is_wrong_is_said(gkick, arguments, code, words):
    assert words in gkick(*arguments, code=code).stderr
    document = json.loads(gkick(*arguments, "--json", code=code).stderr)
    assert words in document["error"] and document["exit_code"] == code


def test_an_unknown_flag_of_a_part_is_corrected(gkick):
    said = gkick("cron", "next", "nightly", "--cuont", "3", code=64).stderr
    assert "--count" in said, said
    said = gkick("batches", "--unfinihsed", code=64).stderr
    assert "--unfinished" in said, said


# --- limits -------------------------------------------------------------------------------------------------------------------


def test_limits(server, gkick):
    assert "no limits" in gkick("limits").stderr
    assert "at most 2 run, 100/1m start" in gkick("limits", "put", "--key-prefix", "cli-", "--max-running", "2", "--rate", "100/1m").stdout
    put = json.loads(gkick("limits", "put", "--queue", "cliq", "--max-waiting", "5", "--json").stdout)
    assert put == {"queue": "cliq", "max_waiting": 5}
    gkick("limits", "put", "-k", "one", "--max-running", "1")
    for _ in range(3):
        server.enqueue("cliq", concurrency_key="cli-a")
    server.work.Fetch(pb.FetchRequest(
        worker_id="w", queues=[pb.QueueSubscription(queue="cliq")], max_jobs=3, max_wait=duration(1)), timeout=10)
    there = documents(gkick("limits", "list", "--json").stdout)
    assert [next(iter(limit.items())) for limit in there] == [("queue", "cliq"), ("concurrency_key", "one"), ("concurrency_key_prefix", "cli-")]
    prefix = there[2]
    assert (prefix["running"], prefix["waiting"], prefix["held_back"], prefix["started_in_period"]) == (2, 1, 1, 2)
    assert (prefix["keys"], prefix["busiest_key"], prefix["rate_count"], prefix["rate_period_seconds"]) == (1, "cli-a", 100, 60)
    table = gkick("limits").stdout
    assert "keys cli-*" in table and "100/1m" in table and "HELD BACK" in table
    held = [job for job in documents(gkick("jobs", "--key", "cli-a", "--state", "ready", "--json").stdout)]
    assert held[0]["waiting_reason"] == "2 of 2 running for key cli-a"
    for _ in range(4):
        gkick("enqueue", "x", "--queue", "cliq")
    full = gkick("enqueue", "x", "--queue", "cliq", code=69).stderr
    assert "the limit of queue cliq" in full
    assert "no limit any more" in gkick("limits", "delete", "--queue", "cliq").stdout
    assert json.loads(gkick("limits", "delete", "--key", "one", "--json").stdout) == {"deleted": "key one"}
    gkick("limits", "delete", "--key-prefix", "cli-")
    assert gkick("limits", "--json").stdout == ""


# --- batches ------------------------------------------------------------------------------------------------------------------


def test_batches(server, gkick):
    assert gkick("batches", "put", "cli-7", "--description", "a batch", "--on-succeeded", "report", "--on-succeeded-payload", "7",
                 "--on-finished", "clean", "--queue", "callbacks").stdout == "cli-7\n"
    batch = server.jobs.GetBatch(pb.GetBatchRequest(batch_id="cli-7"), timeout=10).batch
    assert (batch.on_succeeded.name, batch.on_succeeded.payload, batch.on_succeeded.queue) == ("report", b"7", "callbacks")
    assert (batch.on_finished.name, batch.description, batch.closed) == ("clean", "a batch", False)
    ids = gkick("enqueue", "part", "--lines", "--queue", "cli-batch", "--batch", "cli-7", stdin=b"1\n2\n").stdout.split()
    assert json.loads(gkick("batches", "put", "cli-7", "--close", "--json").stdout)["closed"] is True
    assert "closed" in gkick("enqueue", "part", "--batch", "cli-7", code=4).stderr
    jobs = server.work.Fetch(pb.FetchRequest(
        worker_id="w", queues=[pb.QueueSubscription(queue="cli-batch")], max_jobs=2, max_wait=duration(5)), timeout=10).jobs
    server.work.Report(pb.ReportRequest(worker_id="w", outcomes=[pb.Outcome(lease=job.lease, success=pb.Success()) for job in jobs[:1]]), timeout=10)
    document = json.loads(gkick("batches", "show", "cli-7", "--json").stdout)
    assert [document[name] for name in ("jobs", "waiting", "running", "succeeded", "dead", "canceled")] == [2, 0, 1, 1, 0, 0]
    assert {job["id"] for job in documents(gkick("batches", "jobs", "cli-7", "--json").stdout)} == set(ids)
    assert [job["state"] for job in documents(gkick("batches", "jobs", "cli-7", "--state", "succeeded", "--json").stdout)] == ["SUCCEEDED"]
    server.work.Report(pb.ReportRequest(worker_id="w", outcomes=[pb.Outcome(lease=job.lease, success=pb.Success()) for job in jobs[1:]]), timeout=10)
    document = json.loads(gkick("batches", "show", "cli-7", "--json").stdout)
    assert document["finished_at"] and server.job(document["on_succeeded_job_id"]).spec.name == "report"
    page = gkick("batches", "show", "cli-7").stdout
    assert re.search(r"state +finished", page) and document["on_finished_job_id"] in page

    made = gkick("batches", "put").stdout.strip()
    gkick("enqueue", "part", "--batch", made)
    asked = gkick("batches", "cancel", made, code=64).stderr
    assert "cancel 1 job" in asked and "--yes" in asked
    assert json.loads(gkick("batches", "cancel", made, "--yes", "--reason", "no use", "--json").stdout)["canceled"] == 1
    gkick("batches", "put", "still-open")
    unfinished = [batch["id"] for batch in documents(gkick("batches", "list", "--unfinished", "--json").stdout)]
    assert "still-open" in unfinished and made not in unfinished and "cli-7" not in unfinished
    assert [batch["id"] for batch in documents(gkick("batches", "--limit", "1", "--json").stdout)] == ["still-open"]
    assert "may be more" in gkick("batches", "--limit", "1").stderr
    everything = gkick("batches", "--limit", "0").stdout
    assert "cli-7" in everything and "a batch" in everything


# --- recurring jobs -----------------------------------------------------------------------------------------------------------


def test_recurring_jobs(server, gkick):
    assert "no recurring jobs" in gkick("cron").stderr
    said = gkick("cron", "put", "nightly", "report.make", '{"of": "yesterday"}', "--cron", "0 3 * * *", "--time-zone", "Europe/Berlin",
                 "--missed", "all", "--overlap", "skip", "--queue", "reports", "--priority", "-5", "--key", "k", "--max-attempts", "3").stdout
    assert re.search(r"nightly: next at \d{4}-\d\d-\d\dT0[12]:00:00", said)
    job = json.loads(gkick("cron", "show", "nightly", "--json").stdout)
    assert (job["cron"], job["time_zone"], job["name"], job["queue"]) == ("0 3 * * *", "Europe/Berlin", "report.make", "reports")
    assert (job["missed_runs"], job["overlap"], job["paused"], json.loads(job["payload"])) == ("ALL", "SKIP", False, {"of": "yesterday"})
    assert "report.make" in gkick("cron", "show", "nightly").stdout
    assert json.loads(gkick("cron", "put", "often", "tick", "--every", "200ms", "--json").stdout)["every_seconds"] == 0.2
    end = time.monotonic() + 20
    while not (made := documents(gkick("jobs", "--recurring", "often", "--json").stdout)) and time.monotonic() < end:
        time.sleep(0.05)
    assert made[0]["id"].startswith("often:") and made[0]["recurring_job_id"] == "often"

    assert "gkick cron resume often" in gkick("cron", "pause", "often").stdout
    paused = json.loads(gkick("cron", "show", "often", "--json").stdout)
    assert paused["paused"] is True and "next_run_at" not in paused
    triggered = gkick("cron", "trigger", "often").stdout.strip()
    assert server.job(triggered).recurring_job_id == "often"
    assert json.loads(gkick("cron", "resume", "often", "--json").stdout)["next_run_at"]
    table = gkick("cron", "list").stdout
    assert "every 200ms" in table and "Europe/Berlin" in table
    assert [job["id"] for job in documents(gkick("cron", "--json").stdout)] == ["nightly", "often"]
    gkick("cron", "delete", "often")
    assert [job["id"] for job in documents(gkick("cron", "list", "--json").stdout)] == ["nightly"]

    nights = gkick("cron", "next", "nightly", "--count", "3").stdout.split()
    assert len(nights) == 3 and all(re.search(r"T0[12]:00:00.000Z$", night) for night in nights)
    times = [document["at"] for document in documents(gkick("cron", "next", "--cron", "30 12 29 2 *", "-c", "2", "--json").stdout)]
    assert [time[4:] for time in times] == ["-02-29T12:30:00.000Z"] * 2
    assert len(gkick("cron", "next", "--every", "1h").stdout.split()) == 10
