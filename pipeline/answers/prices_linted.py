"""What is wrong with a price file: every finding, with the rows concerned and the remedy."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.answers.answer import Answer, Column
from pipeline.errors import ConfigError
from pipeline.prices import checks
from pipeline.prices.book import followed
from pipeline.prices.content import Content
from pipeline.prices.network import succeeding

_COLUMNS = (Column("severity"), Column("finding"))


def findings(content: Content) -> Answer:
    """An error keeps the book from being used, a warning can make some device unpriced or refused later."""
    prices, discounts = followed(content.prices, content.discounts)
    errors = [*content.problems, *checks.overlapping(prices, discounts, content.rates)]
    errors += checks.network(succeeding(content.network))
    warnings = [*checks.ambiguous(prices), *checks.ambiguous(discounts), *_stateless(content)]
    warnings += checks.counted_twice(prices)
    rows = [("error", str(e)) for e in errors] + [("warning", str(w)) for w in warnings]
    skipped = tuple(f"{n} rows left out: {reason}" for reason, n in content.why_skipped().items())
    summary = f"{len(content.prices)} prices, {len(errors)} errors, {len(warnings)} warnings"
    return Answer(_COLUMNS, tuple(rows), None, None, (summary, *skipped, f"prices: {content.version}"))


def _stateless(content: Content) -> Iterator[ConfigError]:
    for price in content.prices:
        if not price.source:
            yield ConfigError(
                price.name, "no source", "write where the price is from, for who checks the bill"
            )
