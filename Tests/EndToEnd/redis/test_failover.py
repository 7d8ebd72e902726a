"""Redis over TLS, and Sentinels that promote another."""
import collections
import threading
import time

import grpc
import pytest
from harness.redis import Certificate, Sentinel
from harness.server import Server
from harness.stubs import pb
from harness.worker import Worker

from harness.calls import refused, until


@pytest.fixture
def certificate(tmp_path):
    return Certificate(tmp_path)


def test_redis_over_tls(certificate, make_redis, make_servers):
    redis = make_redis(tls=certificate)
    a, b = make_servers(redis.url, "--redis-ca", str(certificate.certificate), count=2)
    with Worker(b, "q", slots=4) as worker:
        # Larger than a TLS record, and than what one read brings.
        bodies = [bytes([number]) * size for number, size in enumerate((0, 1, 16_384, 200_000, 1_000_000))]
        for body in bodies:
            a.enqueue("q", payload=body)
        for body in bodies:
            job = worker.job(timeout=20)
            assert job.payload == body
            assert worker.succeed(job) == 0
        redis.kill()
        assert refused(lambda: a.enqueue("q"))[0].code() == grpc.StatusCode.UNAVAILABLE
        redis.start()
        late = until(lambda: a.enqueue("q"), "answer afterwards")
        # A job whose enqueue was not acknowledged may have been given out too: it is gone, and its outcome refused.
        until(lambda: worker.succeed(worker.job(timeout=20), timeout=20) == 0 and a.job(late).state == pb.JOB_STATE_SUCCEEDED,
              "end of the acknowledged one")


def test_a_certificate_that_nobody_vouches_for_is_refused(certificate, make_redis):
    redis = make_redis(tls=certificate)
    with Server(store=redis.url, start=False) as server:
        with pytest.raises(RuntimeError, match="(?i)certificate|ended with"):
            server.start(timeout=10)


def test_a_failover_is_followed_and_loses_nothing_that_was_confirmed(make_redis, make_servers):
    master = make_redis()
    replica = make_redis("--replicaof", f"127.0.0.1 {master.port}")
    sentinels = [make_redis(kind=Sentinel, master=master, quorum=2) for _ in range(3)]
    until(lambda: "master_link_status:up" in replica.ask("INFO", "replication"), "replica in step")
    until(lambda: all(one.ask("SENTINEL", "SENTINELS", "jobs").startswith("*2") for one in sentinels), "quorum")
    until(lambda: all(one.ask("SENTINEL", "REPLICAS", "jobs").startswith("*1") for one in sentinels), "known replica")
    hosts = ",".join(one.address for one in sentinels)
    a, b = make_servers(f"redis+sentinel://{hosts}/jobs", "--redis-wait", "1", count=2, lease="5s")
    with Worker(b, "q", worker_id="w", slots=4) as worker:
        acknowledged = []
        for number in range(40):
            acknowledged.append(until(lambda: a.enqueue("q", id=f"job-{number}"), "confirmed job"))
        runs, stop = collections.Counter(), threading.Event()

        def work():
            while not stop.is_set():
                # As the contract says: these the store did not take, they are to be sent again.
                with worker.changed:
                    again = [one.lease for one in worker.results if one.status_code in (8, 14)]
                    worker.results.clear()
                for lease in again:
                    worker.succeed(lease, wait=False)
                try:
                    job = worker.job(timeout=0.2)
                except AssertionError:
                    continue
                runs[job.lease.job_id] += 1
                worker.succeed(job, wait=False)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            time.sleep(0.1)
            master.kill()
            # The new master has nobody to confirm commits: it says so instead of promising what it cannot keep.
            until(lambda: a.job(acknowledged[0]).state, "answer through the new master", timeout=40)
            error, _ = refused(lambda: a.enqueue("q", id="late"))
            assert error.code() == grpc.StatusCode.UNAVAILABLE
            second = make_redis("--replicaof", f"127.0.0.1 {replica.port}")
            until(lambda: "master_link_status:up" in second.ask("INFO", "replication"), "another replica")
            until(lambda: a.enqueue("q", id="late"), "confirmed job", timeout=40)
            for job in [*acknowledged, "late"]:
                until(lambda: b.job(job).state == pb.JOB_STATE_SUCCEEDED, f"end of {job}", timeout=40)
        finally:
            stop.set()
            thread.join()
    assert set(runs) <= {*acknowledged, "late"}
