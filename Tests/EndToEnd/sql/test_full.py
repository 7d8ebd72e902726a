"""A database without room, until it is given some: it is said, what is there can be read, and nothing acknowledged is lost."""
import os
import pathlib
import shutil
import subprocess

import grpc
import pytest
from harness.calls import until
from harness.database import Maria, Postgres
from harness.stubs import pb


class SmallPostgres(Postgres):
    """Its tables lie on a small file system of their own, its log elsewhere: without room for that PostgreSQL ends itself."""

    def __init__(self):
        super().__init__()
        self.small = pathlib.Path(self.folder, "small")
        self.small.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(self.small)], capture_output=True)
        if mounted.returncode != 0:
            super().close()
            pytest.skip("needs to be root to mount a file system")
        shutil.chown(self.small, self.user, self.user)
        self.ask(f"CREATE TABLESPACE small LOCATION '{self.small}'")
        self.ask("ALTER SYSTEM SET default_tablespace = small")
        self.ask("SELECT pg_reload_conf()")

    def fill(self):
        """But for 4 MiB."""
        room = os.statvfs(self.small)
        (self.small / "ballast").write_bytes(b"b" * (room.f_bavail * room.f_frsize - (4 << 20)))

    def make_room(self):
        (self.small / "ballast").unlink()

    def close(self):
        self.kill()
        subprocess.run(["umount", "-l", str(self.small)], capture_output=True)
        super().close()


class SmallMaria(Maria):
    """Its tables may have so much in all. A file system without room ends MariaDB itself; that is as when it is killed."""

    def __init__(self):
        super().__init__("--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:28M")

    def fill(self):
        pass

    def make_room(self):
        self.kill()
        self.settings = ("--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:500M")
        self.start()


@pytest.fixture(params=[SmallPostgres, SmallMaria])
def database(request):
    if request.param.bin() is None:
        pytest.skip("its server is not installed: Scripts/setup test installs it")
    made = request.param()
    yield made
    made.close()


def test_a_full_disk_is_said_and_survived(database, serve):
    server = serve(database.url)
    acknowledged = [server.enqueue("q", payload=b"x" * 1000) for _ in range(20)]
    database.fill()
    refusals = []
    for _ in range(200):
        try:
            acknowledged.append(server.enqueue("q", payload=b"x" * 200_000))
        except grpc.RpcError as error:
            refusals.append(error)
            if len(refusals) == 5:
                break
    codes = [one.code() for one in refusals]
    assert codes and set(codes) <= {grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.UNAVAILABLE}, codes
    assert grpc.StatusCode.RESOURCE_EXHAUSTED in codes, [one.details() for one in refusals]
    assert server.process.poll() is None, server.log()
    assert server.job(acknowledged[0]).state == pb.JOB_STATE_READY, "what is there can be read"
    database.make_room()
    acknowledged.append(until(lambda: taken(server), "service again", timeout=15))
    server.restart()
    for job in acknowledged:
        assert server.job(job).state == pb.JOB_STATE_READY


def taken(server):
    """The id; None: there is no room yet."""
    try:
        return server.enqueue("q", payload=b"x" * 1000)
    except grpc.RpcError as error:
        if error.code() != grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return None
