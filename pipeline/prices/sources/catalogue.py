"""Every catalogue that `driftledger prices refresh` reads: one line each, and gpuhunt's files."""

from __future__ import annotations

import re
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
}
_GPUHUNT = re.compile(r"gpuhunt-([a-z0-9-]+)")
"""A file a provider, of whatever name."""


def named(source: str) -> Source | None:
    found = _GPUHUNT.fullmatch(source)
    return Source(partial(gpuhunt.parse, provider=found[1])) if found else SOURCES.get(source)
