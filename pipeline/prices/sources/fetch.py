"""All pages of a catalogue over HTTP; whatever goes wrong is one sentence, and nothing is half read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import InvalidOperation

import requests

from pipeline.errors import PreflightFailed
from pipeline.prices.sources.offer import Offer, Page

TIMEOUT_SECONDS = 60
MOST_PAGES = 1000


def pages(first: str, parse: Callable[[bytes], Page], key: str = "") -> Page:
    """PreflightFailed where the catalogue does not answer, or answers in another shape.

    A key is sent as a header, so that no message that names an address shows it.
    """
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
        return parse(answer.content)
    except requests.RequestException as error:
        raise PreflightFailed(f"no prices from {url}: {error}") from error
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise PreflightFailed(f"{url} is not in the catalogue's known shape: {error!r}") from error
