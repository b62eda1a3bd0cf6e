"""What stands in the place of messages that were not read, because to read them would cost too much."""

from __future__ import annotations


class Unread(bytes):
    """A message's value that is no producer's: why there is none, as text."""
