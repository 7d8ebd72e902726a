"""pytest's plugin: the fixture `gkick_server`, one real server for the whole run."""
from __future__ import annotations

from typing import Iterator

import pytest

from .server import Server


@pytest.fixture(scope="session")
def gkick_server() -> Iterator[Server]:
    with Server() as server:
        yield server
