"""Enqueue inside your own SQL transaction, where the server's store is that database: the job exists when the transaction commits."""
from __future__ import annotations

import json
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any, Dict, List, Optional, Tuple

from .job import Prepared
from .options import Unique, span

#: Modules of drivers that speak to MySQL and MariaDB.
_MYSQL = {"MySQLdb", "pymysql", "mysql", "mariadb", "aiomysql", "asyncmy"}


def _arguments(prepared: Prepared) -> Dict[str, Any]:
    """What both kinds of database take, by its name: spans are timedeltas, times are with a zone."""
    options = prepared.options
    found: Dict[str, Any] = {"name": prepared.name, "content_type": prepared.content_type}
    for key in ("queue", "id", "priority", "concurrency_key", "fairness_key", "batch_id", "on_dependency_failure"):
        found[key] = getattr(options, key)
    for key in ("run_at", "start_before"):
        value = getattr(options, key)
        found[key] = None if value is None else value.astimezone(timezone.utc)
    spans = {key: getattr(options, key) for key in ("delay", "timeout", "retention")}
    if options.retry is not None:
        for key in ("max_attempts", "multiplier", "max_lost"):
            found[key] = getattr(options.retry, key)
        spans.update(initial_backoff=options.retry.initial_backoff, max_backoff=options.retry.max_backoff)
        if options.retry.jitter is not None:
            # 0 is the default there.
            found["jitter"] = options.retry.jitter if options.retry.jitter > 0 else -1
    if options.unique is not None:
        unique = options.unique if isinstance(options.unique, Unique) else Unique(options.unique)
        spans["unique_hold"] = unique.hold_for
        found.update(unique_key=unique.key, on_conflict=unique.on_conflict)
    found.update({key: span(value) for key, value in spans.items() if value is not None})
    if options.depends_on:
        found["depends_on"] = [one if isinstance(one, str) else one.id for one in options.depends_on]
    if options.metadata:
        found["metadata"] = dict(options.metadata)
    return {key: value for key, value in found.items() if value is not None}


#: Parameters that a driver could take for another type.
_CASTS = {"payload": "bytea", "metadata": "jsonb", "depends_on": "text[]"}


def statement(prepared: Prepared, schema: str = "gkick", database: str = "postgresql") -> Tuple[str, List[Any]]:
    """The SQL text (with %s) and its parameters. - database: "postgresql", or "mysql", which MariaDB is too."""
    arguments = _arguments(prepared)
    if database == "mysql":
        return _mysql(prepared, arguments, schema)
    if "metadata" in arguments:
        arguments["metadata"] = json.dumps(arguments["metadata"])
    arguments["payload"] = prepared.payload
    named = ", ".join(f"{key} => %s" + (f"::{_CASTS[key]}" if key in _CASTS else "") for key in arguments)
    return f"SELECT {schema}.enqueue({named})", list(arguments.values())


def _mysql(prepared: Prepared, arguments: Dict[str, Any], schema: str) -> Tuple[str, List[Any]]:
    """A row of the table in the form that the server takes it in; the procedure beside it would make a result set of it, which not every
    driver can leave in the middle of a transaction."""
    job_id = arguments.pop("id", None) or str(uuid.uuid4())
    for key, value in arguments.items():
        if isinstance(value, timedelta):
            arguments[key] = value.total_seconds()
        elif isinstance(value, datetime):
            arguments[key] = value.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
    text = f"INSERT INTO {schema}_inbox (id, job, payload) VALUES (%s, %s, %s)"
    return text, [job_id, json.dumps(arguments), prepared.payload]


def _database(cursor: Any) -> str:
    """What a cursor speaks to: by Django's word for it, or by the module of the driver."""
    vendor = getattr(getattr(cursor, "db", None), "vendor", None)
    modules = {one.__module__.partition(".")[0] for one in type(cursor).__mro__}
    return "mysql" if vendor == "mysql" or modules & _MYSQL else "postgresql"


def enqueue(cursor: Any, prepared: Prepared, schema: str = "gkick", database: Optional[str] = None) -> str:
    """- cursor: of psycopg, psycopg2, PyMySQL, mysqlclient or another driver with %s parameters, inside your transaction; Django's too.
    - prepared: `send_email.prepare(to="ada@example.com")`.
    - schema: the server's `--store-schema`.
    - database: "postgresql" or "mysql", where the cursor does not show it.

    The job's id."""
    database = database or _database(cursor)
    text, parameters = statement(prepared, schema, database)
    cursor.execute(text, parameters)
    return str(parameters[0] if database == "mysql" else cursor.fetchone()[0])


async def aenqueue(cursor: Any, prepared: Prepared, schema: str = "gkick", database: Optional[str] = None) -> str:
    """The same with an asynchronous cursor."""
    database = database or _database(cursor)
    text, parameters = statement(prepared, schema, database)
    await cursor.execute(text, parameters)
    return str(parameters[0] if database == "mysql" else (await cursor.fetchone())[0])
