"""Enqueue inside your own SQL transaction, where the server's store is PostgreSQL: the job exists when the transaction commits."""
from __future__ import annotations

import json
from typing import Any, Dict

from .job import Prepared
from .options import Unique, span

_SPANS = ("delay", "timeout", "retention")


def _arguments(prepared: Prepared) -> Dict[str, Any]:
    options = prepared.options
    found: Dict[str, Any] = {"name": prepared.name, "payload": prepared.payload, "content_type": prepared.content_type}
    for key in ("queue", "id", "priority", "run_at", "start_before", "concurrency_key", "fairness_key", "batch_id",
                "on_dependency_failure"):
        found[key] = getattr(options, key)
    for key in _SPANS:
        value = getattr(options, key)
        found[key] = None if value is None else span(value)
    if options.retry is not None:
        for key in ("max_attempts", "multiplier", "jitter", "max_lost"):
            found[key] = getattr(options.retry, key)
        for key in ("initial_backoff", "max_backoff"):
            value = getattr(options.retry, key)
            found[key] = None if value is None else span(value)
    if options.unique is not None:
        unique = options.unique if isinstance(options.unique, Unique) else Unique(options.unique)
        found["unique_key"] = unique.key
        found["unique_hold"] = None if unique.hold_for is None else span(unique.hold_for)
        found["on_conflict"] = unique.on_conflict
    if options.depends_on:
        found["depends_on"] = [one if isinstance(one, str) else one.id for one in options.depends_on]
    if options.metadata:
        found["metadata"] = json.dumps(dict(options.metadata))
    return {key: value for key, value in found.items() if value is not None}


#: Parameters that a driver could take for another type.
_CASTS = {"payload": "bytea", "metadata": "jsonb", "depends_on": "text[]"}


def statement(prepared: Prepared, schema: str = "gkick") -> "tuple[str, list[Any]]":
    """The SQL text (with %s) and its parameters."""
    arguments = _arguments(prepared)
    named = ", ".join(f"{key} => %s" + (f"::{_CASTS[key]}" if key in _CASTS else "") for key in arguments)
    return f"SELECT {schema}.enqueue({named})", list(arguments.values())


def enqueue(cursor: Any, prepared: Prepared, schema: str = "gkick") -> str:
    """- cursor: of psycopg, psycopg2 or another driver with %s parameters, inside your transaction.
    - prepared: `send_email.prepare(to="ada@example.com")`.

    The job's id."""
    text, parameters = statement(prepared, schema)
    cursor.execute(text, parameters)
    return str(cursor.fetchone()[0])


async def aenqueue(cursor: Any, prepared: Prepared, schema: str = "gkick") -> str:
    """The same with an asynchronous cursor."""
    text, parameters = statement(prepared, schema)
    await cursor.execute(text, parameters)
    return str((await cursor.fetchone())[0])
