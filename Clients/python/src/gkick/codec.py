"""How arguments and results become bytes and back: JSON by default, so that any language can produce and read them."""
from __future__ import annotations

import base64
import collections.abc
import dataclasses
import functools
import json
import typing
import uuid
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Callable, Dict, Protocol, Union, get_args, get_origin


class Codec(Protocol):
    """Turns a value into bytes and back. `annotation` is what the function says of the value; None: nothing."""

    content_type: str

    def encode(self, value: Any) -> bytes: ...

    def decode(self, data: bytes, annotation: Any) -> Any: ...


class JSONCodec:
    """JSON, with dataclasses, pydantic models (by their aliases), named tuples, typed dicts, dates, UUIDs, decimals, enums, sets and bytes where
    the function's annotations name them."""

    content_type = "application/json"

    def encode(self, value: Any) -> bytes:
        try:
            return self._dumped(value)
        except TypeError as error:
            if "keys must be" not in str(error):
                raise
            return self._dumped(_with_plain_keys(value))

    def _dumped(self, value: Any) -> bytes:
        return json.dumps(value, default=_plain, separators=(",", ":"), ensure_ascii=False).encode()

    def decode(self, data: bytes, annotation: Any) -> Any:
        return shape(json.loads(data) if data else None, annotation)


class BytesCodec:
    """Payloads and results are bytes (or text) as they are: the function takes one argument."""

    content_type = "application/octet-stream"

    def encode(self, value: Any) -> bytes:
        if value is None:
            return b""
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        raise TypeError(f"bytes or text, not {type(value).__name__}")

    def decode(self, data: bytes, annotation: Any) -> Any:
        return data.decode() if annotation is str else data


def _plain(value: Any) -> Any:
    """For json.dumps: what JSON itself does not know."""
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        # Read back by `model_validate`, which goes by aliases too.
        return dump(mode="json", by_alias=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, (uuid.UUID, Decimal)):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=repr)
    raise TypeError(f"{type(value).__name__} cannot be written as JSON; give the job another codec")


def _with_plain_keys(value: Any) -> Any:
    """The same with dates, UUIDs and the like as texts where they are keys, for which json.dumps does not ask."""
    if isinstance(value, dict):
        return {
            key if key is None or isinstance(key, (str, int, float)) else str(_plain(key)): _with_plain_keys(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_with_plain_keys(one) for one in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    return _with_plain_keys(_plain(value))


_SCALARS: Dict[type, Callable[[Any], Any]] = {
    datetime: lambda text: datetime.fromisoformat(text.replace("Z", "+00:00")),
    date: date.fromisoformat,
    time: time.fromisoformat,
    timedelta: lambda seconds: timedelta(seconds=seconds),
    uuid.UUID: uuid.UUID,
    Decimal: Decimal,
    bytes: base64.b64decode,
}

#: As keys of JSON's objects these are texts.
_KEYS: Dict[type, Callable[[str], Any]] = {int: int, float: float, bool: lambda text: text == "true"}


def shape(value: Any, annotation: Any) -> Any:
    """What JSON gave, as the annotation says. What it does not say, or says in ways unknown here, stays as it is."""
    if annotation is None or annotation is Any or annotation is typing.Any:
        return value
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is not None and str(origin).endswith("Annotated"):
        return shape(value, arguments[0])
    if origin is Union or str(origin) == "<class 'types.UnionType'>":
        return _one_of(value, arguments)
    if origin in (list, collections.abc.Sequence, collections.abc.Iterable) and arguments:
        return [shape(one, arguments[0]) for one in value]
    if origin in (set, frozenset) and arguments:
        return origin(shape(one, arguments[0]) for one in value)
    if origin is tuple and arguments:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(shape(one, arguments[0]) for one in value)
        return tuple(shape(one, kind) for one, kind in zip(value, arguments))
    if origin in (dict, collections.abc.Mapping) and len(arguments) == 2:
        return {_key(key, arguments[0]): shape(one, arguments[1]) for key, one in value.items()}
    if origin is not None:
        return shape(value, origin) if dataclasses.is_dataclass(origin) else value
    if not isinstance(annotation, type) or getattr(annotation, "_is_protocol", False):
        return value
    if issubclass(annotation, dict) and hasattr(annotation, "__total__"):
        hints = _hints(annotation)
        return {key: shape(one, hints.get(key)) for key, one in value.items()}
    if isinstance(value, annotation):
        # Another codec than JSON may have made it already.
        return value
    validate = getattr(annotation, "model_validate", None)
    if validate is not None:
        return validate(value)
    if dataclasses.is_dataclass(annotation):
        hints = _hints(annotation)
        # What it makes by itself, it makes again.
        made = {one.name for one in dataclasses.fields(annotation) if not one.init}
        return annotation(**{key: shape(one, hints.get(key)) for key, one in value.items() if key not in made})
    if issubclass(annotation, tuple) and hasattr(annotation, "_fields"):
        hints = _hints(annotation)
        return annotation(*(shape(one, hints.get(name)) for name, one in zip(annotation._fields, value)))
    if annotation in _SCALARS:
        return _SCALARS[annotation](value)
    if issubclass(annotation, Enum):
        return annotation(value)
    return value


@functools.lru_cache(maxsize=None)
def _hints(annotation: type) -> Dict[str, Any]:
    return typing.get_type_hints(annotation)


def _key(text: Any, annotation: Any) -> Any:
    made = _KEYS.get(annotation) if isinstance(text, str) and isinstance(annotation, type) else None
    return made(text) if made else shape(text, annotation)


def _one_of(value: Any, kinds: Any) -> Any:
    if value is None:
        return None
    problem: Exception = TypeError("no type to choose from")
    for kind in kinds:
        if kind is type(None):
            continue
        if isinstance(kind, type) and kind in (str, int, float, bool, list, dict):
            if isinstance(value, kind):
                return value
            continue
        try:
            return shape(value, kind)
        except Exception as error:  # the next one may fit
            problem = error
    if isinstance(value, (str, int, float, bool)):
        return value
    raise problem
