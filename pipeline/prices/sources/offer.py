"""What a catalogue offers: an instance of counted GPUs, one GPU, or a core or GiB, at a price an hour."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


class Offer(NamedTuple):
    """`instance_type` with its GPUs, or one GPU of `gpu_model`; of both, one such GPU in such an instance.

    With a `resource` it is one core or GiB of such an instance.
    """

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
    starts: datetime | None = None
    """When the list says that the price began, and ends, UTC without a zone; None where it does not say."""
    ends: datetime | None = None
    resource: str = ""
    """cpu or memory."""

    def kind(self) -> tuple[str, ...]:
        return (
            self.provider,
            self.region,
            self.instance_type,
            self.gpu_model,
            self.capacity_type,
            self.currency,
            self.os,
            self.resource,
        )


class Page(NamedTuple):
    offers: tuple[Offer, ...]
    skipped: Counter[str]
    """How many rows were left out, by reason."""
    next: str = ""
    """Where the next page is, or, from '&' on, what to add to the first one's address; '' after the last."""
