"""`driftledger version`: what to write into a report of a fault."""

from __future__ import annotations

import platform
from importlib.metadata import version as installed


def version() -> None:
    print(f"driftledger {installed('driftledger')}")
    print(f"python {platform.python_version()}")
    for name in ("duckdb", "pyarrow", "streamlit"):
        print(f"{name} {installed(name)}")
