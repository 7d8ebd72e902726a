import os
import pathlib
import shutil
import tempfile

import debian
import pytest


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="a folder becomes the root of what runs in it only for root"))


@pytest.fixture(scope="session")
def packages():
    """Where everything is that Scripts/package makes."""
    given = os.environ.get("GKICK_PACKAGES")
    if given:
        yield pathlib.Path(given)
        return
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gkick-packages-", dir="/var/tmp"))
    debian.run(debian.ROOT / "Scripts/package", "all", "--output", folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def folder(packages):
    """A fresh Debian with python3, and the wheels in /packages."""
    made = debian.Folder(debian.base())
    (made.path / "packages").mkdir()
    for file in packages.glob("*.whl"):
        shutil.copy(file, made.path / "packages")
    yield made
    made.close()
