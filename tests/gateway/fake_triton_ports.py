"""What stands where Triton would: both protocols answer with what reached them."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc  # type: ignore[import-untyped]  # has no types
from tritonclient.grpc import service_pb2, service_pb2_grpc


@dataclass(frozen=True)
class FakePorts:
    """Where it listens."""

    http: int
    grpc: int
    headers_seen: list[dict[str, str]] = field(default_factory=list)  # of each HTTP request


class _HttpEcho(BaseHTTPRequestHandler):
    """Answers every request with its method, path and headers."""

    protocol_version = "HTTP/1.1"
    server: "_HttpServer"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.headers_seen.append(headers)
        seen = {
            "version": "2.51.0",  # where somebody asks Triton for it
            "method": self.command,
            "path": self.path,
            "headers": headers,
            "body_bytes": len(body),
        }
        answer = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


class _HttpServer(ThreadingHTTPServer):
    headers_seen: list[dict[str, str]]


class _GrpcEcho(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # untyped
    """Answers with the model that was named; its metadata come back as parameters."""

    def ModelReady(self, request: Any, context: Any) -> Any:
        return service_pb2.ModelReadyResponse(ready=True)

    def ModelInfer(self, request: Any, context: Any) -> Any:
        if request.id == "fail":
            context.abort(grpc.StatusCode.UNAVAILABLE, "[OVERLOADED] try again in 3 s")
        return _echo(request, context)

    def ModelStreamInfer(self, requests: Any, context: Any) -> Iterator[Any]:
        for request in requests:
            yield service_pb2.ModelStreamInferResponse(infer_response=_echo(request, context))


def _echo(request: Any, context: Any) -> Any:
    answer = service_pb2.ModelInferResponse(model_name=request.model_name, id=request.id)
    for key, value in context.invocation_metadata():
        answer.parameters[key].string_param = value
    return answer


@contextmanager
def fake_triton_ports() -> Iterator[FakePorts]:
    """Listen on two free ports until the end of the block."""
    server = grpc.server(ThreadPoolExecutor(8))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(_GrpcEcho(), server)
    grpc_port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with _HttpServer(("127.0.0.1", 0), _HttpEcho) as http:
        ports = FakePorts(http.server_port, grpc_port)
        http.headers_seen = ports.headers_seen
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        try:
            yield ports
        finally:
            http.shutdown()
            thread.join()
            server.stop(None).wait()
