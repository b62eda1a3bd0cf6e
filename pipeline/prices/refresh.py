"""A public catalogue read into an own CSV: what changed is appended, what is there is never touched."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.errors import ConfigError
from pipeline.prices import refreshing
from pipeline.prices.book import PriceBook
from pipeline.prices.reading_csv import parse
from pipeline.prices.sources.catalogue import SOURCES, named
from pipeline.prices.sources.fetch import pages
from pipeline.prices.sources.offer import Offer
from pipeline.yaml_file import read_text

NO_COLUMN = "the file has no column {} to say what it is of; add it to the header and every line"


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The lines that are new, of how many prices that were read, and what was left out, by reason."""

    text: str
    new: int
    read: int
    skipped: Counter[str]


def refresh(
    source: str,
    into: Path,
    now: datetime,
    *,
    region: str = "",
    url: str = "",
    key_file: Path | None = None,
    dry_run: bool = False,
) -> Refreshed:
    """Prices that differ from those in `into`, valid from the minute of `now` (UTC without a zone) on.

    Raises ConfigError for an unknown source or a region that is missing, PreflightFailed where the catalogue
    does not answer in its known shape.
    """
    chosen = named(source)
    if chosen is None:
        raise ConfigError("source", source, f"name one of {', '.join(SOURCES)}, or gpuhunt-PROVIDER")
    if not url and (chosen.url is None or (not region and source != "gcp")):
        raise ConfigError("--region", region, "name a region, or where the catalogue is with --url")
    held = PriceBook.load(into).prices if into.exists() else ()
    columns = _columns(into) if into.exists() else ()
    moment = now.replace(second=0, microsecond=0)
    key = read_text(key_file).strip() if key_file and source == "gcp" else ""
    found = pages(url or (chosen.url(region) if chosen.url else ""), chosen.parse, key)
    lacks = [_lacks(offer, columns) for offer in found.offers]
    fit = [offer for offer, lack in zip(found.offers, lacks, strict=True) if not lack]
    new, skipped = refreshing.changed(held, fit, moment)
    skipped += Counter(NO_COLUMN.format(lack) for lack in lacks if lack)
    text = refreshing.lines(new, moment, columns)
    if new and not dry_run:
        # A line that does not fit what is there, or that holds from the same minute, must not be written.
        PriceBook.of(parse((into.read_text(encoding="utf-8") if into.exists() else "") + text, into.name))
        with into.open("a", encoding="utf-8", newline="") as file:
            file.write(text)
    return Refreshed(text, len(new), len(found.offers), found.skipped + skipped)


def _lacks(offer: Offer, columns: Sequence[str]) -> str:
    """The column without which its line would say something else, where the file does not have it."""
    needed = {"Os": offer.os, "Resource": offer.resource}
    return next((name for name, value in needed.items() if value and columns and name not in columns), "")


def _columns(into: Path) -> list[str]:
    with into.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])
