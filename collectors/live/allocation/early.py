"""Changes that come before every resource was listed: they wait, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass, field

from collectors.live.kube.news import News

MOST = 50_000
"""News that wait as they came; of more only each object's newest state is kept."""


@dataclass(slots=True)
class Early:
    """In the order in which they came; `dropped` is by kind from when to when changes were left out."""

    waiting: list[News] = field(default_factory=list)
    dropped: dict[str, tuple[int, int]] = field(default_factory=dict)
    _kept: int = 0
    """News that the last shortening left: it must pay to shorten again."""

    def add(self, news: News) -> None:
        self.waiting.append(news)
        if len(self.waiting) >= max(MOST, 2 * self._kept):
            self._shorten()

    def taken(self) -> list[News]:
        """All of it, which then waits no more."""
        taken, self.waiting, self._kept = self.waiting, [], 0
        return taken

    def _shorten(self) -> None:
        kept = sorted(_newest(self.waiting))
        for index in set(range(len(self.waiting))) - set(kept):
            one = self.waiting[index]
            if one.what in ("put", "gone"):
                since, until = self.dropped.get(one.kind, (one.at, one.at))
                self.dropped[one.kind] = (min(since, one.at), max(until, one.at))
        self.waiting = [self.waiting[index] for index in kept]
        self._kept = len(kept)


def _newest(waiting: list[News]) -> set[int]:
    """Places of the last whole list of each kind, and after it of what each object was last."""
    lists: dict[str, list[int]] = {}
    changes: dict[str, dict[str, list[int]]] = {}
    whole: dict[str, bool] = {}
    for index, one in enumerate(waiting):
        if one.what == "listed":
            if whole.pop(one.kind, True):
                lists[one.kind] = []
            lists[one.kind].append(index)
            whole[one.kind] = False
        elif one.what == "synced":
            found = lists.setdefault(one.kind, [])
            if whole.get(one.kind, True):
                found.clear()  # an empty list
            found.append(index)
            whole[one.kind] = True
            changes.pop(one.kind, None)
        else:
            states = changes.setdefault(one.kind, {}).setdefault(one.value.uid, [])
            if one.what == "put":
                states.clear()
            elif states and waiting[states[-1]].what == "gone":
                states.pop()
            states.append(index)
    return {
        *(index for found in lists.values() for index in found),
        *(index for objects in changes.values() for states in objects.values() for index in states),
    }
