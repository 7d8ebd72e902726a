import os
import pathlib
import re
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


@pytest.fixture(scope="session")
def needed(packages, tmp_path_factory):
    """The packages that it depends on, as apt would bring them."""
    folder = tmp_path_factory.mktemp("debs")
    [deb] = packages.glob("gkick_*.deb")
    wanted = debian.run("dpkg-deb", "-f", deb, "Depends")
    # apt works out what a Debian with nothing more than is in the folder lacks.
    simulated = debian.Folder(debian.base())
    try:
        status = simulated.path / "var/lib/dpkg/status"
        said = debian.run("apt-get", "install", "--simulate", "-o", f"Dir::State::status={status}", "--no-install-recommends", "-y",
                          *re.findall(r"(?:^|, )([a-z0-9.+-]+)", wanted))
    finally:
        simulated.close()
    names = re.findall(r"^Inst (\S+)", said, re.M)
    os.chmod(folder, 0o777)
    debian.run("apt-get", "download", "-q", *names, cwd=folder)
    return folder
