"""One leads, all serve: every way in which a leader or a store ends, with a worker, a watcher and a producer on servers that live.

What is checked each time: who is connected to a server that lives notices a pause and no error, no acknowledged job is lost, none
succeeds twice, no token is given twice in all rounds together, and each job's events are the ones of a whole life. Scripts/torture runs many
rounds beside many waiting jobs.
"""
import collections
import signal
import statistics
import time

import grpc
import pytest
from harness.calls import until
from harness.stubs import pb
from harness.threads import stopped, threads

from load import ROUNDS, WAITING, Load, fill, leader_of, listed
from replicas import Pair


class Rounds:
    """Three servers, and one load after the other on two that do not lead."""

    def __init__(self, servers, store, what, limit):
        self.servers, self.store, self.what, self.limit = servers, store, what, limit
        self.tokens, self.pauses = collections.Counter(), []
        until(lambda: len(listed(servers[0])) == 3, "three servers")
        fill(leader_of(servers), WAITING)

    def __iter__(self):
        for number in range(ROUNDS):
            for server in self.servers:
                if server.process.poll() is not None:
                    server.start()
            until(lambda: all(len(listed(one)) == 3 for one in self.servers), "three servers", timeout=20)
            self.leader = leader_of(self.servers)
            self.fronts = [one for one in self.servers if one is not self.leader]
            load = Load(*self.fronts, self.fronts[0], f"q{number}", self.tokens)
            try:
                yield load
            finally:
                load.close()
            self.pauses.append(load.pause())
        assert self.waiting() == WAITING
        median, worst = statistics.median(self.pauses), max(self.pauses)
        print(f"\n{self.store.kind}, {self.what}: {ROUNDS} rounds, {WAITING} waiting, {len(self.tokens)} jobs run; "
              f"service again p50 {median:.2f} s, worst {worst:.2f} s")
        assert worst < self.limit, f"service was away for {worst:.2f} s"

    def waiting(self):
        queues = {one.name: one for one in self.fronts[0].admin.ListQueues(pb.ListQueuesRequest(), timeout=10).queues}
        return queues["waiting"].ready if WAITING else 0


@pytest.fixture
def rounds(fleet, store):
    """`limit`: seconds that service may be away, at most."""
    return lambda what, limit=30.0: Rounds(fleet(3, lease="5s"), store, what, limit)


def test_a_leader_that_is_killed(rounds):
    every = rounds("leader killed", limit=3)
    for load in every:
        every.leader.kill()
        load.served_again()
        until(lambda: len(listed(every.fronts[0])) == 2, "the killed one to be gone", timeout=11)
        load.finish(every.fronts[0])


def test_a_leader_that_ends(rounds):
    every = rounds("leader ended by SIGTERM", limit=1)
    for load in every:
        assert every.leader.terminate() == 0
        load.served_again()
        until(lambda: len(listed(every.fronts[0])) == 2, "the ended one to be gone", timeout=5)
        load.finish(every.fronts[0])


def test_a_leader_that_stands_still_and_comes_back(rounds):
    every = rounds("leader stood still")
    for load in every:
        leader = every.leader
        leader.process.send_signal(signal.SIGSTOP)
        try:
            load.served_again()
            time.sleep(2 if ROUNDS == 1 else 7)
        finally:
            leader.process.send_signal(signal.SIGCONT)
        # It finds out, becomes a front, and hands on what it is asked.
        until(lambda: leader.enqueue("other"), "answer of the old leader", timeout=20)
        assert leader_of(every.fronts) is not leader
        load.finish(every.fronts[0])


def test_a_leader_that_is_cut_off_from_the_store(rounds):
    every = rounds("leader cut off from the store")
    for load in every:
        leader = every.leader
        leader.to_store.cut()
        try:
            load.served_again()
            # It cannot know who leads, and says at once that it cannot help.
            began = time.monotonic()
            with pytest.raises(grpc.RpcError) as refusal:
                leader.enqueue("other")
            assert refusal.value.code() == grpc.StatusCode.UNAVAILABLE
            assert time.monotonic() - began < 6
            assert leader.get("/readyz")[0] == 503
        finally:
            leader.to_store.mend()
        until(lambda: leader.enqueue("other"), "answer of the old leader", timeout=20)
        assert leader_of(every.fronts) is not leader
        load.finish(every.fronts[0])


def test_a_leader_that_is_cut_off_from_the_fronts(rounds):
    every = rounds("leader cut off from the fronts")
    for load in every:
        leader = every.leader
        leader.to_others.cut()
        try:
            time.sleep(3)
            # It leads on: who asks it is served.
            leader.enqueue("other")
        finally:
            leader.to_others.mend()
        load.served_again()
        load.finish(every.fronts[0])


def test_a_store_that_is_killed_and_comes_back(rounds, store):
    every = rounds("store killed")
    for load in every:
        store.kill()
        time.sleep(0.5)
        store.start()
        load.served_again(timeout=30)
        load.finish(every.fronts[0])


def test_a_store_that_stands_still(rounds, store):
    every = rounds("store stood still for 4 s")
    for load in every:
        store.pause()
        try:
            time.sleep(4)
        finally:
            store.go_on()
        load.served_again(timeout=30)
        load.finish(every.fronts[0])


def test_a_store_that_fails_over_to_a_replica_that_lags(rounds, store, clean):
    """What the store has forgotten is gone, and everything else, tokens and cursors too, is as if it had never been."""
    both = Pair(store, clean)
    every = rounds("failed over to a replica that lags")
    for server in every.servers:
        server.to_store.lead_to(both.way.port)
    for load in every:
        kept, place = len(load.acknowledged), both.place()
        until(lambda: both.has(place), "the replica to have what came so far", timeout=30)
        both.link.cut()
        time.sleep(0.5)
        both.store.kill()
        # What was acknowledged before has arrived.
        time.sleep(0.1)
        gone = load.acknowledged[kept:]
        both.fail_over()
        load.served_again(timeout=30)
        load.finish(every.fronts[0], forgotten=gone)
        both.link.mend()
        both.follow()


def test_an_engine_that_hangs_gives_the_lead_up_and_its_process_ends(fleet):
    """Another leads soon; what hangs is still watched though it leads no more, so that a supervisor gets to start the server again."""
    servers = fleet(2, "--watchdog", "15s")
    until(lambda: len(listed(servers[0])) == 2, "two servers")
    leader = leader_of(servers)
    (other,) = [one for one in servers if one is not leader]
    with stopped(threads(leader)["engine"]):
        until(lambda: other.enqueue("q"), "another leader", timeout=14)
        assert leader_of([other]) is other
        until(lambda: leader.get("/healthz")[0] == 503, "/healthz to say so", timeout=14)
        assert "the engine has not moved" in leader.get("/healthz")[1]
        until(lambda: "ending the process" in leader.log(), "its end", timeout=14)
    assert leader.process.wait(10) == -signal.SIGABRT
    other.enqueue("q")


def test_who_leads_is_told(fleet):
    servers = fleet(3)
    until(lambda: len(listed(servers[0])) == 3, "three servers")
    leader = leader_of(servers)
    fronts = [one for one in servers if one is not leader]
    assert "this server leads since" in leader.get("/readyz")[1]
    for front in fronts:
        status, text = front.get("/readyz")
        assert status == 200 and leader.to_others.address in text
        assert "\ngkick_leads 0\n" in front.get("/metrics")[1]
    assert "\ngkick_leads 1\n" in leader.get("/metrics")[1]
    views = until(lambda: len(found := listed(fronts[0])) == 3 and found, "all three")
    assert {one.address for one in views.values()} == {one.to_others.address for one in (leader, *fronts)}
    assert [one.address for one in views.values() if one.leads] == [leader.to_others.address]


def test_a_front_is_not_believed_without_the_secret(fleet):
    (leader,) = fleet(1)
    with pytest.raises(grpc.RpcError) as refusal:
        leader.jobs.GetJob(pb.GetJobRequest(job_id="x"), metadata=[("gkick-front", "guessed")], timeout=5)
    assert refusal.value.code() == grpc.StatusCode.UNAUTHENTICATED
