"""The web page in a real browser: every view, what can be done from it, a restart of the server while it is open."""
import json
import time
import urllib.request

import pytest
from playwright.sync_api import expect

from harness.server import Server
from harness.stubs import pb

VIEWS = ["", "queues", "jobs", "workers", "recurring", "batches", "limits", "events"]


def visit(page, server, view="", words=None):
    page.goto(f"http://127.0.0.1:{server.http_port}/#/{view}")
    page.wait_for_selector(f"h2:has-text({json.dumps(words)})" if words else "h2")


def answer(page, button):
    """The question that comes before something cannot be undone."""
    page.locator("dialog[open]").get_by_role("button", name=button, exact=True).click()


def test_what_is_served_comes_from_here_alone(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/") as got:
        policy = got.headers["content-security-policy"]
        text = got.read().decode()
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'" and rules["frame-ancestors"] == "'none'" and rules["script-src"] == "'self'"
    assert "unsafe" not in policy and "http://" not in text.replace("http://www.w3.org/", "") and "https://" not in text
    size = len(text)
    for name in ("page.css", "page.js", "api.js", "session.js", "dom.js", "views.js", "overview.js", "jobs.js", "flow.js"):
        with urllib.request.urlopen(f"http://127.0.0.1:{server.http_port}/{name}") as got:
            tag, body = got.headers["etag"], got.read()
        size += len(body)
        again = urllib.request.Request(f"http://127.0.0.1:{server.http_port}/{name}", headers={"if-none-match": tag})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(again)
        assert caught.value.code == 304
    assert size < 200_000


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_draws_and_is_accessible(server, page, view):
    from axe_playwright_python.sync_playwright import Axe

    server.enqueue("look", name="seen", payload=b'{"to": "ada"}')
    visit(page, server, view)
    page.wait_for_timeout(300)
    assert page.locator("#alert").is_hidden(), page.locator("#alert").text_content()
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    assert not found, [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found]


@pytest.mark.parametrize("view", VIEWS)
def test_a_narrow_screen_needs_no_sideways_scrolling(server, page, view):
    page.set_viewport_size({"width": 360, "height": 700})
    visit(page, server, view)
    page.wait_for_timeout(300)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_the_overview_shows_the_last_minutes_and_the_last_day(server, page):
    visit(page, server, "", "Overview")
    for _ in range(3):
        server.enqueue("seen")
    chart = page.get_by_role("img", name="Enqueued per second")
    expect(chart).to_have_count(2)
    expect(page.get_by_role("heading", name="The last day")).to_be_visible()
    expect(page.get_by_text("this server", exact=True)).to_be_visible()
    expect(page.get_by_text("embedded: well", exact=True)).to_be_visible()
    # Live: within some seconds the jobs are in a point, and so in the picture's words.
    page.wait_for_function("""() => [...document.querySelectorAll('svg.chart')].some((one) => /^Enqueued per second: .*at most (?!1$)/.test(one.getAttribute('aria-label')))""",
                           timeout=15_000)


def test_a_queue_is_paused_and_goes_on(server, page):
    server.enqueue("halt")
    visit(page, server, "queues", "Queues")
    page.get_by_role("link", name="halt", exact=True).click()
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_role("button", name="Resume", exact=True).wait_for()
    assert [queue.paused for queue in server.admin.ListQueues(pb.ListQueuesRequest(prefix="halt"), timeout=10).queues] == [True]
    page.get_by_role("button", name="Resume", exact=True).click()
    page.get_by_role("button", name="Pause", exact=True).wait_for()
    page.go_back()
    page.wait_for_selector("h2:has-text('Queues')")


def test_a_job_from_its_payload_to_its_end(server, page):
    job = server.enqueue("one", name="mail", payload=b'{"to": "<script>alert(1)</script>"}', metadata={"tenant": "7"})
    visit(page, server, f"jobs/{job}")
    page.get_by_text("READY", exact=True).wait_for()
    assert page.locator("pre").first.text_content() == '{\n  "to": "<script>alert(1)</script>"\n}'
    page.get_by_text("no worker takes this queue").first.wait_for()
    page.get_by_role("button", name="Cancel", exact=True).click()
    answer(page, "Cancel")
    page.get_by_text("CANCELED", exact=True).first.wait_for()
    assert server.job(job).state == pb.JOB_STATE_CANCELED
    page.get_by_role("button", name="Retry", exact=True).click()
    page.get_by_text("READY", exact=True).wait_for()
    page.locator("ol.steps li").nth(2).wait_for()
    page.get_by_role("button", name="Delete", exact=True).click()
    answer(page, "Delete")
    page.wait_for_selector("h2:has-text('Jobs')")


def test_a_changed_copy(server, page):
    job = server.enqueue("copy", name="mail", payload=b"old")
    visit(page, server, f"jobs/{job}")
    page.get_by_role("button", name="Enqueue a changed copy").click()
    page.locator("dialog[open] textarea").fill("new")
    answer(page, "Enqueue")
    page.wait_for_url(lambda url: "#/jobs/" in url and not url.endswith(job))
    made = page.url.split("/")[-1]
    assert server.job(made).spec.payload == b"new" and server.job(made).spec.queue == "copy"


def test_jobs_are_filtered_and_changed_together(server, page):
    for number in range(3):
        server.enqueue("many", name=f"kind{number % 2}")
    visit(page, server, "jobs", "Jobs")
    page.get_by_label("Queue", exact=True).fill("many")
    page.get_by_label("Name", exact=True).fill("kind0")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("button", name="Cancel all that match").click()
    page.get_by_text("2 jobs match.").wait_for()
    answer(page, "Cancel all that match")
    page.get_by_text("2 jobs were changed.").wait_for()
    answer(page, "Good")
    found = server.jobs.ListJobs(pb.ListJobsRequest(queue="many", states=[pb.JOB_STATE_CANCELED]), timeout=10).jobs
    assert len(found) == 2


def test_events_come_live_and_after_a_restart(page):
    with Server() as server:
        page.expected_errors = ["ERR_", "Failed to load"]
        visit(page, server, "events", "Events")
        page.get_by_text("live", exact=True).wait_for()
        first = server.enqueue("feed")
        page.get_by_role("link", name=first).wait_for()
        server.kill()
        page.get_by_text("the connection is lost").wait_for()
        server.start()
        page.get_by_text("live", exact=True).wait_for()
        second = server.enqueue("feed")
        page.get_by_role("link", name=second).wait_for()
        assert page.get_by_role("link", name=first).count() == 1, "what was told is not told again"


def test_of_more_events_than_can_be_shown_the_newest_are(server, page):
    visit(page, server, "events?queue=flood", "Events")
    page.get_by_text("live", exact=True).wait_for()
    for _ in range(3):
        jobs = [pb.ScheduleRequest(job=pb.JobSpec(queue="flood", name="t")) for _ in range(1_000)]
        last = server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=jobs), timeout=60).results[-1].job_id
    page.get_by_role("link", name=last).wait_for()
    unseen = page.get_by_text(" came too fast to be shown").inner_text()
    assert 0 < int(unseen.split()[0]) <= 3_000 - 200
    expect(page.locator("tbody tr")).to_have_count(200)
    assert page.locator("tbody tr").first.get_by_role("link").inner_text() == last


def test_events_that_come_ever_later_are_left_out(server, page):
    """A stream that is read more slowly than jobs are run: here one whose events are older and older."""
    page.add_init_script("""
      window.opened = []
      window.EventSource = class extends EventTarget {
        static CLOSED = 2
        constructor(url) {
          super()
          const late = opened.push(url) === 1 ? 1000 : 0
          let count = 0
          this.timer = setInterval(() => {
            const at = new Date(Date.now() - late * count++).toISOString()
            for (let index = 0; index < 1000; index++) {
              const data = JSON.stringify({ at, type: 'EVENT_TYPE_ENQUEUED', jobId: `${opened.length}-${count}-${index}`, queue: 'q', name: 'n' })
              this.dispatchEvent(new MessageEvent('enqueued', { data, lastEventId: String(count) }))
            }
          }, 100)
        }
        close() { clearInterval(this.timer) }
      }""")
    visit(page, server, "events", "Events")
    page.get_by_text(" and more came too fast to be shown").wait_for()
    expect(page.locator("tbody tr").first.get_by_role("link")).to_contain_text("2-")
    # Nothing is late any more, and no place is given: from now on.
    assert page.evaluate("opened") == ["events?", "events?"]


def test_a_flood_of_events_is_taken_in_draughts(server, page):
    """A hundred thousand a second would leave the browser time for nothing else."""
    page.add_init_script("""
      window.opened = 0
      window.told = 0
      window.EventSource = class extends EventTarget {
        static CLOSED = 2
        constructor() {
          super()
          opened++
          this.timer = setInterval(() => {
            const at = new Date().toISOString()
            for (let index = 0; index < 1000 && this.timer; index++) {
              const data = JSON.stringify({ at, type: 'EVENT_TYPE_ENQUEUED', jobId: `${opened}-${told++}`, queue: 'q', name: 'n' })
              this.dispatchEvent(new MessageEvent('enqueued', { data, lastEventId: String(told) }))
            }
          }, 10)
        }
        close() { clearInterval(this.timer); this.timer = null }
      }""")
    visit(page, server, "events", "Events")
    page.get_by_text(" and more came too fast to be shown").wait_for()
    (told, opened), began = page.evaluate("[told, opened]"), time.monotonic()
    page.wait_for_timeout(3_000)
    later, again = page.evaluate("[told, opened]")
    # At most 4,000, and then none for a quarter of a second, again and again.
    assert 1_000 < (later - told) / (time.monotonic() - began) < 17_000 and again > opened, (later - told, again - opened)
    expect(page.locator("tbody tr")).to_have_count(200)


def test_keys(server, page):
    visit(page, server)
    page.keyboard.press("q")
    page.wait_for_selector("h2:has-text('Queues')")
    page.get_by_label("Begins with").wait_for()
    page.keyboard.press("/")
    page.keyboard.type("abc")
    assert page.get_by_label("Begins with").input_value() == "abc"


def test_what_the_server_refuses_is_said(server, page):
    page.expected_errors = ["404"]
    visit(page, server, "jobs/nobody")
    page.get_by_text("no job nobody").wait_for()
