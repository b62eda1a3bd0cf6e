"""Which steps of a ladder are due, and what holds each back.  Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.policy.decisions import Gate
from pipeline.policy.ladders import Ladder, Rung
from pipeline.policy.money import Standing
from pipeline.policy.past_steps import PastStep
from pipeline.policy.quiet import quiet
from pipeline.policy.rules import Policy

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SLACK = 5
"""Per cent of the amount that a budget must fall below a step's share before the step is put back for it."""


@dataclass(frozen=True, slots=True)
class Due:
    """A step whose share is reached in one namespace, with every gate; it may be taken when all passed."""

    ladder: Ladder
    rung: Rung
    namespace: str
    standing: Standing
    gates: tuple[Gate, ...]
    episode: int
    """How often the step was taken before in this namespace and period."""

    @property
    def failed(self) -> Gate | None:
        return next((g for g in self.gates if not g.passed), None)


@dataclass(frozen=True, slots=True)
class Moment:
    """All that the gates of one step read."""

    policy: Policy
    ladder: Ladder
    rung: Rung
    namespace: str
    standing: Standing
    history: tuple[PastStep, ...]
    now: datetime
    budgets_due: int
    """Budgets whose ladders call for a step at this tick."""
    muted_until: datetime | None

    def mine(self, past: PastStep) -> bool:
        """The same step of the same ladder in the same namespace."""
        key = (past.rule, past.kind, past.cluster, past.namespace)
        return key == (self.ladder.name, self.rung.step, self.ladder.cluster, self.namespace)

    @property
    def earlier(self) -> tuple[PastStep, ...]:
        return tuple(p for p in self.history if self.mine(p) and p.acted_at is not None)


def reached(rung: Rung, standing: Standing) -> bool:
    found = standing.percent(rung.measure)
    return found is not None and found >= rung.percent


def due(
    policy: Policy,
    standings: Mapping[str, Standing],
    history: tuple[PastStep, ...],
    now: datetime,
    muted: Mapping[str, datetime],
) -> Iterator[Due]:
    """Every step that a budget calls for and that does not hold already, in the order of the file.

    `muted` is by name of the ladder.  A budget of which nothing is known calls for nothing.
    """
    calling = [
        (ladder, rung, standings[ladder.budget])
        for ladder in policy.ladders
        if ladder.budget in standings
        for rung in ladder.rungs
        if reached(rung, standings[ladder.budget])
    ]
    budgets = len({standing.budget for _, rung, standing in calling if rung.step != "notify"})
    for ladder, rung, standing in calling:
        for namespace in ladder.namespaces:
            at = Moment(
                policy, ladder, rung, namespace, standing, history, now, budgets, muted.get(ladder.name)
            )
            if any(p.open for p in at.earlier):
                continue
            this_period = [p for p in at.earlier if p.acted_at and p.acted_at >= standing.start]
            yield Due(ladder, rung, namespace, standing, judge(at), len(this_period))


def over(
    rung: Rung | None, standing: Standing | None, taken_at: datetime, expires: datetime, now: datetime
) -> str:
    """Why a step that holds is to be put back now; '' where it is not."""
    if now >= expires:
        return "time"
    if rung is None or standing is None or (percent := standing.percent(rung.measure)) is None:
        return ""
    if taken_at < standing.start and not reached(rung, standing):
        return "period"
    return "budget" if percent < rung.percent - SLACK else ""


def judge(at: Moment) -> tuple[Gate, ...]:
    """Every gate, passed or failed, in their order; to be told, few are asked."""
    named = {n: g for n, g in GATES.items() if at.rung.step != "notify" or n in TELLING}
    return tuple(Gate(name, *check(at)) for name, check in named.items())


def _kill_switch(at: Moment) -> tuple[bool, str]:
    return not at.policy.kill_switch, f"kill_switch is {'on' if at.policy.kill_switch else 'off'}"


def _not_muted(at: Moment) -> tuple[bool, str]:
    if at.muted_until is None or at.now >= at.muted_until:
        return True, "nobody has muted the ladder"
    return False, f"muted until {at.muted_until.isoformat()}Z"


def _fresh(at: Moment) -> tuple[bool, str]:
    as_of = at.standing.as_of
    if as_of is None:
        return False, "nobody knows until when costs are known"
    age = at.now - as_of
    limit = at.ladder.max_age
    return timedelta(0) <= age <= limit, (
        f"costs are known until {age.total_seconds():g} s ago, allowed are {limit.total_seconds():g} s"
    )


def _breaker(at: Moment) -> tuple[bool, str]:
    limit = at.policy.limits.tripped_targets
    return at.budgets_due <= limit, (
        f"{at.budgets_due} budgets call for a step at once, more than {limit} are a wrong price or our data"
    )


def _not_quiet(at: Moment) -> tuple[bool, str]:
    return quiet((*at.policy.quiet, *at.ladder.quiet), at.now)


def _not_put_back(at: Moment) -> tuple[bool, str]:
    undone = [
        p.action_id[:12] for p in at.earlier if p.by_hand and p.ended_at and p.ended_at >= at.standing.start
    ]
    return not undone, f"a person put {', '.join(undone)} back" if undone else "no person put this step back"


def _cool_down(at: Moment) -> tuple[bool, str]:
    ends = [p.ended_at for p in at.earlier if p.ended_at is not None]
    if not ends:
        return True, "the step was not taken before"
    age, limit = at.now - max(ends), at.ladder.cool_down
    return age >= limit, (
        f"the step ended {age.total_seconds():g} s ago, the cool-down is {limit.total_seconds():g} s"
    )


def _limit(of: str, span: timedelta, words: str, which: Callable[[Moment, PastStep], bool]) -> Check:
    def check(at: Moment) -> tuple[bool, str]:
        times = [p.acted_at for p in at.history if p.kind != "notify" and which(at, p) and p.acted_at]
        done, limit = sum(at.now - t < span for t in times), int(getattr(at.policy.limits, of))
        return done < limit, f"{done} steps {words}, at most {limit}"

    return check


Check = Callable[[Moment], tuple[bool, str]]

GATES: dict[str, Check] = {
    "kill_switch": _kill_switch,
    "not_muted": _not_muted,
    "fresh": _fresh,
    "breaker": _breaker,
    "not_quiet": _not_quiet,
    "not_put_back": _not_put_back,
    "cool_down": _cool_down,
    "per_target_per_day": _limit(
        "per_target_per_day", DAY, "of this kind in the namespace in 24 h", lambda at, p: at.mine(p)
    ),
    "per_namespace_per_hour": _limit(
        "per_namespace_per_hour", HOUR, "in the namespace in 1 h",
        lambda at, p: (p.cluster, p.namespace) == (at.ladder.cluster, at.namespace),
    ),
    "per_cluster_per_hour": _limit(
        "per_cluster_per_hour", HOUR, "in the cluster in 1 h", lambda at, p: p.cluster == at.ladder.cluster
    ),
    "per_hour": _limit("per_hour", HOUR, "anywhere in 1 h", lambda at, p: True),
}  # fmt: skip
TELLING = ("not_muted", "fresh", "cool_down")
