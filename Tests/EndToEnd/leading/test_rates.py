"""A rate over changes of leader: exact in every window, and used by the next leader as by the one before."""
import signal
import time

import pytest
from harness.calls import until
from harness.rates import STARTED, Takers, check
from harness.stubs import pb
from harness.worker import duration

from load import leader_of, listed

COUNT, PERIOD = 20, 1.0


def end(leader, how):
    if how == "killed":
        leader.kill()
    else:
        leader.process.send_signal(signal.SIGTERM)
        assert leader.process.wait(20) == 0


@pytest.mark.parametrize("ways", [("killed", "ended"), ("ended", "killed")], ids="-then-".join)
def test_no_window_sees_too_many_over_changes_of_leader(fleet, ways):
    servers = fleet(3)
    until(lambda: len(listed(servers[0])) == 3, "three servers")
    first = leader_of(servers)
    first.admin.PutLimit(pb.PutLimitRequest(limit=pb.Limit(queue="q", rate_count=COUNT, rate_period=duration(PERIOD))), timeout=10)
    backlog = [pb.ScheduleRequest(job=pb.JobSpec(queue="q", name="t"))] * 1_000
    first.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=backlog), timeout=20)

    takers = Takers(servers, "q")
    ends = []
    try:
        until(lambda: len(takers.starts) > 2 * COUNT, "starts")
        for how in ways:
            leader = leader_of(servers)
            # In the middle of a period.
            time.sleep(PERIOD / 2)
            end(leader, how)
            ends.append(time.time())
            until(lambda: takers.starts[-1][0] > ends[-1], "starts under the next leader", timeout=30)
            time.sleep(3.5 * PERIOD)
            leader.start()
            until(lambda: len(listed(leader)) == 3, "three servers")
    finally:
        takers.close()
    left = leader_of(servers)
    times = check(left.events(queues=["q"], types=STARTED), takers, COUNT, PERIOD)
    for gone in ends:
        # From its first start on the next leader uses the rate, as far as the workers are there in time.
        begin = next(at for at in times if at > gone)
        used = sum(begin <= at < begin + 3 * PERIOD for at in times)
        assert used >= 3 * COUNT * 0.8, f"{used} of {3 * COUNT} starts in three periods after a change of leader"
        # Nobody had to wait for long.
        assert begin - gone < 5
