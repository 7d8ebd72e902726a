"""What needs no server."""
import asyncio
import json
import pickle
import uuid
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Dict, Generic, List, NamedTuple, Optional, Protocol, Tuple, TypedDict, TypeVar, Union

import pytest

from gkick import Address, App, Fail, JobContext, JobFailed, Retry, Unique
from gkick.codec import JSONCodec
from gkick.sql import statement


class Colour(Enum):
    RED = "red"


@dataclass
class Inner:
    when: date


@dataclass
class Outer:
    inner: Inner
    colours: List[Colour]
    price: Decimal
    extra: Optional[Dict[str, Inner]] = None


@dataclass(frozen=True)
class Counted:
    words: Tuple[str, ...]
    count: int = field(init=False, default=0)

    def __post_init__(self):
        object.__setattr__(self, "count", len(self.words))


class Place(NamedTuple):
    x: Decimal
    y: int


class Fields(TypedDict, total=False):
    when: date
    places: List[Place]


Kind = TypeVar("Kind")


@dataclass
class Box(Generic[Kind]):
    inside: Kind
    when: date


class Closes(Protocol):
    def close(self) -> None: ...


@pytest.mark.parametrize("value, kind", [
    (Counted(("a", "b")), Counted),
    (Place(Decimal("1.5"), 2), Place),
    ({"when": date(2026, 1, 2), "places": [Place(Decimal(1), 2)]}, Fields),
    (Box(3, date(2026, 1, 2)), Box[int]),
    ({7: date(2026, 1, 2)}, Dict[int, date]),
    ({True: 1.5}, Dict[bool, float]),
    ({date(2026, 1, 2): [{uuid.UUID(int=7): (1,)}]}, Dict[date, List[Dict[uuid.UUID, Tuple[int]]]]),
    ({"a": {Colour.RED: Counted(())}}, Dict[str, Dict[Colour, Counted]]),
    ([1], Closes),
    (Outer(Inner(date(2026, 1, 2)), [Colour.RED], Decimal("1.10"), {"a": Inner(date(2026, 3, 4))}), Outer),
    (datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc), datetime),
    (uuid.UUID(int=7), uuid.UUID),
    ({1, 2, 3}, "set[int]"),
    ((1, "a"), Tuple[int, str]),
    (b"\x00\xff", bytes),
    (None, Optional[int]),
    (3, Union[int, str]),
    ("3", Union[int, str]),
])
def test_json_there_and_back(value, kind):
    codec = JSONCodec()
    kind = set if kind == "set[int]" else kind
    back = codec.decode(codec.encode(value), kind)
    assert back == value if kind is not set else back == sorted(value)


def test_pydantic_models():
    pydantic = pytest.importorskip("pydantic")

    class Order(pydantic.BaseModel):
        id: int
        note: str = ""
        by: str = pydantic.Field(default="", alias="orderedBy")

    codec = JSONCodec()
    orders = [Order(id=1, orderedBy="ada")]
    assert codec.decode(codec.encode(orders), List[Order]) == orders
    assert json.loads(codec.encode(orders))[0] == {"id": 1, "note": "", "orderedBy": "ada"}


class Pickled:
    content_type = "application/x-pickle"

    def encode(self, value):
        return pickle.dumps(value)

    def decode(self, data, annotation):
        return pickle.loads(data)


def test_what_another_codec_made_is_taken_as_it_is():
    app = App(codec=Pickled())
    value = {"place": Place(Decimal(1), 2), "data": b"\x00\xff", "inner": Inner(date(2026, 1, 2)), "at": datetime(2026, 1, 2)}

    @app.job(name="all")
    def everything(place: Place, data: bytes, inner: Inner, at: datetime) -> Dict[str, object]:
        return {"place": place, "data": data, "inner": inner, "at": at}

    with app.test():
        assert everything.enqueue(**value).result() == value


if TYPE_CHECKING:
    from nowhere import Nothing


def test_an_annotation_that_only_type_checkers_know_hides_no_other():
    app = App()

    @app.job(name="half")
    def half(context: "JobContext", day: date, what: "Optional[Nothing]" = None) -> str:
        assert type(day) is date and what == 3
        return context.job_id

    with app.test():
        handle = half.enqueue(date(2026, 1, 2), what=3)
        assert handle.result() == handle.id


def test_what_json_cannot_say():
    with pytest.raises(TypeError, match="another codec"):
        JSONCodec().encode(object())


def test_in_memory():
    app = App()

    @app.job(name="double")
    def double(n: int) -> int:
        return 2 * n

    @app.job(name="adouble")
    async def adouble(n: int) -> int:
        return 2 * n

    @app.job(name="third", retry=Retry(max_attempts=3))
    def third(context: JobContext) -> int:
        if context.attempt < 3:
            raise ValueError
        return context.attempt

    @app.job(name="no")
    def no() -> None:
        raise Fail("never")

    with app.test() as ran:
        assert double.enqueue(2).result() == 4
        assert adouble.enqueue(3).result() == 6
        assert third.enqueue().result() == 3
        with pytest.raises(JobFailed, match="never"):
            no.enqueue().result()
        first = double.options_with(id="x").enqueue(1)
        assert double.options_with(id="x").enqueue(5).result() == first.result()
        assert [(one.name, one.state, one.attempt) for one in ran.ran] == [
            ("double", "SUCCEEDED", 1), ("adouble", "SUCCEEDED", 1), ("third", "SUCCEEDED", 3), ("no", "DEAD", 1),
            ("double", "SUCCEEDED", 1)]


def test_a_batch_in_memory():
    app = App()

    @app.job(name="count")
    def count(user: int) -> int:
        if user < 0:
            raise Fail("nobody")
        return user

    @app.job(name="acount")
    async def acount(user: int) -> int:
        return user

    @app.job(name="report")
    def report() -> str:
        return "done"

    with app.test() as ran:
        with app.batch("all", description="all of them", on_finished=report.prepare(), on_succeeded=report.prepare()) as batch:
            batch.add(count.prepare(user=1))
            batch.add(acount.prepare(user=2))
        assert (batch.info.jobs, batch.info.succeeded, batch.info.description) == (2, 2, "all of them")
        assert report.result(app.client.get(batch.info.on_succeeded_job_id).result) == "done"
        assert [one.name for one in ran.ran] == ["count", "acount", "report", "report"]

        async def main():
            async with app.abatch(on_finished=report.prepare(), on_succeeded=report.prepare()) as batch:
                await batch.add(count.prepare(user=-1))
                await batch.add(acount.prepare(user=3))
            return batch.info

        info = asyncio.run(main())
        assert (info.dead, info.succeeded, info.on_succeeded_job_id) == (1, 1, "") and info.on_finished_job_id


def test_middleware_wraps_the_job():
    app = App()
    seen = []

    @app.job(name="job")
    def job() -> int:
        seen.append("job")
        return 1

    @app.middleware
    def outer(context, call_next):
        seen.append("outer")
        return call_next() + 1

    @app.middleware
    def inner(context, call_next):
        seen.append("inner")
        return call_next() * 10

    with app.test():
        assert job.enqueue().result() == 11
    assert seen == ["outer", "inner", "job"]


def test_another_producer_s_payload():
    app = App()

    @app.job(name="one")
    def one(text: str) -> str:
        return text

    @app.job(name="many")
    def many(*words: str, sep: str = " ", **rest: int) -> str:
        return sep.join(words) + str(sorted(rest.items()))

    assert one.arguments(b'"hello"') == ([], {"text": "hello"})
    with pytest.raises(TypeError, match="takes no argument b"):
        one.arguments(b'{"text": "a", "b": 1}')
    prepared = many.prepare("a", "b", sep="-", z=1)
    assert json.loads(prepared.payload) == {"words": ["a", "b"], "sep": "-", "rest": {"z": 1}}
    with app.test():
        assert many.enqueue("a", "b", sep="-", z=1).result() == "a-b[('z', 1)]"


def test_names_are_taken_once():
    app = App()
    app.job(lambda: None, name="a")
    with pytest.raises(ValueError, match="already"):
        app.job(lambda: None, name="a")


def test_options_as_a_message():
    app = App(queue="q")

    @app.job(name="j", retry=Retry(max_attempts=3, initial_backoff=2, jitter=0), timeout=5, unique=Unique("k", hold_for=60, on_conflict="reject"))
    def job() -> None:
        pass

    request = job.options_with(delay=1.5, depends_on=["a"], durability="relaxed", metadata={"m": "1"}).prepare().request()
    spec = request.job
    assert (spec.queue, spec.name, spec.retry.max_attempts, spec.retry.jitter) == ("q", "j", 3, -1)
    assert (spec.timeout.seconds, spec.unique.key, spec.unique.hold_for.seconds, spec.unique.on_conflict) == (5, "k", 60, 2)
    assert (request.delay.nanos, list(spec.depends_on), request.durability, dict(spec.metadata)) == (500_000_000, ["a"], 2, {"m": "1"})
    with pytest.raises(ValueError):
        job.options_with(delay=1, run_at=datetime.now()).prepare().request()


def test_sql():
    app = App()

    @app.job(name="mail", queue="q", retry=Retry(max_attempts=3, max_backoff=60))
    def mail(to: str) -> None:
        pass

    text, values = statement(mail.options_with(unique="u", depends_on=["a"]).prepare(to="x"))
    assert text.startswith("SELECT gkick.enqueue(name => %s, ") and text.count("%s") == len(values)
    assert "payload => %s::bytea" in text and "depends_on => %s::text[]" in text and b'{"to":"x"}' in values
    text, values = statement(mail.options_with(id="1", delay=90).prepare(to="x"), "other", "mysql")
    assert text == "INSERT INTO other_inbox (id, job, payload) VALUES (%s, %s, %s)"
    assert (values[0], values[2], json.loads(values[1])["delay"]) == ("1", b'{"to":"x"}', 90)


def test_a_token_does_not_go_out_in_plaintext():
    assert Address("127.0.0.1:1", token="t").metadata() == (("authorization", "Bearer t"),)
    assert Address("example.org:1", tls=True, token="t").metadata()
    for target in ("example.org:1", "localhost.example.org:1", "127.example.org:1", "127.0.0.1:1,example.org:1"):
        with pytest.raises(ValueError, match="plaintext"):
            Address(target, token="t").metadata()
        assert Address(target, token="t", insecure_token=True).metadata()
    for target in ("localhost:1", "[::1]:1", "unix:/run/x", "127.0.0.1:1,127.0.0.2:2"):
        assert Address(target, token="t").metadata()
    assert Address.of(None, {"GKICK_ADDRESS": "a:1", "GKICK_TLS": "1", "GKICK_TOKEN": "t"}) == Address("a:1", tls=True, token="t")


def test_the_environment_is_read_as_the_command_line_reads_it(tmp_path):
    for word in ("1", "true", "Yes", "on"):
        assert Address.of(None, {"GKICK_TLS": word}).tls and Address.of(None, {"GKICK_INSECURE_TOKEN": word}).insecure_token
    for word in ("0", "no", ""):
        assert not Address.of(None, {"GKICK_TLS": word}).tls
    assert Address.of(None, {"GKICK_TLS_CERT": "c", "GKICK_TLS_KEY": "k"}).tls
    # An empty variable is one that is not set.
    empty = {f"GKICK_{name}": "" for name in ("ADDRESS", "TLS_CA", "TLS_CERT", "TLS_KEY", "TOKEN", "TOKEN_FILE")}
    assert Address.of(None, empty) == Address()
    (tmp_path / "token").write_text("\n")
    with pytest.raises(ValueError, match="GKICK_TOKEN_FILE"):
        Address.of(None, {"GKICK_TOKEN_FILE": str(tmp_path / "token")})


def test_several_addresses():
    assert Address("127.0.0.1:1,127.0.0.2:2")._target() == "ipv4:127.0.0.1:1,127.0.0.2:2"
    assert Address("[::1]:1,[::1]:2")._target() == "ipv6:[::1]:1,[::1]:2"
    assert Address("localhost:1,nowhere.invalid:2")._target() in ("ipv4:127.0.0.1:1", "ipv6:[::1]:1")
    assert Address("nowhere.invalid:1,nowhere.invalid:2")._target() == "dns:///nowhere.invalid:1"
    assert Address("a.example:1")._target() == "a.example:1"
    assert Address("a.example:1,b.example:1", tls=True)._names() == [("grpc.ssl_target_name_override", "a.example")]
