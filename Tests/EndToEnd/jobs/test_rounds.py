"""The embedded store, again and again: a server that is killed, a machine without power, a disk that fails, hangs or is slow, under load.

Of few producers, who enqueue one job at a time, the kernel writes and syncs what a loop has decided while no thread waits
(Docs/decisions/096); of many the storage's thread does. Each round goes on with the store of the one before, and nothing that was promised in any
round may be gone. Scripts/torture embedded runs many rounds.
"""
import os
import random
import time

import grpc
import pytest
from harness import stores
from harness.calls import until
from harness.disk import Disk
from harness.server import Server
from harness.witness import Witness

pytestmark = pytest.mark.skipif(not stores.embedded, reason="is about the embedded store")
ROUNDS = int(os.environ.get("GKICK_ROUNDS", "1"))
# How many producers, and whether a worker and a watcher are beside them: with those, both ways of writing take turns.
LOADS = [pytest.param(1, True, id="alone"), *[pytest.param(count, False, id=f"{count}") for count in (1, 3, 24)]]


class OnDisk(Server):
    """For which each start is one of the machine: a machine that lost its power has another boot id."""

    def __init__(self, folder):
        self.boot = 0
        super().__init__("--event-retention", "1h,1GiB", data=folder / "store", lease="30s", start=False)

    def command(self):
        self.boot += 1
        id_file = self.data.parent.parent / "boot"
        id_file.write_text(f"{self.boot:08x}-0000-0000-0000-000000000000\n")
        bind = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"'
        return ["unshare", "--mount", "--propagation", "slave", "sh", "-c", bind, str(id_file), *super().command()]


def rounds(what, load, server, fault, restart=lambda: None):
    """`load`: see LOADS. `fault` is called under it; then the server is killed, if it lives. `restart` is called before it is started again."""
    producers, is_alone = load
    load = f"{producers} producers alone" if is_alone else f"{producers} producers"
    seen, seed = [], int(os.environ.get("GKICK_SEED", time.time_ns()))
    print(f"\n{what}, {load}: seed {seed}")
    chance, promised, longest = random.Random(seed), 0, 0.0
    server.start()
    for number in range(ROUNDS):
        witness = Witness(server, f"q{number}", producers, is_alone)
        time.sleep(chance.uniform(0.2, 1.5))
        fault(chance, witness)
        server.kill()
        witness.end()
        restart()
        began = time.monotonic()
        server.start()
        longest = max(longest, time.monotonic() - began)
        assert "acknowledged" not in server.log(), server.log()
        seen.append(witness)
        promised += len(witness.acknowledged)
        for one in seen if number == ROUNDS - 1 else seen[-2:]:
            one.check(server)
    print(f"{what}, {load}: {ROUNDS} rounds, {promised} enqueues and {sum(len(one.done) for one in seen)} outcomes "
          f"acknowledged, none lost; start after it at most {longest:.2f} s")
    assert promised and (is_alone or any(one.done for one in seen))


@pytest.fixture
def disk():
    with Disk() as made:
        yield made


@pytest.fixture
def on_disk(disk):
    with OnDisk(disk.folder) as server:
        yield server


@pytest.mark.parametrize("producers,is_alone", LOADS)
def test_a_server_that_is_killed(producers, is_alone):
    with Server("--event-retention", "1h,1GiB", lease="30s", start=False) as server:
        rounds("killed", (producers, is_alone), server, lambda chance, _: server.kill())


@pytest.mark.parametrize("producers,is_alone", LOADS)
def test_a_machine_that_loses_its_power(producers, is_alone, disk, on_disk):
    def fault(chance, _):
        if chance.random() < 0.3:
            on_disk.kill()
        disk.cut(chance.choice([0, 0.5, 0.9, 1]), chance.random())
        # It may go on for a moment, but is believed no promise any more.
        time.sleep(chance.choice([0, 0.3]))

    rounds("without power", (producers, is_alone), on_disk, fault, disk.restart)


@pytest.mark.parametrize("producers,is_alone", LOADS)
def test_a_disk_that_fails_for_a_moment(producers, is_alone, disk, on_disk):
    def fault(chance, _):
        disk.say("fail", chance.choice(["writes", "syncs"]))
        time.sleep(chance.uniform(0.05, 1.0))
        disk.say("well")
        # A file system that could not write its own journal takes no more writes: then nothing is promised, and it is said.
        until(lambda: wrote(on_disk) or disk.has_given_up() and on_disk.get("/readyz")[0] == 503, "service, or a word why not")

    rounds("disk fails", (producers, is_alone), on_disk, fault, disk.restart)


@pytest.mark.parametrize("producers,is_alone", LOADS)
def test_a_disk_that_is_slow_or_hangs(producers, is_alone, disk, on_disk):
    def fault(chance, _):
        if chance.random() < 0.5:
            disk.say("slow", 0.03)
            time.sleep(chance.uniform(0.5, 1.5))
        else:
            disk.say("hang")
            time.sleep(chance.uniform(0.5, 3))
        disk.say("well")
        until(lambda: wrote(on_disk), "service")
        time.sleep(chance.uniform(0, 1.5))
        if chance.random() < 0.5:
            disk.cut(chance.choice([0, 0.5, 1]), chance.random())

    rounds("disk slow", (producers, is_alone), on_disk, fault, disk.restart)


def wrote(server):
    try:
        return server.enqueue("beside")
    except grpc.RpcError as error:
        assert error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), error
        return None
