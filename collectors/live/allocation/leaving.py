"""Those who held a device together and left one after another: what the others had from each time on.

They are told to have left together where nobody watched while they did, or where a claim lets go of them at
once.  A device's shares must sum up then too: whoever stays longer takes over what was left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from collectors.dra.shares import Share
from collectors.live.allocation.book import Identity, Moment, Row


def steps(held: Mapping[Identity, Row], leaving: Mapping[Identity, Moment]) -> list[tuple[Moment, list[Row]]]:
    """When each of those `leaving` left, in order, and the rows of those that stayed then."""
    there, found = dict(held), []
    for time in sorted({moment.time for moment in leaving.values()}):
        left = {i: moment for i, moment in leaving.items() if moment.time == time}
        before = _together(there)
        there = {i: row for i, row in there.items() if i not in left}
        after = _together(there)
        there = {i: _grown(row, before[row["place"]], after[row["place"]]) for i, row in there.items()}
        found.append((min(left.values()), list(there.values())))
    return found


def _together(rows: Mapping[Identity, Row]) -> Counter[str]:
    return Counter(row["place"] for row in rows.values())


def _grown(row: Row, before: int, after: int) -> Row:
    """All who hold a place have the same of it: where `before` had it, `after` have it now."""
    if before == after or row.get("device_units") is None:
        return row
    units, rest = divmod(row["device_units"] * after, before)
    share = Share(row["share_units"], units)
    if rest:
        share = Share(row["share_units"], row["device_units"]).times(Share(before, after))
    return row | {"share_units": share.held, "device_units": share.whole}
