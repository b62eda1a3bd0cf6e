"""What goes where: into the producer, into the spool, or nowhere yet.  No threads, no clock of its own.

One order holds for all messages: those in the window (given to the producer, not acknowledged), those
held (a dead producer did not acknowledge them), those in the spool, those that come now.  The ledger
takes the highest sequence of a source that it has seen, so a message that overtakes another of its
source would make it lose that other.  So on a failure nothing more is sent until everything that is not
acknowledged goes again, in order, through a new producer.  What was sent twice the ledger drops.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple, Protocol

from collectors.publish.spool import Spool, SpoolFull
from pipeline.events import Message

PATIENCE_SECONDS = 2.0
"""With a full window and no acknowledgement for so long, the broker counts as away."""


class Link(Protocol):
    """One life of a producer: whatever it acknowledges it has sent in the order of `send`, per source."""

    def send(self, message: Message, done: Callable[[Exception | None], None]) -> None:
        """`done` is called once, from any thread: None for acknowledged; after an error nothing is sent."""

    def abandon(self) -> None:
        """Send nothing more; `done` may still be called."""

    def close(self, timeout: float) -> None:
        """After `abandon`, without any lock: wait so many seconds for its threads."""


class Offer(Enum):
    taken = auto()
    wait = auto()
    """No room in memory now, or the last of the spool is just being acknowledged."""
    full = auto()
    """No room in the spool either: the source has to stop."""


class _Sent(NamedTuple):
    message: Message
    spooled: int | None
    """Ticket of the spool; None for what came directly."""


class Flow:
    """The caller's `settled` is called with (life, ticket, error), and calls ours with its lock held."""

    def __init__(
        self,
        spool: Spool,
        *,
        in_flight_bytes: int,
        delivery_timeout: float,
        settled: Callable[[int, int, Exception | None], None],
    ) -> None:
        self.spool = spool
        self.link: Link | None = None
        self.failure: Exception | None = None
        """What ended the last link, until the next is there."""
        self.spooling = True
        """Whether what comes now goes to the spool; so until a first link is there."""
        self.ended: list[Link] = []
        """Links abandoned and not yet closed, which is the caller's to do."""
        self.acknowledged = 0
        self.in_flight_bytes = 0
        self.spool_error = ""
        self.unreadable = ""
        """Why the disk does not give out what is spooled; it is asked again with each `advance`."""
        self._limit = in_flight_bytes
        self._timeout = delivery_timeout
        self._settled = settled
        self._window: dict[int, _Sent] = {}
        self._held: list[Message] = []
        self._settling = False
        self._life = 0
        self._tickets = 0
        self._progress = 0.0

    @property
    def in_flight(self) -> int:
        return len(self._window)

    @property
    def undelivered(self) -> int:
        """Messages that are neither acknowledged nor in the spool: they are lost with the process."""
        return len(self._held) + sum(sent.spooled is None for sent in self._window.values())

    @property
    def empty(self) -> bool:
        return not (self._window or self._held or self.spool.messages)

    def offer(self, message: Message, now: float, wall: float) -> Offer:
        """Take a message, or say why not; `now` is monotonic seconds, `wall` seconds since 1970."""
        if not self.spooling:
            if self.failure is not None:
                return Offer.wait
            if self._room(message):
                self._send(message, None, now)
                return Offer.taken
            if now - self._progress < PATIENCE_SECONDS:
                return Offer.wait
            self.spooling = True
        if self._settling:
            return Offer.wait
        try:
            self.spool.append(message, wall)
        except SpoolFull as full:
            self.spool_error = str(full)
            return Offer.full
        self.spool_error = ""
        return Offer.taken

    def _room(self, message: Message) -> bool:
        return not self._window or self.in_flight_bytes + len(message.value) <= self._limit

    def _send(self, message: Message, spooled: int | None, now: float) -> None:
        assert self.link is not None
        if not self._window:
            self._progress = now
        self._tickets += 1
        ticket, life = self._tickets, self._life
        self._window[ticket] = _Sent(message, spooled)
        self.in_flight_bytes += len(message.value)
        self.link.send(message, lambda error: self._settled(life, ticket, error))

    def settled(self, life: int, ticket: int, error: Exception | None, now: float) -> None:
        """What became of a message; word of an earlier link's messages comes too late and is not heard."""
        if life != self._life or self.link is None:
            return
        if error is not None:
            self.failure = self.failure or error
            return
        sent = self._window.pop(ticket, None)
        if sent is None:
            return
        self.in_flight_bytes -= len(sent.message.value)
        self.acknowledged += 1
        self._progress = now
        if sent.spooled is not None:
            # The window has nothing but messages of the spool while it has one of them.
            first = next(iter(self._window.values()), None)
            self.spool.release(None if first is None else first.spooled)

    def connected(self, link: Link) -> None:
        """A new producer: all that was not acknowledged goes again, first."""
        self._life += 1
        self.link, self.failure = link, None

    def advance(self, now: float, wall: float) -> None:
        """Do what can be done now: end a link that failed, send what waits."""
        if self._window and now - self._progress > self._timeout and self.failure is None:
            self.failure = TimeoutError(f"no acknowledgement for {self._timeout:g} seconds")
        if self.link is not None and self.failure is not None:
            self._unlink()
        if self.link is None:
            self._save_held(wall)
        elif self.spooling:
            self._drain(now)

    def _unlink(self) -> None:
        assert self.link is not None
        self.link.abandon()
        self.ended.append(self.link)
        self.link = None
        self._held = [s.message for s in self._window.values() if s.spooled is None] + self._held
        self._window.clear()
        self.in_flight_bytes = 0
        self.spool.rewind()
        self.spooling, self._settling = True, False

    def _save_held(self, wall: float) -> None:
        if self._held:
            try:
                self.spool.prepend(self._held, wall)
            except SpoolFull as full:
                self.spool_error = str(full)
            else:
                self._held = []

    def _drain(self, now: float) -> None:
        """Held before spooled, and nothing of the spool while anything else is on its way."""
        while self._held and self.failure is None and self._room(self._held[0]):
            self._send(self._held.pop(0), None, now)
        if self.undelivered:
            return
        while self.failure is None and self.in_flight_bytes < self._limit:
            try:
                given = self.spool.next()
            except OSError as error:
                self.unreadable = error.strerror or str(error)
                return
            self.unreadable = ""
            if given is None:
                self._settling = bool(self._window)
                self.spooling = self._settling
                return
            self._send(given[1], given[0], now)

    def leave(self, wall: float) -> None:
        """The end: what was not acknowledged goes to the spool; raises SpoolFull where it cannot."""
        if self.link is not None:
            self._unlink()
        if self._held:
            self.spool.prepend(self._held, wall)
            self._held = []
