"""The operator's page is true: every metric, kind of gap and header of a dead letter has its line."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from collectors.publish.losses import TORN
from collectors.publish.stats import Stats
from pipeline import offset_gaps
from pipeline.collect.publishing import Numbers
from pipeline.wire import dead_letter
from pipeline.worker.metrics import Metrics

DOCS = Path(__file__).parents[2] / "docs"
RULES = DOCS / "alerts.rules.yaml"
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
EVENTS = (DOCS / "events.md").read_text(encoding="utf-8")


STATS = Stats(*[0] * 11, connects=0, connected=False, last_error="")


def test_the_metrics_are_those_of_the_code() -> None:
    """An alert on a metric that does not exist never fires; one that no page names nobody sets."""
    publishing = Numbers()
    assert not list(publishing.collect()), "what does not publish shows no zeros of it"
    publishing.of = lambda: STATS
    families = [*Metrics().registry.collect(), *publishing.collect()]
    collected = {f.name + ("_total" if f.type == "counter" else "") for f in families}
    assert set(re.findall(r"`(driftledger_\w+)", OPERATIONS)) == collected


def test_the_rules_are_those_of_the_page() -> None:
    """Who reads of an alert looks for its rule, and who gets one for what it means."""
    groups = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    ours = [g for g in groups if g["name"] in ("driftledger-workers", "driftledger-publishers")]
    rules = [rule["alert"] for group in ours for rule in group["rules"]]
    assert re.findall(r"^\| `(Driftledger\w+)` \|", OPERATIONS, re.MULTILINE) == rules


def test_the_kinds_of_gaps_are_explained() -> None:
    """Somebody who is told of a loss looks here for what it means."""
    kinds = {offset_gaps.LOST, offset_gaps.TRUNCATED, offset_gaps.RECREATED, TORN}
    assert all(f"| `{kind}` |" in OPERATIONS for kind in kinds)


def test_the_headers_of_a_dead_letter_are_explained() -> None:
    """Who repairs one by hand needs to know where it came from."""
    assert all(f"| `{name}` | {meaning} |" in EVENTS for name, meaning in dead_letter.MEANINGS.items())
