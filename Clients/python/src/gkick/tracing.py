"""OpenTelemetry's context travels in a job's metadata (`traceparent`, `tracestate`) where its API is installed; else nothing happens here."""
from __future__ import annotations

import contextlib
from typing import Any, Dict, Iterator, Mapping

try:
    from opentelemetry import propagate, trace
except ImportError:
    propagate = trace = None


def inject() -> Dict[str, str]:
    """What a job's metadata carry of the current span."""
    carrier: Dict[str, str] = {}
    if propagate is not None:
        propagate.inject(carrier)
    return carrier


@contextlib.contextmanager
def attempt(name: str, metadata: Mapping[str, str], attributes: Mapping[str, Any]) -> Iterator[None]:
    """A span around one attempt, child of the producer's."""
    if trace is None or propagate is None:
        yield
        return
    context = propagate.extract(dict(metadata))
    tracer = trace.get_tracer("gkick")
    with tracer.start_as_current_span(f"run {name}", context=context, kind=trace.SpanKind.CONSUMER, attributes=dict(attributes)):
        yield
