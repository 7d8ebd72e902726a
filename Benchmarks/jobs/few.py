"""Few callers at a time: latency and what a life costs then; started by Benchmarks/jobs/few."""
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests/EndToEnd"))

from harness.server import Server, free_port  # noqa: E402

LOAD = os.environ["FEW_LOAD"]
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = os.environ.get("SECONDS_EACH", "5")


class GKick:
    load = "gkick"

    def __init__(self, binary):
        os.environ["GKICK_BIN"] = binary
        self.server = Server(lease="30s")
        self.address = self.server.address
        self.process = self.server.process
        self.close = self.server.close


class Beanstalkd:
    """Each write synced before its answer."""
    load = "beanstalkd"

    def __init__(self, _):
        self.data = tempfile.mkdtemp(prefix="gkick-few-")
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self.process = subprocess.Popen(["beanstalkd", "-l", "127.0.0.1", "-p", str(port), "-b", self.data, "-f0"])
        time.sleep(0.5)

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.data, ignore_errors=True)


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(kind, binary, *what):
    """One run on a server of its own: figures of the load, with `cpu`: microseconds of the server a job."""
    server = kind(binary)
    try:
        subprocess.run([LOAD, server.load, server.address, "open", "500", "1"], check=True, capture_output=True, timeout=60)
        before = cpu_seconds(server.process)
        out = subprocess.run([LOAD, server.load, server.address, *what], check=True, capture_output=True, text=True, timeout=120)
        cpu = cpu_seconds(server.process) - before
    finally:
        server.close()
    figures = {name: float(value) for name, value in re.findall(r"(\w+) ([\d.]+)", out.stdout)}
    return figures | {"cpu": cpu / figures["jobs"] * 1e6}


def main():
    servers = [("this", GKick, os.environ["GKICK_BIN"])]
    if os.environ.get("OTHER"):
        servers.append(("the other", GKick, os.environ["OTHER"]))
    if shutil.which("beanstalkd"):
        servers.append(("beanstalkd -f0", Beanstalkd, None))
    cases = {
        "open 1000/s synced": ("open", "1000", SECONDS),
        "open 1000/s relaxed": ("open", "1000", SECONDS, "relaxed"),
        "open 5000/s synced": ("open", "5000", SECONDS),
        "open 5000/s relaxed": ("open", "5000", SECONDS, "relaxed"),
        "one producer, synced": ("one", SECONDS),
        "idle pick-up": ("idle", "500"),
    }
    wanted = sys.argv[1:]
    print(f"{'':<22} {'':<16} {'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>9} {'CPU us':>7} {'jobs/s':>8}   medians of {ROUNDS} in turn")
    for name, what in cases.items():
        if wanted and not any(word in name for word in wanted):
            continue
        found = {label: [] for label, _, _ in servers}
        for _ in range(ROUNDS):
            for label, kind, binary in servers:
                if kind is Beanstalkd and "relaxed" in what:
                    continue
                found[label].append(run(kind, binary, *what))
        for label, runs in found.items():
            if runs:
                def middle(key):
                    return statistics.median(each[key] for each in runs)
                rate = statistics.median(each["jobs"] / each["seconds"] for each in runs)
                print(f"{name:<22} {label:<16} {middle('p50') / 1000:>8.2f} {middle('p99') / 1000:>8.2f} "
                      f"{middle('p999') / 1000:>9.2f} {middle('cpu'):>7.0f} {rate:>8,.0f}", flush=True)


main()
