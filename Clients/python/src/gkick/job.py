"""A function that was made a job by `@app.job`."""
from __future__ import annotations

import functools
import inspect
import typing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Callable, Dict, Generic, Iterable, List, Mapping, Optional, Tuple, TypeVar, Union

from .codec import BytesCodec, Codec
from .context import JobContext
from .errors import GkickError
from .handle import AsyncHandle, Handle
from .options import JobOptions, Seconds

if TYPE_CHECKING:
    from .app import App

R = TypeVar("R")


@dataclass(frozen=True)
class Prepared:
    """One call of a job, not enqueued yet: for `enqueue_many`, batches, callbacks and SQL."""

    name: str
    payload: bytes
    content_type: str
    options: JobOptions

    def request(self) -> Any:
        return self.options.request(self.name, self.payload, self.content_type)

    def spec(self) -> Any:
        return self.options.spec(self.name, self.payload, self.content_type)


def _hint(said: Any, names: Dict[str, Any]) -> Any:
    """What one annotation says; None when it cannot be known here."""
    try:
        return typing.get_type_hints(type("", (), {"__annotations__": {"it": said}}), names)["it"]
    except Exception:
        return JobContext if isinstance(said, str) and said.rpartition(".")[2] == "JobContext" else None


class Job(Generic[R]):
    """Call it to run the function here and now; `enqueue` it to have a worker run it."""

    def __init__(self, app: App, function: Callable[..., Any], name: str, options: JobOptions, codec: Codec, isolate: bool) -> None:
        self.app = app
        self.function = function
        self.name = name
        self.options = options
        self.codec = codec
        #: Runs in a process of its own, which is killed when the job is told to stop and does not.
        self.isolate = isolate
        self.is_async = inspect.iscoroutinefunction(function)
        self._signature = inspect.signature(function)
        functools.update_wrapper(self, function)

    @functools.cached_property
    def _hints(self) -> Dict[str, Any]:
        try:
            return typing.get_type_hints(self.function)
        except Exception:  # a name that is known to type checkers only: the others count all the same
            function = inspect.unwrap(self.function)
            names = getattr(function, "__globals__", {})
            hints = {name: _hint(said, names) for name, said in getattr(function, "__annotations__", {}).items()}
            return {name: hint for name, hint in hints.items() if hint is not None}

    @functools.cached_property
    def _parameters(self) -> List[inspect.Parameter]:
        """Those that the payload gives: all but the context."""
        return [one for one in self._signature.parameters.values() if self._hints.get(one.name) is not JobContext]

    @functools.cached_property
    def _context_parameter(self) -> Optional[str]:
        return next((one for one in self._signature.parameters if self._hints.get(one) is JobContext), None)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<Job {self.name}>"

    def options_with(self, **changes: Any) -> Job[R]:
        """The same job with other options: `send.options_with(queue="slow").enqueue(...)`."""
        made: Job[R] = Job(self.app, self.function, self.name, self.options.updated(**changes), self.codec, self.isolate)
        return made

    # --- Arguments and results as bytes ---

    def _payload(self, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> bytes:
        signature = self._signature.replace(parameters=self._parameters)
        bound = signature.bind(*args, **kwargs)
        if isinstance(self.codec, BytesCodec):
            return self.codec.encode(next(iter(bound.arguments.values()), None))
        return self.codec.encode(dict(bound.arguments))

    def arguments(self, payload: bytes) -> Tuple[List[Any], Dict[str, Any]]:
        """What the function is called with for a payload, without the context."""
        if isinstance(self.codec, BytesCodec):
            first = self._parameters[0] if self._parameters else None
            return ([self.codec.decode(payload, self._hints.get(first.name))] if first else []), {}
        given = self.codec.decode(payload, None)
        if given is None:
            given = {}
        if not isinstance(given, dict):
            # Another producer's payload: one value for the one parameter.
            given = {self._parameters[0].name: given} if self._parameters else {}
        positional: List[Any] = []
        named: Dict[str, Any] = {}
        for one in self._parameters:
            if one.name not in given:
                continue
            hint = self._hints.get(one.name)
            value = given.pop(one.name)
            if one.kind is inspect.Parameter.VAR_POSITIONAL:
                positional.extend(self._shaped(item, hint) for item in value)
            elif one.kind is inspect.Parameter.VAR_KEYWORD:
                named.update({key: self._shaped(item, hint) for key, item in value.items()})
            elif one.kind is inspect.Parameter.POSITIONAL_ONLY:
                positional.append(self._shaped(value, hint))
            else:
                named[one.name] = self._shaped(value, hint)
        if given:
            raise TypeError(f"{self.name} takes no argument {', '.join(sorted(given))}")
        return positional, named

    def _shaped(self, value: Any, hint: Any) -> Any:
        from .codec import shape

        return shape(value, hint)

    def call(self, context: JobContext, payload: bytes) -> Any:
        """Calls the function for a payload: its value, or its coroutine."""
        positional, named = self.arguments(payload)
        if self._context_parameter is not None:
            named[self._context_parameter] = context
        return self.function(*positional, **named)

    def result(self, data: bytes) -> Any:
        return self.codec.decode(data, self._hints.get("return")) if data else None

    # --- Producers ---

    def prepare(self, *args: Any, **kwargs: Any) -> Prepared:
        """The call as it would be enqueued."""
        return Prepared(self.name, self._payload(args, kwargs), self.codec.content_type, self.app._traced(self.options))

    def enqueue(self, *args: Any, **kwargs: Any) -> Handle[R]:
        """Stores a job that runs as soon as a worker is free. The arguments are those of the function."""
        return self.app._enqueue(self, self.prepare(*args, **kwargs))

    async def aenqueue(self, *args: Any, **kwargs: Any) -> AsyncHandle[R]:
        return await self.app._aenqueue(self, self.prepare(*args, **kwargs))

    def schedule(
        self, *args: Any, at: Optional[datetime] = None, in_: Optional[Seconds] = None, **kwargs: Any
    ) -> Handle[R]:
        """The same at a time, or in so many seconds (or a timedelta)."""
        return self._timed(at, in_).enqueue(*args, **kwargs)

    async def aschedule(
        self, *args: Any, at: Optional[datetime] = None, in_: Optional[Seconds] = None, **kwargs: Any
    ) -> AsyncHandle[R]:
        return await self._timed(at, in_).aenqueue(*args, **kwargs)

    def _timed(self, at: Optional[datetime], in_: Optional[Seconds]) -> Job[R]:
        if (at is None) == (in_ is None):
            raise TypeError("schedule wants at=... or in_=...")
        return self.options_with(run_at=at, delay=in_)

    def enqueue_many(
        self, calls: Iterable[Mapping[str, Any]], *, all_or_nothing: bool = False
    ) -> List[Union[Handle[R], GkickError]]:
        """One job per mapping of arguments, in as few round trips as it takes; what was refused is an error in its place."""
        return self.app._enqueue_many(self, [self.prepare(**one) for one in calls], all_or_nothing)

    async def aenqueue_many(
        self, calls: Iterable[Mapping[str, Any]], *, all_or_nothing: bool = False
    ) -> List[Union[AsyncHandle[R], GkickError]]:
        return await self.app._aenqueue_many(self, [self.prepare(**one) for one in calls], all_or_nothing)
