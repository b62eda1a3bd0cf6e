"""All in one process: which collectors run beside the judge, the maintenance and the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.bounds import Bound


@dataclass(frozen=True, slots=True)
class UpSettings:
    collect: str = ""
    """The collectors, with commas between; each has its settings in the group of its name.  `none`: only
    judge and act, on a ledger that others fill."""
    judge_seconds: Annotated[float, Bound(5, 3_600)] = 60.0
    """Pause between two looks of the judge: it reads whole minutes."""
    policy: str = ""
    """File of rules, YAML; empty: nothing is proposed or done."""
    lease: str = ""
    """NAMESPACE/NAME of a Lease that elects who acts on the cluster; empty: this process does."""
    prices_source: str = ""
    """Catalogue to keep prices from, as `driftledger prices refresh` names it; empty: none is read."""
    prices_into: str = ""
    """Own CSV that changed prices are appended to; a price book includes it."""
    prices_region: str = ""
    """Region to read, where the catalogue has them."""
    prices_url: str = ""
    """Where the catalogue is, if not at its public place."""
    prices_key_file: str = ""
    """File of the API key, for gcp alone."""
    prices_hours: Annotated[float, Bound(1, 8_760)] = 24.0
    """Pause between two readings."""
    dashboard: bool = True
    """Serve the pages too, as the group dashboard says."""
