"""Whether a process does its work: what it waits for, what it lacks, and whether a restart is due."""

from __future__ import annotations

import logging
import threading

START = "start"


class Readiness:
    """Written by any thread, read by the health server; not ready until `goes_on(START)`."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._waiting = {START: "it is starting"}
        self._lacking: dict[str, str] = {}
        self._broken: str | None = None

    def waits(self, part: str, reason: str) -> None:
        """Not ready, for this reason; it is said once in the log."""
        with self._lock:
            known = self._waiting.get(part)
            self._waiting[part] = reason
        if known != reason:
            self._log.warning("waiting for the %s: %s", part, reason)

    def goes_on(self, *parts: str) -> None:
        with self._lock:
            back = [part for part in parts if self._waiting.pop(part, None) is not None]
            for part in parts:
                self._lacking.pop(part, None)
        for part in back:
            if part != START:
                self._log.warning("the %s is there again", part)

    def notes(self, part: str, reason: str) -> None:
        """A lack that does not stop the rest: said once in the log, and shown beside readiness."""
        with self._lock:
            known = self._lacking.get(part)
            self._lacking[part] = reason
        if known != reason:
            self._log.warning("without the %s: %s", part, reason)

    def breaks(self, reason: str) -> None:
        """Beyond repair by waiting: the process is to be restarted."""
        with self._lock:
            self._broken = self._broken or reason

    @property
    def broken(self) -> str | None:
        with self._lock:
            return self._broken

    def not_ready(self) -> list[str]:
        """Why no work is done, or not all of it; empty while the process is ready."""
        with self._lock:
            return [*([self._broken] if self._broken else []), *self._waiting.values()]

    def remarks(self) -> list[str]:
        """What is lacking while the rest goes on."""
        with self._lock:
            return [f"without the {part}: {reason}" for part, reason in self._lacking.items()]
