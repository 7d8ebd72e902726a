"""What the command line says: advice, suggestions, JSON, what it makes harmless."""
import json
import os
import pty
import re
import select
import subprocess
import time

import pytest

from conftest import environment
from harness.server import Server, binary, free_port
from harness.stubs import pb
from harness.worker import Worker


# --- D.1 payloads -------------------------------------------------------------------------------------------------------------


def test_a_pipe_is_the_payload(server, gkick, tmp_path):
    (tmp_path / "payload").write_bytes(b"\xff from a file")
    job_id = gkick("enqueue", "x", "--queue", "piped", stdin=b"hello\n").stdout.strip()
    assert server.job(job_id).spec.payload == b"hello\n"
    with open(tmp_path / "payload") as file:
        done = subprocess.run([binary(), "enqueue", "x"], stdin=file, capture_output=True, text=True, env=environment(server.address), timeout=30)
    assert server.job(done.stdout.strip()).spec.payload == b"\xff from a file"
    given = gkick("enqueue", "x", "given", "--queue", "piped", stdin=b"not read").stdout.strip()
    assert server.job(given).spec.payload == b"given"
    assert server.job(gkick("enqueue", "x", "--queue", "piped").stdout.strip()).spec.payload == b""


@pytest.mark.parametrize("size", [2 << 20, 10 << 20])
def test_a_payload_over_the_limit_is_named_as_that(gkick, size):
    said = gkick("enqueue", "x", "-", stdin=b"x" * size, code=4).stderr
    assert "payload" in said and re.search(r"\d{6}", said) and "full" not in said and "later" not in said


# --- D.2 advice ---------------------------------------------------------------------------------------------------------------


def test_advice_for_tls(gkick, pem, server):
    def said(address, *flags):
        text = gkick("info", "--timeout", "5s", *flags, address=address, code=69).stderr
        assert address in text and ".cc" not in text and "BoringSSL" not in text and "gkick server" not in text, text
        return text

    with Server("--tls-cert", pem("server.pem"), "--tls-key", pem("server.key"), "--tls-client-ca", pem("ca.pem")) as mutual:
        assert "--tls" in said(mutual.address)
        assert "--tls-ca FILE" in said(mutual.address, "--tls")
        assert "trusted authority" in said(mutual.address, "--tls-ca", pem("other.pem"))
        wanted = said(mutual.address, "--tls-ca", pem("ca.pem"))
        assert "client certificate" in wanted and "--tls-cert FILE" in wanted
        refused = said(mutual.address, "--tls-ca", pem("ca.pem"), "--tls-cert", pem("other.pem"), "--tls-key", pem("other.key"))
        assert "does not accept the client certificate" in refused
        assert "--http" in said(f"127.0.0.1:{mutual.http_port}")
    with Server("--tls-cert", pem("wrong.pem"), "--tls-key", pem("wrong.key")) as wrong:
        assert "another name" in said(wrong.address, "--tls-ca", pem("ca.pem"))
    assert "does not speak TLS" in said(server.address, "--tls")
    assert "--http" in said(f"127.0.0.1:{server.http_port}")


def test_start_one_only_where_nothing_listens(gkick):
    nowhere = gkick("info", address=f"127.0.0.1:{free_port()}", code=69).stderr
    assert "connection refused" in nowhere and "gkick server" in nowhere
    unknown = gkick("info", address="no-such-host.invalid:7450", code=69).stderr
    assert "name is not known" in unknown and "gkick server" not in unknown
    assert "no such socket" in gkick("info", address="unix:/nowhere/s", code=69).stderr


def test_bad_certificate_files_are_named(gkick, pem, server):
    for flags, flag, file in [
        (["--tls-ca", pem("server.ext")], "--tls-ca", "server.ext"),
        (["--tls-cert", pem("server.ext"), "--tls-key", pem("client.key")], "--tls-cert", "server.ext"),
        (["--tls-cert", pem("client.pem"), "--tls-key", pem("client.pem")], "--tls-key", "client.pem"),
        (["--tls-cert", pem("client.pem"), "--tls-key", pem("other.key")], "--tls-key", "other.key"),
    ]:
        said = gkick("info", *flags, code=64).stderr
        assert flag in said and file in said and ".cc" not in said, said


# --- D.3 a restart --------------------------------------------------------------------------------------------------------------


def test_wait_survives_a_restart(tmp_path, work):
    with Server(data=tmp_path / "data") as server:
        job_id = server.enqueue("restart")
        waiting = subprocess.Popen([binary(), "wait", job_id, "--for", "60s"], env=environment(server.address), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        time.sleep(1)
        server.restart()
        time.sleep(1)
        server.restart()
        assert waiting.poll() is None, waiting.communicate()
        with work("--queue", "restart", "--exec", "echo waited for", address=server.address):
            out, said = waiting.communicate(timeout=40)
    assert (out, waiting.returncode) == ("waited for\n", 0), said
    assert said.count("trying again") == 1


def test_lines_survive_a_restart_and_are_stored_once(tmp_path):
    with Server(data=tmp_path / "data") as server, open(tmp_path / "ids", "w+") as ids:
        feeding = subprocess.Popen([binary(), "enqueue", "line", "--lines", "--queue", "lines"], env=environment(server.address),
                                   stdin=subprocess.PIPE, stdout=ids, stderr=subprocess.PIPE, text=True)
        line = "x" * 1_000 + "\n"
        feeding.stdin.write(line * 2_000)
        feeding.stdin.flush()
        time.sleep(1)
        server.restart()
        feeding.stdin.write(line * 2_000)
        said = feeding.communicate(timeout=60)[1]
        assert feeding.returncode == 0, said
        assert len(set((tmp_path / "ids").read_text().split())) == 4_000
        queue = next(one for one in server.admin.ListQueues(pb.ListQueuesRequest(), timeout=10).queues if one.name == "lines")
        assert queue.ready == 4_000


# --- D.4 a job's page -----------------------------------------------------------------------------------------------------------


def test_a_jobs_page_tells_all(server, gkick):
    job_id = gkick("enqueue", "x", "pay", "--queue", "page", "--unique", "key 7", "--attempt-timeout", "90s", "--max-attempts", "7",
                   "--content-type", "text/odd", "--metadata", "trace=abc").stdout.strip()
    shown = gkick("job", job_id).stdout
    for text in ("0 of 7", "1m30s an attempt", "key 7", "text/odd", "trace: abc"):
        assert text in shown, shown
    job = json.loads(gkick("job", job_id, "--json").stdout)
    assert (job["max_attempts"], job["timeout_seconds"], job["unique_key"], job["content_type"]) == (7, 90, "key 7", "text/odd")


def test_nothing_from_outside_steers_the_terminal(server, gkick):
    evil = "bad\x1b]0;title\x07\u009b2J\u202e"
    job_id = server.enqueue("evil", name="n" + evil, payload=evil.encode(), metadata={"k" + evil: "v" + evil}, content_type="c" + evil,
                            unique=pb.Uniqueness(key="u" + evil))
    with Worker(server, "evil", worker_id="w") as worker:
        job = worker.job(30)
        worker.send(progress=[pb.ProgressReport(lease=job.lease, progress=pb.Progress(percent=5, message="p" + evil))])
        time.sleep(0.3)
        during = gkick("job", job_id).stdout + gkick("jobs", "--queue", "evil").stdout + gkick("workers").stdout
        worker.fail(job, type="t" + evil, message="m" + evil, retryable=False, timeout=30)
    after = gkick("job", job_id).stdout + gkick("events", "--after", "0", "--job", job_id, "--limit", "4").stdout
    after += gkick("wait", job_id, code=2).stderr + gkick("cancel", "none" + evil, code=None).stderr
    for shown in (during, after):
        assert "bad" in shown and not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", shown), shown
    raw = gkick("job", job_id, "--json").stdout
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", raw) and json.loads(raw)["metadata"] == {"k" + evil: "v" + evil}


def test_help_names_the_real_defaults(gkick, server):
    job_id = gkick("enqueue", "x").stdout.strip()
    attempts = server.job(job_id).spec.retry.max_attempts
    assert f"(default: {attempts})" in re.sub(r"\s+", " ", gkick("enqueue", "--help").stdout)


# --- D.5 words ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments,word", [
    (["enqueue", "x", "--prio", "3"], "'--priority'"), (["enque", "x"], "gkick enqueue"), (["enqeue", "x", "--queue", "y"], "gkick enqueue"),
    (["job", "x", "--explian"], "'--explain'"), (["worker"], "gkick work"), (["jobs", "--stat", "dead"], "'--state'"),
])
def test_suggestions(gkick, arguments, word):
    said = gkick(*arguments, code=64).stderr
    assert "Did you mean" in said and word in said


@pytest.mark.parametrize("arguments,words", [
    (["enqueue", "x", "--max-attempts", "0"], "--max-attempts"), (["enqueue", "x", "--on-conflict", "keep"], "--unique"),
    (["enqueue", "x", "--unique-for", "1m"], "--unique"), (["enqueue", "x", "--max-attempts", "1", "--backoff", "1s"], "--backoff"),
    (["schedule", "x", "--in", "1s", "--at", "2030-01-01T00:00:00Z"], "either"), (["schedule", "x", "--in", "100000d"], "36525d"),
    (["retry", "id", "--queue", "q"], "either"), (["cancel"], "--older-than"), (["delete", "id", "--name", "n"], "either"),
    (["top", "--count", "0"], "--count"), (["wait", "id", "--for", "soon"], "--for"), (["enqueue", "x", "--metadata", "=v"], "--metadata"),
    (["token", "new", "--name", "n", "--role", "admin", "--valid-for", "0s"], "--valid-for"), (["backup", "-"], "file"), (["backup", ""], "empty"),
])
def test_what_cannot_be_meant_is_refused(gkick, arguments, words):
    assert words in gkick(*arguments, code=64).stderr


@pytest.mark.parametrize("arguments", [
    # As of a shell's variable that is not set: it would mean the jobs of all queues, or a second job.
    *([command, "--yes", flag] for command in ("cancel", "delete", "retry") for flag in ("--queue", "--name", "--batch")),
    *(["jobs", flag] for flag in ("--queue", "--name", "--batch", "--key", "--fairness-key", "--recurring")),
    *(["events", "--after", "0", "--limit", "1", flag] for flag in ("--queue", "--name", "--job", "--batch")),
    *(["enqueue", "x", flag] for flag in ("--queue", "--id", "--unique", "--batch", "--after", "--key", "--fairness-key")),
    *(["limits", "put", "--max-running", "1", flag] for flag in ("--queue", "--key")), ["batches", "put"], ["batches", "put", "b", "--on-finished"],
    *(["work", "--exec", "true", flag] for flag in ("--queue", "--name", "--id")),
])
def test_an_empty_value_does_not_mean_all_or_nothing(gkick, server, arguments):
    job_id = gkick("schedule", "x", "--in", "1h", "--queue", "unset").stdout.strip()
    said = gkick(*arguments, "", code=64).stderr
    assert "it is empty" in said and (arguments[-1] in said or arguments == ["batches", "put"])
    assert server.job(job_id).state == pb.JOB_STATE_SCHEDULED


def test_a_switch_of_the_environment_is_on_or_off_and_nothing_else(server):
    def info(**variables):
        return subprocess.run([binary(), "info"], env=environment(server.address, **variables), stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=30)

    for word in ("1", "true", "Yes", "on"):
        done = info(GKICK_TLS=word)
        assert done.returncode == 69 and "does not speak TLS" in done.stderr, word
    for word in ("0", "false", "no", "off", ""):
        assert info(GKICK_TLS=word).returncode == 0, word
    done = info(GKICK_TLS="maybe")
    assert done.returncode == 64 and "GKICK_TLS (--tls): 'maybe'" in done.stderr


def test_who_says_nothing_of_who_calls_is_told_how(gkick, tmp_path):
    (tmp_path / "auth").write_text("")
    with Server("--auth", str(tmp_path / "auth")) as guarded:
        said = gkick("jobs", address=guarded.address, code=4).stderr
        assert "--token-file" in said and "GKICK_TOKEN" in said


def test_errors_are_json_for_programs(gkick):
    for arguments, code in [(["job", "nothing"], 3), (["enqueue", "x", "--priority", "101"], 4), (["jobs", "--state", "lost"], 64),
                            (["enqueue", "x", "--prio", "1"], 64), (["purge", "q"], 64)]:
        done = gkick(*arguments, "--json", code=code)
        error = json.loads(done.stderr)
        assert error["exit_code"] == code and error["error"] and done.stdout == ""
    error = json.loads(gkick("info", "--json", address=f"127.0.0.1:{free_port()}", code=69).stderr)
    assert "connection refused" in error["error"]


def test_closed_standard_output_and_error(server):
    def shell(script):
        return subprocess.run(["bash", "-c", script], env=environment(server.address, G=binary()), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=30)

    closed = shell('"$G" info >&-')
    assert closed.returncode == 1 and "cannot write to standard output" in closed.stderr
    full = shell('"$G" info >/dev/full')
    assert full.returncode == 1 and "No space left" in full.stderr
    mute = shell('"$G" job nothing 2>&-; echo $?; "$G" info 2>&-')
    assert mute.stdout.startswith("3\n") and "embedded" in mute.stdout and mute.returncode == 0


def on_a_terminal(arguments, env, keys, columns, seconds=20):
    """What a command draws on a terminal of so many columns until the keys were pressed and it has ended; its exit code."""
    pid, leader = pty.fork()
    if pid == 0:
        os.execvpe(binary(), ["gkick", *arguments], env | {"TERM": "xterm"})
    import fcntl
    import struct
    import termios
    fcntl.ioctl(leader, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    text, end, pressed = "", time.monotonic() + seconds, False
    while time.monotonic() < end:
        if select.select([leader], [], [], 0.1)[0]:
            try:
                text += os.read(leader, 65536).decode(errors="replace")
            except OSError:
                break
        if not pressed and text.count("QUEUE") >= 3:
            os.write(leader, keys)
            pressed = True
    else:
        os.kill(pid, 9)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(leader)
    return text, code


@pytest.mark.parametrize("keys", [b"q", b"\x03"])
def test_top_at_60_columns_and_q(server, work, keys):
    server.enqueue("a-queue-with-a-name-that-is-long-enough-to-be-cut")
    with work("--queue", "top", "--exec", "true", "--concurrency", "1") as worker:
        worker.wait_for("connected")
        text, code = on_a_terminal(["top", "--every", "100ms"], environment(server.address), keys, 60)
    assert code == 0
    assert text.rstrip().endswith("\x1b[?1049l")
    picture = text.rsplit("\x1b[H", 1)[1]
    lines = [re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", line) for line in picture.split("\r\n")]
    assert all(len(line) <= 60 for line in lines), lines
    assert any(line.startswith("QUEUE") and "READY" in line and "RUNNING" in line for line in lines), lines
    assert any(line.startswith("1 worker, 0 of 1 slot busy") for line in lines), lines


# --- D.6 backup -----------------------------------------------------------------------------------------------------------------


def test_backup_beside_a_running_server(tmp_path, gkick):
    with Server(data=tmp_path / "data") as server:
        ids = [server.enqueue("kept", payload=b"x" * 1_000) for _ in range(200)]
        # A backup is of the database, which is filled from the log behind what is acknowledged: within a moment.
        time.sleep(1.5)
        file = tmp_path / "copy.db"
        done = json.loads(gkick("backup", "--store", f"embedded:{tmp_path}/data", str(file), "--json").stdout)
        assert done["bytes"] == file.stat().st_size > 200_000
        assert file.stat().st_mode & 0o777 == 0o600
        assert "there already" in gkick("backup", "--store", f"embedded:{tmp_path}/data", str(file), code=1).stderr
        server.enqueue("kept")
    (tmp_path / "again").mkdir()
    file.rename(tmp_path / "again" / "gkick.db")
    with Server(data=tmp_path / "again") as server:
        assert server.job(ids[-1]).spec.payload == b"x" * 1_000
        queue = next(one for one in server.admin.ListQueues(pb.ListQueuesRequest(), timeout=10).queues if one.name == "kept")
        assert queue.ready == 200


def test_backup_of_what_is_no_store(tmp_path, gkick):
    assert "no store" in gkick("backup", "--store", f"embedded:{tmp_path}/nothing", str(tmp_path / "f"), code=1).stderr
    assert not (tmp_path / "nothing").exists()
    gkick("backup", "--store", "memory:", str(tmp_path / "f"), code=64)


def test_a_backup_that_cannot_be_made_names_its_file(tmp_path, gkick):
    with Server(data=tmp_path / "data"):
        said = gkick("backup", "--store", f"embedded:{tmp_path}/data", str(tmp_path / "nowhere" / "f"), code=1).stderr
    assert f"cannot make {tmp_path}/nowhere/f" in said and "No such file or directory" in said and "SQL" not in said
