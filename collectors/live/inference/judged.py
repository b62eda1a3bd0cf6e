"""Which requests spans told of, so that an evaluation that names only a span or an answer finds its model.

The conventions give `gen_ai.evaluation.result` no model: it is a child of the request's span, or has the
answer's id.  Bounded, and of this process alone: what is forgotten is refused with its reason.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from pipeline.wire.limits import MAX_TEXT_BYTES

MOST = 50_000
"""Names of requests that are remembered, each of up to MAX_TEXT_BYTES; a request has up to two."""


class Request(NamedTuple):
    model: str
    prediction_id: str


class Requests:
    def __init__(self, most: int = MOST) -> None:
        self._most, self._by_name = most, OrderedDict[str, Request]()

    def note(self, request: Request, *names: str | None) -> None:
        """Texts that are longer than a row may hold are refused with it, and not remembered."""
        if max(map(len, request)) > MAX_TEXT_BYTES:
            return
        for name in names:
            if not name or len(name) > MAX_TEXT_BYTES:
                continue
            self._by_name[name] = request
            self._by_name.move_to_end(name)
        while len(self._by_name) > self._most:
            self._by_name.popitem(last=False)

    def of(self, *names: str | None) -> Request | None:
        """That of the first name that is known."""
        return next((self._by_name[name] for name in names if name and name in self._by_name), None)
