"""The policy of a running `up`, read anew at every tick: whoever throws the kill switch waits for no restart.

A file that is gone or wrong begins nothing: what was begun is settled and put back in time, as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from collectors.live.contract import Watch
from pipeline import yaml_file
from pipeline.errors import DriftledgerError
from pipeline.policy.file import parse
from pipeline.policy.rules import Policy

PART = "policy"
"""What the runner is told of."""


class PolicyFile:
    """`check` raises ConfigError for a policy that may not be used as it is; `used` is the file's so far."""

    def __init__(self, path: Path, used: Policy, check: Callable[[Policy], None]) -> None:
        check(used)
        self._path, self._used, self._check = path, used, check

    def now(self, watch: Watch) -> Policy:
        """As the file says now; of one that cannot be used, nothing but the kill switch."""
        if self._usable(watch):
            return self._used
        return replace(self._used, rules=(), ladders=(), kill_switch=True)

    def answering(self, watch: Watch) -> Policy:
        """As `now`, with the ladders as they were: who waits for an answer is let in meanwhile."""
        return self._used if self._usable(watch) else replace(self._used, kill_switch=True)

    def _usable(self, watch: Watch) -> bool:
        try:
            self._used = self._read()
        except (DriftledgerError, OSError) as error:
            watch.waits(PART, f"nothing is begun: {error}")
            return False
        watch.goes_on(PART)
        return True

    def _read(self) -> Policy:
        text = yaml_file.read_text(self._path)
        if text == self._used.text:
            return self._used
        policy = parse(text)
        self._check(policy)
        return policy
