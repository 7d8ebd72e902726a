"""Several servers on one Redis; started by Benchmarks/redis/fronts. The load is `gkick bench both`, one for each server that is spoken to."""
import asyncio
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests/EndToEnd"))

from harness.calls import until  # noqa: E402
from harness.crowd import Crowd  # noqa: E402
from harness.redis import Redis  # noqa: E402
from harness.server import Server  # noqa: E402
from harness.stubs import pb  # noqa: E402

BINARY = os.environ["GKICK_BIN"]
ROUNDS = int(os.environ.get("ROUNDS", "3"))
JOBS = int(os.environ.get("JOBS", "100000"))
FSYNC = os.environ.get("APPENDFSYNC", "everysec")


def cpu(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def fleet(count, binary=BINARY, fsync=FSYNC):
    """So many servers on a Redis of their own, the one that leads first."""
    os.environ["GKICK_BIN"] = binary
    redis = Redis("--appendfsync", fsync)
    servers = []
    try:
        for _ in range(count):
            servers.append(Server(store=redis.url, lease="30s"))
        if count > 1:
            def leader():
                found = servers[0].admin.ListServers(pb.ListServersRequest(), timeout=5).servers
                return len(found) == count and next((one.address for one in found if one.leads), None)

            first = until(leader, "leader")
            servers.sort(key=lambda one: one.address != first)
        yield redis, servers
    finally:
        for server in servers:
            server.close()
        redis.close()


def life(redis, servers, spoken_to, jobs=JOBS):
    """The whole life of `jobs` jobs, shared out among the servers that are spoken to: jobs a second, and microseconds of CPU a job of Redis and of
    each server."""
    share = jobs // len(spoken_to)
    streams = max(1, 8 // len(spoken_to))

    def run(count):
        benches = [subprocess.Popen(
            [BINARY, "bench", "both", "--address", one.address, "--jobs", str(count), "--mode", "stream", "--batch-size", "100",
             "--in-flight", str(max(1, 16 // len(spoken_to))), "--workers", str(streams), "--slots", "256", "--duration", "300s", "--http", "none", "--json"],
            stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL) for one in spoken_to]
        return [json.loads(one.communicate(timeout=300)[0].strip().splitlines()[-1]) for one in benches]

    run(2_000)
    before = [cpu(redis.process.pid)] + [cpu(one.process.pid) for one in servers]
    began = time.monotonic()
    run(share)
    took = time.monotonic() - began
    after = [cpu(redis.process.pid)] + [cpu(one.process.pid) for one in servers]
    spent = [(end - start) / (share * len(spoken_to)) * 1e6 for start, end in zip(before, after)]
    return share * len(spoken_to) / took, spent[0], spent[1:]


def row(*cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def middle(values, form="{:.1f}"):
    values = list(values)
    return form.format(statistics.median(values)) + (f" ({form.format(min(values))} to {form.format(max(values))})" if len(values) > 1 else "")


def lives():
    """Redis and the servers, alone and with two fronts; beside another version."""
    print(f"\nwhole lives, {JOBS} jobs, batches of 100; CPU in us a job; medians of {ROUNDS} (least to most)\n")
    row("fsync, servers", "jobs/s", "Redis", "leader", "each front")
    row(*["---"] * 5)
    other = os.environ.get("OTHER")
    for fsync in ("everysec", "always"):
        for count in (1, 3):
            kinds = [("this", BINARY)] + ([("other", other)] if other and count == 1 else [])
            results = {name: [] for name, _ in kinds}
            for _ in range(ROUNDS):
                for name, binary in kinds:
                    with fleet(count, binary, fsync) as (redis, servers):
                        results[name].append(life(redis, servers, servers[1:] or servers))
            for name, values in results.items():
                fronts = [one for _, _, spent in values for one in spent[1:]]
                row(f"{fsync}, {count}" + (" (the other version)" if name == "other" else ""), middle((one[0] for one in values), "{:,.0f}"),
                    middle(one[1] for one in values), middle(one[2][0] for one in values), middle(fronts) if fronts else "")


def fronts():
    """The same load at the leader itself, and through one, two and four fronts."""
    print(f"\nthe same {JOBS} jobs through fronts; CPU in us a job; medians of {ROUNDS} (least to most)\n")
    row("fronts", "jobs/s", "Redis", "leader", "all fronts together")
    row(*["---"] * 5)
    for count in (0, 1, 2, 4):
        values = []
        for _ in range(ROUNDS):
            with fleet(1 + count) as (redis, servers):
                values.append(life(redis, servers, servers[1:] or servers))
        row(str(count), middle((one[0] for one in values), "{:,.0f}"), middle(one[1] for one in values), middle(one[2][0] for one in values),
            middle(sum(one[2][1:]) for one in values))


def latency():
    """Enqueued at one front until started at another's worker, nothing else to do."""
    print(f"\nenqueue until start, one at a time, idle; ms; medians of {ROUNDS} (least to most)\n")
    row("fsync", "from, to", "p50", "p99")
    row(*["---"] * 4)
    for fsync in ("everysec", "always"):
        with fleet(3, fsync=fsync) as (_, (leader, first, second)):
            for name, pair in (("the leader itself", (leader, leader)), ("one front, another front", (first, second))):
                found = []
                for _ in range(ROUNDS):
                    out = subprocess.run([os.environ["FEW_LOAD"], "gkick", f"{pair[0].address},{pair[1].address}", "idle", "1000"],
                                         check=True, capture_output=True, text=True, timeout=120).stdout
                    found.append({name: int(value) / 1000 for name, value in re.findall(r"(p\d+) (\d+)", out)})
                row(fsync, name, middle((one["p50"] for one in found), "{:.2f}"), middle((one["p99"] for one in found), "{:.2f}"))


def memory():
    """A worker's connection, idle, at a server that leads and at a front."""
    count = 500
    print(f"\n{count} idle workers, a connection each; KiB of resident memory each\n")
    row("at", "the server itself", "its leader")
    row(*["---"] * 3)

    async def grow(at, servers):
        # What is kept for later calls is there before.
        async with Crowd(at, ["warm"], 50):
            pass
        before = [one.resident_mib() for one in servers]
        async with Crowd(at, ["q"], count):
            await asyncio.sleep(2)
            return [(one.resident_mib() - start) * 1024 / count for one, start in zip(servers, before)]

    async def both():
        # In one event loop: gRPC's does not outlive it.
        with fleet(1) as (_, servers):
            row("the leader", f"{(await grow(servers[0], servers))[0]:.1f}", "")
        with fleet(2) as (_, servers):
            leader, front = await grow(servers[1], servers)
            row("a front", f"{front:.1f}", f"{leader:.1f}")

    asyncio.run(both())


if __name__ == "__main__":
    chosen = sys.argv[1:] or ["lives", "fronts", "latency", "memory"]
    for name in chosen:
        {"lives": lives, "fronts": fronts, "latency": latency, "memory": memory}[name]()
