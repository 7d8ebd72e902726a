"""Jobs in one transaction with a program's own rows, by the drivers that Python programs have."""
import asyncio
import datetime
import importlib
import pathlib
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

from gkick import App, BytesCodec, Client, Retry, Unique, _wire
from gkick.sql import aenqueue, enqueue
from gkick.testing import Server

from conftest import until

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "Tests" / "EndToEnd"))

from harness.database import Maria, Postgres  # noqa: E402

app = App(queue="sql")


@app.job(name="mail")
def mail(to: str) -> None:
    pass


@app.job(name="raw", codec=BytesCodec())
def raw(data: bytes) -> None:
    pass


def driver(name):
    return pytest.importorskip(name)


def on(kind):
    if kind.bin() is None:
        pytest.skip(f"no {kind.__name__} is installed: Scripts/setup test installs it on Debian")
    database = kind()
    try:
        with Server("--store", database.url) as server, Client(server.address) as client:
            yield database, client
    finally:
        database.close()


@pytest.fixture(scope="module")
def postgres():
    yield from on(Postgres)


@pytest.fixture(scope="module")
def maria():
    yield from on(Maria)


@contextmanager
def connected(name, database):
    driver(name)
    module = importlib.import_module(name)
    if isinstance(database, Postgres):
        connection = module.connect(f"host=127.0.0.1 port={database.port} user=postgres dbname=postgres")
    else:
        connection = module.connect(host="127.0.0.1", port=database.port, user="root", password="", database="jobs")
    try:
        yield connection
    finally:
        connection.close()


def comes(client, job_id):
    def find():
        found = list(client.jobs(queue="sql"))
        return next((one for one in found if one.id == job_id), None)

    return until(find)


EXAMPLES = pathlib.Path(__file__).resolve().parents[3] / "Examples"


@pytest.mark.parametrize("language", ["python", "ruby"])
def test_the_examples_place_an_order_with_its_job_or_neither(language, postgres):
    database, client = postgres
    if language == "python":
        driver("psycopg")
        command = [sys.executable, str(EXAMPLES / "python" / "transaction.py")]
    else:
        if not shutil.which("ruby") or subprocess.run(["ruby", "-rpg", "-e", ""], capture_output=True).returncode:
            pytest.skip("ruby-pg is not installed: Scripts/setup test installs it on Debian")
        command = ["ruby", str(EXAMPLES / "ruby" / "transaction.rb")]
    # Its number is in the job's unique key.
    first = 100 if language == "python" else 200
    database.ask("DROP TABLE IF EXISTS orders")
    database.ask(f"CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY (START {first}) PRIMARY KEY, customer text)")

    def run(customer):
        return subprocess.run([*command, database.url, customer], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)

    done = run("ada")
    said = re.fullmatch(r"order (\d+), job (\S+)\n", done.stdout)
    assert said, done.stdout + done.stderr
    job = until(lambda: next((one for one in client.jobs(queue="default") if one.id == said[2]), None))
    assert (job.name, job.state, job.payload.replace(b" ", b"")) == ("order.confirm", "READY", b'{"order":%s}' % said[1].encode())
    assert run("").returncode != 0
    assert database.ask("SELECT string_agg(customer, ',') FROM orders") == "ada"
    jobs = "SELECT count(*) FROM gkick.jobs WHERE name = 'order.confirm'"
    before = database.ask(jobs)
    # What came after the one that failed is there: so it will not come any more.
    late = database.ask("SELECT gkick.enqueue('late', queue => 'late')")
    until(lambda: late in [one.id for one in client.jobs(queue="late")])
    assert database.ask(jobs) == before
    database.ask("DROP TABLE orders")


CASES = [("psycopg", "postgres"), ("psycopg2", "postgres"), ("pymysql", "maria"), ("mysql.connector", "maria")]


@pytest.mark.parametrize("name, kind", CASES)
def test_the_job_comes_with_the_commit_and_not_with_a_rollback(name, kind, request):
    database, client = request.getfixturevalue(kind)
    driver(name)
    with connected(name, database) as connection:
        cursor = connection.cursor()
        lost = enqueue(cursor, mail.prepare(to="nobody@example.com"))
        connection.rollback()
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE IF NOT EXISTS orders (customer varchar(100))")
        cursor.execute("INSERT INTO orders (customer) VALUES (%s)", ["ada"])
        kept = enqueue(cursor, mail.prepare(to="ada@example.com"))
        assert kept not in [one.id for one in client.jobs(queue="sql")]
        connection.commit()
        job = comes(client, kept)
        assert (job.name, job.payload, job.content_type, job.state) == ("mail", b'{"to":"ada@example.com"}', "application/json", "READY")
        assert lost not in [one.id for one in client.jobs(queue="sql")]
        # Bytes that are no text.
        sent = enqueue(connection.cursor(), raw.prepare(b"\x00\xff'\\"))
        connection.commit()
        assert comes(client, sent).payload == b"\x00\xff'\\"


@pytest.mark.parametrize("name, kind", CASES)
def test_everything_that_can_be_said_of_a_job_arrives(name, kind, request):
    database, client = request.getfixturevalue(kind)
    driver(name)
    first = client.enqueue("first", queue="other")
    batch = client.put_batch()
    at = datetime.datetime.now() + datetime.timedelta(hours=2)
    said = mail.options_with(
        id=f"all-of-it-{name}", priority=7, retry=Retry(4, 1.5, 60, 3, 0, 2), timeout=2.5, run_at=at,
        start_before=at + datetime.timedelta(hours=1), retention=3600, unique=Unique(f"key-{name}", hold_for=90, on_conflict="reject"),
        concurrency_key="tenant:7", fairness_key="ada", depends_on=[first.id], on_dependency_failure="run", batch_id=batch.id,
        metadata={"note": "100 % 'quoted'", "two": "2"})
    with connected(name, database) as connection:
        assert enqueue(connection.cursor(), said.prepare(to="x")) == f"all-of-it-{name}"
        connection.commit()
    comes(client, f"all-of-it-{name}")
    # The same by the wire, in the same words, to compare with; a key is taken only once. What a database keeps is to the microsecond.
    again = said.options_with(id=f"by-the-wire-{name}", unique=Unique(f"other-{name}", hold_for=90, on_conflict="reject")).prepare(to="x")
    client.enqueue("mail", again.payload, content_type=again.content_type, options=again.options)

    def stored(job_id):
        method = _wire.methods["GetJob"]
        job = client._stub("GetJob")(method.request(job_id=job_id), timeout=10).job
        spec = job.spec
        spec.id, spec.unique.key = "", ""
        return spec, job

    (one, job), (other, compared) = stored(f"all-of-it-{name}"), stored(f"by-the-wire-{name}")
    assert one == other
    assert abs(job.run_at.ToNanoseconds() - compared.run_at.ToNanoseconds()) < 1_000_000
    refused = said.options_with(id=f"refused-{name}").prepare(to="x")
    with connected(name, database) as connection:
        enqueue(connection.cursor(), refused)
        connection.commit()
    view = "gkick.intake_refused" if kind == "postgres" else "jobs.gkick_intake_refused"
    assert until(lambda: database.ask(f"SELECT count(*) FROM {view} WHERE id = 'refused-{name}'") == "1")


def test_with_an_asynchronous_cursor(postgres):
    psycopg = driver("psycopg")
    database, client = postgres

    async def main():
        connection = await psycopg.AsyncConnection.connect(f"host=127.0.0.1 port={database.port} user=postgres dbname=postgres")
        async with connection, connection.cursor() as cursor:
            return await aenqueue(cursor, mail.prepare(to="grace@example.com"))

    assert comes(client, asyncio.run(main())).name == "mail"


def test_what_is_wrong_is_refused_in_the_transaction(postgres):
    psycopg = driver("psycopg")
    database, _ = postgres
    with connected("psycopg", database) as connection, pytest.raises(psycopg.Error, match="priority"):
        enqueue(connection.cursor(), mail.options_with(priority=101).prepare(to="x"))


@pytest.mark.parametrize("kind", ["postgres", "maria"])
def test_inside_django_s_transactions(kind, request, tmp_path):
    """In a process of its own: Django is set up once in each."""
    driver("django")
    driver("psycopg" if kind == "postgres" else "pymysql")
    database, client = request.getfixturevalue(kind)
    engine = "postgresql" if kind == "postgres" else "mysql"
    user, name = ("postgres", "postgres") if kind == "postgres" else ("root", "jobs")
    (tmp_path / "program.py").write_text(f"""
import django
import pymysql
from django.conf import settings

pymysql.install_as_MySQLdb()

settings.configure(DATABASES={{"default": {{"ENGINE": "django.db.backends.{engine}", "HOST": "127.0.0.1", "PORT": {database.port},
                                          "USER": {user!r}, "NAME": {name!r}}}}})
django.setup()

from django.db import connection, transaction
from gkick import App
from gkick.sql import enqueue

job = App(queue="sql").job(lambda to: None, name="mail")
try:
    with transaction.atomic(), connection.cursor() as cursor:
        print(enqueue(cursor, job.prepare(to="nobody")))
        raise ValueError
except ValueError:
    pass
with transaction.atomic(), connection.cursor() as cursor:
    print(enqueue(cursor, job.prepare(to="ada")))
""")
    done = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lost, kept = done.stdout.split()
    assert comes(client, kept).payload == b'{"to":"ada"}'
    assert lost not in [one.id for one in client.jobs(queue="sql")]
