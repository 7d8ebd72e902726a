"""What Docs/command-line.md promises of all commands: exit codes, words that help, terminals, TLS, coming back."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest

from harness.server import Server, binary, free_port
from harness.stubs import pb
from harness.worker import Worker


@pytest.fixture(scope="module")
def server():
    with Server(lease="10s") as running:
        yield running


def environment(address):
    return {name: value for name, value in os.environ.items() if not name.startswith("GKICK_")} | {"GKICK_ADDRESS": address}


@pytest.fixture
def gkick(server):
    def run(*arguments, stdin=None, code=0, address=None, env=None):
        done = subprocess.run(
            [binary(), *arguments], input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True,
            timeout=60, env=environment(address or server.address) | (env or {}))
        out = subprocess.CompletedProcess(arguments, done.returncode, done.stdout.decode(), done.stderr.decode())
        assert out.returncode == code, out
        return out

    return run


class Working:
    """`gkick work` beside the test; it drains at the end."""

    def __init__(self, server, *arguments, code=0):
        self.code = code
        self.process = subprocess.Popen([binary(), "work", *arguments], env=environment(server.address), text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.out, self.err = self.process.communicate(timeout=30)
        finally:
            if self.process.poll() is None:
                self.process.kill()
        assert self.process.returncode == self.code, self.err


# --- exit codes ------------------------------------------------------------------------------------------------------


def test_0_and_1(server, gkick, tmp_path):
    gkick("info")
    gkick("help")
    # `server` that cannot start.
    (tmp_path / "file").write_text("")
    done = gkick("server", "--store", f"embedded:{tmp_path}/file", "--listen", f"127.0.0.1:{free_port()}", "--http", "none", code=1)
    assert "file" in done.stderr


def test_2_the_job_did_not_succeed(gkick):
    job_id = gkick("enqueue", "x", "--queue", "code-2").stdout.strip()
    gkick("cancel", job_id, "--reason", "test")
    assert "CANCELED" in gkick("wait", job_id, code=2).stderr
    assert json.loads(gkick("wait", job_id, "--json", code=2).stdout)["state"] == "CANCELED"


@pytest.mark.parametrize("arguments", [["job"], ["job", "--explain"], ["wait"], ["cancel"], ["retry"], ["delete"]])
def test_3_no_such_job(gkick, arguments):
    said = gkick(*arguments, "nothing", code=3).stderr
    assert "no job nothing" in said and "gkick jobs" in said


def test_3_no_such_worker(gkick):
    said = gkick("drain", "nobody", code=3).stderr
    assert "no worker nobody" in said and "gkick workers" in said


def test_4_refused(gkick):
    assert "priority" in gkick("enqueue", "x", "--priority", "101", code=4).stderr
    gkick("enqueue", "x", "--queue", "code-4", "--unique", "k")
    gkick("enqueue", "x", "--queue", "code-4", "--unique", "k", "--on-conflict", "reject", code=4)
    job_id = gkick("enqueue", "x", "--queue", "code-4").stdout.strip()
    gkick("retry", job_id, code=4)


def test_64_the_command_line_is_wrong(gkick):
    said = gkick("enqueue", code=64).stderr
    assert "<name>" in said and "gkick enqueue --help" in said
    assert "gkick --help" in gkick("enqeue", code=64).stderr
    assert "--yes" in gkick("purge", "q", code=64).stderr


def test_69_no_server(gkick):
    nowhere = f"127.0.0.1:{free_port()}"
    said = gkick("jobs", "--timeout", "3s", address=nowhere, code=69).stderr
    assert nowhere in said and "gkick server" in said and "GKICK_ADDRESS" in said


def test_124_out_of_time(gkick):
    job_id = gkick("enqueue", "x", "--queue", "code-124").stdout.strip()
    assert "still READY" in gkick("wait", job_id, "--for", "100ms", code=124).stderr


def test_124_a_server_that_does_not_answer(tmp_path, gkick):
    with Server() as mute:
        mute.process.send_signal(signal.SIGSTOP)
        try:
            assert "--timeout" in gkick("jobs", "--timeout", "300ms", address=mute.address, code=124).stderr
        finally:
            mute.process.send_signal(signal.SIGCONT)


# --- programs and people ---------------------------------------------------------------------------------------------


def test_every_command_speaks_json(server, gkick):
    stored = json.loads(gkick("enqueue", "x", "--queue", "j", "--json").stdout)
    assert stored["state"] == "READY" and stored["durability"] == "SYNCED"
    job_id = stored["id"]
    assert json.loads(gkick("schedule", "x", "--queue", "j", "--in", "1h", "--json").stdout)["run_at"]
    assert json.loads(gkick("job", job_id, "--explain", "--json").stdout)["reasons"][0]["text"]
    assert [json.loads(line)["queue"] for line in gkick("jobs", "--queue", "j", "--json").stdout.splitlines()] == ["j", "j"]
    assert json.loads(gkick("cancel", job_id, "--json").stdout)["state"] == "CANCELED"
    assert json.loads(gkick("retry", job_id, "--json").stdout)["state"] == "READY"
    assert json.loads(gkick("retry", "--queue", "j", "--json").stdout) == {"retried": 0}
    assert json.loads(gkick("pause", "j", "--json").stdout) == {"paused": "j"}
    assert json.loads(gkick("resume", "j", "--json").stdout) == {"resumed": "j"}
    assert json.loads(gkick("info", "--json").stdout)["store"] == "embedded"
    assert {"QUEUE_PAUSED", "QUEUE_RESUMED"} <= {
        json.loads(line)["type"] for line in gkick("events", "--after", "0", "--queue", "j", "--limit", "6", "--json").stdout.splitlines()}
    with Working(server, "--queue", "j-work", "--exec", "cat", "--id", "json-worker"):
        made = gkick("enqueue", "x", "over", "--queue", "j-work").stdout.strip()
        done = json.loads(gkick("wait", made, "--for", "30s", "--json").stdout)
        assert (done["state"], done["result"]) == ("SUCCEEDED", "over")
        workers = [json.loads(line) for line in gkick("workers", "--json").stdout.splitlines()]
        assert [one["queues"] for one in workers if one["worker_id"] == "json-worker"] == [["j-work"]]
        pictures = [json.loads(line) for line in gkick("top", "--count", "2", "--every", "100ms", "--json").stdout.splitlines()]
        assert len(pictures) == 2 and "json-worker" in [one["worker_id"] for one in pictures[1]["workers"]]
        queue = next(one for one in pictures[1]["queues"] if one["name"] == "j-work")
        assert queue["succeeded_total"] == 1 and queue["succeeded_per_second"] >= 0
        assert json.loads(gkick("drain", "json-worker", "--json").stdout) == {"draining": "json-worker"}
    assert json.loads(gkick("delete", job_id, "--json").stdout) == {"deleted": job_id}
    assert json.loads(gkick("purge", "j", "--yes", "--json").stdout) == {"deleted": 1}


def on_a_terminal(arguments, env, until, stdout=True, stdin=subprocess.DEVNULL, limit=60):
    """What a command writes to a terminal, until the text is there or it ends; stderr only, if said."""
    leader, follower = pty.openpty()
    process = subprocess.Popen([binary(), *arguments], stdin=stdin, env=env | {"TERM": "xterm"}, start_new_session=True,
                               stdout=follower if stdout else subprocess.DEVNULL, stderr=follower)
    os.close(follower)
    text, end = b"", time.monotonic() + limit
    try:
        while time.monotonic() < end and not (until and until in text.decode(errors="replace")):
            if select.select([leader], [], [], 0.1)[0]:
                try:
                    text += os.read(leader, 65536)
                except OSError:  # the other side is closed: it has ended
                    break
    finally:
        process.terminate()
        process.wait(30)
        os.close(leader)
    return text.decode(errors="replace")


def test_colours_are_for_terminals(server, gkick):
    gkick("enqueue", "x", "--queue", "colour")
    env = environment(server.address)
    env.pop("NO_COLOR", None)
    assert "\x1b[1m" in on_a_terminal(["queues"], env, None)
    assert "\x1b[" not in on_a_terminal(["queues"], env | {"NO_COLOR": "1"}, None)
    assert "\x1b[" not in on_a_terminal(["queues", "--json"], env, None)
    assert "\x1b[" not in gkick("queues").stdout


def test_top_draws_on_a_screen_of_its_own(server):
    shown = on_a_terminal(["top", "--every", "100ms"], environment(server.address), "QUEUE")
    assert shown.startswith("\x1b[?1049h") and "slots busy" in shown


def test_what_comes_from_outside_does_not_steer_the_terminal(server, gkick):
    job_id = server.enqueue("evil", payload=b"pay\x1b]0;title\x07load\nsecond")
    with Worker(server, "evil") as worker:
        worker.fail(worker.job(30), message="bad\x1b[2J", retryable=False, timeout=30)
    env = environment(server.address) | {"NO_COLOR": "1"}
    for command in (["jobs", "--queue", "evil"], ["job", job_id], ["events", "--after", "0", "--job", job_id, "--limit", "3"]):
        shown = on_a_terminal(command, env, None)
        assert job_id in shown and not re.search(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f]", shown), shown


def test_progress_bars_are_for_terminals(server, gkick, tmp_path):
    lines = tmp_path / "lines"
    lines.write_text("".join(f"{number}\n" for number in range(3_000)))
    env = environment(server.address)
    with lines.open() as stdin:
        shown = on_a_terminal(["enqueue", "x", "--lines", "--queue", "bar"], env, None, stdout=False, stdin=stdin)
    assert re.search(r"enqueue █+░* \d+% [\d,]+ jobs", shown) and shown.endswith("\r\x1b[K")
    assert gkick("enqueue", "x", "--lines", "--queue", "bar", stdin=b"a\nb\n").stderr == ""
    shown = on_a_terminal(["bench", "enqueue", "--jobs", "20000"], env, None, stdout=False)
    assert re.search(r"enqueue [█░]+ \d+% [\d,]+", shown)


def test_wait_shows_the_progress_of_the_job(server, gkick):
    job_id = server.enqueue("progress")
    with Worker(server, "progress") as worker:
        job = worker.job(30)
        report = pb.ProgressReport(lease=job.lease, progress=pb.Progress(percent=40, message="4 of 10 pages"))
        worker.send(progress=[report])
        shown = on_a_terminal(["wait", job_id], environment(server.address), "4 of 10 pages", stdout=False)
        assert re.search(r"█+░+ 40% 4 of 10 pages", shown)
        worker.succeed(job, b"done", timeout=30)
    assert gkick("wait", job_id).stdout == "done"


# --- enqueue, work, events -------------------------------------------------------------------------------------------


def test_all_that_a_job_can_be_given(server, gkick):
    job_id = gkick(
        "enqueue", "x", "-", "--queue", "all", "--priority", "-7", "--id", "mine", "--unique", "u", "--unique-for", "1h",
        "--max-attempts", "3", "--backoff", "5s", "--attempt-timeout", "1m", "--start-within", "1h", "--retention", "2h",
        "--metadata", "a=1", "--metadata", "b=x=y", "--content-type", "text/plain", "--batch", "b1", "--durability", "relaxed",
        stdin=b"\x00\xff").stdout.strip()
    assert job_id == "mine"
    job = json.loads(gkick("job", "mine", "--json").stdout)
    assert job["payload"] == {"base64": "AP8="} and job["metadata"] == {"a": "1", "b": "x=y"}
    assert (job["priority"], job["content_type"], job["batch_id"]) == (-7, "text/plain", "b1")
    spec = server.job("mine").spec
    assert (spec.retry.max_attempts, spec.retry.initial_backoff.seconds, spec.timeout.seconds, spec.retention.seconds) == (3, 5, 60, 7200)
    assert (spec.unique.key, spec.unique.hold_for.seconds) == ("u", 3600)
    assert "was there already" in gkick("enqueue", "x", "--id", "mine", "--queue", "all").stderr
    assert "mine" in gkick("jobs", "--batch", "b1").stdout
    at = json.loads(gkick("schedule", "--at", "2099-01-31T12:00:00Z", "x", "--queue", "all", "--json").stdout)
    assert at["run_at"].startswith("2099-01-31T12:00:00")


def test_work_tells_the_program_everything(server, gkick):
    names = ["ID", "NAME", "QUEUE", "ATTEMPT", "MAX_ATTEMPTS", "CONTENT_TYPE"]
    script = "; ".join(f'echo "$GKICK_JOB_{name}"' for name in names) + '; test -n "$GKICK_JOB_TOKEN" && cat'
    with Working(server, "--queue", "env", "--exec", script):
        job_id = gkick("enqueue", "env.name", "in", "--queue", "env", "--max-attempts", "5", "--content-type", "a/b").stdout.strip()
        out = gkick("wait", job_id, "--for", "30s").stdout
    assert out == f"{job_id}\nenv.name\nenv\n1\n5\na/b\nin"


def test_work_and_what_the_program_can_say(server, gkick, tmp_path):
    once = tmp_path / "once"
    script = f"""case "$(cat)" in
      snooze) if [ -e {once} ]; then echo again; else touch {once}; exit 75; fi;;
      signal) kill -9 $$;;
      long) head -c 3000 /dev/zero;;
    esac"""
    with Working(server, "--queue", "say", "--exec", script, "--snooze", "100ms", "--max-result", "1KiB"):
        snoozed = gkick("enqueue", "x", "snooze", "--queue", "say").stdout.strip()
        assert gkick("wait", snoozed, "--for", "30s").stdout == "again\n"
        assert json.loads(gkick("job", snoozed, "--json").stdout)["attempt"] == 1, "a job that was given back has not failed"
        killed = gkick("enqueue", "x", "signal", "--queue", "say", "--max-attempts", "1").stdout.strip()
        assert "signal 9" in gkick("wait", killed, "--for", "30s", code=2).stderr
        long = gkick("enqueue", "x", "long", "--queue", "say", "--max-attempts", "1").stdout.strip()
        gkick("wait", long, "--for", "30s", code=2)
        slow = gkick("enqueue", "x", "none", "--queue", "say").stdout.strip()
        assert gkick("wait", slow, "--for", "30s").stdout == ""


def test_an_attempt_out_of_time_ends_the_program(server, gkick):
    with Working(server, "--queue", "time", "--exec", "sleep 60"):
        job_id = gkick("enqueue", "x", "--queue", "time", "--attempt-timeout", "300ms", "--max-attempts", "1").stdout.strip()
        assert "imeout" in gkick("wait", job_id, "--for", "40s", code=2).stderr


def test_a_worker_that_drains_lets_its_program_finish(server, gkick, tmp_path):
    go = tmp_path / "go"
    with Working(server, "--queue", "finish", "--exec", f"while [ ! -e {go} ]; do sleep 0.05; done; echo finished") as worker:
        job_id = gkick("enqueue", "x", "--queue", "finish").stdout.strip()
        gkick("events", "--after", "0", "--job", job_id, "--type", "started", "--limit", "1")
        worker.process.send_signal(signal.SIGTERM)
        # It takes nothing more; what runs goes on.
        end = time.monotonic() + 30
        while not any(one.draining for one in server.admin.ListWorkers(pb.ListWorkersRequest(), timeout=10).workers):
            assert time.monotonic() < end
            time.sleep(0.02)
        go.touch()
        assert gkick("wait", job_id, "--for", "30s").stdout == "finished\n"


def test_a_worker_whose_id_another_takes_says_so(server):
    with Working(server, "--queue", "twice", "--exec", "true", "--id", "twice", code=69) as first:
        end = time.monotonic() + 30
        while not any(one.worker_id == "twice" for one in server.admin.ListWorkers(pb.ListWorkersRequest(), timeout=10).workers):
            assert time.monotonic() < end
            time.sleep(0.02)
        with Working(server, "--queue", "twice", "--exec", "true", "--id", "twice"):
            first.process.wait(30)
    assert "another worker has taken the id twice" in first.err


def test_events_go_on_after_the_server_was_killed(tmp_path):
    with Server(data=tmp_path / "data") as server:
        ids = [server.enqueue("events") for _ in range(3)]
        watching = subprocess.Popen(
            [binary(), "events", "--after", "0", "--type", "enqueued", "--limit", "6", "--json"], text=True,
            env=environment(server.address), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            seen = [json.loads(watching.stdout.readline())["job_id"] for _ in range(3)]
            server.restart()
            ids += [server.enqueue("events") for _ in range(3)]
            out, said = watching.communicate(timeout=60)
        finally:
            if watching.poll() is None:
                watching.kill()
        seen += [json.loads(line)["job_id"] for line in out.splitlines()]
        assert seen == ids and watching.returncode == 0
        assert "trying again" in said


def test_output_into_a_closed_pipe_is_no_error(server):
    for _ in range(3):
        server.enqueue("pipe")
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {binary()} jobs --limit 0 | head -1"], capture_output=True, text=True,
                          env=environment(server.address), stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode == 0 and done.stderr == "" and len(done.stdout.splitlines()) == 1


# --- TLS, sockets ----------------------------------------------------------------------------------------------------


def certificates(folder):
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", "ca.key", "-out",
            "ca.pem", "-days", "2", "-subj", "/CN=test authority")
    for name in ("server", "client"):
        (folder / f"{name}.ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
                f"{name}.pem", "-days", "2", "-extfile", f"{name}.ext")
    return lambda file: str(folder / file)


def test_tls(tmp_path, gkick):
    file = certificates(tmp_path)
    with Server("--tls-cert", file("server.pem"), "--tls-key", file("server.key"), "--tls-client-ca", file("ca.pem")) as server:
        trust = ["--tls-ca", file("ca.pem")]
        mutual = [*trust, "--tls-cert", file("client.pem"), "--tls-key", file("client.key")]
        job_id = gkick("enqueue", "x", "secret", "--queue", "tls", *mutual, address=server.address).stdout.strip()
        variables = {"GKICK_TLS_CA": file("ca.pem"), "GKICK_TLS_CERT": file("client.pem"), "GKICK_TLS_KEY": file("client.key")}
        assert job_id in gkick("jobs", address=server.address, env=variables).stdout
        gkick("jobs", "--timeout", "5s", *trust, address=server.address, code=69)
        gkick("jobs", "--timeout", "5s", "--tls", address=server.address, code=69)
        gkick("jobs", "--timeout", "5s", address=server.address, code=69)
        gkick("jobs", "--tls-cert", file("client.pem"), address=server.address, code=64)
        gkick("jobs", "--tls-ca", file("server.ext"), address=server.address, code=64)
        said = gkick("jobs", "--tls-ca", file("missing.pem"), address=server.address, code=64).stderr
        assert "--tls-ca" in said and "missing.pem" in said and "No such file" in said
        gkick("work", "--exec", "true", "--tls-ca", file("missing.pem"), address=server.address, code=64)
        with Working(server, "--queue", "tls", "--exec", "cat", *mutual):
            assert gkick("wait", job_id, "--for", "30s", *mutual, address=server.address).stdout == "secret"


def test_a_socket_in_a_folder(tmp_path, gkick):
    path = tmp_path / "s"
    with Server("--listen", f"unix:{path}") as server:
        assert "embedded" in gkick("info", address=f"unix:{path}").stdout
        assert server.get("/readyz")[0] == 200
