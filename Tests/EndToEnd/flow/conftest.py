import itertools
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.server import Server  # noqa: E402

counter = itertools.count()


@pytest.fixture(scope="module")
def server():
    """One server per file; each test keeps to queues of its own."""
    with Server() as running:
        yield running
        assert running.lives(), f"the server ended by itself:\n{running.log()}"


@pytest.fixture
def queue():
    """A queue's name that no other test uses."""
    return f"q{next(counter)}"
