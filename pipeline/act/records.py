"""The rehearsals that were kept: mode auto is not switched on for a rule that nobody has seen at work."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime

from pipeline.act import ladder_rehearsal
from pipeline.act.events import Publisher, Taken, publish
from pipeline.act.ladder_rehearsal import Climbed
from pipeline.act.rehearsal import Rehearsal, precision
from pipeline.canonical import canonical, digest, instant
from pipeline.errors import ConfigError
from pipeline.policy.ladders import Ladder
from pipeline.policy.rules import Policy, Rule, Target
from pipeline.store import Store

_BESIDE = ("mode", "prove_within")
_MAY = ("quiet", "gitops", "max_label_age")


def rule_hash(rule: Rule) -> str:
    """Of everything that decides when it acts, and of its mode nothing."""
    # When it acts does not follow from when it is measured, nor from what it does not have.
    return digest({k: v for k, v in asdict(rule).items() if k not in _BESIDE and (k not in _MAY or v)})


def ladder_hash(ladder: Ladder) -> str:
    """Of everything that decides when it acts, and of its mode nothing."""
    return digest({k: v for k, v in asdict(ladder).items() if k != "mode"})


def keep_ladder(
    publisher: Publisher,
    ladder: Ladder,
    found: Climbed,
    start: datetime,
    end: datetime,
    now: datetime,
) -> Taken:
    """One ladder's rehearsal into the ledger."""
    mine = found.of(ladder.name)
    share = ladder_rehearsal.precision(mine)
    ticks = found.looked.get(ladder.name, 0)
    return _kept(publisher, ladder.name, ladder_hash(ladder), (ticks, len(mine), share), start, end, now)


def keep(
    publisher: Publisher, rule: Rule, found: Rehearsal, start: datetime, end: datetime, now: datetime
) -> Taken:
    """One rule's rehearsal into the ledger."""
    acts = found.of(rule.name)
    figures = (found.ticks, len(acts), precision(acts))
    return _kept(publisher, rule.name, rule_hash(rule), figures, start, end, now)


def _kept(
    publisher: Publisher,
    name: str,
    hashed: str,
    figures: tuple[int, int, float | None],
    start: datetime,
    end: datetime,
    now: datetime,
) -> Taken:
    ticks, acts, share = figures
    content = {
        "rule": hashed, "from": start, "to": end, "ticks": ticks, "acts": acts, "precision": share,
    }  # fmt: skip
    words = (
        f"rehearsed over {ticks} ticks from {instant(start)} to {instant(end)}: "
        f"{acts} actions, precision {'unknown' if share is None else f'{share:.0%}'}"
    )
    taken = Taken(
        digest(["record", name]), "granted", "record", name, Target("", "", "", ""), "", "", "",
        None, canonical(content), words,
    )  # fmt: skip
    return publish(publisher, taken, now)


def kept(store: Store, ladders: Iterable[Ladder]) -> Iterator[str]:
    """What the newest rehearsal of each ladder as it is says; looking at each day anew is for replay."""
    for ladder in ladders:
        rows = store.query("rule_record", rule=ladder.name).to_pylist()
        same = rows and json.loads(rows[0]["evidence"]).get("rule") == ladder_hash(ladder)
        words = (
            rows[0]["detail"] if same else "no rehearsal is kept; run `driftledger policy replay --record`"
        )
        yield f"so far, ladder {ladder.name}: {words}"


def demand(store: Store, policy: Policy) -> None:
    """Raises ConfigError for the first in mode auto without a kept rehearsal of it as it is."""
    named: list[tuple[str, Rule | Ladder, str]] = [
        (f"rules[{i}].mode", r, rule_hash(r)) for i, r in enumerate(policy.rules)
    ]
    named += [(f"ladders[{i}].mode", one, ladder_hash(one)) for i, one in enumerate(policy.ladders)]
    for key, rule, hashed in named:
        if rule.mode != "auto":
            continue
        rows = store.query("rule_record", rule=rule.name).to_pylist()
        record = json.loads(rows[0]["evidence"]) if rows else {}
        if record.get("rule") != hashed or not record["ticks"]:
            raise ConfigError(
                key,
                "auto",
                f"nobody has seen {key.split('s[')[0]} {rule.name} at work as it is now; "
                "look at what it would have done: "
                "driftledger policy replay FILE --from TIME --to TIME --record",
            )
