"""Memory of a server that is never idle: two million jobs pass through a queue in which 200 always wait; started by Benchmarks/growth/run memory.
Fails when it grows in the second half."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "Tests/EndToEnd"))

from harness.server import Server  # noqa: E402
from harness.stubs import pb  # noqa: E402

BATCH, ALWAYS = 500, 200


def main(total):
    # Finished jobs are forgotten at once, and few events kept: what is measured is what nobody needs any more.
    with Server("--event-retention", "60s,64MiB", lease="600s") as server:
        spec = pb.JobSpec(queue="q", name="n", payload=b"x" * 128, retention={"nanos": 1_000_000})
        batch = pb.EnqueueBatchRequest(
            jobs=[pb.ScheduleRequest(job=spec)] * BATCH, durability=pb.DURABILITY_RELAXED)
        take = pb.FetchRequest(worker_id="w", queues=[pb.QueueSubscription(queue="q")], max_jobs=BATCH)
        server.jobs.EnqueueBatch(pb.EnqueueBatchRequest(jobs=[pb.ScheduleRequest(job=spec)] * ALWAYS))
        passed = told = half = 0
        while passed < total:
            server.jobs.EnqueueBatch(batch, timeout=60)
            jobs = server.work.Fetch(take, timeout=60).jobs
            report = pb.ReportRequest(worker_id="w")
            for job in jobs:
                outcome = report.outcomes.add(success=pb.Success())
                outcome.lease.CopyFrom(job.lease)
            server.work.Report(report, timeout=60)
            passed += len(jobs)
            if passed >= told:
                print(f"{passed:>10,} jobs passed: {server.resident_mib():.1f} MiB", flush=True)
                told += total // 10
            if not half and passed >= total // 2:
                half = server.resident_mib()
        grown = server.resident_mib() - half
        print(f"the second half: {grown:+.1f} MiB")
        # A leak of 16 bytes per job would be this much.
        assert grown < max(8, total / 2 * 16 / 2**20), "it grows with the jobs that have passed"


main(int(sys.argv[1]) if sys.argv[1:] else 2_000_000)
