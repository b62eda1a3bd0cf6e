"""What a catalogue offers: an instance of counted GPUs, or one GPU, at a price an hour."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import NamedTuple

GPUS = {
    "azure": {
        "Standard_NC4as_T4_v3": 1, "Standard_NC8as_T4_v3": 1, "Standard_NC16as_T4_v3": 1,
        "Standard_NC64as_T4_v3": 4, "Standard_NC24ads_A100_v4": 1, "Standard_NC48ads_A100_v4": 2,
        "Standard_NC96ads_A100_v4": 4, "Standard_ND96asr_v4": 8, "Standard_ND96amsr_A100_v4": 8,
        "Standard_NC40ads_H100_v5": 1, "Standard_NC80adis_H100_v5": 2, "Standard_ND96isr_H100_v5": 8,
        "Standard_ND96isr_H200_v5": 8,
    },
}  # fmt: skip
"""GPUs of an instance, where the catalogue does not count them; an instance that is not here is skipped."""


class Offer(NamedTuple):
    """Either `instance_type` with its GPUs, or one GPU of `gpu_model`."""

    provider: str
    region: str
    instance_type: str
    gpu_model: str
    capacity_type: str
    gpus: int
    hour: Decimal
    currency: str
    source: str
    os: str = ""
    """windows; '' is Linux, of which price lists are."""

    def kind(self) -> tuple[str, ...]:
        return (
            self.provider,
            self.region,
            self.instance_type,
            self.gpu_model,
            self.capacity_type,
            self.currency,
            self.os,
        )


class Page(NamedTuple):
    offers: tuple[Offer, ...]
    skipped: Counter[str]
    """How many rows were left out, by reason."""
    next: str = ""
    """Where the next page is, or, from '&' on, what to add to the first one's address; '' after the last."""
