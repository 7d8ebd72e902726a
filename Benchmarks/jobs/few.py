"""Few callers at a time: latency and what a life costs then; started by Benchmarks/jobs/few."""
import contextlib
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
        self.process = subprocess.Popen(["beanstalkd", "-l", "127.0.0.1", "-p", str(port), *self.options()])
        time.sleep(0.5)

    def options(self):
        return ["-b", self.data, "-f0"]

    def close(self):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.data, ignore_errors=True)


class BeanstalkdInMemory(Beanstalkd):
    """What it stores is gone with it: what the machine lets anybody have who writes nothing."""

    def options(self):
        return []


class Hogs:
    """One program on each processor that computes all the time, as workers may do."""

    def __enter__(self):
        self.processes = [
            subprocess.Popen([sys.executable, "-c", f"import os; os.sched_setaffinity(0, [{processor}])\nwhile True: pass"])
            for processor in os.sched_getaffinity(0)
        ]

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def machine_time():
    """Of all processors together: what they were wanted for, and how much of it the machine's host gave to others, in ticks."""
    user, nice, system, _, _, irq, softirq, stolen = map(int, pathlib.Path("/proc/stat").read_text().split()[1:9])
    return user + nice + system + irq + softirq + stolen, stolen


def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(kind, binary, *what):
    """One run on a server of its own: figures of the load, with `cpu`: microseconds of the server a job, and `stolen`: how much of the time that the
    machine's processors were wanted its host gave to others, in percent."""
    server = kind(binary)
    try:
        subprocess.run([LOAD, server.load, server.address, "open", "500", "1"], check=True, capture_output=True, timeout=60)
        before = cpu_seconds(server.process)
        wanted, stolen = machine_time()
        out = subprocess.run([LOAD, server.load, server.address, *what], check=True, capture_output=True, text=True, timeout=120)
        cpu = cpu_seconds(server.process) - before
        wanted, stolen = (now - then for now, then in zip(machine_time(), (wanted, stolen)))
    finally:
        server.close()
    figures = {name: float(value) for name, value in re.findall(r"(\w+) ([\d.]+)", out.stdout)}
    return figures | {"cpu": cpu / figures["jobs"] * 1e6, "stolen": 100 * stolen / max(1, wanted)}


def main():
    servers = [("this", GKick, os.environ["GKICK_BIN"])]
    if os.environ.get("OTHER"):
        servers.append(("the other", GKick, os.environ["OTHER"]))
    if shutil.which("beanstalkd"):
        servers.append(("beanstalkd -f0", Beanstalkd, None))
        servers.append(("beanstalkd, memory", BeanstalkdInMemory, None))
    cases = {
        "open 1000/s synced": ("open", "1000", SECONDS),
        "open 1000/s relaxed": ("open", "1000", SECONDS, "relaxed"),
        "open 5000/s synced": ("open", "5000", SECONDS),
        "open 5000/s relaxed": ("open", "5000", SECONDS, "relaxed"),
        "one producer, synced": ("one", SECONDS),
        "idle pick-up": ("idle", "500"),
    }
    with Hogs() if os.environ.get("BUSY") else contextlib.nullcontext():
        measure(servers, cases, sys.argv[1:])


def measure(servers, cases, words):
    print(f"{'':<22} {'':<18} {'p50 ms':>8} {'p99 ms':>8} {'p99.9 ms':>9} {'CPU us':>7} {'jobs/s':>8} {'stolen':>7}   medians of {ROUNDS} in turn")
    for name, what in cases.items():
        if words and not any(word in name for word in words):
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
                print(f"{name:<22} {label:<18} {middle('p50') / 1000:>8.2f} {middle('p99') / 1000:>8.2f} "
                      f"{middle('p999') / 1000:>9.2f} {middle('cpu'):>7.0f} {rate:>8,.0f} {middle('stolen'):>6.0f}%", flush=True)


main()
