"""Errors meant for a person: each carries a sentence that says what to do and the exit code.

DriftledgerError           1  something went wrong
  NotFound                 3  the named thing does not exist
  ConfigError              4  a setting is wrong: key, value, remedy
  PreflightFailed          5  the world is not ready: a right, a server, a file is missing
    StoreUnavailable       5  the ledger's database, disk or bucket does not answer; it may later
  StaleWatermark           1  another writer took this partition over; re-read and retry
"""

from __future__ import annotations


class DriftledgerError(Exception):
    """Base of every error that is shown as a sentence instead of a stack trace."""

    exit_code = 1


class NotFound(DriftledgerError):
    exit_code = 3


class ConfigError(DriftledgerError):
    """`key` is the full path of the setting, `value` what stood there, `remedy` what to write instead."""

    exit_code = 4

    def __init__(self, key: str, value: object, remedy: str) -> None:
        super().__init__(f"{key}: {value!r} is not valid; {remedy}")
        self.key = key


class PreflightFailed(DriftledgerError):
    exit_code = 5


class StoreUnavailable(PreflightFailed):
    """Nothing of the batch is in the ledger, or, where the commit was under way, the watermark says it."""


class StaleWatermark(DriftledgerError):
    """The stored watermark is not the one that was read: somebody else committed this partition."""
