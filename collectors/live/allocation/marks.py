"""Which claims, pods, pools and nodes are to be settled anew, and who waits for what is not there yet."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from collectors.live.allocation.beside import FOLLOWED, HOLDING
from collectors.live.allocation.book import Moment

Subject = tuple[str, Any]
"""What is settled together: `claim` and `pod` by uid, `pool` by driver and name, `node` by name; `volume` and
`load_balancer` by uid, and who holds each (HOLDING)."""

SUBJECT_OF = {
    "resourceslices": "pool", "resourceclaims": "claim", "pods": "pod", "nodes": "node",
    **{kind: resource for resource, kind in FOLLOWED.items()},
}  # fmt: skip
"""Of each resource of the API server of whose objects there are intervals."""
KIND_OF = {subject: kind for kind, subject in SUBJECT_OF.items()} | {
    HOLDING[resource]: kind for resource, kind in FOLLOWED.items()
}


@dataclass(slots=True)
class Marks:
    dirty: dict[Subject, Moment] = field(default_factory=dict)
    """To be settled, with the moment of their change."""
    waiting: dict[Any, set[Subject]] = field(default_factory=lambda: defaultdict(set))
    """Subjects that miss an object, by its uid or name, or a device, by its pool."""

    def mark(self, subject: Subject, moment: Moment) -> None:
        """The first that is known of a change is nearest to it."""
        self.dirty.setdefault(subject, moment)

    def there(self, name: Any, moment: Moment) -> None:
        """Who waited for it is settled anew."""
        for subject in self.waiting.pop(name, ()):
            self.mark(subject, moment)
