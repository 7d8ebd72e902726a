import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.redis import Redis  # noqa: E402
from harness.server import Server  # noqa: E402


@pytest.fixture
def make_redis():
    """Makes a redis-server (or a Sentinel, by `kind`) that ends with the test."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed: Scripts/setup installs it")
    made = []

    def make(*settings, kind=Redis, **options):
        made.append(kind(*settings, **options))
        return made[-1]

    yield make
    for redis in made:
        redis.close()


@pytest.fixture
def redis(make_redis):
    return make_redis()


@pytest.fixture
def make_servers():
    """Makes servers on a store; they end with the test."""
    made = []

    def make(store, *flags, count=1, **options):
        for _ in range(count):
            made.append(Server(*flags, store=store, **options))
        return made[-count:]

    yield make
    for server in made:
        print(f"log of {server.address}:\n{server.log()}")  # shown when the test fails
        server.close()


@pytest.fixture
def servers(redis, make_servers):
    """Makes servers on the test's Redis."""
    return lambda count, *flags, **options: make_servers(redis.url, *flags, count=count, **options)
