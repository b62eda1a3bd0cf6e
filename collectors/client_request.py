"""One batch of events to the inference receiver, and what its answer means for them."""

from __future__ import annotations

import json
import logging
import urllib.error
import urllib.request
from typing import NamedTuple

log = logging.getLogger("driftledger.client")

_TIMEOUT_SECONDS = 40.0
"""Longer than the receiver waits for its ledger."""
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same batch is sent again; after another error it is dropped."""


class Away(Exception):
    """The receiver takes nothing now: the same batch is sent again later."""


class Batch(NamedTuple):
    """`source` and `number` are its identity: it counts once however often it is sent."""

    kind: str
    source: str
    number: int
    events: list[bytes]


class Receiver:
    def __init__(self, url: str, token: str | None) -> None:
        self.url = url.rstrip("/") + "/v1/events"
        self._headers = {"content-type": "application/json", "ce-specversion": "1.0"}
        if token:
            self._headers["authorization"] = f"Bearer {token}"

    def refused(self, batch: Batch) -> int:
        """How many of its events the receiver did not take.  Raises Away."""
        named = {
            "ce-type": f"driftledger.{batch.kind}.v1", "ce-source": batch.source, "ce-id": str(batch.number)
        }  # fmt: skip
        content = b"[" + b",".join(batch.events) + b"]"
        try:
            request = urllib.request.Request(self.url, content, {**self._headers, **named}, method="POST")
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                said = json.loads(answer.read() or b"{}")
            return min(int(said.get("refused", 0)), len(batch.events))
        except urllib.error.HTTPError as error:
            with error:
                if error.code in _AGAIN:
                    raise Away(str(error)) from error
                log.warning("%s answers %d to predictions", self.url, error.code)
                return len(batch.events)
        except Exception as error:  # no URL, no connection, no answer in time, or one that is none
            raise Away(str(error)) from error
