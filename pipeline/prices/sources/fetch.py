"""All pages of a catalogue over HTTP, or one of a file; a failure is one sentence, nothing is half read."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from decimal import InvalidOperation
from gzip import BadGzipFile, decompress
from pathlib import Path
from zipfile import BadZipFile
from zlib import error as ZlibError

import requests

from pipeline.errors import PreflightFailed
from pipeline.prices.sources.offer import Offer, Page

TIMEOUT_SECONDS = 60
MOST_PAGES = 1000
ONLY_NAMED = "the pages after this one, which the file only names"
_GZIP = b"\x1f\x8b"


def pages(first: str, parse: Callable[[bytes], Page], key: str = "") -> Page:
    """PreflightFailed where the catalogue does not answer, or answers in another shape.

    A key is sent as a header, so that no message that names an address shows it.  What is no address is a
    file, plain or gzip: a host without a way out reads what another one has fetched.
    """
    if "://" not in first or first.startswith("file://"):
        page = _file(Path(first.removeprefix("file://")), parse)
        return page._replace(next="", skipped=page.skipped + Counter({ONLY_NAMED: 1} if page.next else ()))
    offers: list[Offer] = []
    skipped: Counter[str] = Counter()
    url = first
    for _ in range(MOST_PAGES):
        page = _page(url, parse, key)
        offers += page.offers
        skipped.update(page.skipped)
        if not page.next:
            return Page(tuple(offers), skipped)
        url = first + page.next if page.next.startswith("&") else page.next
    raise PreflightFailed(f"{url} is page {MOST_PAGES} and not the last; name a region")


def _page(url: str, parse: Callable[[bytes], Page], key: str) -> Page:
    try:
        answer = requests.get(url, timeout=TIMEOUT_SECONDS, headers={"X-Goog-Api-Key": key} if key else {})
        answer.raise_for_status()
    except requests.RequestException as error:
        raise PreflightFailed(f"no prices from {url}: {error}") from error
    return _parsed(answer.content, url, parse)


def _file(path: Path, parse: Callable[[bytes], Page]) -> Page:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise PreflightFailed(f"no prices from {path}: {error.strerror}") from error
    try:
        return _parsed(decompress(body) if body.startswith(_GZIP) else body, str(path), parse)
    except (BadGzipFile, EOFError, ZlibError) as error:
        raise PreflightFailed(f"{path} cannot be unpacked: {error}") from error


def _parsed(body: bytes, name: str, parse: Callable[[bytes], Page]) -> Page:
    try:
        return parse(body)
    except (
        AttributeError, LookupError, TypeError, ValueError, InvalidOperation, csv.Error, BadZipFile
    ) as error:  # fmt: skip
        raise PreflightFailed(f"{name} is not in the catalogue's known shape: {error!r}") from error
