"""A hub on this machine: one repository, over the few addresses that huggingface_hub asks."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REPO_ID = "someone/weights"


@dataclass
class Hub:
    """What the server has, and what it was asked."""

    files: Mapping[str, bytes]
    url: str = ""
    breaks_once_after: int | None = None  # bytes of a file
    downloads: list[tuple[str, str | None]] = field(default_factory=list)  # file, range


@contextmanager
def running_hub(files: Mapping[str, bytes]) -> Iterator[Hub]:
    """Serve until the block ends."""
    hub = Hub(files)

    class Handler(_Handler):
        has = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    has: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        name = path.removeprefix(f"/{REPO_ID}/resolve/{COMMIT}/")
        if path in (f"/api/models/{REPO_ID}", f"/api/models/{REPO_ID}/revision/main"):
            self._send_json({"id": REPO_ID, "sha": COMMIT, "siblings": []})
        elif path == f"/api/models/{REPO_ID}/tree/{COMMIT}":
            self._send_json([_entry(*file) for file in self.has.files.items()])
        elif name in self.has.files:
            self._send_file(name)
        else:
            known = path.startswith((f"/api/models/{REPO_ID}/", f"/{REPO_ID}/"))
            self._refuse("RevisionNotFound" if known else "RepoNotFound")

    def _refuse(self, code: str) -> None:
        self.send_response(HTTPStatus.NOT_FOUND)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send_json(self, page: object) -> None:
        self._send(HTTPStatus.OK, json.dumps(page).encode(), {"Content-Type": "application/json"})

    def _send_file(self, name: str) -> None:
        content = self.has.files[name]
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{_blob_id(content)}"'}
        asked = self.headers.get("Range")
        if self.command == "GET":
            self.has.downloads.append((name, asked))
            if self.has.breaks_once_after is not None:
                self._break_off(content, headers)
                return
        if asked is None:
            self._send(HTTPStatus.OK, content, headers)
            return
        start = int(asked.removeprefix("bytes=").split("-")[0])
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send(HTTPStatus.PARTIAL_CONTENT, content[start:], headers)

    def _break_off(self, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(HTTPStatus.OK)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content[: self.has.breaks_once_after])
        self.has.breaks_once_after = None
        self.close_connection = True

    def _send(self, status: HTTPStatus, content: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


def _entry(name: str, content: bytes) -> dict[str, object]:
    return {"type": "file", "path": name, "size": len(content), "oid": _blob_id(content)}


def _blob_id(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()
