"""Two servers on one Redis: the one that does not lead asks who calls, and the one that leads believes it."""
import shutil

import grpc
import pytest

import test_table
from conftest import Caller, Guarded, code_of, wait_for
from harness.redis import Redis
from harness.server import Server
from harness.stubs import pb

pytestmark = pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed: Scripts/setup installs it")


class Fronted(Guarded):
    """Everything is asked of the server that does not lead."""

    def __init__(self):
        self.redis = Redis()
        super().__init__(store=self.redis.url)
        self.leader = self.server
        self.server = Server("--auth", str(self.file), store=self.redis.url)
        self.root = self.caller(self.root_token)
        wait_for(lambda: "gkick_leads 0" in self.server.get("/metrics")[1])

    def write(self, text):
        marks = self.leader.log().count("was read again")
        super().write(text)
        wait_for(lambda: self.leader.log().count("was read again") > marks)

    def close(self):
        super().close()
        self.leader.close()
        self.redis.close()


@pytest.fixture(scope="module")
def fronted():
    made = Fronted()
    yield made
    print(made.leader.log()[-20_000:])
    made.close()


@pytest.mark.parametrize("protocol", ["grpc", "http"])
@pytest.mark.parametrize("role", test_table.ROLES)
def test_the_table_holds_at_a_front(fronted, role, protocol, mark):
    test_table.test_the_table_holds(fronted, role, protocol, mark)


def test_nobody_passes_for_another_server(fronted):
    """Neither with a secret that is none, nor without one, at either server."""
    for server in (fronted.server, fronted.leader):
        channel = Caller(server).channel
        for secret in ("", "0" * 64, "x"):
            metadata = [("gkick-front", secret), ("gkick-front-principal", "root 31"), ("gkick-front-address", "10.0.0.1:1")]
            call = pb.AdminServiceStub(channel).PauseQueue
            assert code_of(lambda: call(pb.PauseQueueRequest(queue="q"), timeout=5, metadata=metadata)) == "UNAUTHENTICATED"
        call = pb.AdminServiceStub(channel).PauseQueue
        assert code_of(lambda: call(pb.PauseQueueRequest(queue="q"), timeout=5, metadata=[("gkick-front-principal", "root 31")])) == "UNAUTHENTICATED"


def test_a_caller_of_a_front_cannot_widen_its_rights(fronted, mark):
    token = fronted.add(f"{mark}p", ["producer"], [f"{mark}own*"])
    stub = pb.JobServiceStub(Caller(fronted.server).channel)
    metadata = [("authorization", f"Bearer {token}"), ("gkick-front-principal", "root 31")]
    job = pb.JobSpec(queue="other", name="t")
    assert code_of(lambda: stub.Enqueue(pb.EnqueueRequest(job=job), timeout=5, metadata=metadata)) == "PERMISSION_DENIED"


def test_changes_at_a_front_are_told_with_who_and_from_where(fronted, mark):
    fronted.root.PauseQueue(pb.PauseQueueRequest(queue=f"{mark}q"))
    wait_for(lambda: f"queue {mark}q" in fronted.leader.log())
    line = next(line for line in fronted.leader.log().splitlines() if " audit " in line and f"{mark}q" in line)
    assert "principal=root" in line and "from=127.0.0.1:" in line and "call=PauseQueue" in line


def test_a_stream_at_a_front_ends_when_its_principal_does(fronted, mark):
    token = fronted.add(f"{mark}x", ["watcher"])
    stream = pb.JobServiceStub(Caller(fronted.server).channel).StreamEvents(
        pb.StreamEventsRequest(), timeout=30, metadata=[("authorization", f"Bearer {token}")])
    next(iter(stream))
    blocks = fronted.file.read_text().split("principal ")
    fronted.write("principal ".join(block for block in blocks if not block.startswith(f"{mark}x")))
    with pytest.raises(grpc.RpcError) as end:
        for _ in stream:
            pass
    assert end.value.code() == grpc.StatusCode.UNAUTHENTICATED
