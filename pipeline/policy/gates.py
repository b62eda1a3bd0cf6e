"""The gates between a finding and a change of the cluster: each says yes or no, and on which numbers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from pipeline.policy import cause
from pipeline.policy.decisions import Gate, PastAction
from pipeline.policy.quiet import quiet
from pipeline.policy.rules import Rule
from pipeline.policy.situation import Situation

Check = Callable[[Situation], tuple[bool, str]]

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def judge_gates(situation: Situation) -> tuple[Gate, ...]:
    """Every gate that the rule asks for, passed or failed, in the order of GATES."""
    asked = {name: check for name, check in GATES.items() if ONLY_IF.get(name, _always)(situation.rule)}
    return tuple(Gate(name, *check(situation)) for name, check in asked.items())


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


def _labels_fresh(s: Situation) -> tuple[bool, str]:
    """Traffic goes on when labels rest, and the verdict on them stays as it was."""
    limit, newest = s.rule.max_label_age or timedelta(0), s.journal.labelled.get(s.trip.model_version)
    allowed = f"allowed are {limit.total_seconds():g} s"
    if newest is None:
        return False, f"no label on {s.trip.model_version} is as new as it has to be, {allowed}"
    age = s.now - newest
    return timedelta(0) <= age <= limit, (
        f"the newest label on {s.trip.model_version} was said {age.total_seconds():g} s before now, {allowed}"
    )


def _enough_events(s: Situation) -> tuple[bool, str]:
    counts = {d: f.count for d in s.rule.detectors if (f := s.trip.of(d))}
    words = ", ".join(f"{d} rests on {n}" for d, n in counts.items())
    return min(counts.values()) >= s.rule.min_count, f"{words} events, needed are {s.rule.min_count}"


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
    "labels_fresh": _labels_fresh,
    "enough_events": _enough_events,
    "breaker": cause.breaker,
    "sources_whole": cause.sources_whole,
    "siblings_calm": cause.siblings_calm,
    "came_with_change": cause.came_with_change,
    "target_read": _target_read,
    "owner_agrees": _owner_agrees,
    "action_settled": _settled,
    "serving": _serving,
    "judged_good": _judged_good,
    "no_ping_pong": _no_ping_pong,
    "revision_kept": _revision_kept,
    "changes_something": _changes_something,
    "control": cause.control,
    "not_put_back": _not_put_back,
    "cool_down": _cool_down,
    "per_target_per_day": _limit(DAY, "per_target_per_day", "on the target in 24 h"),
    "per_namespace_per_hour": _limit(HOUR, "per_namespace_per_hour", "in the namespace in 1 h"),
    "per_cluster_per_hour": _limit(HOUR, "per_cluster_per_hour", "in the cluster in 1 h"),
    "per_hour": _limit(HOUR, "per_hour", "anywhere in 1 h"),
}

ONLY_IF: dict[str, Callable[[Rule], bool]] = {"labels_fresh": lambda rule: rule.max_label_age is not None}
"""Gates that only some rules have."""


def _always(_: Rule) -> bool:
    return True
