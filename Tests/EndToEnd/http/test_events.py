"""GET /events: server-sent events, as a browser's EventSource reads them."""
import json
import time

import pytest

from harness.server import Server
from web import Feed, request


def test_from_the_oldest_and_on(server):
    job = server.enqueue("feed", name="first")
    feed = Feed(server, "?queue=feed&after=0")
    try:
        assert feed.status == 200 and feed.answer.getheader("content-type") == "text/event-stream"
        event = feed.event()
        data = json.loads(event["data"])
        assert event["event"] == "enqueued" and event["id"] == data["cursor"]
        assert (data["jobId"], data["name"], data["type"]) == (job, "first", "EVENT_TYPE_ENQUEUED")
        server.enqueue("other")
        second = server.enqueue("feed", name="second")
        assert json.loads(feed.event()["data"])["jobId"] == second, "that of the other queue is not for us"
    finally:
        feed.close()


def test_filters_may_repeat(server):
    feed = Feed(server, "?queue=feed-a&queue=feed-b&type=canceled&type=scheduled")
    try:
        feed.next()
        server.enqueue("feed-a")
        server.enqueue("feed-c")
        from harness.stubs import pb

        job = server.enqueue("feed-b")
        server.jobs.CancelJob(pb.CancelJobRequest(job_id=job), timeout=10)
        event = feed.event()
        assert event["event"] == "canceled" and json.loads(event["data"])["jobId"] == job
    finally:
        feed.close()


def test_a_browser_goes_on_by_last_event_id():
    with Server() as server:
        jobs = [server.enqueue("feed", name=str(number)) for number in range(5)]
        feed = Feed(server, "?after=0")
        seen = [feed.event() for _ in range(2)]
        feed.close()
        server.restart()
        feed = Feed(server, "?after=0", last=seen[-1]["id"])
        seen += [feed.event() for _ in range(3)]
        feed.close()
        assert [json.loads(event["data"])["jobId"] for event in seen] == jobs


@pytest.mark.parametrize("query, last, words", [
    ("?after=999999999", None, "beyond the newest"), ("?after=abc", None, "cursor"), ("", "999999999", "beyond the newest"),
    ("?type=exploded", None, "exploded"), ("?colour=red", None, "colour"),
])
def test_what_cannot_be_is_400(server, query, last, words):
    feed = Feed(server, query, last)
    try:
        assert feed.status == 400
        error = json.loads(feed.answer.read())
        assert error["code"] in ("out_of_range", "invalid_argument") and words in error["message"]
    finally:
        feed.close()


def test_a_quiet_stream_has_a_heartbeat(server):
    feed = Feed(server, "?queue=quiet")
    try:
        started = time.monotonic()
        feed.next()
        assert "" in feed.next(), "a comment"
        assert time.monotonic() - started < 11
    finally:
        feed.close()


def test_who_leaves_costs_nothing_more(server):
    def watchers():
        text = server.get("/metrics")[1]
        return int(float(next(line for line in text.splitlines() if line.startswith("gkick_watchers ")).split()[1]))

    before = watchers()
    feeds = [Feed(server, "?queue=leaving") for _ in range(20)]
    end = time.monotonic() + 10
    while watchers() < before + 20:
        assert time.monotonic() < end
        time.sleep(0.05)
    for feed in feeds:
        feed.close()
    # Noticed at the next heartbeat at the latest.
    end = time.monotonic() + 25
    while watchers() > before:
        assert time.monotonic() < end, (before, watchers())
        time.sleep(0.1)


def test_only_get(server):
    assert request(server, "POST", "/events", "")[0] == 405
