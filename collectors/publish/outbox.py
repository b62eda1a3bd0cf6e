"""The flow with a lock and a thread: many may send, one thread connects, drains the spool and gives up."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from threading import Condition, RLock, Thread

from collectors.publish.flow import Flow, Link, Offer
from collectors.publish.losses import gap
from collectors.publish.parameters import PublishSettings
from collectors.publish.spool import Spool, SpoolFull
from pipeline.errors import DriftledgerError
from pipeline.events import Message

TICK_SECONDS = 0.2
BACKOFF_SECONDS = (0.5, 10.0)
"""First and longest wait before the next attempt to connect."""

log = logging.getLogger("driftledger.publish")


class Blocked(DriftledgerError):
    """No room in memory nor in the spool: put the same again before anything later of its source."""


class Undelivered(DriftledgerError):
    """Messages could be neither sent nor spooled: their sources have to send them again."""


class Outbox:
    """`connect` makes a link, or raises DriftledgerError with the reason."""

    def __init__(self, connect: Callable[[], Link], publish: PublishSettings) -> None:
        self._connect = connect
        lock = RLock()
        self.changed = Condition(lock)
        """Guards everything here; told when there may be room, or something was delivered."""
        self._work = Condition(lock)
        spool = Spool.open(publish.spool_folder, publish.spool_bytes)
        self.flow = Flow(
            spool,
            in_flight_bytes=publish.in_flight_bytes,
            delivery_timeout=publish.delivery_timeout_seconds,
            settled=self._settled,
        )
        self.blocked_since: float | None = None
        self.connects = 0
        self.last_error = ""
        self._folder = publish.spool_folder
        self._unreadable = ""
        self._gaps: deque[Message] = deque()
        self._closing = False
        self._retry_at = self._synced_at = 0.0
        self._backoff = BACKOFF_SECONDS[0]
        self._heard = 0
        self._hear_of_spool()
        self._thread = Thread(target=self._run, name="publish", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def adopt(self, link: Link) -> None:
        """Send through this link from now on."""
        with self.changed:
            self.flow.connected(link)
            self.connects += 1
            self.flow.advance(time.monotonic(), time.time())

    def send(self, message: Message, timeout: float | None) -> None:
        """Take a message; waits while there is no room, then raises Blocked."""
        until = None if timeout is None else time.monotonic() + timeout
        with self.changed:
            while (offer := self._offer(message)) is not Offer.taken:
                now = time.monotonic()
                if offer is Offer.full:
                    self._block(now)
                if until is not None and now >= until:
                    raise Blocked(self._why())
                self.changed.wait(TICK_SECONDS if until is None else min(TICK_SECONDS, until - now))
            self._unblock()
            if self.flow.spooling:
                self._work.notify()

    def _offer(self, message: Message) -> Offer:
        if self._closing:
            raise DriftledgerError("the publisher is closed")
        return self.flow.offer(message, time.monotonic(), time.time())

    def _why(self) -> str:
        full = self.flow.spool_error
        return f"no room for messages ({full})" if full else "no room for messages in memory"

    def _block(self, now: float) -> None:
        if self.blocked_since is None:
            self.blocked_since = now
            log.error("%s; sources have to wait", self._why())

    def _unblock(self) -> None:
        if self.blocked_since is not None:
            log.warning("sources go on after %.1f seconds", time.monotonic() - self.blocked_since)
            self.blocked_since = None

    def wait(self, until_true: Callable[[Flow], bool], timeout: float) -> bool:
        """Whether it became true in time."""
        until = time.monotonic() + timeout
        with self.changed:
            while not until_true(self.flow):
                left = until - time.monotonic()
                if left <= 0:
                    return False
                self.changed.wait(min(left, TICK_SECONDS))
            return True

    def close(self) -> None:
        """Stop; what is not acknowledged is in the spool.  Raises Undelivered where it has no room."""
        with self.changed:
            if self._closing:
                return
            self._closing = True
            self._work.notify()
        if self._thread.ident is not None:
            self._thread.join()
        with self.changed:
            self._hear_of_spool()
            try:
                self.flow.leave(time.time())
                self._tell_of_gaps()  # nothing is on its way any more: the spool takes them
            except SpoolFull as full:
                raise Undelivered(f"{self.flow.undelivered} messages are not delivered: {full}") from full
            finally:
                self.flow.spool.close()
        self._close_ended()

    def _settled(self, life: int, ticket: int, error: Exception | None) -> None:
        """The producer's word on one message, from its thread."""
        with self.changed:
            self.flow.settled(life, ticket, error, time.monotonic())
            self.changed.notify_all()
            if self.flow.spooling or error is not None:
                self._work.notify()

    def _run(self) -> None:
        while not self._closing:
            try:
                self._step()
            except Exception as error:
                # Whatever it is: without this thread the sources would wait for ever.
                self._say(f"{type(error).__name__}: {error}")
                log.exception("unforeseen; going on")
                time.sleep(TICK_SECONDS)

    def _step(self) -> None:
        with self.changed:
            now = time.monotonic()
            linked = self.flow.link
            self._reset_backoff()
            self.flow.advance(now, time.time())
            if linked is not None and self.flow.link is None:
                self._say(str(self.flow.failure))
                self._later(now)
            self._hear_of_spool()
            self._tell_of_gaps()
            self.changed.notify_all()
            if now - self._synced_at > 1:
                self._sync(now)
            connect = self.flow.link is None and now >= self._retry_at
            if not (connect or self._closing or self.flow.ended):
                self._work.wait(TICK_SECONDS)
        self._close_ended()
        if connect:
            self._reconnect()

    def _hear_of_spool(self) -> None:
        """What it lost becomes a gap for the ledger, as well as a line of the log."""
        losses, self.flow.spool.losses = self.flow.spool.losses, []
        now = time.time_ns() // 1_000
        for place, loss in enumerate(losses):
            log.error("spool %s: %d bytes are torn and lost", self._folder, loss.bytes)
            self._gaps.append(gap(loss, self._folder, now + place))
        if self.flow.unreadable != self._unreadable:
            self._unreadable = self.flow.unreadable
            if self._unreadable:
                log.error("spool %s cannot be read (%s): it waits", self._folder, self._unreadable)
            else:
                log.warning("spool %s can be read again", self._folder)

    def _tell_of_gaps(self) -> None:
        while self._gaps and self.flow.offer(self._gaps[0], time.monotonic(), time.time()) is Offer.taken:
            self._gaps.popleft()

    def _sync(self, now: float) -> None:
        """A disk that fails must not keep what it holds from a broker that is there."""
        self._synced_at = now
        try:
            self.flow.spool.sync()
        except OSError as error:
            log.error("the spool may not survive the end of the machine: %s", error.strerror)

    def _reset_backoff(self) -> None:
        """An acknowledgement, not a connection, shows that all is well."""
        if self.flow.acknowledged > self._heard:
            self._heard = self.flow.acknowledged
            self._backoff, self.last_error = BACKOFF_SECONDS[0], ""

    def _reconnect(self) -> None:
        try:
            link = self._connect()
        except DriftledgerError as error:
            with self.changed:
                self._say(str(error))
                self._later(time.monotonic())
            return
        self.adopt(link)

    def _later(self, now: float) -> None:
        self._retry_at = now + self._backoff
        self._backoff = min(self._backoff * 2, BACKOFF_SECONDS[1])

    def _close_ended(self) -> None:
        ended, self.flow.ended = self.flow.ended, []
        for link in ended:
            link.close(TICK_SECONDS)

    def _say(self, error: str) -> None:
        if error != self.last_error:
            log.warning("%s; messages go to the spool", error)
            self.last_error = error
