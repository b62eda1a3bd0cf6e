"""What device classes and resources are, for the prediction of costs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PredictSettings:
    device_classes: str = ""
    """DEVICECLASS=GPU MODEL, or DEVICECLASS=GPU MODEL/MIG PROFILE, with commas between."""
    free_resources: str = "rdma/*,vpc.amazonaws.com/*,devices.kubevirt.io/*,smarter-devices/*,squat.ai/*"
    """Extended resources, as patterns, that cost nothing themselves; what is neither one of these nor one of
    allocation.resources has no price."""
