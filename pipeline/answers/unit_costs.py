"""What a model version's answers cost: each thousand, each right one, each in time, a million tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from detectors.references import Reference
from pipeline.answers import dimensions, truth
from pipeline.answers.answer import Answer, Column
from pipeline.answers.cost import cost
from pipeline.answers.cost_table import NOBODYS, own
from pipeline.answers.drift_cost import Drift, Key, Named, drifts
from pipeline.answers.served import DIMENSIONS, counted, traffic
from pipeline.answers.unit_cost_rows import Quality, columns_in, row_of
from pipeline.answers.unit_price import DriftCost
from pipeline.answers.window import MINUTE, Window
from pipeline.errors import NotFound
from pipeline.ownership.rules import Ownership
from pipeline.prices.book import PriceBook
from pipeline.settings.cost import CostRule
from pipeline.store import Store

TEAM = "team"
WHOLE = (
    "labels and objectives are of a whole model version: they are unknown by {by}; leave --by out to see them"
)
TEAMLESS = (
    "no event says which team a request was for: the requests of what one team pays for are that team's, "
    "of what several pay for they are nobody's"
)
COSTLESS = (
    "no GPU of the window is known to serve these models: cost is unknown; label the pods with their model"
)
SPLIT = "token_basis: time is prefill against decode, 2.5 is a token out as two and a half tokens in"
DRIFT = (
    "cost_of_drift is what right answers cost more than at the reference's accuracy since it drifted, as far "
    "as this window reaches back; of a "
    "part of a version it is that part's cost at the accuracy of all of it"
)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The question, with what it is answered from."""

    store: Store
    window: Window
    prices: PriceBook
    currency: str
    rule: CostRule
    owners: Ownership

    def answered(self, by: Sequence[str], window: Window) -> Answer | None:
        """The cost answer; None of a ledger without GPUs, which still knows what its models answered."""
        try:
            return cost(self.store, window, by, self.prices, self.currency, self.rule, self.owners)
        except NotFound:
            return None

    def costs(self, by: Sequence[str], window: Window) -> tuple[dict[Key, Named], tuple[str, ...]]:
        """The cost answer's rows by the dimensions, and its notes."""
        return _rows(self.answered(by, window), by)


def unit_costs(
    store: Store,
    window: Window,
    by: Sequence[str] = (),
    prices: PriceBook | None = None,
    currency: str = "USD",
    rule: CostRule = CostRule(),  # noqa: B008  frozen
    owners: Ownership = Ownership(),  # noqa: B008  frozen
) -> Answer:
    """One row a model version with a cost or with traffic, and value of the dimensions of `by`.

    Costs are on the allocation basis (all that the version's line pays under the rule), used_cost on the
    usage basis; the completeness is that of the window's GPU time.  Raises ConfigError as `cost` does.
    """
    dimensions.check(by, (TEAM, *DIMENSIONS))
    asked = _Asked(store, window, prices or PriceBook.bundled(), currency, rule, owners)
    keys = ("model", "model_version", *by)
    with store.steady():
        spent = asked.answered(keys, window)
        every, said = _rows(spent, keys)
        paid = {tuple(map(own, key)): row for key, row in every.items() if _is_model(key)}
        served = _of_teams(_served(store, window, [d for d in by if d != TEAM]), paid, by)
        qualities = _drifted(asked, by) if by else _qualities(asked, served)
    rows = tuple(
        row_of(key, paid.get(key, {}), served.get(key, {}), qualities.get(key, Quality()), currency, rule.id)
        for key in sorted({*paid, *served})
    )
    columns = (*(Column(name) for name in keys), *columns_in(currency))
    notes = (*([WHOLE.format(by=", ".join(by))] if by else []), *([TEAMLESS] if TEAM in by else []), DRIFT)
    notes += (SPLIT, *(() if paid else (COSTLESS,)), *said)
    known = [t for t in (_as_of(served), spent.as_of if spent else None) if t is not None]
    complete = spent.completeness if spent else None
    return Answer(columns, rows, max(known, default=None), complete, notes, window=window)


def _rows(spent: Answer | None, by: Sequence[str]) -> tuple[dict[Key, Named], tuple[str, ...]]:
    if spent is None:
        return {}, ()
    return {tuple(str(row[d]) for d in by): row for row in spent.named()}, spent.notes


def _is_model(key: Key) -> bool:
    return key[0] not in ("none", *NOBODYS)


def _served(store: Store, window: Window, by: Sequence[str]) -> dict[Key, Named]:
    """Traffic as it was logged one by one, else as the servers counted it: never both."""

    def key(row: Named) -> Key:
        return (row["model"], row["model_version"], *(row[d] for d in by))

    told = {key(row): row for row in counted(store, window, by)}
    logged = {key(row): row for row in traffic(store, window, by)}
    return {k: _joined(logged.get(k, {}), told.get(k, {})) for k in {*logged, *told}}


def _of_teams(served: dict[Key, Named], paid: Mapping[Key, Named], by: Sequence[str]) -> dict[Key, Named]:
    """By team too where that is asked: traffic of what one team alone pays for."""
    if TEAM not in by:
        return served
    at = 2 + list(by).index(TEAM)
    payers: dict[Key, list[Key]] = defaultdict(list)
    for key, row in paid.items():
        if row["total_cost"]:
            payers[key[:at] + key[at + 1 :]].append(key)
    return {keys[0]: served[rest] for rest, keys in payers.items() if rest in served and len(keys) == 1}


def _joined(logged: Named, told: Named) -> Named:
    prefill, whole = told.get("prefill_seconds"), told.get("latency_seconds")
    decode = whole - prefill if prefill is not None and whole is not None else None
    known = {name: logged.get(name) or told.get(name) for name in ("requests", "tokens_in", "tokens_out")}
    return {**logged, **known, "prefill_seconds": prefill, "decode_seconds": decode}


def _qualities(asked: _Asked, served: Mapping[Key, Named]) -> dict[Key, Quality]:
    names = {key[0] for key in served}
    references = {n: r for n, r in asked.store.references().items() if n in names}
    labels = truth.labels(asked.store, names, asked.window)
    timed = truth.in_time(asked.store, references.values(), asked.window)
    since = _drifts(asked, references, ())
    return {
        key: Quality(
            *labels.get((key[0], key[1]), (0, 0)),
            *timed.get((key[0], key[1]), (0, 0, 0)),
            *since.get(key, (None, DriftCost())),
        )
        for key in served
    }


def _drifts(asked: _Asked, references: Mapping[str, Reference], by: Sequence[str]) -> dict[Key, Drift]:
    return drifts(asked.store, asked.window, references, by, asked.costs, whole_hours=asked.rule.spreads)


def _drifted(asked: _Asked, by: Sequence[str]) -> dict[Key, Quality]:
    """What is known of parts of a version: what its drift cost each."""
    found = _drifts(asked, asked.store.references(), by)
    return {key: Quality(drift_since=since, cost_of_drift=lost) for key, (since, lost) in found.items()}


def _as_of(served: Mapping[Key, Named]) -> datetime | None:
    return max((row["last"] + MINUTE for row in served.values() if "last" in row), default=None)
