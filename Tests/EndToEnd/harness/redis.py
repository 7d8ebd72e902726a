"""A redis-server, or a Sentinel, of a test's own: own port, own folder, removed with it."""
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from .server import free_port


class Redis:
    """AOF with fsync always, unless `settings` (as on the command line) say otherwise."""

    def __init__(self, *settings, tls=None):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="gkick-redis-")
        self.settings = settings
        self.tls = tls
        self.process = None
        self.start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"redis{'s' if self.tls else ''}://{self.address}"

    def url_at(self, port):
        """The same by another way."""
        return f"redis://127.0.0.1:{port}"

    def command(self):
        port = ["--port", str(self.port)]
        if self.tls:
            port = ["--port", "0", "--tls-port", str(self.port), "--tls-auth-clients", "no", "--tls-cert-file",
                    str(self.tls.certificate), "--tls-key-file", str(self.tls.key), "--tls-ca-cert-file",
                    str(self.tls.certificate)]
        # It does not outlive a run that was killed.
        return ["setpriv", "--pdeathsig", "KILL", "--", "redis-server", *port, "--bind", "127.0.0.1", "--dir", self.folder, "--save", "", "--appendonly", "yes",
                "--appendfsync", "always", "--repl-diskless-sync-delay", "0", "--logfile", self.folder + "/log",
                *self.settings]

    def start(self):
        self.process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("redis-server does not come up: " + pathlib.Path(self.folder, "log").read_text())

    def ask(self, *words):
        """Says one command; the first bytes of what comes back, as they are."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            parts = [str(word).encode() for word in words]
            connection.sendall(
                b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
            return connection.recv(65536).decode(errors="replace")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sentinel(Redis):
    """Watches `master` under the name "jobs"."""

    def __init__(self, master, quorum):
        self.master, self.quorum = master, quorum
        super().__init__()

    def command(self):
        file = pathlib.Path(self.folder, "sentinel.conf")
        file.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self.folder}\nlogfile {self.folder}/log\n"
            f"sentinel monitor jobs 127.0.0.1 {self.master.port} {self.quorum}\n"
            "sentinel down-after-milliseconds jobs 700\nsentinel failover-timeout jobs 3000\n")
        return ["redis-server", str(file), "--sentinel"]


class Certificate:
    """For 127.0.0.1, signed by itself; in a folder of the test's."""

    def __init__(self, folder):
        self.certificate, self.key = pathlib.Path(folder, "redis.pem"), pathlib.Path(folder, "redis.key")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", self.key, "-out", self.certificate],
            check=True, capture_output=True)
