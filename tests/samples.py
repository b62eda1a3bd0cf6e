"""Real sample files beside the checkout; they are never copied into it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent / "shared" / "data"


def sample(*parts: str) -> Path:
    """Path of a sample; skips where the folder is absent, fails there in CI."""
    path = ROOT.joinpath(*parts)
    if not path.exists():
        reason = f"needs the real samples at {path}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path
