"""/metrics, and what is built on it in Examples/deploy: the alerts and the dashboard."""
import json
import pathlib
import re
import shutil
import subprocess
import time

import grpc
import pytest

from harness.redis import Redis
from harness.server import Server, binary
from harness.stubs import ROOT, pb
from harness.worker import Worker

DEPLOY = ROOT / "Examples/deploy"
PAGE = (ROOT / "Docs/operations.md").read_text()
ALERTS = DEPLOY / "prometheus-alerts.yaml"
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text())


def promtool(*arguments, **options):
    if shutil.which("promtool") is None:
        pytest.fail("promtool is not installed: Scripts/setup test installs it on Debian (prometheus)")
    return subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=60, **options)


def use(server):
    """A bit of everything that is counted."""
    with Worker(server, "used", slots=2) as worker:
        server.enqueue("used")
        worker.succeed(worker.job())
        server.enqueue("used")
        worker.fail(worker.job())
    with pytest.raises(grpc.RpcError):
        server.job("made-up-name")


@pytest.fixture(scope="module")
def shared():
    """A server that leads a store which others could share, and that traces."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed: Scripts/setup installs it")
    redis = Redis()
    try:
        with Server("--otlp", "http://127.0.0.1:9", store=redis.url) as running:
            yield running
    finally:
        redis.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks who calls."""
    made = subprocess.run([binary(), "token", "new", "--name", "m", "--role", "admin"], capture_output=True, text=True, check=True, timeout=30)
    entry = tmp_path_factory.mktemp("auth") / "auth.yaml"
    entry.write_text(made.stdout.split("\n", 1)[1])
    with Server("--auth", str(entry)) as running:
        with pytest.raises(grpc.RpcError):
            running.enqueue("q")
        yield running


@pytest.fixture(scope="module")
def pages(server, shared, guarded):
    """The metrics of an embedded store, of a shared one, and with --auth."""
    for one in (server, shared):
        use(one)
    return [one.get("/metrics")[1] for one in (server, shared, guarded)]


def families(text):
    return dict(re.findall(r"^# TYPE (\S+) (\S+)", text, re.M))


def samples(text):
    """The names of what is really told, as a query names it."""
    return set(re.findall(r"^([a-z_]+)(?:\{.*\})? \S+$", text, re.M))


def test_is_what_promtool_calls_metrics(pages):
    for text in pages:
        done = promtool("check", "metrics", input=text)
        assert done.returncode == 0 and not done.stdout and not done.stderr, done.stdout + done.stderr


def test_names_follow_the_conventions(pages):
    for text in pages:
        for name, kind in families(text).items():
            assert re.fullmatch(r"(gkick|process)(_[a-z]+)+", name)
            assert name.endswith("_total") == (kind == "counter"), name
            # Base units, and no unit twice.
            assert not re.search(r"_(ms|milliseconds|micros|kb|mb|percent)\b", name)


def test_every_metric_is_described(pages):
    described = set()
    for heading in ("### All metrics", "### Metrics of shared stores and of traces"):
        table = PAGE.split(f"\n{heading}\n", 1)[1].split("\n##", 1)[0]
        described |= {name for line in table.splitlines() if line.startswith("|") for name in re.findall(r"`([a-z_]+)`", line.split("|")[1])}
    assert described == {name for text in pages for name in families(text)}


def test_calls_have_a_histogram_by_method_and_code(pages):
    for text in pages[:2]:
        for method, code in [("JobService/Enqueue", "ok"), ("JobService/GetJob", "notFound")]:
            labels = rf'method="gkick\.v1\.{method}",code="{code}"'
            count = re.search(rf"^gkick_rpc_duration_seconds_count\{{{labels}\}} (\d+)$", text, re.M).group(1)
            last = re.search(rf'^gkick_rpc_duration_seconds_bucket\{{{labels},le="\+Inf"\}} (\d+)$', text, re.M).group(1)
            total = re.search(rf"^gkick_rpcs_total\{{{labels}\}} (\d+)$", text, re.M).group(1)
            assert count == last == total and int(count) >= 1
        # What a caller makes up is no label.
        assert "made-up-name" not in text


def value(text, name):
    return float(re.search(rf"^{re.escape(name)} (\S+)$", text, re.M).group(1))


def test_store_files_and_lead(server, shared, pages):
    embedded, led, _ = pages
    assert value(embedded, "gkick_store_up") == value(led, "gkick_store_up") == 1
    folder = pathlib.Path(server.data)
    log = sum(path.stat().st_size for path in folder.glob("gkick.log.*"))
    assert value(embedded, 'gkick_store_bytes{part="log"}') == log > 0
    assert value(embedded, 'gkick_store_bytes{part="database"}') >= (folder / "gkick.db").stat().st_size > 0
    assert value(embedded, "gkick_store_findings") == 0
    assert value(embedded, "gkick_store_free_bytes") > 0 and "gkick_store_free_bytes" not in led
    limits = pathlib.Path(f"/proc/{server.process.pid}/limits").read_text()
    assert value(embedded, "process_max_fds") == int(re.search(r"Max open files +(\d+)", limits).group(1))
    assert value(led, "gkick_leads") == 1 and value(led, "gkick_leader_changes_total") == 1


def test_a_store_that_fails_is_told():
    redis = Redis()
    try:
        with Server(store=redis.url) as server:
            redis.kill()
            end = time.monotonic() + 15
            while value(server.get("/metrics")[1], "gkick_store_up") and time.monotonic() < end:
                time.sleep(0.1)
            assert value(server.get("/metrics")[1], "gkick_store_up") == 0
    finally:
        redis.close()


def test_a_change_of_leader_is_counted_by_all(shared):
    redis = Redis()
    try:
        with Server(store=redis.url) as first, Server(store=redis.url) as second:
            assert value(second.get("/metrics")[1], "gkick_leads") == 0
            first.terminate()
            end = time.monotonic() + 15
            while not value(second.get("/metrics")[1], "gkick_leads") and time.monotonic() < end:
                time.sleep(0.05)
            # First the other led, then this one.
            assert value(second.get("/metrics")[1], "gkick_leader_changes_total") == 2
    finally:
        redis.close()


def expressions():
    """What the dashboard asks, with its variables filled in."""
    found = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])]
    found += [one["expr"] for one in DASHBOARD["annotations"]["list"]]
    return [re.sub(r"\$(job|instance|queue)", ".*", one).replace("$__rate_interval", "5m") for one in found]


def named(text):
    """Metrics of gKick's, or of its process, in a query."""
    return set(re.findall(r"\b((?:gkick|process)_[a-z_]+)\b", text))


def test_alerts_are_rules_and_fire_as_they_should():
    done = promtool("check", "rules", ALERTS)
    assert done.returncode == 0, done.stdout + done.stderr
    done = promtool("test", "rules", DEPLOY / "prometheus-alerts-test.yaml", cwd=DEPLOY)
    assert done.returncode == 0, done.stdout + done.stderr
    # Each is fired by a test.
    tested = set(re.findall(r"alertname: (\w+)\n +exp_alerts", (DEPLOY / "prometheus-alerts-test.yaml").read_text()))
    assert tested == set(re.findall(r"- alert: (\w+)", ALERTS.read_text()))


def test_queries_are_such(tmp_path):
    """promtool reads expressions of rules; a dashboard's are the same language."""
    rules = {"groups": [{"name": "d", "rules": [{"record": f"r{n}", "expr": expr} for n, expr in enumerate(expressions())]}]}
    (tmp_path / "rules.yaml").write_text(json.dumps(rules))
    done = promtool("check", "rules", tmp_path / "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("where", ["alerts", "dashboard"])
def test_every_metric_that_is_asked_for_is_there(pages, where):
    rules = re.sub(r"(?m)^ *(#|summary|description|- name).*$", "", ALERTS.read_text())
    asked = named(rules) if where == "alerts" else named("\n".join(expressions()))
    there = set.union(*map(samples, pages))
    # Limits have samples only where there are limits.
    there |= {name for text in pages for name in families(text)}
    assert len(asked) > 10 and asked <= there, asked - there


def test_the_dashboard_is_one():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids)) and DASHBOARD["uid"] == "gkick" and DASHBOARD["schemaVersion"]
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24 and panel["title"]
        assert panel["type"] == "row" or all(target["expr"] for target in panel["targets"])
    names = {one["name"] for one in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)\}?", json.dumps(DASHBOARD)))
    assert used <= names | {"labels", "value"}, used - names
