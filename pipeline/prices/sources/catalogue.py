"""Every catalogue that `driftledger prices refresh` reads: one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from pipeline.prices.sources import aws, azure, gcp, gpuhunt
from pipeline.prices.sources.offer import Page


class Source(NamedTuple):
    parse: Callable[[bytes], Page]
    url: Callable[[str], str] | None = None
    """Of a region; None where the user must name it."""


SOURCES: Mapping[str, Source] = {
    "aws": Source(aws.parse, aws.url),
    "azure": Source(azure.parse, azure.url),
    "gcp": Source(gcp.parse, lambda _region: gcp.URL),
    "gpuhunt-aws": Source(partial(gpuhunt.parse, provider="aws")),
    "gpuhunt-azure": Source(partial(gpuhunt.parse, provider="azure")),
    "gpuhunt-gcp": Source(partial(gpuhunt.parse, provider="gcp")),
}
