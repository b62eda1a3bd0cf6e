"""Receivers side by side: both halves of an exchange go to one of them, whichever their senders met.

So do all exports of metrics, to the first: what a histogram grew by is known to whom it was told before.
"""

from __future__ import annotations

import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from collectors.live.inference.kserve import REQUEST, RESPONSE
from collectors.live.inference.parameters import InferenceSettings
from pipeline.errors import ConfigError

_PASSED = "driftledger-passed-on"
"""Where two disagree on who they are, none sends a half round in circles."""
METRICS_PATH = "/v1/metrics"
_AT_ONCE = 64
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""No proxy of the environment stands between receivers."""
_AWAY = b'{"error":"the receiver that joins this event is away"}'


class Peers:
    """`elsewhere` says who takes a request, `passed_on` has that one take it and gives its answer."""

    def __init__(self, settings: InferenceSettings) -> None:
        self._urls = [url.strip().rstrip("/") for url in settings.peers.split(",") if url.strip()]
        self._own = settings.peer
        for url in self._urls:
            if not url.startswith(("http://", "https://")):
                raise ConfigError("inference.peers", url, "write http://HOST:PORT or https://HOST:PORT")
        if self._urls and self._own >= len(self._urls):
            raise ConfigError("inference.peer", self._own, f"there are {len(self._urls)} peers, from 0 on")
        self.threads = ThreadPoolExecutor(_AT_ONCE, "inference-peers")

    def elsewhere(self, path: str, headers: Mapping[str, str]) -> str | None:
        """The URL of the one that takes a half of an exchange, or metrics; None for what is taken here.

        Names of `headers` in lower case.  A batch is taken where it comes: its events may be of many.
        """
        if len(self._urls) < 2 or _PASSED in headers:
            return None
        if headers.get("ce-type") in (REQUEST, RESPONSE):
            exchange = f"{headers.get('ce-source', '')} {headers.get('ce-id', '')}"
            number = zlib.crc32(exchange.encode()) % len(self._urls)
        elif path == METRICS_PATH:
            number = 0
        else:
            return None
        return None if number == self._own else self._urls[number]

    def passed_on(
        self, url: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[int, bytes]:
        """Status and content of its answer; 503 where it gives none."""
        kept = {k: v for k, v in headers.items() if k.startswith("ce-")}
        kept |= {k: headers[k] for k in ("content-type", "authorization") if k in headers}
        request = urllib.request.Request(f"{url}{path}", body, kept | {_PASSED: "1"})
        try:
            with _DIRECT.open(request, timeout=seconds) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()
        except OSError:
            return 503, _AWAY
