"""The ledger's questions, a file each, by name; a line `-- include NAME` stands for another file."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

_INCLUDE = re.compile(r"^-- include (\w+)$", re.MULTILINE)


@lru_cache(maxsize=256)
def text(name: str) -> str:
    """Text of `<name>.sql`, with what it includes."""
    own = (files(__name__) / f"{name}.sql").read_text(encoding="utf-8")
    return _INCLUDE.sub(lambda line: text(line[1]), own)
