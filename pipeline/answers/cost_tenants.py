"""Methods chosen by team over one ledger: each team's lines by its own, and what that leaves of the bill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from pipeline.answers import cost_lines, cost_table
from pipeline.answers.cost_basis import Basis
from pipeline.answers.cost_columns import Line, Lines
from pipeline.answers.cost_query import DIMENSIONS
from pipeline.settings.cost import CostRule

DIFFERENCE = "method_difference"
"""The team, namespace and so on of what the bill has beyond all that the teams' own methods charge."""
PLACES = ("device", "resource", "node", "gpu_model", "cluster", "hour", "day")
"""Dimensions that are about what is held and not about who holds it: by these the bill is the bill."""


def lines(basis: Basis, by: Sequence[str]) -> Lines:
    """The lines of the answer.

    Where teams chose methods, a team's are those that its method makes of the whole ledger.  The sum
    of all lines, of each device and of each hour, is that of the rule's own method: a line DIFFERENCE holds
    the rest.
    """
    rule, by = basis.rule, [d for d in by if d in DIMENSIONS]
    if not rule.chosen:
        return Lines.of(cost_lines.lines(basis, rule, by))
    keys = by if "team" in by else [*by, "team"]
    bill = Lines.of(cost_lines.lines(basis, rule.by(rule.method), keys)).each()
    found: list[Line] = []
    for method in {rule.method, *(method for _, method in rule.chosen)}:
        own = rule.by(method)
        made = bill if method is rule.method else Lines.of(cost_lines.lines(basis, own, keys)).each()
        found += [line for line in made if rule.of_team(line["team"]) == own]
    return added([*found, *_rest(bill, found, keys)], by)


def rule_of(rule: CostRule, team: str | None) -> CostRule:
    """The rule that made a line of the team's; the whole where the line is of several."""
    return rule if team in (None, "", DIFFERENCE) else rule.of_team(team)


def _rest(bill: Sequence[Line], found: Sequence[Line], keys: Sequence[str]) -> list[Line]:
    """Of each place what the bill has more, or less; no hours, since no method moves time."""
    places = [key for key in keys if key in PLACES]
    rest: dict[tuple[Any, ...], defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for lines, sign in ((bill, 1), (found, -1)):
        for line in lines:
            here = rest[tuple(line[place] for place in places)]
            for name in line:
                if name.endswith("_nano"):
                    here[name] += sign * (line[name] or 0)
    names = dict.fromkeys(keys, DIFFERENCE)
    none = dict.fromkeys((name for name in (*bill, *found)[0] if name.endswith("_su")), 0) if rest else {}
    return [
        {**names, **dict(zip(places, place, strict=True)), **none, **left}
        for place, left in rest.items()
        if any(left.values())
    ]


def added(lines: Sequence[Line], by: Sequence[str]) -> Lines:
    """The lines' sums by `by`."""
    groups: dict[tuple[Any, ...], list[Line]] = defaultdict(list)
    for line in lines:
        groups[tuple(line[key] for key in by)].append(line)
    return Lines.of_each(
        [
            dict(zip(by, key, strict=True)) | cost_table.sums(Lines.of_each(some))
            for key, some in groups.items()
        ]
    )
