"""Jobs in a database: put in by SQL, seen by SQL, kept through crashes."""
import time

import grpc

from harness.stubs import pb
from harness.worker import Worker


def finish(server, queue):
    """Takes the next job of the queue and ends it; the job as it was given."""
    with Worker(server, queue) as worker:
        job = worker.job()
        worker.succeed(job)
        return job


def until(check, seconds=10):
    end = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < end:
        time.sleep(0.02)
    return found


def test_a_job_put_in_by_sql_is_run_and_seen(postgres, serve):
    server = serve(postgres.url)
    job_id = postgres.ask("""SELECT gkick.enqueue(name => 'email.send', payload => '{"to": 1}'::jsonb, queue => 'mail',
        metadata => '{"trace": "x"}')""")
    job = finish(server, "mail")
    assert (job.lease.job_id, job.name, job.payload, job.content_type) == (job_id, "email.send", b'{"to": 1}', "application/json")
    assert dict(job.metadata) == {"trace": "x"}
    assert server.wait(job_id).state == pb.JOB_STATE_SUCCEEDED
    columns = "queue, name, state, attempt, content_type, convert_from(payload, 'UTF8'), metadata"
    assert postgres.ask(f"SELECT {columns} FROM gkick.jobs WHERE id = '{job_id}'") == \
        'mail|email.send|SUCCEEDED|1|application/json|{"to": 1}|{"trace": "x"}'
    assert postgres.ask("SELECT queue, state, count(*) FROM gkick.jobs GROUP BY queue, state") == "mail|SUCCEEDED|1"


def test_a_rollback_leaves_nothing(postgres, serve):
    server = serve(postgres.url)
    postgres.ask("BEGIN; SELECT gkick.enqueue('a', id => 'never'); ROLLBACK; SELECT gkick.enqueue('a', id => 'ever')")
    assert until(lambda: there(server, "ever")).state == pb.JOB_STATE_READY
    try:
        server.job("never")
        assert False, "a job of a transaction that was rolled back"
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.NOT_FOUND


def test_what_cannot_become_a_job_is_told(postgres, serve):
    server = serve(postgres.url)
    server.enqueue("q", id="there")
    postgres.ask("SELECT gkick.enqueue('a', id => 'there', queue => 'q'), gkick.enqueue('b', id => 'new', queue => 'q')")
    rows = until(lambda: postgres.ask("SELECT id, queue, name, existing_id FROM gkick.intake_refused"))
    assert rows == "there|q|a|there"
    stream = server.jobs.StreamEvents(
        pb.StreamEventsRequest(after_cursor="0", types=[pb.EVENT_TYPE_REFUSED]), timeout=20)
    event = next(event for response in stream for event in response.events)
    assert event.job_id == "there" and event.failure.message
    stream.cancel()
    assert until(lambda: server.job("new")).state == pb.JOB_STATE_READY


def test_what_was_put_in_while_no_server_ran_is_taken_in(postgres, serve):
    server = serve(postgres.url)
    server.terminate()
    postgres.ask("SELECT gkick.enqueue('a', id => i::text, queue => 'q') FROM generate_series(1, 2000) i")
    server.start()
    assert until(lambda: postgres.ask("SELECT count(*) FROM gkick.jobs WHERE state = 'READY'") == "2000")
    assert postgres.ask("SELECT count(*) FROM gkick.inbox") == "0"
    server.restart()
    assert finish(server, "q").lease.job_id == "1"


def test_acknowledged_jobs_outlive_server_and_database(postgres, serve):
    server = serve(postgres.url)
    ids = [server.enqueue("q") for _ in range(20)]
    postgres.kill()
    began = time.monotonic()
    try:
        server.enqueue("q")
        assert False, "stored without a database"
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.UNAVAILABLE and time.monotonic() - began < 5
    postgres.start()
    ids.append(until(lambda: attempt(server)))
    server.restart()
    assert all(server.job(job_id).state == pb.JOB_STATE_READY for job_id in ids)
    assert finish(server, "q").lease.job_id == ids[0]


def there(server, job_id):
    try:
        return server.job(job_id)
    except grpc.RpcError:
        return None


def attempt(server):
    try:
        return server.enqueue("q")
    except grpc.RpcError:
        return None


def test_mysql(maria, serve):
    server = serve(maria.url)
    assert maria.ask("""CALL gkick_enqueue('{"name": "a", "id": "x", "queue": "q", "payload": {"to": 1}}')""", "jobs") == "x"
    job = finish(server, "q")
    assert job.payload == b'{"to": 1}' and job.content_type == "application/json"
    assert server.wait("x").state == pb.JOB_STATE_SUCCEEDED
    assert maria.ask("SELECT state, payload FROM gkick_jobs WHERE id = 'x'", "jobs") == 'SUCCEEDED\t{"to": 1}'
    maria.ask("""INSERT INTO gkick_inbox (id, job) VALUES ('x', '{"name": "a"}'), ('bad', '{"name": "a", "timeout": "soon"}')""",
              "jobs")
    assert until(lambda: maria.ask("SELECT id FROM gkick_intake_refused ORDER BY id", "jobs") == "bad\nx")
    ids = [server.enqueue("q") for _ in range(5)]
    maria.kill()
    maria.start()
    ids.append(until(lambda: attempt(server)))
    server.restart()
    assert all(server.job(job_id).state == pb.JOB_STATE_READY for job_id in ids)
