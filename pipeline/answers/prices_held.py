"""The rows of a price book, and how one of them becomes the price of a device at an instant."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from pipeline.answers.answer import Answer, Column, Value
from pipeline.prices.book import PriceBook
from pipeline.prices.commitments import of
from pipeline.prices.exact import to_nano
from pipeline.prices.match import differs, holds_at, prices
from pipeline.prices.price import MATCH_FIELDS, Price, Profile
from pipeline.prices.quote import Quote

_ROW = (
    Column("row"),
    *(
        Column(field, wide=field not in ("provider", "region", "gpu_model", "capacity_type"))
        for field in MATCH_FIELDS
    ),
)
_PRICE = (Column("gpu_hour", "", "money"), Column("currency"), Column("kind", wide=True))
_TIMES = (Column("valid_from", kind="time"), Column("valid_to", kind="time"), Column("source", wide=True))


def price_rows(book: PriceBook) -> Answer:
    """Every row as it was written, before discounts and rates; these are counted in the notes."""
    rows = tuple(
        (
            *_named(p), _money(p.gpu_hour), p.currency, p.kind, p.bought_gpus or None,
            p.valid_from, p.valid_to, p.source,
        )
        for p in book.prices
    )  # fmt: skip
    beside = f"{len(book.discounts)} discounts and {len(book.rates)} exchange rates are applied to them"
    bought = Column("bought_gpus", kind="integer", wide=not any(p.bought_gpus for p in book.prices))
    return Answer((*_ROW, *_PRICE, bought, *_TIMES), rows, None, None, (beside, f"prices: {book.version}"))


def price_of(book: PriceBook, profile: Profile, time: datetime, currency: str) -> Answer:
    """The rows for the device's model, the one that holds first, and why the others do not.

    ConfigError where two rows match equally well.  The total is what a GPU-hour costs: list, contracted and
    effective, None where it has no price.
    """
    found = book.quote(profile, time, currency)
    chosen = found.row if isinstance(found, Quote) else None
    rows = [
        (
            *_named(p),
            _money(p.gpu_hour),
            p.currency,
            p.kind,
            "holds" if p is chosen else _lost(p, profile, time, chosen),
        )
        for p in sorted(book.prices, key=lambda p: p is not chosen)
    ]
    shown = tuple(r for r in rows if "gpu_model is" not in str(r[-1]))
    columns = (*_ROW, *_PRICE, Column("verdict"))
    words = (*_words(found, profile, time, len(rows) - len(shown)), *_bought(book, profile, time, currency))
    return Answer(columns, shown, None, None, words)


def charged(book: PriceBook, profile: Profile, time: datetime, currency: str) -> Decimal | None:
    """What a GPU-hour costs, None where it has no price."""
    found = book.quote(profile, time, currency)
    return _money(found.effective) if isinstance(found, Quote) else None


def _words(found: Quote | str, profile: Profile, time: datetime, others: int) -> Iterator[str]:
    yield f"{profile} at {time:%Y-%m-%dT%H:%M}Z"
    if isinstance(found, str):
        yield f"unpriced: {found}"
    else:
        yield from found.steps()
        stages = (
            ("list", found.list_price),
            ("contracted", found.contracted),
            ("effective", found.effective),
        )
        yield "a GPU-hour: " + ", ".join(f"{n} {_plain(a)}" for n, a in stages) + f" {found.price.currency}"
        yield f"source: {found.row.source or 'not stated'}"
    if others:
        yield f"{others} rows of other GPU models are left out"


def _bought(book: PriceBook, profile: Profile, time: datetime, currency: str) -> Iterator[str]:
    cover = of(book.commitments(time, time + timedelta(microseconds=1), currency), profile)
    if cover is not None:
        each = Decimal(cover.nano_per_hour).scaleb(-9) / cover.gpus
        yield (
            f"{cover.name}: up to {cover.gpus} GPUs of all that match cost {_plain(each)} {currency} an hour "
            "each, used or not; the price above is that of a GPU beyond them"
        )


def _lost(row: Price, profile: Profile, time: datetime, chosen: Price | None) -> str:
    other = differs(row.match, profile)
    if other:
        return other
    if not prices(row.match, profile):
        return f"does not say that it is of {profile.resource or profile.os}"
    if not holds_at(row, time):
        return "does not hold then"
    if row.bought_gpus:
        return f"covers {row.bought_gpus} GPUs of all that match, before any other row"
    if chosen is None:
        return f"is in {row.currency}, without a rate, or less specific than such a row"
    return (
        f"less specific than {chosen.name}"
        if row.rank(profile) != chosen.rank(profile)
        else f"is in {row.currency}"
    )


def _named(row: Price) -> tuple[Value, ...]:
    match = dict(row.match)
    return (row.name, *(match.get(field, "") for field in MATCH_FIELDS))


def _money(amount: Decimal) -> Decimal:
    return Decimal(to_nano(amount)).scaleb(-9)


def _plain(amount: Decimal | None) -> str:
    return "unknown" if amount is None else f"{_money(amount).normalize():f}"
