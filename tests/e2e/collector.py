"""A collector of OpenTelemetry's spans: takes what is sent to it and keeps it."""

import contextlib
import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """What has been collected, and where it is sent to."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._spans: list[Span] = []
        self.received = b""  # as it came over the wire
        self._changed = threading.Condition()

    def add(self, body: bytes) -> None:
        """Keep the spans of one delivery."""
        request = ExportTraceServiceRequest.FromString(body)
        with self._changed:
            self.received += body
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    self._spans.extend(scope.spans)
            self._changed.notify_all()

    def wait_for(self, count: int, timeout_s: float) -> list[Span]:
        """Return the spans by their start, once there are `count` of them or it takes too long."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._spans) >= count, timeout_s)
            return sorted(self._spans, key=lambda span: span.start_time_unix_nano)


@contextlib.contextmanager
def running_collector() -> Iterator[Collector]:
    """A collector on a port of 127.0.0.1."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            collector.add(body)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{listener.server_port}")
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        listener.shutdown()
        listener.server_close()
