"""The measurements behind "gRPC over HTTP/2" in Docs/performance.md; started by Benchmarks/rpc/run.

Every server runs on core 0 alone, the load on core 1. CPU is what the kernel counted for the server's threads.
"""
import functools
import os
import pathlib
import re
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time

TOOLS = pathlib.Path(os.environ["RPC_BENCH_TOOLS"])
OURS = os.environ["RPC_BENCH_SERVER"]
NGHTTPD = "/usr/sbin/nghttpd"
SETTINGS = [(1, 1), (1, 100), (8, 8), (8, 32), (64, 1), (64, 32)]
SECONDS = float(os.environ.get("RPC_BENCH_SECONDS", "0.5"))
ROUNDS = int(os.environ.get("RPC_BENCH_ROUNDS", "3"))
REQUEST = b"\0" + struct.pack(">I", 200) + b"r" * 200
ANSWER = 5 + 16


class Server:
    """A server on core 0. `listening`: it tells its port; otherwise the port is put in place of PORT."""

    def __init__(self, *command, listening=True):
        port = None if listening else free_port()
        command = [str(port) if word == "PORT" else word for word in command]
        self.process = subprocess.Popen(
            ["taskset", "-c", "0", *command], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if listening else subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        self.port = port or int(re.search(r":(\d+)\s*$", self.process.stdout.readline()).group(1))
        wait_for(self.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def cpu(self):
        """Seconds on a core, all threads, by the kernel's nanosecond count."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def resident(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def wait_for(port):
    for _ in range(500):
        try:
            return socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.01)
    sys.exit(f"no server on port {port}")


# ---- unary calls by h2load

def h2load(server, path, scheme, connections, streams, count, log=None):
    with tempfile.NamedTemporaryFile() as body:
        body.write(REQUEST)
        body.flush()
        command = ["taskset", "-c", "1", "h2load", "-n", str(count), "-c", str(connections), "-m", str(streams), "-t", "1",
                   "-d", body.name, "-H", "content-type: application/grpc", "-H", "te: trailers",
                   f"{scheme}://127.0.0.1:{server.port}{path}"]
        if log:
            command[4:4] = [f"--log-file={log}"]
        before = server.cpu()
        out = subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL).stdout
        cpu = (server.cpu() - before) / count * 1e6
    if f"{count} succeeded" not in out or f"{count} 2xx" not in out:
        sys.exit(f"h2load on {path}:\n{out}")
    return float(re.search(r"([\d.]+) req/s", out).group(1)), cpu


def measure_one(server, path, scheme, connections, streams):
    """(RPC/s, CPU in us per RPC, p50 in us, p99 in us)"""
    rate, _ = h2load(server, path, scheme, connections, streams, max(2000, connections * streams * 10))
    count = max(2000, int(rate * SECONDS))
    rate, cpu = h2load(server, path, scheme, connections, streams, count)
    # Once more for the times of single requests: the log costs the client, not the server, but it slows the whole.
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder) / "log"
        h2load(server, path, scheme, connections, streams, max(2000, count // 4), log)
        times = sorted(int(line.rsplit("\t", 1)[1]) for line in log.read_text().splitlines())
    return rate, cpu, times[len(times) // 2], times[len(times) * 99 // 100]


def best(measurements):
    """`measurements`: name -> what to call for (rate, ...). All are taken in turn, several times; of each the one with the highest rate counts,
    because whatever else runs on the machine only takes away."""
    found = {}
    for _ in range(ROUNDS):
        for name, measure in measurements.items():
            figures = measure()
            if name not in found or figures[0] > found[name][0]:
                found[name] = figures
    return found


def certificate(folder):
    key, chain = f"{folder}/key.pem", f"{folder}/chain.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                    "-subj", "/CN=localhost", "-keyout", key, "-out", chain], check=True, capture_output=True)
    return chain, key


def table(title, servers, scheme):
    """`servers`: name -> (server, path[, scheme]). Prints one block per setting and the ratios to gRPC C++ and nghttpd where they are there."""
    print(f"\n{title}: 200-byte request, 16-byte answer\n"
          f"{'':<28}{'RPC/s':>10}{'CPU us/RPC':>12}{'p50 us':>9}{'p99 us':>9}{'x gRPC C++':>12}{'CPU / nghttpd':>15}")
    for connections, streams in SETTINGS:
        found = best({name: functools.partial(measure_one, server, path, other[0] if other else scheme, connections, streams)
                      for name, (server, path, *other) in servers.items()})
        grpc = max((figures[0] for name, figures in found.items() if name.startswith("gRPC C++")), default=None)
        ceiling = next((figures[1] for name, figures in found.items() if name.startswith("nghttpd")), None)
        print(f"c{connections} m{streams}")
        for name, (rate, cpu, half, most) in found.items():
            times = f"{rate / grpc:.2f}" if grpc else ""
            share = f"{cpu / ceiling:.2f}" if ceiling else ""
            print(f"  {name:<26}{rate:>10,.0f}{cpu:>12.2f}{half:>9,}{most:>9,}{times:>12}{share:>15}", flush=True)


def nghttpd(folder, *tls):
    pathlib.Path(folder, "answer").write_bytes(b"x" * ANSWER)
    if tls:
        return Server(NGHTTPD, "-d", folder, "-n", "1", "PORT", tls[1], tls[0], listening=False)
    return Server(NGHTTPD, "-d", folder, "-n", "1", "--no-tls", "PORT", listening=False)


def measure_unary():
    with tempfile.TemporaryDirectory() as folder, Server(OURS, "0") as ours, Server(TOOLS / "grpc_server", "cq") as queue, \
            Server(TOOLS / "grpc_server", "callback") as callback, nghttpd(folder) as ceiling:
        table("plaintext", {
            "gKick, synchronous": (ours, "/bench.Echo/Sync"), "gKick, async": (ours, "/bench.Echo/Async"),
            "gRPC C++, completion queue": (queue, "/bench.Echo/Sync"),
            "gRPC C++, callback": (callback, "/bench.Echo/Sync"), "nghttpd, a file": (ceiling, "/answer")}, "http")


def measure_tls():
    with tempfile.TemporaryDirectory() as folder:
        chain, key = certificate(folder)
        with Server(OURS, "0") as plain, Server(OURS, "0", chain, key) as ours, nghttpd(folder, chain, key) as ceiling:
            table("TLS", {
                "gKick, sync, plaintext": (plain, "/bench.Echo/Sync", "http"),
                "gKick, synchronous": (ours, "/bench.Echo/Sync"), "gKick, async": (ours, "/bench.Echo/Async"),
                "nghttpd, a file": (ceiling, "/answer")}, "https")


# ---- one stream

def stream_load(server, in_flight, packed):
    """(messages/s, CPU in us per message)"""
    before = server.cpu()
    out = subprocess.run(["taskset", "-c", "1", TOOLS / "stream_load", str(server.port), str(in_flight), str(SECONDS * 2), packed],
                         capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL, check=True).stdout
    count, seconds = out.split()
    return int(count) / float(seconds), (server.cpu() - before) / max(1, int(count)) * 1e6


def measure_stream():
    print(f"\none bidirectional stream of 16-byte messages\n{'':<28}{'messages/s':>12}{'CPU us each':>13}{'x gRPC C++':>12}")
    with Server(OURS, "0") as ours, Server(TOOLS / "grpc_server", "cq") as queue, \
            Server(TOOLS / "grpc_server", "callback") as callback:
        servers = {"gKick, synchronous": ours, "gRPC C++, completion queue": queue, "gRPC C++, callback": callback}
        for title, in_flight, packed in (
                ("10,000 in flight, packed into DATA frames", 10_000, "1"), ("1,000 in flight, a DATA frame each", 1000, "0"),
                ("1 in flight", 1, "0")):
            found = best({name: functools.partial(stream_load, server, in_flight, packed) for name, server in servers.items()})
            grpc = max(rate for name, (rate, _) in found.items() if name.startswith("gRPC C++"))
            print(title)
            for name, (rate, cpu) in found.items():
                print(f"  {name:<26}{rate:>12,.0f}{cpu:>13.3f}{rate / grpc:>12.2f}", flush=True)


# ---- connections without calls

IDLE = 10_000
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
ACKNOWLEDGEMENT = b"\0\0\0\4\1\0\0\0\0"


def greet(port, count):
    """Connections whose HTTP/2 handshake is through: SETTINGS both ways, both acknowledged."""
    connections = []
    for _ in range(count):
        one = socket.create_connection(("127.0.0.1", port), timeout=10)
        one.sendall(GREETING)
        connections.append(one)
        if len(connections) % 100:
            continue
        for other in connections[-100:]:
            got = b""
            while ACKNOWLEDGEMENT not in got:
                piece = other.recv(4096)
                if not piece:
                    sys.exit("a connection was closed")
                got += piece
            other.sendall(ACKNOWLEDGEMENT)
    return connections


def measure_idle():
    print(f"\n{IDLE:,} idle connections")
    with Server(OURS, "0") as server:
        # What the first connections bring up is no connection's cost.
        for one in greet(server.port, 100):
            one.close()
        time.sleep(1)
        before = server.resident()
        connections = greet(server.port, IDLE)
        time.sleep(2)
        grown = server.resident() - before
        # The time-out of each handshake is still set; it is looked at once more, 10 s after the connection came.
        time.sleep(10)
        cpu = server.cpu()
        time.sleep(10)
        cpu = server.cpu() - cpu
        print(f"  memory each: {grown / IDLE / 1024:.1f} KiB (goal 16); CPU over 10 s: {cpu / 10 * 100:.3f} %", flush=True)
        for one in connections:
            one.close()


def raise_file_limit():
    """As many open files as this process and the servers may have; returns how many that are."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    soft = IDLE + 500 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


MEASUREMENTS = {"unary": measure_unary, "tls": measure_tls, "stream": measure_stream, "idle": measure_idle}
if __name__ == "__main__":
    files = raise_file_limit()
    for name in sys.argv[1:] or MEASUREMENTS:
        if name == "idle" and files < IDLE + 500:
            sys.exit(f"idle needs {IDLE + 500} open files, the limit is {files} (ulimit -Hn)")
        MEASUREMENTS[name]()
