"""Docs/operations.md is done as it is written: backup and restore, upgrade of a folder, the metrics it names."""
import contextlib
import os
import re
import sqlite3
import subprocess
import time

from harness.server import Server, binary
from harness.stubs import ROOT, pb
from harness.worker import Worker

PAGE = (ROOT / "Docs/operations.md").read_text()


def test_every_metric_is_described_and_is_there(server):
    queue = "measured"
    with Worker(server, queue) as worker:
        server.enqueue(queue)
        worker.succeed(worker.job())
        status, text = server.get("/metrics")
    assert status == 200
    there = set(re.findall(r"^# TYPE (\S+)", text, re.M))
    table = PAGE.split("\n### All metrics\n", 1)[1].split("\n##", 1)[0]
    described = {name for line in table.splitlines() if line.startswith("|") for name in re.findall(r"`([a-z_]+)`", line.split("|")[1])}
    assert described == there
    # Labels too.
    for line in table.splitlines()[2:]:
        if not line.startswith("|"):
            continue
        names, labels = re.findall(r"`([a-z_]+)`", line.split("|")[1]), re.findall(r"`([a-z_]+)`", line.split("|")[2])
        for name in names:
            found = re.search(rf"^{name}(?:_count)?(?:\{{(.*?)\}})? ", text, re.M)
            if found:
                assert re.findall(r'([a-z_]+)="', found.group(1) or "") == labels, name
    # And everything that alerts are built on elsewhere in the page; those of shared stores and of traces are looked at in Tests/EndToEnd/operate.
    before, after = PAGE.split("\n### Metrics of shared stores and of traces\n", 1)
    for name in re.findall(r"`((?:gkick|process)_[a-z_]+)(?:\{[^`]*\})?`", before + after.split("\n### ", 1)[1]):
        assert name in there, name


def test_every_code_block_of_the_page_is_run_here():
    """Whoever adds a command to the page adds it to the tests below."""
    assert re.findall(r"```sh\n(.*?)```", PAGE, re.S) == [
        "gkick backup --store embedded:gkick-data backup.db\n",
        "mkdir restored && cp backup.db restored/gkick.db\ngkick server --store embedded:restored\n",
    ]


def shell(folder, command):
    """As on the page, with the executable on the PATH."""
    (folder / "bin").mkdir(exist_ok=True)
    if not (folder / "bin/gkick").exists():
        (folder / "bin/gkick").symlink_to(binary())
    subprocess.run(["sh", "-ec", command], cwd=folder, check=True, stdin=subprocess.DEVNULL, timeout=60,
                   env=os.environ | {"PATH": f"{folder}/bin:{os.environ['PATH']}"})


def test_backup_while_it_runs_and_restore(tmp_path):
    data = tmp_path / "gkick-data"
    with Server(data=data) as server:
        kept = [server.enqueue("kept", name="k", payload=str(number).encode()) for number in range(50)]
        # The database is filled from the log a moment later.
        time.sleep(1.5)
        backup, restore = re.findall(r"```sh\n(.*?)```", PAGE, re.S)
        shell(tmp_path, backup)
        after = server.enqueue("kept", payload=b"after the backup")
        # A job that the backup holds as ready ends after it: it runs again after the restore.
        with Worker(server, "kept") as worker:
            worker.succeed(worker.job(), b"first run")
        assert server.wait(kept[0]).result == b"first run"
        assert server.terminate() == 0
    shell(tmp_path, restore.splitlines()[0])
    with Server(data=tmp_path / "restored") as server:
        listed = {job.spec.id for job in server.jobs.ListJobs(pb.ListJobsRequest(queue="kept"), timeout=10).jobs}
        assert listed == set(kept) and after not in listed
        with Worker(server, "kept") as worker:
            job = worker.job()
            assert job.lease.job_id == kept[0]
            worker.succeed(job, b"second run")
        assert server.wait(kept[0]).result == b"second run"


def test_one_server_for_one_folder(tmp_path):
    data = tmp_path / "gkick-data"
    with Server(data=data) as first:
        second = Server(data=data, start=False)
        done = subprocess.run(second.command(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              env=second.environment)
        assert done.returncode == 1 and str(data) in done.stdout + done.stderr
        assert first.get("/readyz")[0] == 200


def test_an_older_server_refuses_a_newer_store_and_changes_nothing(tmp_path):
    data = tmp_path / "gkick-data"
    with Server(data=data) as server:
        server.enqueue("kept")
        assert server.terminate() == 0
        with contextlib.closing(sqlite3.connect(data / "gkick.db")) as store:
            version = store.execute("PRAGMA user_version").fetchone()[0]
            store.execute(f"PRAGMA user_version = {version + 1}")
        before = (data / "gkick.db").read_bytes()
        done = subprocess.run(server.command(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                              env=server.environment)
        assert done.returncode == 1, done
        assert (data / "gkick.db").read_bytes() == before


def test_settings_are_read_from_the_environment_and_the_flag_wins(tmp_path):
    environment = {"GKICK_MAX_PAYLOAD": "nonsense"}
    done = subprocess.run([binary(), "server"], env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 64 and "GKICK_MAX_PAYLOAD" in done.stderr and "--max-payload" in done.stderr
    with Server("--max-payload", "2KiB", environment=environment) as server:
        server.enqueue("q", payload=b"x" * 2048)
