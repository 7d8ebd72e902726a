"""The web page of a server with --auth: signing in and out, what a role may not do, a token that is taken back."""
import subprocess

import pytest
from playwright.sync_api import expect

from harness.server import Server, binary
from harness.stubs import pb

UNKNOWN = "401 (Unauthorized)"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    file = tmp_path_factory.mktemp("auth") / "auth"
    tokens, entries = {}, {}
    for name in ("watcher", "operator", "admin"):
        done = subprocess.run([binary(), "token", "new", "--name", name, "--role", name], capture_output=True, text=True, check=True)
        tokens[name], entries[name] = done.stdout.split("\n", 1)
    file.write_text("".join(entries.values()))
    with Server("--auth", str(file)) as server:
        server.tokens, server.entries, server.file = tokens, entries, file
        server.jobs.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="q", name="t", id="job-1")), metadata=[("authorization", f"Bearer {tokens['admin']}")])
        yield server


def sign_in(page, server, name, view=""):
    page.expected_errors += [UNKNOWN]
    page.goto(f"http://127.0.0.1:{server.http_port}/#/{view}")
    page.get_by_label("Token").fill(server.tokens[name])
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#session")).to_contain_text(name)


def test_a_stranger_sees_the_sign_in_alone(guarded, page):
    from axe_playwright_python.sync_playwright import Axe

    page.expected_errors += [UNKNOWN]
    page.goto(f"http://127.0.0.1:{guarded.http_port}/#/jobs")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert "job-1" not in page.content()
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    assert not found, found
    page.get_by_label("Token").fill("gkick_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("form.filter + p[role=alert]")).to_contain_text("not known")


def test_who_may_only_look_has_no_buttons_to_act_with(guarded, page):
    sign_in(page, guarded, "watcher", "jobs/job-1")
    expect(page.get_by_role("heading", name="job-1")).to_be_visible()
    expect(page.get_by_text("Queue", exact=True)).to_be_visible()
    for name in ("Cancel", "Delete", "Retry", "Enqueue a changed copy"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    page.goto(f"http://127.0.0.1:{guarded.http_port}/#/queues/q")
    expect(page.get_by_text("oldest ready")).to_be_visible()
    expect(page.locator("main").get_by_role("button")).to_have_count(0)


def test_who_may_act_has_them_and_stays_signed_in_over_a_reload(guarded, page):
    sign_in(page, guarded, "operator", "queues/q")
    expect(page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    page.reload()
    page.get_by_role("button", name="Pause", exact=True).click()
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    page.get_by_role("button", name="Resume", exact=True).click()
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_token_that_is_taken_back_while_the_page_is_open(guarded, page):
    sign_in(page, guarded, "watcher", "queues")
    expect(page.get_by_role("link", name="q", exact=True)).to_be_visible()
    guarded.file.write_text(guarded.entries["operator"] + guarded.entries["admin"])
    try:
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=20_000)
        assert page.get_by_role("link", name="q", exact=True).count() == 0
    finally:
        guarded.file.write_text("".join(guarded.entries.values()))
