"""The rehearsals that were kept: mode auto is not switched on for a rule that nobody has seen at work."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime

from pipeline.act.events import Publisher, Taken, publish
from pipeline.act.rehearsal import Rehearsal, precision
from pipeline.canonical import canonical, digest, instant
from pipeline.errors import ConfigError
from pipeline.policy.rules import Policy, Rule, Target
from pipeline.store import Store


def rule_hash(rule: Rule) -> str:
    """Of everything that decides when it acts, and of its mode nothing."""
    return digest({k: v for k, v in asdict(rule).items() if k != "mode"})


def keep(
    publisher: Publisher, rule: Rule, found: Rehearsal, start: datetime, end: datetime, now: datetime
) -> Taken:
    """One rule's rehearsal into the ledger."""
    acts = found.of(rule.name)
    share = precision(acts)
    content = {
        "rule": rule_hash(rule), "from": start, "to": end, "ticks": found.ticks, "acts": len(acts),
        "precision": share,
    }  # fmt: skip
    words = (
        f"rehearsed over {found.ticks} ticks from {instant(start)} to {instant(end)}: "
        f"{len(acts)} actions, precision {'unknown' if share is None else f'{share:.0%}'}"
    )
    taken = Taken(
        digest(["record", rule.name]), "granted", "record", rule.name, Target("", "", "", ""), "", "", "",
        None, canonical(content), words,
    )  # fmt: skip
    return publish(publisher, taken, now)


def demand(store: Store, policy: Policy) -> None:
    """Raises ConfigError for the first rule in mode auto without a kept rehearsal of the rule as it is."""
    for place, rule in enumerate(policy.rules):
        if rule.mode != "auto":
            continue
        rows = store.query("rule_record", rule=rule.name).to_pylist()
        record = json.loads(rows[0]["evidence"]) if rows else {}
        if record.get("rule") != rule_hash(rule) or not record["ticks"]:
            raise ConfigError(
                f"rules[{place}].mode",
                "auto",
                f"nobody has seen rule {rule.name} at work as it is now; look at what it would have done: "
                "driftledger policy replay FILE --from TIME --to TIME --record",
            )
