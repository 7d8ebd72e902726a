"""Writes API.md: what the package gives to programs, from its own words.

    python tests/api.py > API.md
"""
import dataclasses
import inspect
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

import gkick  # noqa: E402
import gkick.sql  # noqa: E402
import gkick.testing  # noqa: E402

HEAD = """# gkick: what there is

Made by `tests/api.py` from the package itself; [README.md](README.md) tells how it is used. Every name is in `gkick` unless it says otherwise. Spans of time are seconds or
`timedelta`s; what is None is as the server has it.
"""

GROUPS = [
    ("Jobs", ["App", "Job", "Prepared", "Handle", "AsyncHandle", "Batch", "AsyncBatch"]),
    ("How a job is run", ["JobOptions", "Retry", "Unique"]),
    ("Inside a job", ["JobContext", "current_job", "Fail", "Release", "JobCanceled"]),
    ("Every call", ["Address", "Client", "AsyncClient"]),
    ("What calls give", ["JobInfo", "Failure", "Progress", "Event", "Reason", "BatchInfo", "Limit", "LimitUsage", "RecurringInfo"]),
    ("Codecs", ["Codec", "JSONCodec", "BytesCodec"]),
    ("Errors", ["JobFailed", "JobPending", "GkickError", *sorted(
        name for name in gkick.__all__ if isinstance(getattr(gkick, name), type) and issubclass(getattr(gkick, name), gkick.GkickError)
        and name != "GkickError")]),
]
# What the package's parts say to each other.
INSIDE = {"read", "message", "spec", "request", "channel", "aio_channel", "metadata", "call", "arguments", "is_async", "code"}
# What programs make themselves; the rest is given to them.
MADE = {"App", "Client", "AsyncClient", "JSONCodec", "BytesCodec", "Release", "Fail", "gkick.testing.Server"}
OTHERS = [("gkick.sql", ["enqueue", "aenqueue", "statement"]), ("gkick.testing", ["Server", "InMemory"])]


def words(thing):
    """Its docstring, and nothing that it has from elsewhere."""
    text = thing.__doc__ or ""
    return "" if text.startswith(f"{getattr(thing, '__name__', '')}(") else inspect.cleandoc(text)


def signature(name, function):
    """As it is written, on one line."""
    told = inspect.signature(function)
    parameters = []
    for one in told.parameters.values():
        if one.name == "self":
            continue
        if one.kind is one.KEYWORD_ONLY and not any(other.startswith("*") for other in parameters):
            parameters.append("*")
        stars = {one.VAR_POSITIONAL: "*", one.VAR_KEYWORD: "**"}.get(one.kind, "")
        default = "" if one.default is one.empty else f" = {one.default!r}"
        if len(default) > 40:
            default = " = ..."
        parameters.append(f"{stars}{one.name}: {one.annotation}{default}")
    gives = "" if told.return_annotation in (told.empty, "None") else f" -> {told.return_annotation}"
    return f"{name}({', '.join(parameters)}){gives}"


def members(kind):
    """Methods and properties that it defines, in order; those of its base where that has no page of its own."""
    found = {}
    for base in reversed([one for one in kind.__mro__ if one.__module__.startswith("gkick")]):
        found.update(vars(base))
    for name, value in found.items():
        if name.startswith("_") or name in INSIDE:
            continue
        if isinstance(value, property):
            yield f"`{name}`", words(value.fget)
        elif isinstance(value, (staticmethod, classmethod)):
            yield f"`{kind.__name__}.{signature(name, value.__func__)}`", words(value.__func__)
        elif inspect.isfunction(value):
            yield f"`{'async ' if inspect.iscoroutinefunction(value) else ''}{signature(name, value)}`", words(value)


def fields(kind):
    """A dataclass's, each with the comment above it."""
    if not dataclasses.is_dataclass(kind):
        return
    comments, above = {}, []
    for line in map(str.strip, inspect.getsource(kind).splitlines()):
        if line.startswith("#:"):
            above.append(line[2:].strip())
        else:
            comments[line.partition(":")[0]], above = " ".join(above), []
    for one in dataclasses.fields(kind):
        if one.name.startswith("_"):
            continue
        has_default = one.default is not dataclasses.MISSING and one.default is not None
        yield f"`{one.name}: {one.type}{f' = {one.default!r}' if has_default else ''}`", comments.get(one.name, "")


def section(name, thing):
    yield f"### {name}\n"
    if inspect.isfunction(thing):
        yield f"`{signature(name.rpartition('.')[2], thing)}`\n"
        yield words(thing) + "\n"
        return
    if name in MADE and "__init__" in vars(thing):
        yield f"`{signature(name.rpartition('.')[2], vars(thing)['__init__'])}`\n"
    if words(thing):
        yield words(thing) + "\n"
    told = [f"- {head}" + (": " + text.replace("\n", "\n  ") if text else "") for head, text in [*fields(thing), *members(thing)]]
    if told:
        yield "\n".join(line.rstrip() for line in "\n".join(told).splitlines()) + "\n"


def whole():
    parts = [HEAD]
    for title, names in GROUPS:
        parts.append(f"## {title}\n")
        for name in names:
            parts += section(name, getattr(gkick, name))
    for module, names in OTHERS:
        parts.append(f"## {module}\n")
        for name in names:
            parts += section(f"{module}.{name}", getattr(sys.modules[module], name))
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(whole())
