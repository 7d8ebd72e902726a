import itertools
import pathlib
import subprocess
import sys

import grpc
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness.server import CHANNEL_OPTIONS, Server, binary  # noqa: E402
from harness.stubs import pb  # noqa: E402

counter = itertools.count()


def new_token(name, roles, queues=(), *more):
    """What `gkick token new` prints: the token, and the entry for the file."""
    arguments = [word for role in roles for word in ("--role", role)] + [word for queue in queues for word in ("--queue", queue)]
    done = subprocess.run([binary(), "token", "new", "--name", name, *arguments, *more], capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL, timeout=30)
    token, entry = done.stdout.split("\n", 1)
    return token, entry


class Caller:
    """A gRPC client that shows a token, or none."""

    def __init__(self, server, token=None):
        self.server, self.token = server, token
        self.channel = grpc.insecure_channel(server.address, options=CHANNEL_OPTIONS)
        self.stubs = [pb.JobServiceStub(self.channel), pb.WorkerServiceStub(self.channel), pb.AdminServiceStub(self.channel)]

    def __getattr__(self, name):
        for stub in self.stubs:
            if hasattr(stub, name):
                call = getattr(stub, name)
                metadata = [("authorization", f"Bearer {self.token}")] if self.token else []
                return lambda request, timeout=10: call(request, timeout=timeout, metadata=metadata)
        raise AttributeError(name)

    def close(self):
        self.channel.close()


class Guarded:
    """A server with --auth, and tokens for it as they are needed."""

    def __init__(self, *flags, **options):
        import tempfile
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="gkick-auth-"))
        self.file = self.folder / "auth"
        self.file.write_text("# nobody yet\n")
        self.callers = []
        self.root_token, entry = new_token("root", ["admin"])
        self.file.write_text(self.file.read_text() + entry)
        self.server = Server("--auth", str(self.file), *flags, **options)
        self.root = self.caller(self.root_token)

    def caller(self, token=None):
        made = Caller(self.server, token)
        self.callers.append(made)
        return made

    def add(self, name, roles, queues=(), *more):
        """A new principal; returns its token once the server knows it."""
        token, entry = new_token(name, roles, queues, *more)
        self.write(self.file.read_text() + entry)
        return token

    def write(self, text):
        """Changes the file as a whole and waits until the server has seen it."""
        marks = self.server.log().count("was read again") + self.server.log().count("stays as it was")
        other = self.folder / "next"
        other.write_text(text)
        other.replace(self.file)
        wait_for(lambda: self.server.log().count("was read again") + self.server.log().count("stays as it was") > marks)

    def close(self):
        import shutil
        for caller in self.callers:
            caller.close()
        self.server.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def wait_for(condition, seconds=10):
    import time
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.02)


def code_of(call):
    """OK, or the code that the call ended with."""
    try:
        call()
        return "OK"
    except grpc.RpcError as error:
        return error.code().name


@pytest.fixture(scope="module")
def guarded():
    made = Guarded()
    yield made
    assert made.server.lives(), f"the server ended by itself:\n{made.server.log()}"
    made.close()


@pytest.fixture
def mark():
    """The beginning of queues' names that no other test uses."""
    return f"m{next(counter)}."
