"""A time stamp authority on this machine: RFC 3161 over HTTP, answered by `openssl ts`."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from certificates import Issued

OPENSSL = shutil.which("openssl")

_CONFIG = """
[tsa]
serial = {folder}/serial
signer_cert = {folder}/certificate.pem
certs = {folder}/chain.pem
signer_key = {folder}/key.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
"""


class _Handler(BaseHTTPRequestHandler):
    server: "_Authority"

    def do_POST(self) -> None:
        question = self.rfile.read(int(self.headers["Content-Length"]))
        answer = self.server.stamp(question)
        self.send_response(200)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass


class _Authority(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, folder: Path, issued: Issued) -> None:
        self._folder = folder
        self._lock = threading.Lock()  # openssl counts serials in a file
        end = "-----END CERTIFICATE-----\n"
        certificate, rest = issued.chain.split(end, 1)
        files = {
            "certificate.pem": certificate + end,
            "chain.pem": rest,
            "key.pem": issued.key,
            "serial": "01\n",
            "ts.cnf": _CONFIG.format(folder=folder),
        }
        for name, text in files.items():
            (folder / name).write_text(text)
        super().__init__(("127.0.0.1", 0), _Handler)

    def stamp(self, question: bytes) -> bytes:
        """Return the stamp that a request asks for."""
        assert OPENSSL is not None
        config, query = self._folder / "ts.cnf", self._folder / "query.tsq"
        command = [OPENSSL, "ts", "-reply", "-config", str(config), "-section", "tsa"]
        with self._lock:
            query.write_bytes(question)
            command += ["-queryfile", str(query)]
            return subprocess.run(command, capture_output=True, check=True).stdout


@contextmanager
def timestamp_authority(folder: Path, issued: Issued) -> Iterator[str]:
    """Stamp with the key of `issued` until the end of the block; gives the address."""
    with _Authority(folder, issued) as authority:
        thread = threading.Thread(target=authority.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{authority.server_port}/"
        finally:
            authority.shutdown()
            thread.join()
