"""Random calls of all kinds, by operators and workers who come, go and break; in the end events, look-ups and counts agree, also after a restart, and all
that waits comes to its end."""
import random
import time

import pytest

from harness.books import BLOCKED, FINAL, READY, RUNNING, Shot, Watcher, asked, check, check_ends, every_job
from harness.mischief import QUEUES, Mischief
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker

SECONDS = 5


def drain(server, mischief):
    """One worker that does all there is."""
    end = time.monotonic() + 90
    with Worker(server, "*", slots=20) as worker:
        while left := [job for job in every_job(server).values() if job.state not in FINAL]:
            if time.monotonic() > end:
                why = asked(server.jobs.ExplainJob, pb.ExplainJobRequest(job_id=left[0].spec.id))
                return mischief.fault(len(left), "jobs come to no end:", why)
            for _ in range(20):
                with worker.changed:
                    worker.changed.wait_for(lambda: worker.jobs, 0.02)
                    jobs, worker.jobs = worker.jobs, []
                for job in jobs:
                    worker.succeed(job, wait=False)


def rests(job):
    """In a queue that is paused; one that may still expire is to be waited for."""
    if job.state in FINAL:
        return True
    return job.state in (READY, BLOCKED) and not (job.spec.HasField("start_before") and job.spec.start_before.ToMilliseconds() / 1000 > time.time() - 0.5)


def until_rest(server, mischief, is_at_rest, what):
    end = time.monotonic() + 90
    while moving := [job for job in every_job(server).values() if not is_at_rest(job)]:
        if time.monotonic() > end:
            why = asked(server.jobs.ExplainJob, pb.ExplainJobRequest(job_id=moving[0].spec.id))
            return mischief.fault(what, len(moving), "jobs do not come to rest:", why)
        time.sleep(0.1)


def shake(server, mischief, chance):
    """Kills whatever there is to be killed: the server, the one that leads, or both."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.3, 1.5))
        way = chance.choice(["all", "leader", "leader ends"])
        if server.leader is None or way == "all":
            server.restart()
        else:
            server.leader.kill() if way == "leader" else server.leader.terminate()
            server.leader.start()


@pytest.mark.parametrize("is_shaken", [False, True])
def test_all_accounts_agree_whatever_is_done(is_shaken):
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    with Server(lease="1s") as server:
        mischief = Mischief(server, seed, is_shaken)
        watcher = Watcher(server)
        mischief.start()
        if is_shaken:
            shake(server, mischief, random.Random(seed))
        else:
            time.sleep(SECONDS)
        mischief.end_operators()
        # At rest: nothing is made or given out.
        for name in ("r0", "r1", "r2"):
            asked(server.admin.DeleteRecurringJob, pb.DeleteRecurringJobRequest(id=name))
        for queue in QUEUES:
            asked(server.admin.PauseQueue, pb.PauseQueueRequest(queue=queue))
        mischief.end_workers()
        until_rest(server, mischief, rests, "paused:")
        before = Shot(server)
        check(before, watcher.until_told_of(before.fence), mischief, "at rest:")
        server.restart()
        after = Shot(server)
        for was, now in zip(before.still(), after.still()):
            if was != now:
                mischief.fault("a restart changed", was, "to", now)
        # Everything comes to its end.
        for limit, _ in after.limits:
            if limit.queue != "lim" and limit.concurrency_key != "two":
                asked(server.admin.DeleteLimit, pb.DeleteLimitRequest(limit=limit))
        for queue in QUEUES:
            asked(server.admin.ResumeQueue, pb.ResumeQueueRequest(queue=queue))
        for name in after.batches:
            asked(server.jobs.PutBatch, pb.PutBatchRequest(batch=pb.Batch(id=name, closed=True)))
        drain(server, mischief)
        last = Shot(server)
        check(last, watcher.until_told_of(last.fence), mischief, "at the end:")
        check_ends(last, mischief.fault)
        watcher.close()
        assert server.lives()
    assert not mischief.faults, f"seed {seed}: {len(mischief.faults)} faults\n" + "\n".join(fault[:2_000] for fault in mischief.faults[:5])
    assert sum(mischief.calls.values()) > 100 and RUNNING not in {job.state for job in last.jobs.values()}
