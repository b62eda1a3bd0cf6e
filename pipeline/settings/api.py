"""The API in OpenCost's shape: where it is served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.bounds import Bound


@dataclass(frozen=True, slots=True)
class ApiSettings:
    host: str = "127.0.0.1"
    """Address to listen on; the API has no login, so only this machine by default."""
    port: Annotated[int, Bound(0, 65_535)] = 9003
    """TCP port, 0 to 65535; 0 takes a free one."""
