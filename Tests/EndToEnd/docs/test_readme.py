"""What the README shows is run as it stands there."""
import os
import re
import subprocess
import sys

from harness.server import Server
from harness.stubs import ROOT


def test_the_first_job(tmp_path):
    worker, producer = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
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
