"""The command line and the Python package show their tokens, and not to everybody."""
import os
import subprocess
import sys

import pytest

from harness.server import binary
from harness.stubs import ROOT, pb


def gkick(*arguments, **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GKICK_")}
    return subprocess.run([binary(), *arguments], env=clean | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)


def test_the_command_line_shows_its_token(guarded, mark, tmp_path):
    token = guarded.add(f"{mark}p", ["producer"], [f"{mark}*"])
    file = tmp_path / "token"
    file.write_text(token + "\n")
    queue, address = f"{mark}q", ("--address", guarded.server.address)
    assert gkick("enqueue", "t", "--queue", queue, *address).returncode == 4
    for done in (gkick("enqueue", "t", "--queue", queue, *address, "--token-file", str(file)),
                 gkick("enqueue", "t", "--queue", queue, *address, GKICK_TOKEN_FILE=str(file)),
                 gkick("enqueue", "t", "--queue", queue, *address, GKICK_TOKEN=token)):
        assert done.returncode == 0, done.stderr
    refused = gkick("enqueue", "t", "--queue", "other", *address, GKICK_TOKEN=token)
    assert refused.returncode == 4 and "other" in refused.stderr and token not in refused.stderr


def test_a_worker_shows_its_token(guarded, mark):
    token = guarded.add(f"{mark}w", ["worker"], [f"{mark}*"])
    queue = f"{mark}q"
    job = guarded.root.Enqueue(pb.EnqueueRequest(job=pb.JobSpec(queue=queue, name="t"))).job_id
    worker = subprocess.Popen(
        [binary(), "work", "--queue", queue, "--address", guarded.server.address, "--exec", "cat"], stdin=subprocess.DEVNULL,
        env=os.environ | {"GKICK_TOKEN": token}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        assert guarded.root.WaitJob(pb.WaitJobRequest(job_id=job), timeout=20).job.state == pb.JOB_STATE_SUCCEEDED
    finally:
        worker.terminate()
        worker.communicate(timeout=20)


@pytest.mark.parametrize("address", ["10.0.0.1:7450", "127.example.org:7450", "localhost.example.org:7450"])
def test_a_token_is_not_sent_in_plaintext_to_another_host(address):
    refused = gkick("queues", "--address", address, GKICK_TOKEN="secret")
    assert refused.returncode == 64 and "plaintext" in refused.stderr and "secret" not in refused.stderr


def test_a_bad_token_file_is_told(tmp_path):
    refused = gkick("queues", "--token-file", str(tmp_path / "none"))
    assert refused.returncode == 64 and "--token-file" in refused.stderr
    (tmp_path / "empty").write_text("\n")
    refused = gkick("queues", "--token-file", str(tmp_path / "empty"))
    assert refused.returncode == 64 and "--token-file" in refused.stderr


def test_the_examples_show_their_token(guarded):
    stubs = next(folder for folder in sys.path if "gkick-stubs-" in folder)
    token = guarded.add("example", ["producer", "worker"], ["default"])
    shown = os.environ | {"PYTHONPATH": stubs, "GKICK_ADDRESS": guarded.server.address, "GKICK_TOKEN": token}
    worker = subprocess.Popen([sys.executable, str(ROOT / "Examples/python/worker.py")], env=shown, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL)
    try:
        done = subprocess.run([sys.executable, str(ROOT / "Examples/python/producer.py"), "word"], env=shown, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60)
        assert "JOB_STATE_SUCCEEDED" in done.stdout, done.stderr
    finally:
        worker.terminate()
        worker.wait(20)
    stranger = {name: value for name, value in shown.items() if name != "GKICK_TOKEN"}
    done = subprocess.run([sys.executable, str(ROOT / "Examples/python/producer.py")], env=stranger, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60)
    assert done.returncode != 0 and "UNAUTHENTICATED" in done.stderr
