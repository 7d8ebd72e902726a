import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.database import Maria, Postgres  # noqa: E402
from harness.server import Server  # noqa: E402


@pytest.fixture
def postgres():
    if Postgres.bin() is None:
        pytest.skip("PostgreSQL is not installed: Scripts/setup test installs it")
    database = Postgres()
    yield database
    database.close()


@pytest.fixture
def maria():
    if Maria.bin() is None:
        pytest.skip("MariaDB is not installed: Scripts/setup test installs it")
    database = Maria()
    yield database
    database.close()


@pytest.fixture
def serve():
    """Makes servers that end with the test."""
    made = []

    def make(store, *flags, **options):
        made.append(Server(*flags, store=store, **options))
        return made[-1]

    yield make
    for server in made:
        server.close()
