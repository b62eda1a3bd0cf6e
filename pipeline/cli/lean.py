"""A command's process without pandas, which pyarrow imports to ask whether a list is one of its Series.

It costs half a second of CPU and 60 MB in every process that makes an Arrow array; only the pages need it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import ModuleType


class _Absent:
    """Finds pandas nowhere, as where it is not installed; everybody who can do without it then does."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("pandas is imported for pages only", name=name)


def without_pandas() -> None:
    """For the rest of this process; of no effect where it is imported already."""
    sys.meta_path.insert(0, _Absent())
