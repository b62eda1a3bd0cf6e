"""The numbers that every verdict depends on; a decision keeps them, so that it can be computed again."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Annotated

from pipeline.bounds import Bound


@dataclass(frozen=True, slots=True)
class Parameters:
    """Flat on purpose: an action's evidence holds `asdict` of it, and `Parameters(**that)` restores it."""

    warn_minutes: float = 43_200.0
    """Least mean time between false warnings: 30 days."""
    act_minutes: float = 1.3e7
    """Least mean time between false calls to act: at most 1 % in 90 days."""
    accuracy_tolerance: Annotated[float, Bound(0, 1)] = 0.01
    """Error rate above the reference's upper bound that is still accepted."""
    accuracy_confidence: Annotated[float, Bound(0.5, 0.999999)] = 0.99
    """Confidence of the upper bound of the reference's error rate."""
    rate_minimum_count: int = 100
    """Fewest labelled predictions, or timed requests, that a verdict rests on."""
    rate_look_back_minutes: int = 10_080
    """Window of accuracy and latency: 7 days, since labels come late."""
    latency_phi: Annotated[float, Bound(1, 1e6)] = 4.0
    """Slow requests come in bursts: least overdispersion of their minute counts, the low end of real streams;
    where the reference shows more, that counts."""
    drift_rho: Annotated[float, Bound(0, 10)] = 0.005
    """Nats of KL that are tolerated; the PSI is about twice that."""
    drift_minimum_count: int = 500
    """Fewest events of a feature: below, the PSI of an unchanged stream passes 0.1 by chance."""
    drift_look_back_minutes: int = 1_440
    """Window of feature drift."""
    stale_minutes: int = 30
    """A version without traffic for so long is not judged."""

    @property
    def log_warn(self) -> float:
        return log(self.warn_minutes)

    @property
    def log_act(self) -> float:
        return log(self.act_minutes)
