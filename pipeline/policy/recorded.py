"""The policy that a decision was recorded with, read again by a version that may know another form of it."""

from __future__ import annotations

import logging
from functools import lru_cache

from pipeline.errors import ConfigError
from pipeline.policy.file import parse
from pipeline.policy.rules import Policy

log = logging.getLogger("driftledger.act")


# Asked of every open action at every tick: kept, so that it is told once.
@lru_cache(maxsize=256)
def recorded(text: str) -> Policy | None:
    """None where this version cannot read it: what was decided by it stands as it is."""
    try:
        return parse(text)
    except ConfigError as error:
        log.warning("what was decided by a policy of another version stands as it is: %s", error)
        return None
