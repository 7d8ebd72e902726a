"""What cannot be taken costs that item only: the stream, the call and the jobs beside it go on."""
import grpc
import pytest

from harness.asking import DEAD, RUNNING, SUCCEEDED, enqueue
from harness.stubs import pb
from harness.worker import Worker, duration, subscriptions

INVALID = grpc.StatusCode.INVALID_ARGUMENT.value[0]


def fetch(server, queue, count, worker_id="f"):
    return server.work.Fetch(
        pb.FetchRequest(worker_id=worker_id, queues=subscriptions(queue), max_jobs=count, max_wait=duration(2)), timeout=10).jobs


def report(server, worker_id="f", **rest):
    return server.work.Report(pb.ReportRequest(worker_id=worker_id, **rest), timeout=10).results


def bad_outcomes(lease):
    """None can be taken; each leaves its job held."""
    return [
        pb.Outcome(success=pb.Success()),
        pb.Outcome(lease=pb.JobLease(token=lease.token), success=pb.Success()),
        pb.Outcome(lease=lease),
        pb.Outcome(lease=lease, success=pb.Success(result=b"x" * ((1 << 20) + 1))),
    ]


@pytest.mark.parametrize("which", range(4), ids=["no lease", "no job id", "no end", "too large a result"])
def test_a_bad_outcome_on_a_stream(server, queue, which):
    ids = [enqueue(server, queue).job_id for _ in range(2)]
    with Worker(server, queue, slots=2) as worker:
        bad, good = worker.take(2)
        worker.send(outcomes=[bad_outcomes(bad.lease)[which], pb.Outcome(lease=good.lease, success=pb.Success())])
        worker.until(lambda: len(worker.results) == 2, "two results")
        codes = {answer.lease.token if answer.lease.job_id else 0: answer.status_code for answer in worker.results}
        assert sorted(codes.values()) == [0, INVALID] and codes[good.lease.token] == 0
        assert server.job(good.lease.job_id).state == SUCCEEDED
        assert server.job(bad.lease.job_id).state == RUNNING, "still held"
        # The stream goes on, and the job can be reported as it should be.
        worker.results.clear()
        assert worker.succeed(bad, b"now") == 0
    assert [server.job(job_id).state for job_id in ids] == [SUCCEEDED] * 2
    assert all(server.job(job_id).lost == 0 for job_id in ids)


def test_bad_outcomes_in_a_report(server, queue):
    for _ in range(2):
        enqueue(server, queue)
    bad, good = fetch(server, queue, 2)
    results = report(
        server, outcomes=[*bad_outcomes(bad.lease), pb.Outcome(lease=good.lease, success=pb.Success(result=b"r"))],
        extend=[pb.JobLease(), bad.lease])
    assert [one.status_code for one in results] == [INVALID] * 4 + [0] + [INVALID, 0]
    assert all(one.status_message for one in results if one.status_code)
    assert server.job(good.lease.job_id).result == b"r" and server.job(bad.lease.job_id).state == RUNNING
    assert report(server, outcomes=[pb.Outcome(lease=bad.lease, success=pb.Success())])[0].status_code == 0


def test_texts_are_cut_and_cleaned(server, queue):
    failures = [
        pb.Failure(type="a\0b", message="nul \0 inside", backtrace="\0", worker_id="\0", retryable=False),
        pb.Failure(type="t" * 5_000, message="é" * 10_000, backtrace="\U0001f600" * 20_000, retryable=False),
    ]
    for _ in failures:
        enqueue(server, queue)
    with Worker(server, queue, slots=2) as worker:
        jobs = worker.take(2)
        for job, failure in zip(jobs, failures):
            worker.send(outcomes=[pb.Outcome(lease=job.lease, failure=failure)])
        worker.until(lambda: len(worker.results) == 2, "two results")
        assert [answer.status_code for answer in worker.results] == [0, 0]
    shown = [server.job(job.lease.job_id) for job in jobs]
    assert all(job.state == DEAD for job in shown)
    first, second = (job.failures[-1] for job in shown)
    assert "\0" not in first.type + first.message + first.backtrace
    assert first.type.startswith("a") and first.message.startswith("nul ") and first.message.endswith(" inside")
    assert second.type == "t" * 1024 and second.message == "é" * 4096 and second.backtrace == "\U0001f600" * 8192


def test_text_that_is_not_utf8(server, queue):
    job_id = enqueue(server, queue).job_id
    lease = fetch(server, queue, 1)[0].lease
    failure = b"\x0a\x02t\xff" + b"\x12\x05a\x00\xc3\x28z"
    lease = lease.SerializeToString()
    outcome = b"\x0a" + bytes([len(lease)]) + lease + b"\x1a" + bytes([len(failure)]) + failure
    body = b"\x0a\x01f" + b"\x12" + bytes([len(outcome)]) + outcome
    call = server.shared_channel.unary_unary("/gkick.v1.WorkerService/Report", response_deserializer=pb.ReportResponse.FromString)
    assert [one.status_code for one in call(body, timeout=5).results] == [0]
    failure = server.job(job_id).failures[-1]
    assert failure.type == "t\ufffd" and failure.message.startswith("a\ufffd") and failure.message.endswith("z")


@pytest.mark.parametrize("stream", [True, False], ids=["Work", "Report"])
def test_progress_out_of_bounds(server, queue, stream):
    job_id = enqueue(server, queue).job_id
    reports = lambda lease: [  # noqa: E731
        pb.ProgressReport(progress=pb.Progress(percent=3)), pb.ProgressReport(lease=lease),
        pb.ProgressReport(lease=pb.JobLease(job_id="\0", token=1), progress=pb.Progress(percent=3)),
        pb.ProgressReport(lease=lease, progress=pb.Progress(percent=2**32 - 1, message="m" * 5_000 + "\0")),
    ]
    if stream:
        with Worker(server, queue) as worker:
            job = worker.job()
            worker.send(progress=reports(job.lease))
            worker.until(lambda: server.job(job_id).progress.percent == 100, "progress")
            assert server.job(job_id).progress.message == "m" * 1024
            assert worker.succeed(job) == 0
    else:
        lease = fetch(server, queue, 1)[0].lease
        report(server, progress=reports(lease))
        assert server.job(job_id).progress.percent == 100 and server.job(job_id).progress.message == "m" * 1024
        assert report(server, outcomes=[pb.Outcome(lease=lease, success=pb.Success())])[0].status_code == 0


@pytest.mark.parametrize("delay", [-1, -315576000000, 315576000000], ids=str)
def test_a_delay_out_of_bounds(server, queue, delay):
    job_id = enqueue(server, queue).job_id
    lease = fetch(server, queue, 1)[0].lease
    release = pb.Release()
    release.delay.seconds = delay
    assert report(server, outcomes=[pb.Outcome(lease=lease, release=release)])[0].status_code == 0
    state = server.job(job_id).state
    assert state == (pb.JOB_STATE_READY if delay < 0 else pb.JOB_STATE_SCHEDULED)


def test_only_what_cannot_be_read_ends_a_stream(server, queue):
    hello = pb.WorkRequest(hello=pb.WorkerHello(queues=subscriptions(queue), max_in_flight=1)).SerializeToString()
    same = lambda data: data  # noqa: E731
    call = server.shared_channel.stream_stream("/gkick.v1.WorkerService/Work", request_serializer=same, response_deserializer=same)
    with pytest.raises(grpc.RpcError) as error:
        for _ in call(iter([hello, b"\xff\xff\xff"]), timeout=10):
            pass
    assert error.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_hello_is_taken_with_what_it_holds_in_vain(server, queue):
    held = [pb.JobLease(), pb.JobLease(job_id="no\0such", token=5), pb.JobLease(job_id="x" * 500, token=6)]
    with Worker(server, queue, held=held) as worker:
        assert len(worker.welcome.lost) == 3
        enqueue(server, queue)
        assert worker.succeed(worker.job()) == 0
