"""An OpenTelemetry collector made from opentelemetry-proto and grpcio: keeps the spans it is sent."""
import concurrent.futures
import threading

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

from harness.server import free_port


class Span:
    def __init__(self, span, resource):
        self.trace, self.id, self.parent = span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex()
        self.name, self.kind, self.status, self.state = span.name, span.kind, span.status, span.trace_state
        self.start, self.end = span.start_time_unix_nano / 1e9, span.end_time_unix_nano / 1e9
        self.attributes = {one.key: one.value.string_value or one.value.int_value for one in span.attributes}
        self.events = span.events
        self.resource = {one.key: one.value.string_value for one in resource.attributes}
        self.job = self.attributes.get("messaging.message.id")

    @property
    def what(self):
        return self.name.split(" ")[0]


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """`answer` may refuse: it is given the call's context before the spans are kept."""

    def __init__(self, port=None, credentials=None, answer=None):
        self.port, self.credentials, self.answer = port or free_port(), credentials, answer
        self.spans, self.requests, self.changed = [], 0, threading.Condition()
        self.server = None

    def start(self):
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self.server)
        address = f"127.0.0.1:{self.port}"
        bound = self.server.add_secure_port(address, self.credentials) if self.credentials else self.server.add_insecure_port(address)
        assert bound == self.port
        self.server.start()
        return self

    def Export(self, request, context):
        with self.changed:
            self.requests += 1
        if self.answer:
            self.answer(context)
        with self.changed:
            for batch in request.resource_spans:
                self.spans += [Span(span, batch.resource) for scope in batch.scope_spans for span in scope.spans]
            self.changed.notify_all()
        return trace_service_pb2.ExportTraceServiceResponse()

    def until(self, found, timeout=15):
        """What `found` makes of the spans, once it is true."""
        with self.changed:
            assert self.changed.wait_for(lambda: found(self.spans), timeout), [(span.job, span.name) for span in self.spans]
            return found(self.spans)

    def of(self, job, count, timeout=15):
        """The spans of a job, in the order of their beginnings, once there are so many."""
        spans = self.until(lambda spans: (own := [span for span in spans if span.job == job]) and len(own) >= count and own, timeout)
        return sorted(spans, key=lambda span: (span.start, span.end))

    def stop(self):
        if self.server:
            self.server.stop(None).wait()
            self.server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
