"""What an API server answers to a list and a watch: pages, lines, or one of four kinds of no."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
import requests

from collectors.live.contract import Watch
from pipeline.errors import NotFound
from pipeline.kube.connection import Connection
from pipeline.kube.session import headers, session, url

PAGE_OBJECTS = 500
_NO_LIMIT = "0"
MAX_LINE_BYTES = 8 * 1024 * 1024
"""Longest event: etcd holds no object of more than 1.5 MB."""
_CONNECT_SECONDS, _LIST_SECONDS = 5.0, 60.0
_WATCH_SECONDS = (240, 300)
"""A watch asks to be ended after so long, so that load moves to other servers."""
_SILENT_SECONDS = 100.0
"""A server tells where a watch stands about every minute; one that is silent for longer is gone."""
GATHER_SECONDS = 0.2
"""So long what comes after an event may gather, and is read together: to wake for each costs more than to
read it.  By as much at most an event is seen later."""
_AT_ONCE_SECONDS = 0.001
"""What took longer to come had to be waited for: nothing else was there yet."""
_PASSING = (401, 408, 429)
"""Who cannot log in now, is too slow or asks too often may be answered later."""
_SKEW_MICROSECONDS = 2_000_000
"""The server's Date is of whole seconds."""


class Away(Exception):
    """It cannot be reached, or fails: try again."""


class Refused(Away):
    """The question itself is wrong to it: this one is never answered, and the next may be."""


class Gone(Exception):
    """410: what was asked for is too old."""


class Absent(Exception):
    """It has no such resource."""


class Forbidden(Exception):
    """This account may not; the text is the server's."""

    def __init__(self, verb: str, message: str) -> None:
        super().__init__(message)
        self.verb = verb


class ListMeta(msgspec.Struct):
    resourceVersion: str = ""
    continue_: str | None = msgspec.field(default=None, name="continue")


class Page(msgspec.Struct):
    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


_PAGE = msgspec.json.Decoder(Page)


class Server:
    """One session of one thread; `close` from another thread ends what it waits for."""

    def __init__(self, connection: Connection, watch: Watch) -> None:
        self.closed = False
        self._connection, self._watch = connection, watch
        self._session = session(connection)
        self._open: requests.Response | None = None
        self._offset = 0
        self._path: str | None = None

    def now(self) -> int:
        """The server's clock, as its last answer had it: ours may be wrong by an hour."""
        return self._watch.now() + self._offset

    @property
    def skew_seconds(self) -> float:
        return self._offset / 1e6

    def close(self) -> None:
        self.closed = True
        if (response := self._open) is not None:
            # Ends a read on another thread, which a plain close would not.
            with suppress(OSError, ValueError, RuntimeError):
                response.raw.shutdown()

    def pages(self, paths: tuple[str, ...], accept: str, *, at_once: bool) -> Iterator[Page]:
        """One state of the resource, in pages, or in one that holds all.

        A server forgets a state after some minutes, and then has 410 for the next page.  The token that comes
        with it would go on with a later state: what changed before that page would never be heard of.
        """
        token: str | None = ""
        while token is not None:
            limit = _NO_LIMIT if at_once else str(PAGE_OBJECTS)
            query = {"limit": limit, **({"continue": token} if token else {})}
            with self._get("list", paths, query, accept, _LIST_SECONDS) as response:
                try:
                    page = _PAGE.decode(response.content)
                except (msgspec.DecodeError, requests.RequestException) as error:
                    raise Away(f"no list of objects: {type(error).__name__}") from error
            yield page
            token = page.metadata.continue_ or None

    def one(self, path: str, accept: str) -> bytes:
        """One object, or what a group of resources holds."""
        self._path = None
        with self._get("get", (path,), {}, accept, _LIST_SECONDS) as response:
            try:
                return response.content
            except requests.RequestException as error:
                raise Away(f"no object: {type(error).__name__}") from error

    def lines(self, paths: tuple[str, ...], version: str, accept: str) -> Iterator[bytes]:
        """Events as JSON; one empty line first, when the watch stands."""
        query = {
            "watch": "1",
            "allowWatchBookmarks": "true",
            "resourceVersion": version,
            "timeoutSeconds": str(random.randint(*_WATCH_SECONDS)),
        }
        with self._get("watch", paths, query, accept, _SILENT_SECONDS) as response:
            self._open = response
            try:
                yield b""
                yield from self._split(response)
            except requests.RequestException as error:
                if not self.closed:
                    raise Away(f"the watch broke off: {type(error).__name__}") from error
            finally:
                self._open = None

    def _split(self, response: requests.Response) -> Iterator[bytes]:
        rest = b""
        for chunk in _gathering(response.iter_content(chunk_size=None)):
            *whole, last = chunk.split(b"\n")
            if whole:
                yield rest + whole[0]
                yield from whole[1:]
                rest = last
            else:
                rest += last
            if len(rest) > MAX_LINE_BYTES:
                raise Away(f"an event of more than {MAX_LINE_BYTES} bytes")

    def _get(
        self, verb: str, paths: tuple[str, ...], query: dict[str, str], accept: str, seconds: float
    ) -> requests.Response:
        for path in (self._path,) if self._path else paths:
            response = self._send(path, query, accept, seconds)
            if response.status_code == 200:
                self._path = path
                self._set_clock(response)
                return response
            message = _message(response)
            response.close()
            if response.status_code == 404:
                self._path = None
                continue
            if response.status_code == 410:
                raise Gone(message)
            if response.status_code == 403:
                raise Forbidden(verb, message)
            asked_wrong = 400 <= response.status_code < 500 and response.status_code not in _PASSING
            raise (Refused if asked_wrong else Away)(message)
        raise Absent

    def _send(self, path: str, query: dict[str, str], accept: str, seconds: float) -> requests.Response:
        address = f"{url(self._connection, path)}?{urlencode(query)}"
        try:
            return self._session.get(
                address,
                headers=headers(self._connection, accept),
                timeout=(_CONNECT_SECONDS, seconds),
                stream=True,
                allow_redirects=False,
            )
        except NotFound as error:
            raise Away(str(error)) from error
        except requests.RequestException as error:
            raise Away(type(error).__name__) from error

    def _set_clock(self, response: requests.Response) -> None:
        try:
            told = parsedate_to_datetime(response.headers.get("Date", "")).timestamp()
        except (ValueError, TypeError):
            return
        offset = int(told * 1e6) + 500_000 - self._watch.now()
        self._offset = offset if abs(offset) > _SKEW_MICROSECONDS else 0

    def end(self) -> None:
        """On the session's own thread, when nothing is asked any more."""
        self._session.close()


def _gathering(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """All of them, the first after a silence as soon as it is there."""
    asked = time.monotonic()
    for chunk in chunks:
        waited = time.monotonic() - asked
        if _AT_ONCE_SECONDS < waited < GATHER_SECONDS:
            time.sleep(GATHER_SECONDS)
        yield chunk
        if waited >= GATHER_SECONDS:
            time.sleep(GATHER_SECONDS)
        asked = time.monotonic()


def _message(response: requests.Response) -> str:
    said: Any = None
    with suppress(msgspec.DecodeError, requests.RequestException):
        said = msgspec.json.decode(response.content)
    told = said.get("message") if isinstance(said, dict) else None
    return f"HTTP {response.status_code}{f': {str(told)[:300]}' if told else ''}"
