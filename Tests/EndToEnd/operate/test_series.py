"""GET /series/...: what the overview shows, as JSON."""
import json
import subprocess
import time
import urllib.error
import urllib.request

import pytest

from harness.redis import Redis
from harness.server import Server, binary
from harness.worker import Worker


def series(server, name):
    status, text = server.get(f"/series/{name}")
    assert status == 200
    return json.loads(text)


def test_what_happened_is_in_the_points(server):
    # What other tests did is in points up to one that begins now.
    first = series(server, "now")["point"]
    until(lambda: series(server, "now")["point"] != first)
    with Worker(server, "counted", slots=4) as worker:
        before = series(server, "now")["point"]
        for _ in range(5):
            server.enqueue("counted")
        for number in range(5):
            job = worker.job()
            worker.fail(job, retryable=False) if number == 0 else worker.succeed(job)
        server.enqueue("left")
        found = []
        end = time.monotonic() + 20
        while sum(point["finished"] for point in found) < 5 and time.monotonic() < end:
            time.sleep(0.2)
            points = series(server, "live")["points"]
            found = [point for point in points if before is None or point["at"] > before["at"]]
    total = {word: sum(point[word] for point in found) for word in ("enqueued", "started", "finished", "failed")}
    assert total == {"enqueued": 6, "started": 5, "finished": 5, "failed": 1}
    measured = [point for point in found if "waitP50" in point]
    assert measured and all(0 < point["waitP50"] <= point["waitP99"] < 5 and 0 < point["runP50"] <= point["runP99"] < 5 for point in measured)
    assert found[-1]["ready"] >= 1 and found[-1]["dead"] >= 1 and found[-1]["leads"] and found[-1]["storeWell"]
    # Every two seconds one, at even times.
    assert all(later["at"] - point["at"] == 2 for point, later in zip(found, found[1:]))
    day = series(server, "day")
    assert day["step"] == 60 and len(day["points"]) >= 1 and all(point["at"] % 60 == 0 for point in day["points"])


def test_how_the_server_stands(server):
    now = series(server, "now")
    standing = now["server"]
    assert now["step"] == 2 and standing["leads"] and standing["leaderId"] == standing["serverId"]
    assert standing["store"] == "embedded" and "storeTrouble" not in standing
    assert server.get("/series/week")[0] == server.get("/series")[0] == 404


def until(condition, seconds=20):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_front_and_a_store_that_fails():
    redis = Redis()
    try:
        with Server(store=redis.url) as leader, Server(store=redis.url) as front:
            until(lambda: series(front, "now")["server"] is not None and series(leader, "now")["server"] is not None)
            standing = series(front, "now")["server"]
            assert not standing["leads"] and standing["leaderId"] == series(leader, "now")["server"]["serverId"] != standing["serverId"]
            assert series(front, "now")["point"]["leads"] is False and series(leader, "now")["point"]["leads"]
            redis.kill()
            until(lambda: "storeTrouble" in series(leader, "now")["server"])
            assert not series(leader, "now")["point"]["storeWell"]
    finally:
        redis.close()


@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_only_to_be_read(server, method):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{server.http_port}/series/day", method=method), timeout=10)
    assert refused.value.code == 405


def test_the_counts_of_all_queues_are_for_who_may_look_at_all(tmp_path):
    tokens, entries = {}, ""
    for name, arguments in {"all": ["--role", "watcher"], "some": ["--role", "watcher", "--queue", "mail*"], "maker": ["--role", "producer"]}.items():
        made = subprocess.run([binary(), "token", "new", "--name", name, *arguments], capture_output=True, text=True, check=True, timeout=30)
        tokens[name], entry = made.stdout.split("\n", 1)
        entries += entry
    (tmp_path / "auth").write_text(entries)
    with Server("--auth", str(tmp_path / "auth")) as server:
        def status(token=None):
            headers = {"authorization": f"Bearer {token}"} if token else {}
            try:
                request = urllib.request.Request(f"http://127.0.0.1:{server.http_port}/series/now", headers=headers)
                return urllib.request.urlopen(request, timeout=10).status
            except urllib.error.HTTPError as error:
                return error.code

        assert [status(), status("nobody's"), status(tokens["some"]), status(tokens["maker"]), status(tokens["all"])] == [401, 401, 403, 403, 200]
