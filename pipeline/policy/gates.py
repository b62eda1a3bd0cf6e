"""The gates between a finding and a change of the cluster: each says yes or no, and on which numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from pipeline.policy.decisions import Gate, PastAction
from pipeline.policy.quiet import quiet
from pipeline.policy.situation import Situation

Check = Callable[[Situation], tuple[bool, str]]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def judge_gates(situation: Situation) -> tuple[Gate, ...]:
    """Every gate, passed or failed, in the order of GATES."""
    return tuple(Gate(name, *check(situation)) for name, check in GATES.items())


def _kill_switch(s: Situation) -> tuple[bool, str]:
    return not s.policy.kill_switch, f"kill_switch is {'on' if s.policy.kill_switch else 'off'}"


def _evidence_complete(s: Situation) -> tuple[bool, str]:
    levels = {d: (f.level if (f := s.trip.of(d)) else "missing") for d in s.rule.detectors}
    words = ", ".join(f"{d} says {level}" for d, level in levels.items())
    return all(level == "act" for level in levels.values()), words


def _fresh(s: Situation) -> tuple[bool, str]:
    ends = [f.end for d in s.rule.detectors if (f := s.trip.of(d))]
    age = s.now - min(ends)
    return timedelta(0) <= age and max(ends) <= s.now and age <= s.rule.max_age, (
        f"the oldest finding ends {age.total_seconds():g} s before now, allowed are "
        f"{s.rule.max_age.total_seconds():g} s"
    )


def _enough_events(s: Situation) -> tuple[bool, str]:
    counts = {d: f.count for d in s.rule.detectors if (f := s.trip.of(d))}
    words = ", ".join(f"{d} rests on {n}" for d, n in counts.items())
    return min(counts.values()) >= s.rule.min_count, f"{words} events, needed are {s.rule.min_count}"


def _breaker(s: Situation) -> tuple[bool, str]:
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


def _sources_whole(s: Situation) -> tuple[bool, str]:
    return not s.journal.gaps, "; ".join(s.journal.gaps) or "no source of these events is known to have gaps"


def _siblings_calm(s: Situation) -> tuple[bool, str]:
    """Harm that other versions have too did not come with this one."""
    moved = [f for f in s.siblings if f.level in ("warn", "act") and s.now - f.end <= s.rule.max_age]
    words = ", ".join(f"{f.detector} says {f.level} on {f.model_version} too" for f in moved)
    return not moved, words or f"{len(s.siblings)} verdicts on other versions, none of them of harm"


def _came_with_change(s: Situation) -> tuple[bool, str]:
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


def _control(s: Situation) -> tuple[bool, str]:
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


def _not_muted(s: Situation) -> tuple[bool, str]:
    until = s.journal.muted_until
    if until is None or s.now >= until:
        return True, "nobody has muted the rule"
    return False, f"muted until {until.isoformat()}Z"


def _not_quiet(s: Situation) -> tuple[bool, str]:
    return quiet((*s.policy.quiet, *s.rule.quiet), s.now)


def _not_put_back(s: Situation) -> tuple[bool, str]:
    """Who put a change back, a person or another controller, would do so again."""
    undone = [
        p.action_id[:12]
        for p in s.history
        if p.on(s.rule.target) and p.model_version == s.trip.model_version and p.state == "undone"
    ]
    words = f"somebody put back what {', '.join(undone)} did against {s.trip.model_version}"
    return not undone, words if undone else "no action against this version was put back"


def _target_read(s: Situation) -> tuple[bool, str]:
    if s.state is None:
        return False, f"{s.rule.target.workload} could not be read from cluster {s.rule.target.cluster}"
    return (
        True,
        f"{s.rule.target.workload} is at generation {s.state.generation}, revision {s.state.revision}",
    )


def _owner_agrees(s: Situation) -> tuple[bool, str]:
    """A GitOps tool or a controller would put the change back."""
    if s.state is None or not s.state.owner:
        return True, "nobody else owns it"
    option = s.rule.gitops
    if option is None:
        return False, f"{s.state.owner}; change it at its source, or say gitops in the rule"
    if not option.owner.is_it(s.state.owned_by):
        return False, f"{s.state.owner}; that is not {option.owner.words}"
    return True, f"{s.state.owner}; {option.words}"


def _serving(s: Situation) -> tuple[bool, str]:
    runs = s.state.serving if s.state else ()
    return s.trip.model_version in runs, (
        f"label {s.rule.version_label} of the running template says {' and '.join(runs) or 'nothing'}, "
        f"the finding is on {s.trip.model_version}"
    )


def _judged_good(s: Situation) -> tuple[bool, str]:
    others = [g for g in s.journal.good_versions() if g.version != s.trip.model_version]
    good = [g for g in others if g.good_count >= s.rule.min_count]
    if not good:
        by = " and ".join(s.rule.detectors)
        return False, f"no other version was judged good by {by} on {s.rule.min_count} events while it served"
    words = "; ".join(f"{g.version} on {g.good_count} events" for g in good)
    return True, f"judged good while serving: {words}"


def _no_ping_pong(s: Situation) -> tuple[bool, str]:
    good = {g.version for g in s.journal.good_versions()} - {s.trip.model_version}
    left = sorted(good & s.acted_against)
    free = not good or bool(good - s.acted_against)
    return free, f"versions that an earlier action left are never returned to: {', '.join(left) or 'none'}"


def _revision_kept(s: Situation) -> tuple[bool, str]:
    found = s.destination
    if found is None:
        return False, "no state of a version judged good is kept; see spec.revisionHistoryLimit"
    return True, f"{found.name} keeps {found.version} as revision {found.revision}"


def _changes_something(s: Situation) -> tuple[bool, str]:
    found = s.destination
    same = found is not None and s.state is not None and found.template_hash == s.state.template_hash
    return not same, "both templates are the same" if same else "the templates differ"


def _settled(s: Situation) -> tuple[bool, str]:
    words = ", ".join(f"{p.action_id[:12]} is {p.state}" for p in s.under_way)
    return not words, words or "no earlier action on the target is under way"


def _cool_down(s: Situation) -> tuple[bool, str]:
    times = [p.acted_at for p in s.history if p.on(s.rule.target) and p.acted_at is not None]
    if not times:
        return True, "no earlier action on the target"
    age = s.now - max(times)
    return age >= s.rule.cool_down, (
        f"the last action on the target was {age.total_seconds():g} s ago, "
        f"the cool-down is {s.rule.cool_down.total_seconds():g} s"
    )


def _count(s: Situation, span: timedelta, which: Callable[[PastAction], bool]) -> int:
    return sum(p.acted_at is not None and s.now - p.acted_at < span and which(p) for p in s.history)


def _limit(span: timedelta, of: str, words: str) -> Check:
    def check(s: Situation) -> tuple[bool, str]:
        scope: dict[str, Callable[[PastAction], bool]] = {
            "per_target_per_day": lambda p: p.on(s.rule.target),
            "per_namespace_per_hour": lambda p: (
                (p.cluster, p.namespace) == (s.rule.target.cluster, s.rule.target.namespace)
            ),
            "per_cluster_per_hour": lambda p: p.cluster == s.rule.target.cluster,
            "per_hour": lambda _: True,
        }
        done, limit = _count(s, span, scope[of]), int(getattr(s.policy.limits, of))
        return done < limit, f"{done} actions {words}, at most {limit}"

    return check


GATES: dict[str, Check] = {
    "kill_switch": _kill_switch,
    "not_muted": _not_muted,
    "not_quiet": _not_quiet,
    "evidence_complete": _evidence_complete,
    "fresh": _fresh,
    "enough_events": _enough_events,
    "breaker": _breaker,
    "sources_whole": _sources_whole,
    "siblings_calm": _siblings_calm,
    "came_with_change": _came_with_change,
    "target_read": _target_read,
    "owner_agrees": _owner_agrees,
    "action_settled": _settled,
    "serving": _serving,
    "judged_good": _judged_good,
    "no_ping_pong": _no_ping_pong,
    "revision_kept": _revision_kept,
    "changes_something": _changes_something,
    "control": _control,
    "not_put_back": _not_put_back,
    "cool_down": _cool_down,
    "per_target_per_day": _limit(DAY, "per_target_per_day", "on the target in 24 h"),
    "per_namespace_per_hour": _limit(HOUR, "per_namespace_per_hour", "in the namespace in 1 h"),
    "per_cluster_per_hour": _limit(HOUR, "per_cluster_per_hour", "in the cluster in 1 h"),
    "per_hour": _limit(HOUR, "per_hour", "anywhere in 1 h"),
}
