"""Where the kernel's asynchronous I/O is not to be had, as in some containers, a thread writes and syncs in its place."""
import ctypes
import errno
import pathlib
import platform
import struct

import pytest

from harness import stores
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker

# io_setup(2), by how the machine numbers its calls.
IO_SETUP = {"x86_64": 206, "aarch64": 0}.get(platform.machine())

pytestmark = [
    pytest.mark.skipif(not stores.embedded, reason="is about the embedded store"),
    pytest.mark.skipif(IO_SETUP is None, reason="io_setup has another number here"),
]


def refuse_io_setup():
    """In the process that becomes the server: a filter of system calls, as containers have them."""
    load, equal, give = 0x20, 0x15, 0x06
    allow, fail = 0x7FFF0000, 0x00050000 | errno.ENOSYS
    program = b"".join(struct.pack("<HBBI", *line) for line in [
        (load, 0, 0, 0), (equal, 0, 1, IO_SETUP), (give, 0, 0, fail), (give, 0, 0, allow)])
    lines = ctypes.create_string_buffer(program)
    filter_program = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(lines)))
    libc = ctypes.CDLL(None, use_errno=True)
    no_new_privileges, seccomp, by_filter = 38, 22, 2
    if libc.prctl(no_new_privileges, 1, 0, 0, 0) or libc.prctl(seccomp, by_filter, filter_program, 0, 0):
        raise OSError(ctypes.get_errno(), "no filter of system calls")


def rings(server):
    """What the kernel has made for asynchronous I/O in the server's memory."""
    return pathlib.Path(f"/proc/{server.process.pid}/maps").read_text().count("/[aio]")


def test_a_server_without_it_stores_all_the_same():
    with Server(preexec=refuse_io_setup) as server:
        assert rings(server) == 0
        # One at a time: with the kernel's help these would be written while no thread waits.
        jobs = [server.enqueue("q", payload=b"x" * size) for size in range(0, 3_000, 100)]
        with Worker(server, "q", slots=10) as worker:
            for job in worker.take(10):
                assert worker.succeed(job, b"done") == 0
        server.restart()
        assert rings(server) == 0
        states = [server.job(job).state for job in jobs]
        assert states[:10] == [pb.JOB_STATE_SUCCEEDED] * 10 and len(states) == 30
        with Worker(server, "q", slots=30) as worker:
            for job in worker.take(20, timeout=20):
                assert worker.succeed(job) == 0
    with Server() as server:
        assert rings(server) > 0, "what the test looks at is there"
