"""All in one process: which collectors run beside the judge, the maintenance and the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.bounds import Bound


@dataclass(frozen=True, slots=True)
class UpSettings:
    collect: str = ""
    """The collectors, with commas between; each has its settings in the group of its name."""
    judge_seconds: Annotated[float, Bound(5, 3_600)] = 60.0
    """Pause between two looks of the judge: it reads whole minutes."""
    policy: str = ""
    """File of rules, YAML; empty: nothing is proposed or done."""
    lease: str = ""
    """NAMESPACE/NAME of a Lease that elects who acts on the cluster; empty: this process does."""
    dashboard: bool = True
    """Serve the pages too, as the group dashboard says."""
