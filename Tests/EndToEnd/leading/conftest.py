import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.cut import Way  # noqa: E402
from harness.database import Maria, Postgres  # noqa: E402
from harness.redis import Redis  # noqa: E402
from harness.server import Server  # noqa: E402

KINDS = {"redis": Redis, "postgresql": Postgres, "mariadb": Maria}
# Which stores are tried; GKICK_TEST_STORES chooses some.
CHOSEN = os.environ.get("GKICK_TEST_STORES", " ".join(KINDS)).split()


def is_installed(kind):
    return shutil.which("redis-server") is not None if kind is Redis else kind.bin() is not None


@pytest.fixture(params=CHOSEN)
def store(request):
    """A store of the test's own, of each kind."""
    kind = KINDS[request.param]
    if not is_installed(kind):
        pytest.skip("its server is not installed: Scripts/setup test installs it")
    made = kind()
    made.kind = request.param
    yield made
    made.close()


@pytest.fixture
def fleet(store):
    """Makes servers on the store that end with the test, each with a way of its own to the store and one by which the others reach it."""
    made = []

    def make(count, *flags, **options):
        for _ in range(count):
            to_store = Way(store.port)
            server = Server(*flags, store=store.url_at(to_store.port), start=False, **options)
            server.to_store, server.to_others = to_store, Way(server.port)
            server.flags += ["--advertise", server.to_others.address]
            made.append(server)
            server.start()
        return made[-count:]

    yield make
    for server in made:
        print(f"log of {server.address}:\n{server.log()}")  # shown when the test fails
        server.close()
        server.to_store.close()
        server.to_others.close()


@pytest.fixture
def clean():
    """What a test makes and is to be closed after it."""
    made = []
    yield made.append
    for one in reversed(made):
        one.close()


@pytest.fixture
def make_servers():
    """Makes servers on a store's URL; they end with the test."""
    made = []

    def make(url, *flags, count=1, **options):
        for _ in range(count):
            made.append(Server(*flags, store=url, **options))
        return made[-count:]

    yield make
    for server in made:
        print(f"log of {server.address}:\n{server.log()}")  # shown when the test fails
        server.close()
