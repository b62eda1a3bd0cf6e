"""The lines of a cost answer, exact integers: the grain priced, and spread as the rule says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import pyarrow as pa

from pipeline.answers import cost_days, cost_query
from pipeline.answers.cost_basis import Basis
from pipeline.answers.cost_query import DIMENSIONS
from pipeline.answers.instants import from_micros
from pipeline.settings.cost import CostRule, Method, Split, Spread


def lines(basis: Basis, rule: CostRule, by: Sequence[str]) -> pa.Table:
    """GPU time (su) and cost (nano) by the dimensions of `by`; the columns are those of cost_lines.sql.

    `rule` has one method for everybody, and the shared namespaces of the basis.
    """
    parts = _parts(rule)
    compute, recalled = partial(of_cells, basis, rule), basis.recalled(rule, "hour" in by)
    return cost_days.lines(basis, by, DIMENSIONS, f"{parts} {rule.charges_use}", compute, recalled)


def of_cells(basis: Basis, rule: CostRule, cells: pa.Table, by: Sequence[str]) -> pa.Table:
    """The lines of some of the basis' cells alone, looked up nowhere and kept nowhere."""
    held = {**basis.tables, "cells": cells}
    end = from_micros(max(cells["b"].to_pylist()))
    held["grain"] = cost_query.worked(basis.store, held, end, most=rule.charges_use)
    asked = {f"by_{dimension}": dimension in by for dimension in DIMENSIONS}
    wanted = {name: held[name] for name in ("grain", "cells", "holders", "price", "commitment", "seen")}
    return basis.store.query(
        "cost_lines", tables=wanted, without=_needless(basis, rule), **asked, **_parts(rule)
    )


def _needless(basis: Basis, rule: CostRule) -> list[str]:
    """Parts of cost_lines.sql that have nothing to do: of most questions all of them."""
    spreads = rule.method is Method.usage or {rule.idle, rule.shared} != {Spread.none}
    needed = {
        "commitments": bool(basis.commitments),
        "split": not basis.resources.isdisjoint(("cpu", "memory")),
        "dominant": rule.method is Method.dominant,
        "spread": spreads,
    }
    return [part for part, is_needed in needed.items() if not is_needed]


def _parts(rule: CostRule) -> dict[str, object]:
    """The rule as cost_lines.sql asks for it."""
    spread = {"idle": rule.idle, "shared": rule.shared}
    method = {str(one): rule.method is one for one in (Method.usage, Method.dominant)}
    parts = rule.split or Split(0, 0, 0)
    split = {f"{name}_part": value for name, value in asdict(parts).items() if name != "whole"}
    return {**spread, **method, **split, "whole_parts": parts.whole}
