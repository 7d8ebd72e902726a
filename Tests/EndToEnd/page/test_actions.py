"""What one can do on the page, by its buttons; that it was done, the server is asked."""
import re

import grpc
import pytest
from playwright.sync_api import expect

from harness.stubs import pb
from harness.worker import Worker
from test_page import answer, visit


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def fill(page, **values):
    for title, value in values.items():
        page.locator(f"dialog[open] [name={title}]").fill(value)


def queue(server, name):
    return next((one for one in server.admin.ListQueues(pb.ListQueuesRequest(prefix=name), timeout=10).queues if one.name == name), None)


def eventually(page, look):
    for _ in range(100):
        if look():
            return
        page.wait_for_timeout(50)
    assert look()


def test_a_queue_s_dead_jobs_are_retried_what_waits_is_purged_and_it_is_deleted(server, page):
    job = server.enqueue("act", retry=pb.RetryPolicy(max_attempts=1))
    with Worker(server, "act", slots=1) as worker:
        [got] = worker.take(1)
        worker.send(outcomes=[pb.Outcome(lease=got.lease, failure=pb.Failure(message="no"))])
        eventually(page, lambda: server.job(job).state == pb.JOB_STATE_DEAD)
    visit(page, server, "queues/act", "act")
    press(page, "Retry dead jobs")
    eventually(page, lambda: server.job(job).state == pb.JOB_STATE_READY)
    press(page, "Purge waiting and finished")
    answer(page, "Purge waiting and finished")
    eventually(page, lambda: queue(server, "act").ready == 0)
    press(page, "Delete queue")
    answer(page, "Delete queue")
    page.get_by_text("Nothing is known of this queue.").wait_for()
    assert queue(server, "act") is None


def test_a_question_that_is_not_answered_with_yes_does_nothing(server, page):
    server.enqueue("kept")
    visit(page, server, "queues/kept", "kept")
    press(page, "Purge waiting and finished")
    answer(page, "Leave it")
    press(page, "Delete queue")
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)
    assert queue(server, "kept").ready == 1


def test_limits_are_put_changed_shown_with_their_queue_and_deleted(server, page):
    server.enqueue("narrow")
    visit(page, server, "limits", "Limits")
    press(page, "New")
    fill(page, queue="narrow", maxRunning="3", rateCount="5", ratePeriod="60s", maxWaiting="7")
    answer(page, "Put")
    row = page.get_by_role("row").filter(has_text="queue narrow")
    expect(row).to_contain_text("0 / 3")
    expect(row).to_contain_text("0 / 5 in 60s")
    expect(row).to_contain_text("1 / 7")
    row.get_by_role("button", name="Edit").click()
    fill(page, maxRunning="4")
    answer(page, "Put")
    expect(row).to_contain_text("0 / 4")
    with Worker(server, "narrow", slots=1) as worker:
        worker.take(1)
        visit(page, server, "queues?prefix=narrow", "Queues")
        said = "1 of 4 run, 1 of 5 started in 60s, 0 of 7 wait"
        expect(page.get_by_role("row").filter(has_text="narrow")).to_contain_text(said)
        page.get_by_role("link", name="narrow", exact=True).click()
        page.get_by_text(said).wait_for()
    page.get_by_role("link", name="All limits").click()
    row.get_by_role("button", name="Delete").click()
    answer(page, "Delete")
    expect(row).to_have_count(0)
    assert not [one for one in server.admin.ListLimits(pb.ListLimitsRequest(), timeout=10).limits if one.queue == "narrow"]


def test_a_recurring_job_is_made_paused_triggered_edited_and_deleted(server, page):
    def found():
        return next((one for one in server.admin.ListRecurringJobs(pb.ListRecurringJobsRequest(), timeout=10).recurring_jobs if one.id == "nightly"), None)

    visit(page, server, "recurring", "Recurring jobs")
    press(page, "New")
    fill(page, id="nightly", cron="0 3 * * *", timeZone="UTC", queue="night", name="report")
    answer(page, "Put")
    row = page.get_by_role("row").filter(has_text="nightly")
    expect(row).to_contain_text("0 3 * * * UTC")
    expect(row.locator("time").first).to_have_attribute("datetime", re.compile("T03:00:00Z$"))
    row.get_by_role("button", name="Pause").click()
    expect(row).to_contain_text("paused")
    assert found().paused
    row.get_by_role("button", name="Resume").click()
    expect(row.get_by_role("button", name="Pause")).to_be_visible()
    row.get_by_role("button", name="Edit").click()
    # When it comes next is shown where it is changed.
    expect(page.locator("dialog[open] time")).to_have_count(5)
    fill(page, cron="30 4 * * *")
    answer(page, "Put")
    expect(row).to_contain_text("30 4 * * *")
    assert found().cron == "30 4 * * *" and found().job.name == "report" and not found().paused
    row.get_by_role("button", name="Trigger").click()
    page.wait_for_url(lambda url: "#/jobs/" in url)
    made = server.job(page.url.split("/")[-1])
    assert made.spec.queue == "night" and made.recurring_job_id == "nightly"
    visit(page, server, "recurring", "Recurring jobs")
    row.get_by_role("button", name="Delete").click()
    answer(page, "Delete")
    expect(row).to_have_count(0)
    assert found() is None


def test_a_batch_with_its_picture_is_closed_and_canceled(server, page):
    first = server.enqueue("b", name="first", batch_id="trip")
    server.enqueue("b", name="second", batch_id="trip", depends_on=[first])
    visit(page, server, "batches", "Batches")
    page.get_by_role("link", name="trip", exact=True).click()
    picture = page.get_by_role("img", name="2 jobs and what they depend on")
    expect(picture.locator("line")).to_have_count(1)
    assert sorted(picture.locator("text").all_text_contents()) == ["first", "second"]
    press(page, "Close")
    eventually(page, lambda: server.jobs.GetBatch(pb.GetBatchRequest(batch_id="trip"), timeout=10).batch.closed)
    expect(page.get_by_role("button", name="Close", exact=True)).to_have_count(0)
    press(page, "Cancel")
    answer(page, "Cancel the batch")
    page.get_by_text("finished", exact=True).first.wait_for()
    batch = server.jobs.GetBatch(pb.GetBatchRequest(batch_id="trip"), timeout=10).batch
    assert batch.canceled == 2 and batch.HasField("finished_at")
    picture.get_by_text("first").click()
    page.wait_for_url(lambda url: url.endswith(f"#/jobs/{first}"))


def test_a_worker_is_drained(server, page):
    server.enqueue("drained")
    with Worker(server, "drained", slots=1) as worker:
        job = worker.job()
        visit(page, server, "workers", "Workers")
        row = page.get_by_role("row").filter(has_text="drained")
        expect(row).to_contain_text("1 / 1")
        row.get_by_role("button", name="Drain").click()
        expect(row).to_contain_text("draining")
        assert worker.id in row.inner_text()
        worker.succeed(job)
        # It is told, and leaves when it has nothing left to do.
        worker.end()
        expect(row).to_have_count(0)


def test_progress_and_why_not_are_live(server, page):
    server.admin.PutLimit(pb.PutLimitRequest(limit=pb.Limit(concurrency_key="one", max_running=1)), timeout=10)
    first, second = (server.enqueue("live", concurrency_key="one") for _ in range(2))
    with Worker(server, "live", slots=2) as worker:
        [got] = worker.take(1)
        visit(page, server, f"jobs/{second}")
        page.get_by_text("1 of 1 running for key one").first.wait_for()
        visit(page, server, f"jobs/{first}")
        page.get_by_text("RUNNING", exact=True).wait_for()
        worker.send(progress=[pb.ProgressReport(lease=got.lease, progress=pb.Progress(percent=40, message="halfway nearly"))])
        page.get_by_text("40 % halfway nearly").first.wait_for()
        worker.send(outcomes=[pb.Outcome(lease=got.lease, failure=pb.Failure(message="it broke", type="Oops", backtrace="line 1\nline 2", retryable=True))])
        page.get_by_text("it broke").first.wait_for()
        page.get_by_text("line 2").first.wait_for()


def test_retry_and_delete_all_that_match(server, page):
    ids = [server.enqueue("bulk", name="x") for _ in range(3)]
    for job in ids:
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job), timeout=10)
    visit(page, server, "jobs?queue=bulk", "Jobs")
    for action, after in (("Retry all that match", pb.JOB_STATE_READY), ("Delete all that match", None)):
        press(page, action)
        page.get_by_text("3 jobs match.").wait_for()
        answer(page, action)
        page.get_by_text("3 jobs were changed.").wait_for()
        answer(page, "Good")
        for job in ids:
            if after:
                assert server.job(job).state == after
            else:
                with pytest.raises(grpc.RpcError) as refused:
                    server.job(job)
                assert refused.value.code() == grpc.StatusCode.NOT_FOUND
