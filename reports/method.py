"""How a month's charges were made, in plain words: what always holds, the month's rule, and its buckets."""

from __future__ import annotations

from pipeline.facts.months import BUCKETS
from reports.statement import Statement

_FIRST = (
    "A GPU is paid for while it exists, at the price per GPU-hour of the price book named below.",
    "Each moment of a GPU is in exactly one of six places, which sum to its price: used, held without work, "
    "serving all, held by nobody, left over beside partitions, or not allocatable.",
)
_LAST = (
    "Active hours are those in which a held GPU did anything at all, idle hours those in which it did "
    "nothing. A GPU that computes a fifth of every minute is active all the time, and never idle; a fifth "
    "of its cost is used and four fifths are unused. So a workload without an idle hour can have an unused "
    "cost.",
    "A pod pays the share of the GPU that it holds: a MIG slice its part of the card, a time-sliced pod its "
    "replicas of all replicas, pods on one claim equal parts. Shares never sum to more than the card.",
    "Amounts are computed to a billionth and rounded to cents at the end, largest remainder first, so that "
    "lines sum to their team and teams to the total.",
    "Where no sample says what a held GPU did, it counts as held without work; the completeness says how "
    "much was seen. A GPU without a price is listed as unpriced and is in no amount.",
)
_WHERE = {
    "used": "Used is the time in which somebody held it, times how busy it was.",
    "workload_idle": "Held without work is the rest of the time in which somebody held it.",
    "shared": "Serves all is what a namespace held that works for every team, such as the GPUs' own drivers.",
    "cluster_idle": "Held by nobody is the time in which it was free to be taken.",
    "stranded": "Left over beside partitions is the part of a card that none of its partitions has.",
    "unhealthy": "Not allocatable is the time in which its node could give it to nobody.",
}
_BY = {
    "allocation": "Who holds a GPU pays for it, whether it computes or not.",
    "usage": "Who computes pays: what is held without work is paid by those who worked, in proportion to it.",
    "max": "Each pays the larger of what it holds and what it uses; of a GPU that is what it holds.",
    "dominant": "Each pays of its node the largest of its parts of the GPUs, the CPUs and the memory.",
    "aws-split": "Who holds a GPU pays for it; a node's price goes to a GPU, a core and a GiB as 90 : 9 : 1.",
    "datadog": "Who holds a GPU pays for it; its node's price goes to GPUs, cores, memory as 95 : 3 : 2.",
    "opencost": "Who holds a GPU pays for it; a node's price goes to GPU, core and GiB as 950 : 31.6 : 4.2.",
}  # fmt: skip
_STAYS = {
    "idle": "Time that nobody holds is a line of its own, which no team pays.",
    "shared": "What serves all stays with the team that holds it.",
}
_PAYS = {
    "weighted": "{what} is paid by the holders of its cluster and hour, in proportion to their cost.",
    "even": "{what} is paid by the holders of its cluster and hour, by each alike.",
}
_OWN = "Some teams pay by a method of their own, which the rule names; what it leaves of the bill is a line."


def method(of: Statement) -> list[str]:
    """The sentences of this month; of its buckets those in which it has an amount."""
    named = zip(BUCKETS, of.buckets, strict=True) if of.teams else ()
    return [*_FIRST, *(_WHERE[name] for name, amount in named if amount), *_rule(of.rule), *_LAST]


def _rule(identity: str) -> list[str]:
    """By its id, method/idle-SPREAD/shared-SPREAD; nothing of what is not known here."""
    by, *rest = identity.split("/")
    usual, *own = by.split("+")
    said = [_BY.get(usual, ""), _OWN if own else ""]
    for part in rest:
        what, _, spread = part.partition("-")
        whose = {"idle": "Time that nobody holds", "shared": "What serves all"}.get(what)
        if spread == "none":
            said.append(_STAYS.get(what, ""))
        elif whose is not None and spread in _PAYS:
            said.append(_PAYS[spread].format(what=whose))
    return [sentence for sentence in said if sentence]
