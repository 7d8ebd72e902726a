"""What the README shows is run as it stands there."""
import os
import re
import signal
import subprocess
import sys

from harness.server import Server, binary
from harness.stubs import ROOT


def test_the_first_job(tmp_path):
    # The first one is run by Tests/Packages, with the wheels.
    _, worker, producer = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    with Server() as server:
        environment = os.environ | {"PYTHONPATH": str(ROOT / "Protos")}
        for name, code in (("worker.py", worker), ("producer.py", producer)):
            assert "127.0.0.1:7450" in code
            (tmp_path / name).write_text(code.replace("127.0.0.1:7450", server.address))
        running = subprocess.Popen([sys.executable, tmp_path / "worker.py"], env=environment, stdin=subprocess.DEVNULL)
        try:
            out = subprocess.run([sys.executable, tmp_path / "producer.py"], env=environment, capture_output=True, text=True,
                                 stdin=subprocess.DEVNULL, timeout=30)
        finally:
            running.kill()
            running.wait()
        assert out.stdout == "b'Hello, World'\n", out


def test_the_first_job_by_the_command_line():
    code = re.search(r"```sh\n(gkick=.*?)```", (ROOT / "README.md").read_text(), re.S).group(1)
    with Server() as server:
        assert "$(Scripts/build)" in code
        shell = subprocess.Popen(["sh", "-c", code.replace("$(Scripts/build)", binary())], stdout=subprocess.PIPE, text=True,
                                 stdin=subprocess.DEVNULL, env=os.environ | {"GKICK_ADDRESS": server.address}, start_new_session=True)
        try:
            shell.wait(timeout=30)
        finally:
            # The worker too, which the shell left in the background.
            os.killpg(shell.pid, signal.SIGKILL)
        assert shell.stdout.read().endswith("HELLO WORLD")
