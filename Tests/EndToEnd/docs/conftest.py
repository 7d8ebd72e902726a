import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.server import Server  # noqa: E402


@pytest.fixture(scope="module")
def server():
    with Server(lease="10s") as running:
        yield running
        assert running.process.poll() is None, f"the server ended by itself:\n{running.log()}"
