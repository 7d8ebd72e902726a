"""A real server for tests: its own port, its own folder, gone afterwards."""
from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, List, Optional


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def executable() -> str:
    """GKICK_BIN, the one in the package gkick-server, or `gkick` on the PATH. - Raises FileNotFoundError with what to do."""
    given = os.environ.get("GKICK_BIN")
    if given:
        return given
    try:
        import gkick_server

        return str(gkick_server.executable())
    except ImportError:
        pass
    found = shutil.which("gkick")
    if found is None:
        raise FileNotFoundError("no gkick executable: pip install 'gkick[server]', put gkick on the PATH, or set GKICK_BIN")
    return found


class Server:
    """`with Server() as server: App(server.address)`. Flags are those of `gkick server`; without `--store` it has one of its own."""

    def __init__(self, *flags: str, start: bool = True) -> None:
        self.flags = list(flags)
        self.folder = Path(tempfile.mkdtemp(prefix="gkick-test-"))
        self.address = f"127.0.0.1:{_free_port()}"
        self.http = f"127.0.0.1:{_free_port()}"
        self.process: Optional[subprocess.Popen[bytes]] = None
        if start:
            self.start()

    @property
    def _command(self) -> List[str]:
        store = [] if "--store" in self.flags else ["--store", f"embedded:{self.folder}/store"]
        return [executable(), "server", "--listen", self.address, "--http", self.http, *store, *self.flags]

    def start(self, timeout: float = 30) -> Server:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GKICK_")}
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}:\n{self.log()}")
            try:
                with urllib.request.urlopen(f"http://{self.http}/readyz", timeout=5):
                    return self
            except (OSError, urllib.error.URLError):
                time.sleep(0.02)
        raise RuntimeError(f"the server is not ready after {timeout} s:\n{self.log()}")

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        """kill -9, as bad luck would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self, timeout: float = 20) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
