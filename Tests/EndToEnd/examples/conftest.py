import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.stubs import ROOT  # noqa: E402

# How each example is built: the tools it needs, and the command in its folder.
BUILDS = {
    "cpp": (["c++", "make", "grpc_cpp_plugin"], ["make", "-j2", "OPTIMIZE=-O0"]),
    "go": (["go", "protoc-gen-go", "protoc-gen-go-grpc"], ["./build.sh"]),
    "java": (["javac", "grpc_java_plugin"], ["./build.sh"]),
    "node": (["node"], None),
    "php": (["php"], None),
    "python": ([], ["./stubs.sh"]),
    "ruby": (["ruby", "grpc_ruby_plugin"], ["./stubs.sh"]),
    "rust": (["cargo"], ["./build.sh"]),
    "shell": ([], None),
}


def pytest_configure(config):
    config.addinivalue_line("markers", "example(name): needs this example built")


class Builds:
    """The examples in a folder of their own, beside Protos, so that a build leaves nothing in the tree. What the chosen tests need is
    built from the beginning, while other tests run; who needs one waits for it."""

    def __init__(self, names):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gkick-examples-"))
        shutil.copytree(ROOT / "Examples", self.folder / "Examples",
                        ignore=shutil.ignore_patterns(".build", "main", "stubs", "gkick"))
        (self.folder / "Protos").symlink_to(ROOT / "Protos")
        self.pool = ThreadPoolExecutor(max_workers=len(BUILDS))
        self.futures = {name: self.pool.submit(self._build, name) for name in BUILDS if name in names}

    def _build(self, name):
        tools, command = BUILDS[name]
        for tool in tools:
            if not shutil.which(tool):
                return f"{tool} is not installed: Scripts/setup test installs it on Debian", None
        if command is None:
            return None, None
        made = subprocess.run(["nice", *command], cwd=self.folder / "Examples" / name, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=900, env=os.environ | {"PYTHON": sys.executable})
        return None, None if made.returncode == 0 else made.stdout + made.stderr

    def get(self, name):
        """Its folder, once it is built."""
        missing, failure = self.futures[name].result()
        if missing:
            pytest.skip(missing)
        assert failure is None, failure
        return self.folder / "Examples" / name

    def close(self):
        self.pool.shutdown()
        shutil.rmtree(self.folder, ignore_errors=True)


def pytest_collection_finish(session):
    names = {marker.args[0] for item in session.items if (marker := item.get_closest_marker("example"))}
    session.config.example_builds = Builds(names) if names and not session.config.option.collectonly else None


def pytest_unconfigure(config):
    if getattr(config, "example_builds", None):
        config.example_builds.close()


@pytest.fixture
def example(request):
    """The folder of the built example that the test is marked with."""
    return request.config.example_builds.get(request.node.get_closest_marker("example").args[0])
