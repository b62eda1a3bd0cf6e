"""What a device class is, for the prediction of costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PredictSettings:
    device_classes: str = ""
    """DEVICECLASS=GPU MODEL, or DEVICECLASS=GPU MODEL/MIG PROFILE, with commas between."""
