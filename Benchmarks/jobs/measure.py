"""The measurements behind Docs/performance.md; started by Benchmarks/jobs/run."""
import asyncio
import os
import pathlib
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import grpc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests/EndToEnd"))

from harness.server import Server  # noqa: E402
from harness.stubs import pb  # noqa: E402

LOAD = os.environ["GKICK_LOAD"]
PAYLOAD = b"x" * 128
rows = []


def row(name, value, goal=""):
    rows.append((name, value, goal))
    print(f"{name:<58} {value:>18}   {goal}", flush=True)


def spec(queue, **rest):
    return pb.JobSpec(queue=queue, name="noop", payload=PAYLOAD, **rest)


def succeeded(server, queue):
    found = re.search(rf'gkick_jobs_total{{queue="{queue}",outcome="succeeded"}} (\d+)', server.get("/metrics")[1])
    return int(found.group(1)) if found else 0


def fill(server, queue, count):
    """Many waiting jobs, by batches of 1,000 that are encoded once."""
    body = pb.EnqueueBatchRequest(
        jobs=[pb.ScheduleRequest(job=spec(queue)) for _ in range(1000)], durability=pb.DURABILITY_RELAXED)
    for _ in range(count // 1000):
        server.jobs.EnqueueBatch(body, timeout=60)


def produce(server, queue, count, durability=pb.DURABILITY_SYNCED, flight=8):
    """Unary enqueues by h2load, 8 connections with `flight` in flight each; jobs per second."""
    message = pb.EnqueueRequest(job=spec(queue), durability=durability).SerializeToString()
    with tempfile.NamedTemporaryFile() as body:
        body.write(b"\0" + struct.pack(">I", len(message)) + message)
        body.flush()
        out = subprocess.run(
            ["h2load", "-n", str(count), "-c", "8", "-m", str(flight), "-t", "1", "-d", body.name,
             "-H", "content-type: application/grpc", "-H", "te: trailers",
             f"http://{server.address}/gkick.v1.JobService/Enqueue"],
            capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL).stdout
    assert f"{count} succeeded" in out, out
    return float(re.search(r"([\d.]+) req/s", out).group(1))


def life(server, count, queue="life", **load):
    """The whole life of `count` jobs, enqueued while 8 worker streams run them; (server CPU us per job, jobs/s)."""
    workers = subprocess.Popen([LOAD, "work", server.address, queue, "8", "100"], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    try:
        produce(server, queue, 10_000)  # warm
        while succeeded(server, queue) < 10_000:
            time.sleep(0.05)
        cpu, began = server.cpu_seconds(), time.monotonic()
        produce(server, queue, count, **load)
        while succeeded(server, queue) < count + 10_000:
            time.sleep(0.02)
        took = time.monotonic() - began
        return (server.cpu_seconds() - cpu) / count * 1e6, count / took
    finally:
        workers.stdin.close()
        workers.wait(30)


def measure_life():
    for durability in ("synced", "relaxed"):
        with Server("--durability", durability, lease="30s") as server:
            cpu, rate = life(server, 200_000) if durability == "synced" else enqueue_life(server)
            row(f"whole life, {durability}: server CPU per job", f"{cpu:.1f} us", "goal 15 us" if durability == "synced" else "")
            row(f"whole life, {durability}: rate", f"{rate:,.0f} jobs/s")
    with Server(lease="30s") as server:
        cpu, rate = life(server, 200_000, flight=64)
        row("whole life, synced, 512 producers: server CPU per job", f"{cpu:.1f} us")
        row("whole life, synced, 512 producers: rate", f"{rate:,.0f} jobs/s")
    with Server(lease="30s") as server:
        produce(server, "only", 10_000)
        cpu = server.cpu_seconds()
        rate = produce(server, "only", 200_000)
        row("unary enqueue only, synced: rate", f"{rate:,.0f} /s")
        row("unary enqueue only, synced: server CPU", f"{(server.cpu_seconds() - cpu) / 200_000 * 1e6:.1f} us")
        began, cpu = time.monotonic(), server.cpu_seconds()
        workers = subprocess.Popen([LOAD, "work", server.address, "only", "8", "100"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, text=True)
        while succeeded(server, "only") < 210_000:
            time.sleep(0.02)
        took = time.monotonic() - began
        row("drain of 210,000, 8 streams: rate", f"{210_000 / took:,.0f} jobs/s")
        row("drain of 210,000, 8 streams: server CPU per job", f"{(server.cpu_seconds() - cpu) / 210_000 * 1e6:.1f} us")
        workers.stdin.close()
        workers.wait(30)


def enqueue_life(server):
    global produce
    original = produce
    produce = lambda *rest, **load: original(*rest, durability=pb.DURABILITY_RELAXED, **load)  # noqa: E731
    try:
        return life(server, 200_000)
    finally:
        produce = original


def measure_pickup():
    with Server(lease="30s") as server:
        out = subprocess.run([LOAD, "pickup", server.address, "pickup", "1000"], capture_output=True, text=True,
                             stdin=subprocess.DEVNULL, timeout=120).stdout
        times = sorted(int(line) / 1000 for line in out.split())[: 1000]
        row("enqueue to idle worker: p50", f"{statistics.median(times):.2f} ms", "goal 0.25 ms")
        row("enqueue to idle worker: p99", f"{times[int(len(times) * 0.99)]:.2f} ms", "goal 1.2 ms")


def measure_waiting():
    with Server(lease="30s") as server:
        fill(server, "waiting", 1000)
        few, _ = life(server, 100_000)
    with Server(lease="30s") as server:
        # What the first jobs bring up (caches, buffers) is no job's cost.
        fill(server, "warm", 20_000)
        before = server.resident_mib()
        fill(server, "waiting", 1_000_000)
        time.sleep(2)
        grown = server.resident_mib() - before
        row("memory per waiting job at 1,000,000, all of it", f"{grown * (1 << 20) / 1e6:.0f} bytes",
            "goal 150 beyond SQLite's cache")
        row("resident at 1,000,000 waiting", f"{server.resident_mib():.0f} MiB")
        many, _ = life(server, 100_000)
        row("whole life beside 1,000 waiting: server CPU per job", f"{few:.1f} us")
        row("whole life beside 1,000,000 waiting: server CPU per job", f"{many:.1f} us", f"{many / few:.2f} times; goal 1.5")
        server.terminate()
        began = time.monotonic()
        server.start(timeout=60)
        row("start with 1,000,000 waiting", f"{time.monotonic() - began:.2f} s", "goal 2 s")
        row("resident after that start", f"{server.resident_mib():.0f} MiB")
        server.kill()
        began = time.monotonic()
        server.start(timeout=60)
        row("start with 1,000,000 waiting after kill -9", f"{time.monotonic() - began:.2f} s")


def cpu_share(server, seconds):
    before = server.cpu_seconds()
    time.sleep(seconds)
    return (server.cpu_seconds() - before) / seconds * 100


def measure_idle():
    with Server(lease="30s") as server:
        time.sleep(1)
        row("idle server: resident", f"{server.resident_mib():.1f} MiB", "goal 30 MB")
        row("idle server: CPU", f"{cpu_share(server, 20):.2f} %", "goal 0.5 %")


async def idle_workers(server, count, body):
    channels = [grpc.aio.insecure_channel(server.address, options=[("grpc.use_local_subchannel_pool", 1)])
                for _ in range(count)]
    calls = []
    for channel in channels:
        call = pb.WorkerServiceStub(channel).Work()
        await call.write(pb.WorkRequest(hello=pb.WorkerHello(queues=[pb.QueueSubscription(queue="idle")], max_in_flight=1)))
        calls.append(call)
    for call in calls:
        await call.read()

    async def beat(call):
        while True:
            await asyncio.sleep(9)
            await call.write(pb.WorkRequest())

    async def listen(call):
        while True:
            await call.read()

    tasks = [asyncio.ensure_future(work(call)) for call in calls for work in (beat, listen)]
    await asyncio.sleep(2)
    result = await asyncio.get_running_loop().run_in_executor(None, body)
    for task in tasks:
        task.cancel()
    for channel in channels:
        await channel.close()
    return result


def measure_workers():
    with Server(lease="30s") as server:
        before = server.resident_mib()
        share, grown = asyncio.run(idle_workers(
            server, 1000, lambda: (cpu_share(server, 20), server.resident_mib() - before)))
        row("1,000 idle workers on own connections: CPU", f"{share:.2f} %", "goal 1 %")
        row("1,000 idle workers: memory each", f"{grown * 1024 / 1000:.1f} KiB")


MEASUREMENTS = {"life": measure_life, "pickup": measure_pickup, "waiting": measure_waiting, "idle": measure_idle,
                "workers": measure_workers}
if __name__ == "__main__":
    for name in sys.argv[1:] or MEASUREMENTS:
        MEASUREMENTS[name]()
