"""Which store the suites run on, by two environment variables that Scripts/test describes.

GKICK_TEST_STORE=embedded, redis, postgresql or mariadb: one database is started for all tests of a run; each server keeps to names of its own in it.
GKICK_TEST_FRONT=1: every server of a test gets another that leads, and the test speaks to the one that does not.
"""
import atexit
import functools
import os

KIND = os.environ.get("GKICK_TEST_STORE") or "embedded"
FRONT = os.environ.get("GKICK_TEST_FRONT", "") not in ("", "0")

if KIND not in ("embedded", "redis", "postgresql", "mariadb"):
    raise RuntimeError(f"GKICK_TEST_STORE={KIND}: embedded, redis, postgresql or mariadb")
if FRONT and KIND == "embedded":
    raise RuntimeError("GKICK_TEST_FRONT needs a store that servers share: set GKICK_TEST_STORE too")

embedded = KIND == "embedded"


@functools.lru_cache(maxsize=None)
def shared_url():
    """Where the run's own database is; made when it is first asked for, ended with the run."""
    from .database import Maria, Postgres
    from .redis import Redis

    made = {"redis": Redis, "postgresql": Postgres, "mariadb": Maria}[KIND]()
    atexit.register(made.close)
    return made.url


def flags(url, name):
    """What makes a server keep to names of its own."""
    if url.startswith("redis"):
        return ["--redis-prefix", "{" + name + "}:"]
    return ["--store-schema", name.replace("-", "_")]
