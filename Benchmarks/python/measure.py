"""Fills a queue, starts a worker on it, and takes the time from the first to the last end. See run."""
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
JOBS, RUNS = int(sys.argv[1]), int(sys.argv[2])
# Jobs at once in each process; Celery runs one in each and is sent as many ahead.
PLACES = 32


def port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until_done(counted, worker, jobs=JOBS):
    """Jobs per second from a tenth of them to all: starting up is not counted."""
    first = None
    while True:
        done = counted()
        if first is None and done >= jobs // 10:
            first = (time.monotonic(), done)
        if done >= jobs:
            return (done - first[1]) / (time.monotonic() - first[0])
        assert worker.poll() is None, "the worker ended"
        time.sleep(0.02)


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def gkick(processes, places=PLACES):
    from gkick import App
    from gkick.testing import Server

    with Server() as server:
        os.environ["GKICK_ADDRESS"] = server.address
        app = App(server.address)
        noop = app.job(lambda: None, name="noop")
        noop.enqueue_many([{} for _ in range(JOBS)])
        import urllib.request

        def counted():
            text = urllib.request.urlopen(f"http://{server.http}/metrics").read().decode()
            for line in text.splitlines():
                if line.startswith("gkick_jobs_total{") and 'outcome="succeeded"' in line:
                    return int(float(line.rsplit(" ", 1)[1]))
            return 0

        worker = subprocess.Popen(
            [str(pathlib.Path(sys.executable).parent / "gkick-worker"), "jobs:app", "--concurrency", str(places), "--processes",
             str(processes)], cwd=HERE, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            return until_done(counted, worker)
        finally:
            stop(worker)


def celery(processes, url):
    import jobs_of_celery

    # It is the slowest by far: a quarter of them is enough to see how fast it is.
    jobs = JOBS // 4
    for _ in range(jobs):
        jobs_of_celery.noop.apply_async()
    import redis

    connection = redis.Redis.from_url(url)
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "jobs_of_celery", "worker", "--concurrency", str(processes), "--loglevel", "critical",
         "--without-gossip", "--without-mingle", "--without-heartbeat"], cwd=HERE, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return until_done(lambda: jobs - connection.llen("celery") - connection.hlen("unacked"), worker, jobs)
    finally:
        stop(worker)


def dramatiq(processes, url):
    import jobs_of_dramatiq
    import redis

    for _ in range(JOBS):
        jobs_of_dramatiq.noop.send()
    connection = redis.Redis.from_url(url)
    worker = subprocess.Popen(
        [sys.executable, "-m", "dramatiq", "jobs_of_dramatiq", "--processes", str(processes), "--threads", str(PLACES)],
        cwd=HERE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        # A message goes when it is acknowledged.
        return until_done(lambda: JOBS - connection.hlen("dramatiq:default.msgs"), worker)
    finally:
        stop(worker)


def with_redis(measure):
    number = port()
    folder = tempfile.mkdtemp()
    server = subprocess.Popen(
        ["redis-server", "--port", str(number), "--dir", folder, "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", number)).close()
                break
            except OSError:
                time.sleep(0.05)
        url = f"redis://127.0.0.1:{number}/0"
        os.environ["BENCHMARK_REDIS"] = url
        return measure(url)
    finally:
        stop(server)


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    CASES = [
        ("gKick synced, 1 process", lambda: gkick(1)),
        ("gKick synced, 4 processes", lambda: gkick(4)),
        ("gKick synced, 4 processes of 8 places", lambda: gkick(4, 8)),
        ("Celery, Redis everysec, 1 process", lambda: with_redis(lambda url: celery(1, url))),
        ("Celery, Redis everysec, 4 processes", lambda: with_redis(lambda url: celery(4, url))),
        ("Dramatiq, Redis everysec, 1 process", lambda: with_redis(lambda url: dramatiq(1, url))),
        ("Dramatiq, Redis everysec, 4 processes", lambda: with_redis(lambda url: dramatiq(4, url))),
    ]
    rates = {name: [] for name, _ in CASES}
    for _ in range(RUNS):
        for name, measure in CASES:
            # Each in a process of its own: libraries keep connections and addresses.
            child = os.fork()
            if child == 0:
                rate = measure()
                pathlib.Path(f"/tmp/gkick-benchmark-{os.getppid()}").write_text(str(rate))
                os._exit(0)
            os.waitpid(child, 0)
            result = pathlib.Path(f"/tmp/gkick-benchmark-{os.getpid()}")
            rates[name].append(float(result.read_text()))
            result.unlink()
    for name, found in rates.items():
        print(f"{name:40} {statistics.median(found):8.0f} jobs/s   ({min(found):.0f} to {max(found):.0f})")
