"""Git over https as a forge serves it: `git http-backend` behind TLS and a password."""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from pipeline.rig.tls import certificates

USER, PASSWORD = "driftledger", "a-secret-of-the-tests"  # noqa: S105


@contextmanager
def served(root: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """(Address of what lies in `root`, the certificate to trust); `/moved/` sends elsewhere."""
    folder.mkdir()
    made = certificates(folder)
    backend = Path(subprocess.check_output(["git", "--exec-path"], text=True).strip()) / "git-http-backend"

    class Forge(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self) -> None:
            asked = urlsplit(self.path)
            given = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ")).decode()
            if asked.path.startswith("/moved/"):
                self._say(302, {"Location": self.path.replace("/moved/", "/", 1)})
            elif given != f"{USER}:{PASSWORD}":
                self._say(401, {"WWW-Authenticate": 'Basic realm="forge"'})
            else:
                self._backend(asked.path, asked.query)

        def _backend(self, path: str, query: str) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            told = {
                "GIT_PROJECT_ROOT": str(root), "GIT_HTTP_EXPORT_ALL": "1", "REQUEST_METHOD": self.command,
                "PATH_INFO": path, "QUERY_STRING": query, "REMOTE_USER": USER, "PATH": os.environ["PATH"],
                "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(length),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }  # fmt: skip
            body = self.rfile.read(length)
            done = subprocess.run(
                [backend], input=body, env=told, capture_output=True, check=True, timeout=60
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            status = int(lines.pop("Status", "200").split()[0])
            self._say(status, lines, content)

        def _say(self, status: int, headers: dict[str, str], content: bytes = b"") -> None:
            self.send_response(status)
            for name, text in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Forge)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(made.keystore)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}", made.cafile
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
