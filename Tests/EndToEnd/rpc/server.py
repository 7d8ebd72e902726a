"""A server process under test."""

import os
import re
import signal
import subprocess


class Server:
    def __init__(self, binary, *options):
        command = [binary, "--port", "0", *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        line = self.process.stdout.readline()
        match = re.search(r":(\d+)\s*$", line)
        if not match:
            self.process.kill()
            raise RuntimeError(f"no port in {line!r}")
        self.port = int(match.group(1))
        self.address = f"127.0.0.1:{self.port}"

    @property
    def alive(self):
        return self.process.poll() is None

    @property
    def memory(self):
        """Resident set size in bytes."""
        with open(f"/proc/{self.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def statistics(self):
        """What the server prints about itself when it gets SIGUSR1, as a dictionary."""
        self.process.send_signal(signal.SIGUSR1)
        return {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", self.process.stdout.readline())}

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self):
        if self.alive:
            self.process.kill()
        self.process.wait()
        self.process.stdout.close()
