"""The threads of a server, and how one of them is made to stand still."""
import contextlib
import ctypes
import os
import pathlib
import time

import pytest

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000


def threads(server):
    """Their numbers, by the names of those that are watched."""
    tasks = pathlib.Path(f"/proc/{server.process.pid}/task")
    found = {(task / "comm").read_text().strip(): int(task.name) for task in tasks.iterdir()}
    # The loops of the server are started before the one of HTTP.
    found["loop"] = found[min(name for name in found if name.startswith("NIO-ELT-"))]
    return found


@contextlib.contextmanager
def stopped(thread):
    """One thread of another process stands still, as if it hung; the others go on."""
    if libc.ptrace(PTRACE_SEIZE, thread, None, None) != 0:
        pytest.skip(f"may not stop a thread here: {os.strerror(ctypes.get_errno())}")
    assert libc.ptrace(PTRACE_INTERRUPT, thread, None, None) == 0
    os.waitpid(thread, WALL)
    try:
        yield
    finally:
        if libc.ptrace(PTRACE_DETACH, thread, None, None) != 0:
            # It goes, or has gone, with its process, which ends only when all of it has been waited for.
            end = time.monotonic() + 20
            with contextlib.suppress(ChildProcessError):
                while time.monotonic() < end and not os.waitpid(thread, WALL | os.WNOHANG)[0]:
                    time.sleep(0.05)
