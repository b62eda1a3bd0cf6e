"""The ledger's questions, a file each, by name.

A line `-- include NAME` stands for another file.  What is between `-- with PART` and `-- end PART` is asked
only where that part is wanted, what comes after a `-- without PART` between them only where it is not.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

_INCLUDE = re.compile(r"^-- include (\w+)$", re.MULTILINE)
_PART = re.compile(r"^-- with (\w+)\n(.*?)(?:^-- without \1\n(.*?))?^-- end \1\n", re.MULTILINE | re.DOTALL)


@lru_cache(maxsize=256)
def text(name: str, without: frozenset[str] = frozenset()) -> str:
    """Text of `<name>.sql`, with what it includes, and with all of its parts but those named."""
    own = (files(__name__) / f"{name}.sql").read_text(encoding="utf-8")
    own = _PART.sub(lambda part: (part[3] or "") if part[1] in without else part[2], own)
    return _INCLUDE.sub(lambda line: text(line[1]), own)
