"""A text that must not be shown: a password in the settings."""

from __future__ import annotations


class Secret(str):
    """Prints as *** wherever it is shown with its type; `str(secret)` is the text itself."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'" if self else "''"
