"""One resource of an API server, listed in pages and then watched for ever: what happened, in order.

A watch that ends is taken up where it ended.  One that the server no longer knows (410) is a new list, whose
reader finds by comparison what it missed; the news says from when on it was blind.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from collectors.live.contract import Watch
from collectors.live.kube.answers import Absent, Away, Forbidden, Gone, Page
from collectors.live.kube.event import event, whole
from collectors.live.kube.news import News, What

_QUIET_MICROSECONDS = 90_000_000
"""An open watch says something about every minute: one that was quiet for longer died unnoticed."""
_SHORT_MICROSECONDS = 1_000_000
"""A watch that ends sooner without a word is refused: to ask again at once would never end."""
_PATIENT_SECONDS = 4.0
"""So long a server that starts may refuse before the rest goes on without what it refuses."""
RETRY_SECONDS = 60.0
"""At most, between two tries of what this account may not read, or the server does not have."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 30.0
_JSON = "application/json"
_Change = Literal["listed", "put", "gone"]
_CHANGES: dict[str, _Change] = {"ADDED": "put", "MODIFIED": "put", "DELETED": "gone"}


class Kind(NamedTuple):
    """A resource; `reduce` takes an object's JSON and keeps what is needed of it, or None."""

    name: str
    paths: tuple[str, ...]
    """Of its versions, the best first."""
    reduce: Callable[[bytes], Any]
    accept: str = _JSON
    """In which form a list is asked for."""
    accept_one: str = _JSON
    """The same of each object in a watch."""


class _Meta(msgspec.Struct):
    resourceVersion: str = ""


class _Versioned(msgspec.Struct):
    metadata: _Meta = msgspec.field(default_factory=_Meta)


class _Failure(msgspec.Struct):
    code: int = 0
    message: str = ""


_VERSIONED = msgspec.json.Decoder(_Versioned)
_FAILURE = msgspec.json.Decoder(_Failure)


class Serves(Protocol):
    """What is asked of an API server; `answers.Server` says what its methods give and raise."""

    closed: bool

    def now(self) -> int: ...
    def pages(self, paths: tuple[str, ...], accept: str, *, at_once: bool) -> Iterator[Page]: ...
    def lines(self, paths: tuple[str, ...], version: str, accept: str) -> Iterator[bytes]: ...


@dataclass(slots=True)
class Follower:
    """Runs on a thread of its own until `put` says that nobody listens any more, or `watch` says stop."""

    kind: Kind
    server: Serves
    put: Callable[[News], None]
    watch: Watch
    version: str | None = None
    blind_since: int | None = None
    _heard: int = 0
    """When the server last said something of this resource; 0 until it was listed once."""
    _last: bytes | None = None
    """The object that the watch was told last."""
    _at_once: bool = False
    """The last list was forgotten by the server before it was read: the next is asked for in one piece, as
    client-go's pager does, since that cannot be."""

    def run(self) -> None:
        pause, refused = _FIRST_PAUSE, 0.0
        while not self.server.closed:
            wait = 0.0
            try:
                self._once()
                pause, refused = _FIRST_PAUSE, 0.0
            except Forbidden as lack:
                # A server that starts refuses everybody until it has read who may what: ask again soon.
                wait = refused = min(max(2 * refused, _FIRST_PAUSE), RETRY_SECONDS)
                pause = _FIRST_PAUSE
                self._without(f"right to {lack.verb} {self.kind.name}", str(lack), wait >= _PATIENT_SECONDS)
                if wait == RETRY_SECONDS:
                    self.version = None
            except Absent:
                wait = RETRY_SECONDS
                self._without(self.kind.name, "this cluster does not serve them", True)
                self.version = None
            except (Away, Gone) as lack:
                self._blind()
                if isinstance(lack, Gone):
                    self._at_once, self.version = self.version is None, None
                refused = 0.0
                self.watch.waits(f"API server for {self.kind.name}", f"API server, {self.kind.name}: {lack}")
                wait = pause * random.uniform(0.8, 1.2)
                pause = min(2 * pause, _LONGEST_PAUSE)
            if wait and self.watch.wait(wait):
                return

    def _once(self) -> None:
        if self.version is None:
            self.version = self._list()
        self._watch(self.version)

    def _blind(self) -> None:
        """All that a watch was sent was read when it breaks off, unless it was dead for a while.

        Who never saw anything has nothing to be blind of: its first list is a beginning.
        """
        if not self._heard:
            return
        now = self.server.now()
        dead = now - self._heard > _QUIET_MICROSECONDS
        self.blind_since = self.blind_since or (self._heard if dead else now)

    def _without(self, part: str, reason: str, lasting: bool) -> None:
        """The rest need not wait for what is lacking for good."""
        self.watch.notes(part, reason)
        self.watch.goes_on(f"API server for {self.kind.name}")
        if self.version is not None:
            self._blind()
        if lasting:
            self._tell("lacking", None)

    def _list(self) -> str:
        """It is told when it is whole: what was in a part of one that broke off may be gone in the next."""
        at_once, self._at_once = self._at_once, False
        version, found = "", list[News]()
        for page in self.server.pages(self.kind.paths, self.kind.accept, at_once=at_once):
            version = page.metadata.resourceVersion
            found += (self._object("listed", bytes(item)) for item in page.items or ())
        self._answers()
        for news in found:
            self.put(news)
        self._heard = self.server.now()
        self._tell("synced", self.blind_since)
        self.blind_since = None
        return version

    def _answers(self) -> None:
        rights = [f"right to {verb} {self.kind.name}" for verb in ("list", "watch")]
        self.watch.goes_on(f"API server for {self.kind.name}", self.kind.name, *rights)

    def _watch(self, version: str) -> None:
        opened, spoke = 0, False
        try:
            for line in self.server.lines(self.kind.paths, version, self.kind.accept_one):
                if not opened:
                    opened = self.server.now()
                    self._answers()
                if line:
                    self._line(line)
                    self._sees_again(opened)
                    self._heard = self.server.now()
                    spoke = True
        finally:
            self._remember()
        if not spoke and not self.server.closed and self.server.now() - opened < _SHORT_MICROSECONDS:
            raise Away("it ends a watch as soon as it begins")

    def _sees_again(self, since: int) -> None:
        """Only an event says so: a server that is new opens a watch, and then no longer knows its version."""
        if self.blind_since is not None:
            self.put(News(self.kind.name, "back", self.blind_since, since))
            self.blind_since = None

    def _line(self, line: bytes) -> None:
        type_, body = event(line)
        if what := _CHANGES.get(type_):
            news = self._object(what, body)
            if news.what == "refused":
                body = whole(line).object  # half a line is no refusal
                news = self._object(what, body)
            self.put(news)
        elif type_ == "ERROR":
            failure = _FAILURE.decode(body)
            if failure.code == 410:
                raise Gone(failure.message)
            raise Away(failure.message or f"watch error {failure.code}")
        self._last = body

    def _remember(self) -> None:
        """Where the watch stands; only when it ends, since to look for it in each object costs as much as the
        rest."""
        last, self._last = self._last, None
        if last is None:
            return
        try:
            self.version = _VERSIONED.decode(last).metadata.resourceVersion or self.version
        except msgspec.DecodeError:  # nothing says where it stands: only a list knows
            self._blind()
            self.version = None

    def _object(self, what: _Change, item: bytes) -> News:
        try:
            return self._news(what, self.kind.reduce(item))
        except (msgspec.DecodeError, ValueError) as error:
            return self._news("refused", f"{self.kind.name}: {str(error)[:200]}")

    def _tell(self, what: What, value: Any) -> None:
        self.put(self._news(what, value))

    def _news(self, what: What, value: Any) -> News:
        return News(self.kind.name, what, value, self.server.now())
