"""The bounds of a number, written beside its type: `port: Annotated[int, Bound(1, 65_535)]`."""

from __future__ import annotations

from typing import NamedTuple


class Bound(NamedTuple):
    """Inclusive."""

    least: float
    most: float
