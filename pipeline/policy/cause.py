"""Gates on the cause: harm that came with a version's change, and is no outage, common move or our data."""

from __future__ import annotations

from datetime import datetime, timedelta

from detectors.finding import Finding
from pipeline.policy.situation import Situation


def breaker(s: Situation) -> tuple[bool, str]:
    limit = s.policy.limits.tripped_targets
    most = max(len(s.tripped_targets), len(s.harmed_models))
    if len(s.judged_models) > 1 and not s.calm_models:
        return False, (
            f"of {len(s.judged_models)} models that are judged none is calm: "
            "one outage or our data, not the change"
        )
    return most <= limit, (
        f"{len(s.tripped_targets)} targets and {len(s.harmed_models)} models trip at once, "
        f"at most {limit} can be separate faults"
    )


def sources_whole(s: Situation) -> tuple[bool, str]:
    """A source with a gap now stops every rule of its cluster; an older one what it alone could explain.

    Older is since the version's first traffic that was judged: taken that all that was lost was calm and of
    this version, its harm must still be there.  A loss of which nobody knows the number explains anything.
    """
    first = next((v.first for v in s.journal.served if v.version == s.trip.model_version), s.now)
    gaps = [g for g in s.journal.gaps if g.end >= min(first, s.now - s.rule.max_age)]
    now = [g for g in gaps if g.end >= s.now - s.rule.max_age]
    if now or not gaps:
        return not now, "; ".join(g.words for g in now) or "no source of these events is known to have gaps"
    words = f"{'; '.join(g.words for g in gaps)} while {s.trip.model_version} was judged"
    lost = [g.lost for g in gaps if g.lost is not None]
    if len(lost) < len(gaps):
        return False, f"{words}: that alone could be the harm"
    mine = [f for d in s.rule.detectors if (f := s.trip.of(d))]
    could = [f.detector for f in mine if _explained(f, sum(lost))]
    if could:
        return False, f"{words}: with these as calm ones {' and '.join(could)} would be within the bound"
    return True, f"{words}: were all of these calm, the rate would still be above the bound"


def _explained(finding: Finding, lost: int) -> bool:
    """Whether so many more events without harm bring the rate to the bound, or nobody can tell."""
    rate, bound = finding.evidence.get("rate"), finding.evidence.get("bound")
    if not isinstance(rate, (int, float)) or not isinstance(bound, (int, float)) or rate <= 0:
        return True
    errors = finding.evidence.get("errors", rate * finding.count)  # of segments: those of the strongest
    return not isinstance(errors, (int, float)) or errors / (errors / rate + lost) <= bound


def siblings_calm(s: Situation) -> tuple[bool, str]:
    """Harm that other versions have too did not come with this one."""
    moved = [f for f in s.siblings if f.level in ("warn", "act") and s.now - f.end <= s.rule.max_age]
    words = ", ".join(f"{f.detector} says {f.level} on {f.model_version} too" for f in moved)
    return not moved, words or f"{len(s.siblings)} verdicts on other versions, none of them of harm"


def came_with_change(s: Situation) -> tuple[bool, str]:
    """By when the target itself was seen to change; where nobody saw that, by the version's first traffic."""
    changed, what = _changed(s)
    if changed is None:
        return False, what
    age = max(s.trip.since(s.rule) - changed, timedelta(0))
    return age <= s.rule.change_window, (
        f"harm is proven {age.total_seconds():g} s after {what}, "
        f"later than {s.rule.change_window.total_seconds():g} s the change is not its cause"
    )


def _changed(s: Situation) -> tuple[datetime | None, str]:
    """When the version came, and by what that is known."""
    version, since = s.trip.model_version, s.trip.since(s.rule)
    first = next((v.first for v in s.journal.served if v.version == version), None)
    if first is None:
        return None, f"the ledger has no traffic of {version}"
    began = s.journal.began
    if began is None or began - since > s.rule.max_age:  # seen late: it came long before that
        return first, f"the first traffic of {version}"
    return began, f"{s.rule.target.workload} was seen to change"


def control(s: Situation) -> tuple[bool, str]:
    """Something that did not change and is calm; in a fleet of one, what was there before."""
    calm = [f for f in s.siblings if f.level == "ok"]
    if calm:
        return True, ", ".join(f"{f.detector} says ok on {f.model_version}" for f in calm)
    others = [model for model in s.calm_models if model != s.trip.model]
    if others:
        return True, f"calm meanwhile: {', '.join(others)}"
    to, (changed, what) = s.destination, _changed(s)
    before = next((v for v in s.journal.served if to and v.version == to.version), None)
    if before is None or before.good_at is None or changed is None:
        return False, "no other version and no other model is judged now, and none before it"
    age = max(changed - before.good_at, timedelta(0))
    return age <= s.rule.change_window, (
        f"nothing else is judged now; {before.version} was judged good {age.total_seconds():g} s "
        f"before {what}, allowed are {s.rule.change_window.total_seconds():g} s"
    )
