"""The lines of a cost answer, exact integers: the grain priced, and spread as the rule says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import pyarrow as pa

from pipeline.answers import cost_days, cost_query
from pipeline.answers.cost_basis import Basis
from pipeline.answers.cost_query import DIMENSIONS
from pipeline.answers.instants import from_micros
from pipeline.settings.cost import CostRule, Method, Split


def lines(basis: Basis, rule: CostRule, by: Sequence[str]) -> pa.Table:
    """GPU time (su) and cost (nano) by the dimensions of `by`; the columns are those of cost_lines.sql.

    `rule` has one method for everybody, and the shared namespaces of the basis.
    """
    spread = {"idle": rule.idle, "shared": rule.shared}
    method = {str(one): rule.method is one for one in (Method.usage, Method.dominant)}
    parts = rule.split or Split(0, 0, 0)
    split = {f"{name}_part": value for name, value in asdict(parts).items() if name != "whole"}
    given = {**spread, **method, **split, "whole_parts": parts.whole}
    most, recalled = rule.charges_use, basis.recalled(rule, "hour" in by)

    def compute(some: pa.Table, by: Sequence[str]) -> pa.Table:
        held = {**basis.tables, "cells": some}
        held["grain"] = cost_query.worked(
            basis.store, held, from_micros(max(some["b"].to_pylist())), most=most
        )
        asked = {f"by_{dimension}": dimension in by for dimension in DIMENSIONS}
        wanted = {name: held[name] for name in ("grain", "cells", "holders", "price", "commitment", "seen")}
        return basis.store.query("cost_lines", tables=wanted, **asked, **given)

    return cost_days.lines(basis, by, DIMENSIONS, f"{given} {most}", compute, recalled)
