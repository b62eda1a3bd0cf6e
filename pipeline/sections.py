"""A YAML mapping read key by key: each wrong, missing or unknown key is an error that says what to write."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches

from pipeline.errors import ConfigError

_DURATION = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Section:
    """One mapping of the file at `path`; `done` must be called last, and finds the keys nobody asked for."""

    def __init__(self, path: str, content: object) -> None:
        if not isinstance(content, Mapping):
            raise ConfigError(path or "file", content, "write a mapping of keys to values")
        self._path = path
        self._content = content
        self._asked: list[str] = []

    def key(self, name: str) -> str:
        return f"{self._path}.{name}" if self._path else name

    def _value(self, name: str) -> object:
        self._asked.append(name)
        return self._content.get(name)

    def names(self) -> list[str]:
        """Every key, for a mapping whose keys are the user's own names."""
        return [str(name) for name in self._content]

    def has(self, name: str) -> bool:
        return name in self._content

    def text(self, name: str, default: str | None = None) -> str:
        value = self._value(name)
        if value is None and default is not None and not self.has(name):
            return default
        if not isinstance(value, str) or not value.strip():
            raise ConfigError(self.key(name), value, "write a text that is not empty")
        return value

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        value = self._value(name) if self.has(name) else default
        self._asked.append(name)
        if value not in choices:
            raise ConfigError(self.key(name), value, f"write one of {', '.join(choices)}")
        return str(value)

    def flag(self, name: str, default: bool) -> bool:
        value = self._value(name) if self.has(name) else default
        self._asked.append(name)
        if not isinstance(value, bool):
            raise ConfigError(self.key(name), value, "write true or false")
        return value

    def count(self, name: str, default: int, *, minimum: int) -> int:
        value = self._value(name) if self.has(name) else default
        self._asked.append(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise ConfigError(self.key(name), value, f"write a whole number of at least {minimum}")
        return value

    def duration(self, name: str, default: timedelta) -> timedelta:
        if not self.has(name):
            self._asked.append(name)
            return default
        value = self._value(name)
        found = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            raise ConfigError(self.key(name), value, "write a number and a unit: 30s, 15m, 6h or 7d")
        return timedelta(**{_UNITS[found[2]]: int(found[1])})

    def time(self, name: str) -> datetime | None:
        """UTC without a zone; None where the key is not there."""
        text = self.text(name, "")
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
            return found if found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)
        except (ValueError, OverflowError) as error:
            remedy = "write a day such as 2026-10-01, or an RFC 3339 time"
            raise ConfigError(self.key(name), text, remedy) from error

    def day(self, name: str, default: date) -> date:
        text = self.text(name, "")
        try:
            return date.fromisoformat(text) if text else default
        except ValueError as error:
            raise ConfigError(self.key(name), text, "write a day such as 2026-10-01") from error

    def sequence(self, name: str) -> Sequence[object]:
        value = self._value(name)
        if not isinstance(value, list) or not value:
            raise ConfigError(self.key(name), value, "write a list with at least one entry")
        return value

    def section(self, name: str, *, required: bool = True) -> Section:
        value = self._value(name)
        return Section(self.key(name), {} if value is None and not required else value)

    def done(self) -> None:
        """Raise on the first key that was never asked for."""
        for name in self._content:
            if name not in self._asked:
                near = get_close_matches(str(name), self._asked, n=1)
                keys = ", ".join(sorted(set(self._asked)))
                known = f"did you mean {near[0]}?" if near else f"known keys: {keys}"
                raise ConfigError(self.key(str(name)), self._content[name], f"this key is unknown; {known}")
