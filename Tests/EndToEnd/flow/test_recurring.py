"""Recurring jobs: every promise of the contract."""
import json
import signal
import subprocess
import time
from datetime import datetime, timezone

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from harness.asking import CODE, refused
from harness.server import Server, binary
from harness.stubs import pb
from harness.worker import Worker, duration


def put(server, id, queue="q", name="t", **recurring):
    job = pb.JobSpec(queue=queue, name=name, payload=b"p")
    return server.admin.PutRecurringJob(pb.PutRecurringJobRequest(
        recurring_job=pb.RecurringJob(id=id, job=job, **recurring)), timeout=5).recurring_job


def shown(server):
    return {one.id: one for one in server.admin.ListRecurringJobs(pb.ListRecurringJobsRequest(page_size=1000), timeout=5).recurring_jobs}


def made(server, id):
    return list(server.jobs.ListJobs(pb.ListJobsRequest(recurring_job_id=id, page_size=1000), timeout=5).jobs)


def preview(server, after, count=3, **recurring):
    stamp = Timestamp()
    stamp.FromDatetime(datetime.fromisoformat(after))
    answer = server.admin.PreviewRecurringJob(pb.PreviewRecurringJobRequest(
        recurring_job=pb.RecurringJob(**recurring), after=stamp, count=count), timeout=5)
    return [time.ToDatetime().isoformat() for time in answer.times]


@pytest.mark.parametrize("recurring", [
    {"id": "", "cron": "@hourly"}, {"id": "a b", "cron": "@hourly"}, {"id": "x"}, {"id": "x", "cron": "@reboot"},
    {"id": "x", "cron": "@every 5m"}, {"id": "x", "cron": "* * * *"}, {"id": "x", "cron": "61 * * * *"},
    {"id": "x", "cron": "0 0 30 2 *"}, {"id": "x", "cron": "* * * * * * 2026"}, {"id": "x", "every": duration(0.05)},
    {"id": "x", "cron": "@hourly", "every": duration(5)}, {"id": "x", "cron": "@hourly", "time_zone": "Mars/Olympus"},
    {"id": "x", "cron": "@hourly", "time_zone": "../../etc/passwd"},
    # With leap seconds: its times would be others.
    {"id": "x", "cron": "@hourly", "time_zone": "right/Europe/Berlin"},
    # Whatever this machine is set to.
    {"id": "x", "cron": "@hourly", "time_zone": "localtime"}, {"id": "x", "cron": "@hourly", "time_zone": "posixrules"},
])
def test_what_is_refused(server, recurring):
    request = pb.PutRecurringJobRequest(recurring_job=pb.RecurringJob(job=pb.JobSpec(name="t"), **recurring))
    assert refused(server.admin.PutRecurringJob, request).code() is CODE.INVALID_ARGUMENT


def test_its_job_has_no_id(server):
    request = pb.PutRecurringJobRequest(recurring_job=pb.RecurringJob(id="x", cron="@hourly", job=pb.JobSpec(name="t", id="i")))
    assert refused(server.admin.PutRecurringJob, request).code() is CODE.INVALID_ARGUMENT
    request = pb.PutRecurringJobRequest(recurring_job=pb.RecurringJob(id="x", cron="@hourly"))
    assert refused(server.admin.PutRecurringJob, request).code() is CODE.INVALID_ARGUMENT


def test_previews(server):
    assert preview(server, "2026-01-01T00:00:00", cron="@daily") == ["2026-01-02T00:00:00", "2026-01-03T00:00:00", "2026-01-04T00:00:00"]
    assert preview(server, "2026-01-01T00:00:00", cron="*/20 30 8 L * ?") == ["2026-01-31T08:30:00", "2026-01-31T08:30:20", "2026-01-31T08:30:40"]
    assert preview(server, "2026-01-01T00:00:00", 2, cron="0 9 * jan-mar FRI#3") == ["2026-01-16T09:00:00", "2026-02-20T09:00:00"]
    assert preview(server, "2026-01-01T00:00:00", 2, cron="0 9 LW * *") == ["2026-01-30T09:00:00", "2026-02-27T09:00:00"]
    assert preview(server, "2026-01-01T00:00:00", 2, cron="0 9 15W 2 *") == ["2026-02-16T09:00:00", "2027-02-15T09:00:00"]
    assert preview(server, "2026-01-01T00:00:00", 2, cron="0 9 * * 5L") == ["2026-01-30T09:00:00", "2026-02-27T09:00:00"]
    # Both day fields: either.
    assert preview(server, "2026-01-01T00:00:00", 3, cron="0 0 13 * 5") == ["2026-01-02T00:00:00", "2026-01-09T00:00:00", "2026-01-13T00:00:00"]
    # Set forward: the first moment after the gap; set back: once, the first time.
    berlin = dict(time_zone="Europe/Berlin")
    assert preview(server, "2026-03-28T12:00:00", 2, cron="30 2 * * *", **berlin) == ["2026-03-29T01:00:00", "2026-03-30T00:30:00"]
    assert preview(server, "2026-10-24T12:00:00", 2, cron="30 2 * * *", **berlin) == ["2026-10-25T00:30:00", "2026-10-26T01:30:00"]
    # Real time for what repeats.
    assert preview(server, "2026-10-25T00:00:00", 3, cron="30 * * * *", **berlin) == ["2026-10-25T00:30:00", "2026-10-25T01:30:00", "2026-10-25T02:30:00"]
    assert preview(server, "2026-01-01T00:00:00", 2, every=duration(90)) == ["2026-01-01T00:01:30", "2026-01-01T00:03:00"]
    # Before 1970, too.
    assert preview(server, "1967-12-31T23:59:59.5", 2, cron="0 0 29 2 *") == ["1968-02-29T00:00:00", "1972-02-29T00:00:00"]
    assert preview(server, "1944-06-06T05:30:00", 2, cron="0 12 * * *", **berlin) == ["1944-06-06T10:00:00", "1944-06-07T10:00:00"]
    assert preview(server, "1969-12-31T23:59:00", 2, every=duration(90)) == ["1970-01-01T00:00:30", "1970-01-01T00:02:00"]
    assert preview(server, "0001-01-01T00:00:00", 1, cron="@yearly") == ["0002-01-01T00:00:00"]
    answer = server.admin.PreviewRecurringJob(pb.PreviewRecurringJobRequest(recurring_job=pb.RecurringJob(cron="@hourly")), timeout=5)
    assert len(answer.times) == 10 and answer.times[0].ToSeconds() > time.time()
    many = pb.PreviewRecurringJobRequest(recurring_job=pb.RecurringJob(cron="* * * * * *"), count=5000)
    assert len(server.admin.PreviewRecurringJob(many, timeout=5).times) == 1000


def test_each_time_makes_one_job(server, queue):
    id = f"r-{queue}"
    before = time.time()
    first = put(server, id, queue, every=duration(0.3))
    assert abs(first.next_run_at.ToNanoseconds() / 1e9 - before - 0.3) < 0.25
    with Worker(server, queue, slots=5) as worker:
        jobs = worker.take(3)
    assert all(job.payload == b"p" for job in jobs)
    server.admin.DeleteRecurringJob(pb.DeleteRecurringJobRequest(id=id), timeout=5)
    found = made(server, id)
    assert all(job.recurring_job_id == id and job.spec.id.startswith(id) for job in found)
    times = sorted(job.run_at.ToNanoseconds() for job in found)
    anchor = first.next_run_at.ToNanoseconds()
    assert all(round((time - anchor) / 3e8, 3) == index for index, time in enumerate(times))
    time.sleep(0.5)
    assert len(made(server, id)) == len(found)
    gone = refused(server.admin.DeleteRecurringJob, pb.DeleteRecurringJobRequest(id=id))
    assert gone.code() is CODE.NOT_FOUND


def test_overlap_pause_and_trigger(server, queue):
    id = f"r-{queue}"
    put(server, id, queue, every=duration(0.2), overlap=pb.OVERLAP_SKIP)
    time.sleep(1)
    assert len(made(server, id)) == 1
    assert shown(server)[id].HasField("last_run_at")
    job_id = server.admin.TriggerRecurringJob(pb.TriggerRecurringJobRequest(id=id), timeout=5).job_id
    assert server.job(job_id).recurring_job_id == id and len(made(server, id)) == 2
    paused = put(server, id, queue, every=duration(0.2), paused=True)
    assert paused.paused and not paused.HasField("next_run_at")
    count = len(made(server, id))
    time.sleep(0.6)
    assert len(made(server, id)) == count
    server.admin.TriggerRecurringJob(pb.TriggerRecurringJobRequest(id=id), timeout=5)
    assert len(made(server, id)) == count + 1
    server.admin.DeleteRecurringJob(pb.DeleteRecurringJobRequest(id=id), timeout=5)
    unknown = refused(server.admin.TriggerRecurringJob, pb.TriggerRecurringJobRequest(id=id))
    assert unknown.code() is CODE.NOT_FOUND


def test_list_is_by_id_in_pages(server, queue):
    ids = [f"p-{queue}-{index}" for index in range(5)]
    for id in reversed(ids):
        put(server, id, queue, cron="@yearly", time_zone="America/New_York", missed_runs=pb.MISSED_RUNS_SKIP)
    found, token = [], ""
    while True:
        page = server.admin.ListRecurringJobs(pb.ListRecurringJobsRequest(page_size=2, page_token=token), timeout=5)
        found += list(page.recurring_jobs)
        token = page.next_page_token
        if not token:
            break
    assert [one.id for one in found] == sorted(one.id for one in found)
    one = next(one for one in found if one.id == ids[0])
    assert one.cron == "@yearly" and one.time_zone == "America/New_York" and one.missed_runs == pb.MISSED_RUNS_SKIP
    assert one.job.name == "t" and one.job.payload == b"p"
    for id in ids:
        server.admin.DeleteRecurringJob(pb.DeleteRecurringJobRequest(id=id), timeout=5)


@pytest.mark.parametrize("missed", [pb.MISSED_RUNS_ONE, pb.MISSED_RUNS_SKIP, pb.MISSED_RUNS_ALL])
def test_missed_runs_and_crashes(missed):
    with Server() as server:
        first = put(server, "r", "q", cron="* * * * * *", missed_runs=missed)
        time.sleep(1.5)
        server.kill()
        down = time.time()
        time.sleep(4)
        server.start()
        up = time.time()
        time.sleep(2.2)
        times = sorted(job.run_at.ToNanoseconds() / 1e9 for job in made(server, "r"))
        assert len(times) == len(set(times)), "each time makes one job"
        missing = [time for time in times if down < time < up - 0.5]
        if missed == pb.MISSED_RUNS_ONE:
            assert len(missing) <= 1
        elif missed == pb.MISSED_RUNS_SKIP:
            assert not missing
        else:
            assert len(missing) >= 3 and all(b - a == 1 for a, b in zip(times, times[1:]))


def test_many_in_one_second():
    """All are made when their time has come; putting them is what takes long, a write each."""
    count = 10_000
    with Server() as server:
        for start in range(0, count, 500):
            calls = [server.admin.PutRecurringJob.future(pb.PutRecurringJobRequest(recurring_job=pb.RecurringJob(
                id=f"r{index}", cron="*/5 * * * * *", job=pb.JobSpec(queue="q", name="t"))), timeout=20) for index in range(start, start + 500)]
            for call in calls:
                call.result()
        there = time.time()
        # The first time that all of them come.
        due = (int(there) // 5 + 1) * 5
        time.sleep(due - there)
        mark = datetime.fromtimestamp(due, timezone.utc).strftime(":%Y%m%dT%H%M%SZ")

        def made_then():
            return [event for event in server.events(queues=["q"], types=[pb.EVENT_TYPE_ENQUEUED]) if event.job_id.endswith(mark)]

        end = time.monotonic() + 20
        while len(events := made_then()) < count:
            assert time.monotonic() < end, f"{len(events)} of {count} made"
            time.sleep(0.2)
        assert len(events) == count == len({event.job_id for event in events})
        late = max(event.at.ToMicroseconds() for event in events) / 1e6 - due
        print(f"the last of {count} is ready {late * 1e3:.0f} ms after its time")
        assert late < 5


def test_the_cron_file(tmp_path):
    file = tmp_path / "cron.json"
    file.write_text(json.dumps({"recurring": [
        {"id": "a", "cron": "0 3 * * *", "time_zone": "Europe/Berlin", "name": "x", "payload": {"n": 1}},
        {"id": "b", "every": "1h", "overlap": "skip", "name": "y", "queue": "z", "payload": "text"}]}))
    with Server("--cron-file", str(file)) as server:
        put(server, "c", cron="@daily")
        jobs = shown(server)
        assert set(jobs) == {"a", "b", "c"}
        assert jobs["a"].job.payload == b'{"n":1}' and jobs["a"].job.content_type == "application/json"
        assert jobs["b"].job.payload == b"text" and jobs["b"].overlap == pb.OVERLAP_SKIP
        file.write_text(json.dumps({"recurring": [{"id": "b", "every": "1h", "overlap": "skip", "name": "y", "queue": "z", "payload": "text"}]}))
        kept = jobs["b"].next_run_at
        server.engine.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 5
        while "a" in shown(server) and time.monotonic() < end:
            time.sleep(0.02)
        assert set(shown(server)) == {"b", "c"} and shown(server)["b"].next_run_at == kept
        # A mistake changes nothing, and is said.
        file.write_text('{"recurring": [{"id": "d", "cron": "61 * * * *", "name": "x"}]}')
        server.engine.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 5
        while "stay as they were" not in server.log() and time.monotonic() < end:
            time.sleep(0.02)
        assert "minute" in server.log() and set(shown(server)) == {"b", "c"}
        # What was paused by hand stays so, unless the file says otherwise.
        b = shown(server)["b"]
        b.paused = True
        server.admin.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=b), timeout=5)
        for says, paused in (({}, True), ({"paused": False}, False)):
            file.write_text(json.dumps({"recurring": [{"id": "b", "cron": "@daily", "name": "y", **says}]}))
            server.engine.process.send_signal(signal.SIGHUP)
            end = time.monotonic() + 5
            while (b.paused, b.cron) != (paused, "@daily"):
                assert time.monotonic() < end, b
                time.sleep(0.02)
                b = shown(server)["b"]
        file.write_text('{"recurring": [{"id": "d", "cron": "61 * * * *", "name": "x"}]}')
        server.kill()
        bad = subprocess.run(server.command(), capture_output=True, text=True, timeout=20)
        assert bad.returncode != 0 and "cron-file" in bad.stdout + bad.stderr


def test_without_time_zone_data_only_utc_is_taken(tmp_path):
    with Server("--tzdata", str(tmp_path)) as server:
        assert "only UTC" in server.log()
        put(server, "u", cron="@daily")
        put(server, "v", cron="@daily", time_zone="UTC")
        request = pb.PutRecurringJobRequest(recurring_job=pb.RecurringJob(
            id="b", cron="@daily", time_zone="Europe/Berlin", job=pb.JobSpec(name="t")))
        error = refused(server.admin.PutRecurringJob, request)
        assert error.code() is CODE.INVALID_ARGUMENT and "only UTC" in error.details()
