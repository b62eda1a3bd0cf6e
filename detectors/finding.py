"""A finding: what one detector concludes about one model version at one tick."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

Level = Literal["ok", "warn", "act", "not_enough_data", "no_reference", "stale", "invalid"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`log_evidence` is ln of the e-detector at `end`; the bars are `log_warn` and `log_act`."""

    detector: str
    model: str
    model_version: str
    level: Level
    start: datetime
    """First minute read, UTC naive."""
    end: datetime
    """End of the window read, exclusive."""
    count: int
    """Events that the verdict rests on."""
    log_evidence: float
    log_warn: float
    log_act: float
    since: datetime | None = None
    """Minute at which the evidence first reached the level."""
    evidence: dict[str, float | int | str] = field(default_factory=dict)
    """Numbers by name: rates, baselines, phi, culprits."""

    def to_json(self) -> str:
        """Canonical JSON: keys sorted, no spaces, times ISO 8601 with microseconds and Z."""
        fields = asdict(self)
        return json.dumps(fields, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_instant)

    @classmethod
    def from_json(cls, content: str) -> Finding:
        """The finding that `to_json` wrote."""
        fields = json.loads(content)
        for name in ("start", "end", "since"):
            if fields[name] is not None:
                fields[name] = datetime.fromisoformat(fields[name].removesuffix("Z"))
        return cls(**fields)


def _instant(time: datetime) -> str:
    return time.isoformat(timespec="microseconds") + "Z"
