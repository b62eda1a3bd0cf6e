"""A GPU exporter that a test serves: what it answers is what the test says, until it says something else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Exporter:
    """`text` is served on every path; '' is an error 500.  `token` is the bearer token that it demands."""

    def __init__(self) -> None:
        self.text = ""
        self.token = ""
        self.longer: int | None = None
        """Bytes that the header promises beyond the text; None: no length is promised."""
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = exporter.text.encode()
                known = exporter.token in ("", self.headers.get("Authorization", "").removeprefix("Bearer "))
                self.send_response((200 if body else 500) if known else 401)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                with suppress(BrokenPipeError):  # who asked has given up
                    if exporter.longer is not None:
                        self.send_header("Content-Length", str(len(body) + exporter.longer))
                    self.end_headers()
                    self.wfile.write(body if known else b"")

            def log_message(self, format: str, *arguments: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.target = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.target}/metrics"

    @contextmanager
    def running(self) -> Iterator[Exporter]:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()


def gpu(uuid: str, joules: float, busy: float = 0.5, *, renamed: bool = False, more: str = "") -> str:
    """One GPU of the old or the new generation of names."""
    if renamed:
        labels = f'{{gpu="0",UUID="{uuid}",modelName="NVIDIA H100",hostname="n2"{more}}}'
        return (
            f"DCGM_FI_DEV_GPU_UTIL_RATIO{labels} {busy}\n"
            f"DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL{labels} {joules}\n"
        )
    labels = f'{{gpu="0",UUID="{uuid}",modelName="NVIDIA L4",Hostname="n1"{more}}}'
    return (
        f"DCGM_FI_DEV_GPU_UTIL{labels} {busy * 100}\n"
        f"DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{labels} {joules * 1000}\n"
    )
