"""A PostgreSQL or MariaDB of a test's own: own port, own folder, removed with it. As root they run as the users that their packages make."""
import contextlib
import glob
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from .ports import free_port


def _as_user(name, crash=None):
    """As that user; with `crash`, ended by that signal when the run ends without having ended it."""
    user = [f"--reuid={name}", f"--regid={name}", "--clear-groups"] if os.getuid() == 0 else []
    end = [f"--pdeathsig={crash.name.removeprefix('SIG')}"] if crash else []
    return ["setpriv", *user, *end, "--"]


class _Database:
    user = ""

    def __init__(self, *settings):
        self.port = free_port()
        self.folder = tempfile.mkdtemp(prefix="gkick-database-")
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user, self.user)
        self.settings = settings
        self.process = None
        self.make()
        self.start()

    def run(self, *words):
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"{words[:6]} ended with {done.returncode}: {done.stderr}")
        return done.stdout.strip()

    def start(self):
        log = open(self.folder + "/log", "ab")
        self.process = subprocess.Popen(
            [*_as_user(self.user, self.crash), *self.command()], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                if self.ask("SELECT 1") == "1":
                    return
            except RuntimeError:
                time.sleep(0.05)
        raise RuntimeError("the database does not come up: " + pathlib.Path(self.folder, "log").read_text())

    def kill(self):
        """As a crash would."""
        self.process.send_signal(self.crash)
        self.process.wait()

    def _all(self):
        """The process and its children."""
        pids = [self.process.pid]
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                fields = pathlib.Path(stat).read_text().rsplit(") ", 1)[1].split()
            except OSError:
                continue
            if int(fields[1]) == self.process.pid:
                pids.append(int(stat.split("/")[2]))
        return pids

    def _signal(self, number):
        for pid in self._all():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def pause(self):
        """As a machine does that hangs."""
        self._signal(signal.SIGSTOP)
        for pid in self._all():
            for stat in pathlib.Path(f"/proc/{pid}/task").glob("*/stat"):
                # Its threads stop one after the other.
                with contextlib.suppress(OSError):
                    while stat.read_text().rsplit(") ", 1)[1][0] not in "TtZ":
                        time.sleep(0.001)

    def go_on(self):
        self._signal(signal.SIGCONT)

    def close(self):
        if self.process.poll() is None:
            self.go_on()
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(_Database):
    user = "postgres"
    crash = signal.SIGQUIT  # at once, without a checkpoint; its children go along

    @staticmethod
    def bin():
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/postgres"))
        return os.path.dirname(found[-1]) if found else None

    @property
    def url(self):
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def url_at(self, *ports):
        """The same by other ways: the one of them is used that takes writes."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"

    def make(self):
        self.run(*_as_user(self.user), self.bin() + "/initdb", "-D", self.folder + "/data", "-U", "postgres", "-A", "trust",
                 "-E", "UTF8", "--locale=C", "--no-sync")

    def command(self):
        settings = [f"port={self.port}", "listen_addresses=127.0.0.1", f"unix_socket_directories={self.folder}",
                    "max_connections=200", *self.settings]
        return [self.bin() + "/postgres", "-D", self.folder + "/data", *(word for one in settings for word in ("-c", one))]

    def ask(self, sql):
        return self.run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c",
                        sql)


class Replica(Postgres):
    """A streaming replica of another, which it reaches at `port`."""

    def __init__(self, primary, port=None):
        self.primary, self.primary_port = primary, port or primary.port
        super().__init__()

    def make(self):
        self.run(*_as_user(self.user), self.bin() + "/pg_basebackup", "-D", self.folder + "/data", "-h", "127.0.0.1",
                 "-p", str(self.primary_port), "-U", "postgres", "-R", "-X", "stream", "--checkpoint=fast", "--no-sync")

    def promote(self):
        self.ask("SELECT pg_promote(true, 20)")


class Maria(_Database):
    user = "mysql"
    crash = signal.SIGKILL

    @staticmethod
    def bin():
        return "/usr/sbin" if os.access("/usr/sbin/mariadbd", os.X_OK) else None

    @property
    def url(self):
        return self.url_at(self.port)

    def url_at(self, port):
        return f"mysql://root@127.0.0.1:{port}/jobs"

    def make(self):
        # One that starts takes the temporary files of others in its folder for its own, from before.
        self.run(*_as_user(self.user), "mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data", f"--tmpdir={self.folder}",
                 "--auth-root-authentication-method=normal", "--skip-test-db")

    def command(self):
        return ["/usr/sbin/mariadbd", "--no-defaults", f"--datadir={self.folder}/data", f"--tmpdir={self.folder}", f"--port={self.port}",
                "--bind-address=127.0.0.1", f"--socket={self.folder}/s", f"--pid-file={self.folder}/pid", "--skip-name-resolve",
                "--max-connections=400", *self.settings]

    def start(self):
        super().start()
        self.ask("CREATE DATABASE IF NOT EXISTS jobs")

    def ask(self, sql, database=None):
        return self.run("mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(self.port), "-u", "root", "-N", "-B", "-e", sql,
                        *([database] if database else []))
