"""Dependencies, batches, recurring jobs, limits and turns from Python, through a real server and a worker."""
import asyncio
from datetime import datetime, timedelta, timezone

import pytest

from gkick import App, Limit, NotFound, Retry, Unique
from gkick.testing import Server

from conftest import WorkerProcess, until

PROGRAM = """
import time
from gkick import App, JobContext

app = App(queue="flow")


@app.job(name="count")
def count(user: int) -> int:
    return user * 2


@app.job(name="report")
def report(context: JobContext) -> list:
    return [context.batch_id, context.depends_on]


@app.job(name="brief")
def brief(key: str) -> list:
    began = time.time()
    time.sleep(0.1)
    return [key, began, time.time()]


@app.job(name="broken")
def broken() -> None:
    from gkick import Fail
    raise Fail("no use")


@app.recurring("tick", every=1, arguments={"user": 21})
@app.job(name="ticked")
def ticked(user: int) -> int:
    return user * 2
"""


@pytest.fixture
def flow(program):
    """The module of the app, and how a worker on it is started."""
    module = program("flow_of_jobs", PROGRAM)
    with Server() as server:
        module.app.address = App(server.address).address
        made = []

        def work(*flags):
            one = WorkerProcess(server.address, *flags, app="flow_of_jobs:app", cwd=".")
            made.append(one)
            one.wait_for("connected to")
            return one

        yield module, work
        for one in made:
            one.close()
        module.app.close()


def test_a_job_runs_after_those_that_it_depends_on(flow):
    jobs, work = flow
    first = [jobs.count.enqueue(user=n) for n in (1, 2)]
    last = jobs.report.options_with(depends_on=first).enqueue()
    assert last.info().state == "BLOCKED" and last.info().dependencies_open == 2
    orphan = jobs.report.options_with(depends_on=[jobs.broken.enqueue()]).enqueue()
    other = jobs.report.options_with(depends_on=[jobs.broken.enqueue()], on_dependency_failure="run").enqueue()
    work()
    assert last.result(20)[1] == [one.id for one in first]
    assert all(one.info().finished_at <= last.info().started_at for one in first)
    assert until(lambda: orphan.info().is_final) and orphan.info().state == "CANCELED"
    assert len(other.result(20)[1]) == 1


def test_a_batch_is_followed_as_one(flow):
    jobs, work = flow
    with jobs.app.batch(description="night", on_succeeded=jobs.report.prepare()) as batch:
        for user in range(1_200):
            batch.add(jobs.count.prepare(user=user))
    assert batch.info.closed and batch.info.jobs == 1_200
    work("--concurrency", "32")
    done = until(lambda: (info := jobs.app.client.get_batch(batch.id)).on_succeeded_job_id and info, 60)
    assert (done.succeeded, done.description) == (1_200, "night")
    until(lambda: jobs.app.client.get(done.on_succeeded_job_id).is_final)
    assert jobs.report.result(jobs.app.client.get(done.on_succeeded_job_id).result)[0] == ""


def test_a_batch_of_a_program_that_fails_is_canceled(flow):
    jobs, _ = flow
    with pytest.raises(ZeroDivisionError):
        with jobs.app.batch("half") as batch:
            batch.add(jobs.count.prepare(user=1))
            batch.flush()
            1 / 0
    info = jobs.app.client.get_batch("half")
    assert (info.jobs, info.canceled) == (1, 1)


def test_batches_limits_and_recurring_jobs_from_asyncio(flow):
    jobs, work = flow
    work("--no-schedules")

    async def main():
        async with jobs.app.abatch() as batch:
            for user in range(1_100):
                await batch.add(jobs.count.prepare(user=user))
        client = jobs.app.async_client
        assert batch.info.closed and batch.info.jobs == 1_100
        with pytest.raises(ZeroDivisionError):
            async with jobs.app.abatch("other"):
                1 / 0
        await client.put_limit(Limit(queue="flow", max_running=3))
        assert [one.max_running async for one in client.limits()] == [3]
        assert [one.id async for one in client.batches()] == ["other", batch.id]
        known = await client.put_recurring("hourly", jobs.count.prepare(user=1).spec(), cron="0 * * * *", time_zone="Europe/Berlin")
        assert known.id == "hourly" and [one.id async for one in client.recurring()] == ["hourly"]
        assert (await client.pause_recurring("hourly")).next_run_at is None
        assert (await client.resume_recurring("hourly")).next_run_at == known.next_run_at
        job = await client.wait(await client.trigger_recurring("hourly"), 20)
        assert jobs.count.result(job.result) == 2
        await client.delete_recurring("hourly")
        times = await client.preview_recurring(cron="30 12 * * *", after=datetime(2027, 6, 1, tzinfo=timezone.utc), count=2)
        assert times == [datetime(2027, 6, 1, 12, 30, tzinfo=timezone.utc), datetime(2027, 6, 2, 12, 30, tzinfo=timezone.utc)]
        await client.close()

    asyncio.run(main())


def test_a_recurring_job_recurs_once_a_worker_has_put_it(flow):
    jobs, work = flow
    assert list(jobs.app.client.recurring()) == []
    work()
    [known] = until(lambda: list(jobs.app.client.recurring()))
    assert (known.id, known.name, known.every.total_seconds()) == ("tick", "ticked", 1)

    def made():
        return [one for one in jobs.app.client.jobs(recurring_job_id="tick") if one.state == "SUCCEEDED"]

    until(lambda: len(made()) >= 2)
    assert {jobs.ticked.result(one.result) for one in made()} == {42}
    now = jobs.app.client.trigger_recurring("tick")
    assert until(lambda: jobs.app.client.get(now).is_final)
    jobs.app.client.delete_recurring("tick")
    assert list(jobs.app.client.recurring()) == []


def test_what_is_declared_again_is_left_alone(flow):
    jobs, _ = flow
    app, client = App(jobs.app.address, queue="flow"), jobs.app.client

    @app.job(name="plain")
    def plain() -> None: ...

    @app.job(
        name="rich", priority=5, timeout=1.5, retention=3600, unique=Unique("one", hold_for=7), concurrency_key="k", fairness_key="f",
        retry=Retry(max_attempts=3, initial_backoff=0.5, max_backoff=90))
    def rich(n: int) -> None: ...

    app.recurring("daily", cron="@daily")(plain)
    app.recurring("rare", every=3600.25, missed_runs="skip", overlap="skip", arguments={"n": 1})(rich)
    app.recurring("there", cron="0 3 * * *", time_zone="Europe/Berlin", missed_runs="all")(rich.options_with(metadata={"a": "b"}))

    def declare():
        app.put_schedules()
        return {one.id: one for one in client.recurring()}

    app.schedules[2][2]["arguments"] = {"n": 2}
    first = declare()
    assert client.pause_recurring("daily").paused and client.pause_recurring("daily").paused
    assert (first["rare"].missed_runs, first["rare"].overlap) == ("skip", "skip")
    again = declare()
    # Counted on, and as the operator left it.
    assert again["rare"].next_run_at == first["rare"].next_run_at and again["there"] == first["there"]
    assert again["daily"].paused
    # What is declared otherwise is put, and stays paused.
    app.schedules[0][2]["cron"] = "@hourly"
    app.schedules[1] = ("rare", plain, app.schedules[1][2] | {"arguments": {}})
    changed = declare()
    assert (changed["daily"].cron, changed["daily"].paused, changed["rare"].name) == ("@hourly", True, "plain")
    assert changed["rare"].next_run_at > first["rare"].next_run_at and changed["there"] == first["there"]
    assert client.resume_recurring("daily").next_run_at is not None
    with pytest.raises(NotFound):
        client.pause_recurring("nobody")
    app.close()


def test_batches_are_listed_and_limits_tell_their_use(flow):
    jobs, _ = flow
    client = jobs.app.client
    client.put_batch("open")
    client.put_batch("over", closed=True)
    assert [one.id for one in client.batches()] == ["over", "open"]
    assert [one.id for one in client.batches(unfinished_only=True)] == ["open"]
    client.put_limit(Limit(concurrency_key_prefix="tenant:", rate_count=5, rate_period=timedelta(seconds=60)))
    for key in ("a", "a", "b"):
        jobs.brief.options_with(concurrency_key=f"tenant:{key}").enqueue(key=key)
    [limit] = client.limits()
    assert (limit.usage.waiting, limit.usage.keys, limit.usage.busiest_key, limit.usage.running) == (3, 2, "tenant:a", 0)


def most_at_once(spans):
    """How many of these were under way together."""
    return max(sum(1 for one in spans if one[1] <= other[1] < one[2]) for other in spans)


def test_a_limit_holds_for_each_key(flow):
    jobs, work = flow
    jobs.app.client.put_limit(Limit(concurrency_key_prefix="tenant:", max_running=2))
    handles = [jobs.brief.options_with(concurrency_key=f"tenant:{key}").enqueue(key=key) for key in "ab" for _ in range(6)]
    work("--concurrency", "12")
    spans = [one.result(30) for one in handles]
    for key in "ab":
        assert most_at_once([one for one in spans if one[0] == key]) == 2
    assert most_at_once(spans) > 2, "each key has its own"
    [limit] = jobs.app.client.limits()
    jobs.app.client.delete_limit(limit)
    assert list(jobs.app.client.limits()) == []


def test_tenants_take_turns(flow):
    jobs, work = flow
    many = [jobs.brief.options_with(fairness_key="many").enqueue(key="many") for _ in range(20)]
    few = [jobs.brief.options_with(fairness_key="few").enqueue(key="few") for _ in range(3)]
    work("--concurrency", "2")
    last = max(one.result(30)[1] for one in few)
    assert sum(1 for one in many if one.result(30)[1] < last) <= 6, "the few do not wait for the many that came first"
