"""The journals that the ticks of a rehearsal would have read, each question asked once for many of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pipeline.policy.journal import Journal, SeenState, Served
from pipeline.policy.reading import gaps, gaps_between, labelled, seen, served
from pipeline.policy.rules import TRIGGERS, Rule
from pipeline.policy.situation import Trip
from pipeline.store import Store


class Journals:
    """Of the ticks `times`; the target is not known, and nobody has told a rule to rest."""

    def __init__(self, store: Store, times: Sequence[datetime]) -> None:
        self._store, self._times = store, times
        self._snapshot = store.snapshot()
        self._served: dict[tuple[str, tuple[str, ...], int], dict[datetime, tuple[Served, ...]]] = {}
        self._seen: dict[str, tuple[SeenState, ...]] = {}
        self._whole: dict[str, bool] = {}
        """By cluster, whether its sources are known to have missed nothing until the last tick."""

    def at(self, now: datetime, model: str, rule: Rule, tripped: Sequence[Trip]) -> Journal:
        """As `reading.journal` says it at this tick."""
        of = model, rule.detectors, rule.min_count
        if of not in self._served:
            self._served[of] = served(self._store, model, TRIGGERS, *of[1:], self._times)
        if rule.name not in self._seen:
            self._seen[rule.name] = seen(self._store, rule)
        cluster = rule.target.cluster
        if cluster not in self._whole:
            self._whole[cluster] = not gaps_between(self._store, cluster, datetime.min, self._times[-1])
        known = self._served[of].get(now, ())
        missed = () if self._whole[cluster] else gaps(self._store, rule, known, now, tripped)
        told = labelled(self._store, model, rule, now, tripped)
        return Journal(self._snapshot, known, None, missed, None, self._seen[rule.name], told)
