"""Attacks: the server lives, defends itself, does not grow, and serves its honest clients meanwhile."""

import threading
import time

import grpc
import pytest
from attack_tools import GROWTH
from attacks import ATTACKS
from grpc.testing import messages_pb2 as pb, test_pb2_grpc


class HonestClient(threading.Thread):
    """Calls all the time over its own connection, and remembers how it went."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.done, self.latencies, self.failures = server, threading.Event(), [], []

    def run(self):
        with grpc.insecure_channel(self.server.address) as channel:
            stub = test_pb2_grpc.TestServiceStub(channel)
            while not self.done.wait(0.01):
                start = time.monotonic()
                try:
                    answer = stub.UnaryCall(pb.SimpleRequest(response_size=100), timeout=2)
                    assert len(answer.payload.body) == 100
                    self.latencies.append(time.monotonic() - start)
                except grpc.RpcError as error:
                    self.failures.append(error.code())


class Watched:
    """The server with its memory watched."""

    def __init__(self, server):
        self.server, self.port = server, server.port
        self.before = self.peak = server.memory
        self.done = threading.Event()
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        while not self.done.wait(0.02) and self.server.alive:
            try:
                self.peak = max(self.peak, self.server.memory)
            except (OSError, IndexError):
                return

    @property
    def peak_growth(self):
        return self.peak - self.before

    def statistics(self):
        return self.server.statistics()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: getattr(attack, "__name__", "attack"))
def test_attack(launch, attack):
    server = launch("--handshake-timeout", "2", "--header-timeout", "2")
    with grpc.insecure_channel(server.address) as channel:
        stub = test_pb2_grpc.TestServiceStub(channel)
        for size in [100] * 200 + [1_000_000] * 3:
            stub.UnaryCall(pb.SimpleRequest(response_size=size), timeout=5)
    honest = HonestClient(server)
    honest.start()
    time.sleep(0.2)
    watched = Watched(server)
    defended = attack(watched)
    time.sleep(0.2)
    watched.done.set()
    honest.done.set()
    honest.join()
    print(f"{attack.__name__}: grew by {watched.peak_growth / (1 << 20):.1f} MiB")
    assert server.alive, "the server died"
    assert defended, "the attack went on undefended"
    assert watched.peak_growth < GROWTH, f"grew by {watched.peak_growth >> 20} MiB"
    assert not honest.failures, f"{len(honest.failures)} honest calls failed: {set(honest.failures)}"
    assert max(honest.latencies) < 1, f"an honest call took {max(honest.latencies):.2f} s"
    with grpc.insecure_channel(server.address) as channel:
        test_pb2_grpc.TestServiceStub(channel).UnaryCall(pb.SimpleRequest(response_size=1), timeout=5)
    server.stop()
