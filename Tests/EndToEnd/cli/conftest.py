import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.server import Server, binary  # noqa: E402


def environment(address, **more):
    """This process's environment without what would steer gkick, and with the server's address."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GKICK_")} | {"GKICK_ADDRESS": address} | more


@pytest.fixture(scope="module")
def server():
    with Server(lease="10s") as running:
        yield running


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pem")

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    for name in ("ca", "other"):
        openssl("req", "-x509", *key, "-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN={name}")
    for name, names in (("server", "DNS:localhost,IP:127.0.0.1"), ("wrong", "DNS:elsewhere.example"), ("client", "DNS:client")):
        (folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        openssl("req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem",
                "-days", "2", "-extfile", f"{name}.ext")
    return lambda name: str(folder / name)


@pytest.fixture
def gkick(server):
    def run(*arguments, stdin=None, code=0, address=None, env=None, timeout=60):
        done = subprocess.run(
            [binary(), *arguments], input=stdin, stdin=subprocess.DEVNULL if stdin is None else None, capture_output=True,
            timeout=timeout, env=environment(address or server.address) | (env or {}))
        out = subprocess.CompletedProcess(arguments, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
        assert code is None or out.returncode == code, out
        return out

    return run


class Work:
    """`gkick work` beside the test. What it says is in a file, so that it never waits for its reader."""

    def __init__(self, address, folder, *arguments, code=0, preexec=None, env=None):
        self.code = code
        self.path = folder / f"work-{time.monotonic_ns()}.log"
        with open(self.path, "wb") as file:
            self.process = subprocess.Popen([binary(), "work", *arguments], env=environment(address) | (env or {}), stdin=subprocess.DEVNULL,
                                            stdout=file, stderr=file, preexec_fn=preexec, start_new_session=True)

    @property
    def said(self):
        return self.path.read_text(errors="replace")

    def wait_for(self, text, seconds=20):
        end = time.monotonic() + seconds
        while text not in self.said:
            assert self.process.poll() is None and time.monotonic() < end, (text, self.process.poll(), self.said)
            time.sleep(0.02)

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def end(self, seconds=30):
        if self.process.poll() is None:
            self.signal()
        return self.process.wait(seconds)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            code = self.end()
            assert kind is not None or self.code is None or code == self.code, (code, self.said)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()


@pytest.fixture
def work(server, tmp_path):
    def start(*arguments, address=None, **options):
        return Work(address or server.address, tmp_path, *arguments, **options)

    return start
