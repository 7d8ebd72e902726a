"""The same rules over HTTP, and the page's sign-in."""
import http.client
import json

import pytest

from conftest import new_token, wait_for
from harness.stubs import pb


def request(server, method, path, body=None, **headers):
    """Status, headers (lower case) and body."""
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=20)
    try:
        connection.request(method, path, body=body, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


JSON = {"content_type": "application/json"}


def sign_in(server, token, **headers):
    return request(server, "POST", "/session", json.dumps({"token": token}), **JSON, **headers)


@pytest.fixture
def watcher(guarded, mark):
    return guarded.add(f"{mark}watcher", ["watcher"], [f"{mark}*"])


def test_signing_in_and_out(guarded, mark, watcher):
    status, headers, body = sign_in(guarded.server, watcher)
    assert status == 200
    told = json.loads(body)
    assert (told["auth"], told["principal"], told["roles"], told["queues"]) == (True, f"{mark}watcher", ["watcher"], [f"{mark}*"])
    assert "ListQueues" in told["calls"] and "PauseQueue" not in told["calls"]
    assert watcher not in body.decode()
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie
    pair = cookie.split(";")[0]
    status, _, body = request(guarded.server, "GET", "/session", cookie=pair)
    assert status == 200 and json.loads(body)["principal"] == f"{mark}watcher"
    call = ("POST", "/gkick.v1.AdminService/ListQueues", "{}")
    assert request(guarded.server, *call, cookie=pair, **JSON)[0] == 200
    assert request(guarded.server, *call, **JSON)[0] == 401
    assert request(guarded.server, "POST", "/gkick.v1.AdminService/PauseQueue", '{"queue": "q"}', cookie=pair, **JSON)[0] == 403
    status, headers, _ = request(guarded.server, "DELETE", "/session", cookie=pair)
    assert status == 204 and "Max-Age=0" in headers["set-cookie"]


def test_a_wrong_token_signs_nobody_in(guarded):
    for token in ("gkick_" + "x" * 43, "x"):
        status, headers, body = sign_in(guarded.server, token)
        assert status == 401 and "set-cookie" not in headers and json.loads(body)["code"] == "unauthenticated"
    for body in ("", "{}", '{"token": ""}', '{"token": "a b"}', '{"token": "a;b"}', "x"):
        assert request(guarded.server, "POST", "/session", body, **JSON)[0] == 400
    assert request(guarded.server, "POST", "/session", '{"token": "x"}', content_type="text/plain")[0] == 415
    assert request(guarded.server, "PUT", "/session", "{}", **JSON)[0] == 405
    assert request(guarded.server, "GET", "/session")[0] == 401


@pytest.mark.parametrize("foreign", [
    {"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"},
    {"origin": "null"}, {"origin": "http://127.0.0.1:1"},
])
def test_what_another_site_sends_is_not_the_users(guarded, watcher, foreign):
    """A browser sends the cookie along with what another site's page makes it ask for."""
    pair = sign_in(guarded.server, watcher)[1]["set-cookie"].split(";")[0]
    call = ("POST", "/gkick.v1.AdminService/ListQueues", "{}")
    assert request(guarded.server, *call, cookie=pair, **JSON, **foreign)[0] == 401
    assert request(guarded.server, "GET", "/events", cookie=pair, **foreign)[0] == 401
    assert sign_in(guarded.server, watcher, **foreign)[0] == 403
    assert request(guarded.server, "DELETE", "/session", cookie=pair, **foreign)[0] == 403
    own = {"origin": f"http://127.0.0.1:{guarded.server.http_port}"}
    assert request(guarded.server, *call, cookie=pair, **JSON, **own)[0] == 200
    assert request(guarded.server, *call, cookie=pair, **JSON, sec_fetch_site="same-origin")[0] == 200


def test_the_feed_of_events_follows_the_rules(guarded, mark, watcher):
    queue = f"{mark}q"
    assert request(guarded.server, "GET", "/events")[0] == 401
    assert request(guarded.server, "GET", "/events?queue=other", authorization=f"Bearer {watcher}")[0] == 403
    connection = http.client.HTTPConnection("127.0.0.1", guarded.server.http_port, timeout=20)
    connection.request("GET", "/events", headers={"authorization": f"Bearer {watcher}"})
    answer = connection.getresponse()
    assert answer.status == 200
    foreign = guarded.root.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue="other", name="t"))).job_id
    own = guarded.root.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue=queue, name="t"))).job_id
    text = ""
    while own not in text:
        text += answer.readline().decode()
    assert foreign not in text
    # Taken out of the file: the stream ends and says why.
    blocks = guarded.file.read_text().split("principal ")
    guarded.write("principal ".join(block for block in blocks if not block.startswith(f"{mark}watcher")))
    rest = answer.read().decode()
    assert "unauthenticated" in rest
    connection.close()


def test_without_auth_nobody_is_asked():
    from harness.server import Server
    with Server() as server:
        status, _, body = request(server, "GET", "/session")
        assert status == 200 and json.loads(body) == {"auth": False}
        status, headers, body = sign_in(server, "x")
        assert status == 200 and "set-cookie" not in headers
