"""The revision journal of a target: which versions served when, and which of them were judged good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Revision:
    """One state that the target can return to: what a ReplicaSet or ControllerRevision of it keeps."""

    revision: int
    """The number that its controller gave it."""
    version: str
    """Model version by the pod template's label; '' where the label is missing."""
    template_hash: str
    """SHA-256 of the canonical pod template without what a controller adds."""
    name: str
    unpinned: tuple[str, ...] = ()
    """What it names that may mean something else by now, in words: a tag, a model without a revision."""


@dataclass(frozen=True, slots=True)
class TargetState:
    """What the cluster said of the target when the decision was made."""

    uid: str
    generation: int
    revision: int
    """The revision that serves."""
    version: str
    template_hash: str
    revisions: tuple[Revision, ...]
    config: Mapping[str, str] = field(default_factory=dict)
    """Hash of each ConfigMap that one of its states uses; '' for one that is not there or cannot be read."""
    owner: str = ""
    """Which other tool or controller writes it, and by which sign, in words; '' for none."""
    owned_by: str = ""
    """The owner's kind and name, as its sign has them; '' where none is named."""
    beside: tuple[str, ...] = ()
    """Versions that have traffic beside `version`, of a target that shares it out."""

    @property
    def serving(self) -> tuple[str, ...]:
        return (self.version, *self.beside)


@dataclass(frozen=True, slots=True)
class SeenState:
    """A state of the target as it was when it was last seen to serve."""

    template_hash: str
    config: Mapping[str, str]
    began: datetime | None = None
    """When it was first seen in its newest stretch; None where no other state was seen before that."""


@dataclass(frozen=True, slots=True)
class Served:
    """One model version: its traffic and the last verdicts on it while it served."""

    version: str
    first: datetime
    """First minute with traffic."""
    last: datetime
    """Last minute with traffic."""
    predictions: int
    good_at: datetime | None
    """End of the newest window judged ok on enough events while it served; of detectors the earliest."""
    good_count: int
    """Labelled predictions or timed requests behind that verdict: the fewest of its detectors."""
    bad_at: datetime | None
    """End of the newest window at level act, by any detector of proven harm."""

    @property
    def judged_good(self) -> bool:
        """The last word on it is good."""
        return self.good_at is not None and (self.bad_at is None or self.bad_at < self.good_at)


@dataclass(frozen=True, slots=True)
class Loss:
    """What one source of the model's events is known to have missed, of one kind of gap."""

    source: str
    kind: str
    end: datetime
    """Of its newest gap."""
    lost: int | None
    """Events, of all its gaps; None where nobody knows the number."""

    @property
    def words(self) -> str:
        number = "an unknown number of" if self.lost is None else self.lost
        return f"{self.source} missed {number} events ({self.kind})"


@dataclass(frozen=True, slots=True)
class Journal:
    """Everything that a decision may know of its target, as of one lake snapshot."""

    snapshot: int
    served: tuple[Served, ...]
    """In order of first traffic."""
    target: TargetState | None
    """None where the cluster could not be read."""
    gaps: tuple[Loss, ...] = ()
    """Since the first event that the verdict rests on, by source and kind."""
    muted_until: datetime | None = None
    """A person has told the rule to rest until then."""
    seen: tuple[SeenState, ...] = ()
    """States of the target that were seen to serve, each once, by hash."""
    labelled: Mapping[str, datetime] = field(default_factory=dict)
    """By version, when the newest label on it was said; asked, and told, only where a rule wants it fresh."""

    def good_versions(self) -> tuple[Served, ...]:
        """Versions judged good, the newest verdict first."""
        good = [(s.good_at, s) for s in self.served if s.good_at is not None and s.judged_good]
        return tuple(s for _, s in sorted(good, key=lambda pair: (pair[0], pair[1].version), reverse=True))

    @property
    def began(self) -> datetime | None:
        """When the target came to its present state; None where nobody saw it change."""
        now = self.target.template_hash if self.target else ""
        return next((s.began for s in self.seen if s.template_hash == now), None)

    def revision_of(self, version: str) -> Revision | None:
        """The newest revision that runs the version."""
        held = self.target.revisions if self.target else ()
        return max((r for r in held if r.version == version), key=lambda r: r.revision, default=None)

    def not_restored(self, to: Revision) -> tuple[str, ...]:
        """What going back to the state does not bring back, in words."""
        now = self.target.config if self.target else {}
        then = next((s.config for s in self.seen if s.template_hash == to.template_hash), None)
        if then is None:
            return (*to.unpinned, *(("ConfigMaps, as those of that time are not known",) if now else ()))
        changed = (f"ConfigMap {n}, which has changed" for n, h in sorted(then.items()) if now.get(n) != h)
        return (*to.unpinned, *changed)
