"""JSON, events and the web page through nginx and HAProxy, under a path of another site."""
import contextlib
import http.client
import json
import time

import pytest
from playwright.sync_api import expect

from harness.server import Server
from harness.stubs import pb
from proxies import haproxy_web, nginx_web, through

@pytest.fixture(scope="module", params=[nginx_web, haproxy_web], ids=["nginx", "haproxy"])
def proxied(request, tmp_path_factory):
    with Server() as server, through(request.param, tmp_path_factory.mktemp("web"), server) as one:
        yield one


@contextlib.contextmanager
def connected(proxied):
    connection = http.client.HTTPConnection("127.0.0.1", proxied.port, timeout=30)
    try:
        yield connection
    finally:
        connection.close()


def call(proxied, method, message):
    with connected(proxied) as connection:
        connection.request("POST", f"/gkick/gkick.v1.JobService/{method}", json.dumps(message), {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def get(proxied, path):
    with connected(proxied) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()


def test_calls_and_their_errors_pass(proxied):
    status, answer = call(proxied, "Enqueue", {"job": {"name": "n", "queue": "q"}})
    assert status == 200 and proxied.server.job(answer["jobId"]).spec.queue == "q"
    status, answer = call(proxied, "GetJob", {"jobId": "nothing"})
    assert (status, answer["code"]) == (404, "not_found")
    # As large as a call may be.
    status, answer = call(proxied, "Enqueue", {"job": {"name": "n", "queue": "q", "payload": "A" * (1 << 20)}})
    assert status == 200


def test_health_and_metrics_pass(proxied):
    assert get(proxied, "/gkick/readyz")[0] == get(proxied, "/gkick/healthz")[0] == 200
    assert "gkick_info" in get(proxied, "/gkick/metrics")[2]
    status, headers, _ = get(proxied, "/gkick")
    assert status == 301 and headers.get("Location", headers.get("location")).endswith("/gkick/")
    assert get(proxied, "/elsewhere")[0] == 404


def test_events_come_at_once(proxied):
    with connected(proxied) as connection:
        connection.request("GET", "/gkick/events?queue=live")
        answer = connection.getresponse()
        assert answer.status == 200 and answer.getheader("content-type") == "text/event-stream"
        job = proxied.server.enqueue("live")
        start = time.monotonic()
        for line in answer:
            if line.startswith(b"data:") and job in line.decode():
                break
        assert time.monotonic() - start < 2


def test_the_page_works_under_a_path(proxied, page):
    job = proxied.server.enqueue("shop", name="mail", payload=b'{"to": "ada"}')
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"http://127.0.0.1:{proxied.port}/gkick/#/queues")
    page.get_by_role("link", name="shop", exact=True).click()
    page.goto(f"http://127.0.0.1:{proxied.port}/gkick/#/jobs/{job}")
    page.get_by_text("READY", exact=True).wait_for()
    # Live: by the events that come through the proxy.
    proxied.server.jobs.CancelJob(pb.CancelJobRequest(job_id=job), timeout=10)
    page.get_by_text("CANCELED", exact=True).first.wait_for()
    for view in ("", "workers", "recurring", "batches", "limits", "events"):
        page.goto(f"http://127.0.0.1:{proxied.port}/gkick/#/{view}")
        page.wait_for_timeout(300)
        expect(page.locator("#alert")).to_be_hidden()
    assert all(f":{proxied.port}/gkick/" in url for url in asked), [url for url in asked if "/gkick/" not in url]
