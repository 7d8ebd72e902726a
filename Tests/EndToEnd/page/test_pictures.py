"""The pictures of Docs/web-page.md. GKICK_PICTURES=1 puts them there, where they are kept; without it they are made and thrown away."""
import os
import re
import socket
import time

import pytest
from google.protobuf.duration_pb2 import Duration

from harness.server import Server
from harness.stubs import ROOT, pb

PICTURES = ROOT / "Docs/images"
BACKTRACE = "smtp.rb:41:in `deliver'\nmailer.rb:12:in `perform'"


def live(server):
    """A minute in the life of a small shop. Returns the job that is looked at more closely."""
    for index in range(60):
        server.enqueue("mail", name="email.send", payload=b'{"to": "ada@example.org", "order": %d}' % index, id=f"order-{index}")
    for index in range(8):
        server.enqueue("reports", name="report.monthly", payload=b'{"tenant": "t%d"}' % index)
    server.admin.PutLimit(pb.PutLimitRequest(limit=pb.Limit(queue="reports", max_running=2)))
    server.admin.PutRecurringJob(pb.PutRecurringJobRequest(recurring_job=pb.RecurringJob(
        id="nightly", cron="0 3 * * *", job=pb.JobSpec(queue="reports", name="report.nightly"))))
    for _ in range(6):
        jobs = server.work.Fetch(pb.FetchRequest(worker_id="shop-1", queues=[pb.QueueSubscription(queue="mail")], max_jobs=8), timeout=10).jobs
        failed = pb.Failure(type="SMTPError", message="450 mailbox busy", backtrace=BACKTRACE, retryable=True)
        outcomes = [pb.Outcome(lease=job.lease, failure=failed) if job.lease.job_id == "order-3"
                    else pb.Outcome(lease=job.lease, success=pb.Success(result=b"sent")) for job in jobs]
        server.work.Report(pb.ReportRequest(worker_id="shop-1", outcomes=outcomes), timeout=10)
        time.sleep(2)  # two steps of the live series each
    server.work.Fetch(pb.FetchRequest(worker_id="shop-2", queues=[pb.QueueSubscription(queue="reports")], max_jobs=4, lease=Duration(seconds=60)),
                      timeout=10)
    return "order-3"


@pytest.fixture(scope="module")
def shop():
    with Server(lease="60s") as server:
        server.looked_at = live(server)
        yield server


@pytest.mark.parametrize("name, view, scheme", [
    ("overview", "", "light"), ("queues", "queues", "light"), ("jobs", "jobs", "light"), ("job", "jobs/order-3", "light"), ("dark", "", "dark"),
])
def test_a_picture_is_made(shop, page, tmp_path, name, view, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 1040, "height": 700})
    page.goto(f"http://127.0.0.1:{shop.http_port}/#/{view}")
    page.wait_for_selector("h2")
    page.wait_for_timeout(2_500)
    assert page.locator("#alert").is_hidden()
    # A picture tells nothing of the machine that it was made on.
    page.evaluate("""name => {
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
      while (walker.nextNode()) walker.currentNode.data = walker.currentNode.data.replaceAll(name, 'jobs-1')
    }""", socket.gethostname())
    folder = PICTURES if os.environ.get("GKICK_PICTURES") == "1" else tmp_path
    folder.mkdir(exist_ok=True)
    picture = folder / f"page-{name}.png"
    page.screenshot(path=picture)
    assert 8_000 < picture.stat().st_size < 150_000


def test_every_picture_is_shown_and_kept():
    shown = set(re.findall(r"\(images/(page-\w+\.png)\)", (ROOT / "Docs/web-page.md").read_text()))
    assert shown == {file.name for file in PICTURES.glob("page-*.png")} and len(shown) == 5
