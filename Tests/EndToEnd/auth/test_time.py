"""Tokens come and go while the server runs."""
import http.client
import json
import subprocess
import threading
import time

import grpc
import pytest

from conftest import Guarded, code_of, new_token, wait_for
from harness.server import binary, free_port
from harness.stubs import pb
from harness.worker import Worker


def ask(caller):
    return code_of(lambda: caller.GetServerInfo(pb.GetServerInfoRequest()))


def without(text, name):
    """The file without this principal's entries."""
    blocks = text.split("principal ")
    return blocks[0] + "".join("principal " + block for block in blocks[1:] if block.split()[0] != name)


class Streams:
    """What somebody has open: events, work, and a wait."""

    def __init__(self, guarded, token, queue):
        self.ended = {}
        caller = guarded.caller(token)
        job = guarded.root.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue=queue + "-wait", name="t"))).job_id
        self.seen = []
        self.worker = Worker(guarded.server, queue, metadata=[("authorization", f"Bearer {token}")])
        self.follow("events", lambda: self.seen.extend(caller.StreamEvents(pb.StreamEventsRequest(), timeout=60)))
        self.follow("wait", lambda: caller.WaitJob(pb.WaitJobRequest(job_id=job), timeout=60))
        wait_for(lambda: self.seen is not None)
        time.sleep(0.3)

    def follow(self, name, call):
        def run():
            self.ended[name] = code_of(call)
        threading.Thread(target=run, daemon=True).start()

    def are_over(self):
        return set(self.ended.values()) == {"UNAUTHENTICATED"} and len(self.ended) == 2 and self.worker.ended is not None


@pytest.mark.parametrize("how", ["taken out", "expired", "narrowed"])
def test_who_may_no_longer_loses_what_is_open(guarded, mark, how):
    queue = f"{mark}q"
    roles = ["worker", "watcher"]
    token = guarded.add(f"{mark}x", roles, [f"{mark}*"], *(["--valid-for", "4s"] if how == "expired" else []))
    streams = Streams(guarded, token, queue)
    begun = time.monotonic()
    text = guarded.file.read_text()
    if how == "taken out":
        guarded.write(without(text, f"{mark}x"))
    elif how == "narrowed":
        guarded.write(text.replace(f"principal {mark}x\n  role worker\n  role watcher\n  queue {mark}*", f"principal {mark}x\n  role worker\n  role watcher\n  queue {mark}q2"))
    wait_for(streams.are_over, 10)
    assert time.monotonic() - begun < 10
    assert streams.worker.ended == grpc.StatusCode.UNAUTHENTICATED
    events, given = len(streams.seen), len(streams.worker.jobs)
    guarded.root.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue=queue, name="late")))
    time.sleep(0.5)
    assert (len(streams.seen), len(streams.worker.jobs)) == (events, given)
    if how != "narrowed":
        assert ask(guarded.caller(token)) == "UNAUTHENTICATED"


def test_a_bad_file_keeps_the_old_one_and_says_where(guarded, mark):
    good = guarded.file.read_text()
    token = guarded.add(f"{mark}x", ["watcher"])
    caller = guarded.caller(token)
    assert ask(caller) == "OK"
    guarded.write(guarded.file.read_text() + "principal y\n  role boss\n")
    assert ask(caller) == "OK"
    assert "boss" in guarded.server.log() and "line " in guarded.server.log()
    guarded.write(good)
    assert ask(caller) == "UNAUTHENTICATED"


def test_what_token_new_prints_is_a_file(tmp_path):
    token, entry = new_token("ci", ["producer"], ["mail*"])
    assert token and " " not in token and token not in entry
    file = tmp_path / "auth"
    file.write_text(entry)
    more, another = new_token("ci", ["worker"])
    file.write_text(file.read_text() + another)
    assert more != token
    # Also where the last line has no end.
    file.write_text(file.read_text().rstrip("\n") + new_token("web", ["watcher"])[1])
    done = subprocess.run([binary(), "server", "--auth", str(file), "--listen", "127.0.0.1:x"], capture_output=True, text=True, timeout=30)
    assert "line" not in done.stderr


@pytest.mark.parametrize("arguments, words", [
    (["--name", "a b", "--role", "admin"], "--name"), (["--name", "a", "--role", "boss"], "--role"),
    (["--name", "a", "--role", "admin", "--queue", "a*b"], "--queue"), (["--name", "a"], "--role"),
])
def test_what_makes_no_entry_is_refused(arguments, words):
    done = subprocess.run([binary(), "token", "new", *arguments], capture_output=True, text=True, timeout=30)
    assert done.returncode == 64 and words in done.stderr and not done.stdout


def test_a_bad_file_at_the_start_is_refused(tmp_path):
    file = tmp_path / "auth"
    file.write_text("# ours\nprincipal a\n  role boss\n")
    command = [binary(), "server", "--auth", str(file), "--listen", f"127.0.0.1:{free_port()}", "--http", "none", "--store", "memory:"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and "line 3" in done.stderr and "boss" in done.stderr
    file.unlink()
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and str(file) in done.stderr


@pytest.mark.parametrize("flag", ["--listen", "--http"])
def test_an_open_listener_is_refused_at_the_start(flag):
    command = [binary(), "server", flag, f"0.0.0.0:{free_port()}", "--store", "memory:"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 64 and "--anonymous" in done.stderr and flag in done.stderr


def test_refusals_are_counted_and_logged_at_a_bounded_rate_without_tokens():
    guarded = Guarded()
    try:
        secret = "gkick_" + "S" * 43
        strangers = guarded.caller(secret)
        for _ in range(200):
            assert ask(strangers) == "UNAUTHENTICATED"
        token = guarded.add("w", ["watcher"])
        assert code_of(lambda: guarded.caller(token).PauseQueue(pb.PauseQueueRequest(queue="q"))) == "PERMISSION_DENIED"
        page = guarded.server.get("/metrics")[1]
        assert 'gkick_auth_refusals_total{code="UNAUTHENTICATED"} 200' in page
        assert 'gkick_auth_refusals_total{code="PERMISSION_DENIED"} 1' in page
        log = guarded.server.log()
        assert 1 <= log.count("a call was refused") < 100
        for one in (secret, token, guarded.root_token):
            assert one not in log
    finally:
        guarded.close()


def test_health_reflection_and_metrics_are_open_or_closed_as_set():
    """By the paths alone: the messages are empty."""
    def code(server, path, token=None):
        with grpc.insecure_channel(server.address) as channel:
            call = channel.unary_unary(path, request_serializer=bytes, response_deserializer=bytes)
            return code_of(lambda: call(b"", timeout=5, metadata=[("authorization", f"Bearer {token}")] if token else []))
    for flags, health, metrics in (([], "OK", 200), (["--auth-open", "none"], "UNAUTHENTICATED", 401)):
        guarded = Guarded(*flags)
        try:
            assert code(guarded.server, "/grpc.health.v1.Health/Check") == health
            assert code(guarded.server, "/grpc.health.v1.Health/Check", guarded.root_token) == "OK"
            assert guarded.server.get("/metrics")[0] == metrics
            assert guarded.server.get("/healthz")[0] == guarded.server.get("/readyz")[0] == 200
        finally:
            guarded.close()
