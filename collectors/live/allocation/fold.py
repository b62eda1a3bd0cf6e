"""The cluster's state into intervals: what each claim and each pod holds, and what there is to hold.

Pure; meant to give the same intervals wherever the news are cut into turns, and after a restart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from collectors.live.allocation import devices, dra, joined, named, plugin
from collectors.live.allocation.account import Account
from collectors.live.allocation.beside import FOLLOWED, HOLDING
from collectors.live.allocation.book import Book, Identity, Moment, Row
from collectors.live.allocation.changes import KINDS, Changes, Subject
from collectors.live.allocation.context import Context, Names
from collectors.live.allocation.early import Early
from collectors.live.allocation.meta import at
from collectors.live.allocation.output import parsed
from collectors.live.kube.news import News
from collectors.parsed import Parsed
from pipeline.events import Rejected

_ORDER = ("pool", "claim", "pod", *FOLLOWED, *HOLDING.values(), "node")
"""Claims need the devices of their pools; nodes are told the devices that pods have."""

_CHANGES = ("listed", "synced", "put", "gone")
_BESIDE = {kind: resource for resource, kind in FOLLOWED.items()}
_SUBJECT = {"resourceslices": "pool", "resourceclaims": "claim", "pods": "pod", "nodes": "node", **_BESIDE}
_KIND = {subject: kind for kind, subject in _SUBJECT.items()} | {HOLDING[r]: k for r, k in FOLLOWED.items()}
_WHOSE = ("namespace", "workload", "workload_revision", "team", "model", "model_version", "labels")
_LEDGER_KEY = ("device", "share_id", "claim_uid", "consumer_uid", "container", "start")


def parse(news: Iterable[News], fold: Fold, now: int) -> Parsed:
    """What was told since the last time as events; `fold` is what is remembered, and moved on.

    The unit counted is an object as it was told.  `now`, microseconds since 1970 UTC, is not before any of
    them.  Nothing is said before every resource was listed once.
    """
    fold.take(news)
    return fold.settle(now) if fold.changes.complete else Parsed(0, 0)


class Fold:
    """`take` news, `settle` now and then, `kept` is what goes on after a restart."""

    def __init__(
        self,
        cluster: str,
        names: Names,
        kept: Mapping[str, Any] | None = None,
        kinds: tuple[str, ...] = KINDS,
    ) -> None:
        self.cluster = cluster
        self.context = Context(names)
        self.allocations = Book(
            ("place", "consumer_uid"),
            ("device", "share_id"),
            ("share_units", "device_units", "team", "labels"),
        )
        self.inventory = Book(("place",), ("device",), ("health", "quantity"), ("parent_device",))
        self.changes = Changes(self.context, self._about, kinds)
        self._names: News | None = None
        self._given: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        self._slots: plugin.Slots = {}
        self._told: dict[str, dict[tuple[Any, ...], Row]] = {"allocation": {}, "device": {}}
        """The newest row of each of the ledger's keys since the last turn: they have one revision."""
        self._revision = 0
        self._early = Early()
        """Changes to what was listed, while other resources are not: nothing can be settled until then."""
        if kept is not None:
            self._restore(kept)

    def _restore(self, kept: Mapping[str, Any]) -> None:
        self.allocations.restore(kept["allocations"])
        self.inventory.restore(kept["inventory"])
        self.changes.seen, self.changes.missed = kept["seen"], dict(kept.get("missed", {}))
        self._revision = kept["revision"]
        self.context.same.update(kept.get("same", {}))
        self._slots = plugin.restored(self.allocations.rows())
        named.remember(self.context, self.allocations.rows())
        for row in self.allocations.rows():
            self._note_given(row)

    def kept(self, seen: int) -> dict[str, Any]:
        """For a cursor; `seen` is until when everything was seen, microseconds."""
        return {
            "seen": seen,
            "missed": self.changes.still_missed(),
            "revision": self._revision,
            "same": dict(self.context.same),
            "allocations": self.allocations.kept(),
            "inventory": self.inventory.kept(),
        }

    def take(self, news: Iterable[News]) -> None:
        for one in news:
            if not self.changes.complete and one.kind in self.changes.ready and one.what in _CHANGES:
                self._early.add(one)
                continue
            self._take(one)
            if self._early.waiting and self.changes.complete:
                for waited in self._early.taken():
                    self._take(waited)
                self.changes.left_out(self._early.dropped)

    def _take(self, one: News) -> None:
        if one.kind == named.KIND:
            self._names = one
            return
        subject = (_SUBJECT.get(one.kind), getattr(one.value, "uid", None))
        again = one.what in ("put", "gone") and subject in self.changes.dirty
        if again or one.what == "synced" or one.kind == "namespaces":
            self._settle()  # what came and went within one turn was held all the same
        self.changes.take(one)

    def _learn(self) -> None:
        """Names that exporters tell may come before the pods that have them."""
        if self._names is not None and self.changes.complete:
            for uid in named.learn(self.context, self._names.value):
                self.changes.dirty.setdefault(("pod", uid), Moment(self._names.at, "observed"))
            self._names = None

    def settle(self, now: int) -> Parsed:
        """Events of all that changed since the last time; nothing before every resource was listed."""
        self._learn()
        self._settle()
        if self.changes.complete:
            self.changes.begin(now)
        account, self.changes.account = self.changes.account, Account()
        rows = {event: list(told.values()) for event, told in self._told.items()}
        self._told = {"allocation": {}, "device": {}}
        self._revision = max(self._revision + 1, now)
        return parsed(rows, account, cluster=self.cluster, now=now, revision=self._revision)

    def _settle(self) -> None:
        if not self.changes.complete:
            return
        for kind in _ORDER:
            for subject in [s for s in self.changes.dirty if s[0] == kind]:
                moment = self.changes.dirty.pop(subject)
                if _KIND[kind] not in self.changes.caught_up:
                    continue  # it is as it was before this process, until its kind is listed again
                event, told = self._subject(subject, moment, self.changes.account)
                for row in told:
                    self._told[event][tuple(row.get(name) for name in _LEDGER_KEY)] = row

    def beat(self, now: int) -> Parsed:
        """One open interval again, as seen now: how far the cluster is known moves on."""
        row = next(self.allocations.rows(), None)
        event, row = ("device", next(self.inventory.rows(), None)) if row is None else ("allocation", row)
        self._revision = max(self._revision + 1, now)
        rows = {event: [row]} if row is not None else {}
        return parsed(rows, Account(), cluster=self.cluster, now=now, revision=self._revision)

    def _subject(self, subject: Subject, moment: Moment, account: Account) -> tuple[str, list[Row]]:
        self.context.missing.clear()
        self.context.unsure = False
        kind, key = subject
        if kind == "claim":
            event, rows = "allocation", self._claim(key, moment, account)
        elif kind == "pod":
            event, rows = "allocation", self._pod(key, moment)
        elif kind in FOLLOWED or kind in HOLDING.values():
            event, rows = self._beside(kind, key, moment)
        elif kind == "pool":
            wanted: Iterable[Row] = devices.of_pool(key, self.context)
            event, rows = "device", list(self.inventory.settle(f"pool/{'/'.join(key)}", wanted, moment))
        else:
            event, rows = "device", self._node(key, moment)
        for name in self.context.missing:
            self.changes.waiting[name].add(subject)
        return event, rows

    def _claim(self, uid: str, moment: Moment, account: Account) -> list[Row]:
        subject, claim = f"claim/{uid}", self.changes.claims.get(uid)
        if claim is None or not claim.body:
            return self._settled(subject, [], moment)
        for pool in dra.missing_pools(claim, self.context):
            self.changes.waiting[pool].add(("claim", uid))
        first, observed = subject not in self.allocations.open, at(max(moment.time, moment.until))
        rows: list[Row] = []
        for part, since in joined.steps(claim, self.context) if first else [(claim, None)]:
            refused: list[str | Rejected] = []
            held = self.allocations.open.get(subject, {})
            joins = since is not None or (bool(held) and not dra.is_another(part, held))
            wanted: list[Row] = []
            for outcome in dra.wanted(part, self.context, observed, joins=joins):
                if isinstance(outcome, list):
                    wanted += [self._remembered(row, held) for row in outcome]
                else:
                    refused.append(outcome)
            rows += self._settled(subject, wanted, since or moment)
        for why in refused:
            account.refuse(why)
        return rows

    def _settled(self, subject: str, wanted: list[Row], moment: Moment) -> list[Row]:
        """Those that stay take over the shares of those that leave at the same instant."""
        held = self.allocations.open.get(subject, {})
        left = self._ends(held, moment)
        leaving = [left[i] for i in held.keys() - {self.allocations.identity(r) for r in wanted} if i in left]
        if leaving and wanted:
            moment = max(leaving)
        return list(self.allocations.settle(subject, self._as_it_was(wanted, held, moment), moment, left))

    def _as_it_was(self, wanted: list[Row], held: Mapping[Identity, Row], moment: Moment) -> list[Row]:
        """Nothing changes for who has ended and is not let go yet, nor whose it is while nobody can say that.

        After a restart owners are asked for again, and pods may be gone whose group or claim is still there.
        """
        rows, left = [], dra.ends(held, self.context) if wanted else {}
        for row in wanted:
            identity = self.allocations.identity(row)
            before = held.get(identity)
            if before and identity in left and left[identity].time <= moment.time:
                row = before
            elif before and before["workload"] != row["workload"] and dra.unknown(row, self.context):
                row = row | {name: before.get(name) for name in _WHOSE}
            elif before and self.context.unsure:
                row = row | {"workload": before["workload"]}
            rows.append(row)
        return rows

    def _ends(self, held: Mapping[Identity, Row], moment: Moment) -> dict[Identity, Moment]:
        found = dra.ends(held, self.context)
        return {i: one for i, one in found.items() if one.time <= max(moment.time, moment.until)}

    def _remembered(self, row: Row, held: Mapping[Identity, Row]) -> Row:
        """A device whose pool is gone or out of sight is still the one that it was."""
        before = next((r for r in held.values() if r["place"] == row["place"]), None)
        if before is None or row["device"] != dra.address(row):
            return row
        return row | {name: before.get(name) for name in ("device", "node", "method")}

    def _pod(self, uid: str, moment: Moment) -> list[Row]:
        subject, pod = f"pod/{uid}", self.context.pods.get(uid)
        if subject not in self.allocations.open and (pod is None or pod.ended):
            return []
        wanted = list(plugin.wanted(pod, self.context, self._slots)) if pod and not pod.ended else []
        held = self.allocations.open.get(subject, {})
        wanted = self._as_it_was(wanted, held, moment)
        rows = list(self.allocations.settle(subject, wanted, moment, self._ends(held, moment)))
        plugin.free(self._slots, rows)
        for row in rows:
            self._note_given(row)
        return rows

    def _note_given(self, row: Row) -> None:
        name, resource = row["device"], row.get("resource")
        if resource and row.get("slot") is None and named.unique(name, resource, row["node"] or ""):
            names = self._given[row["node"]][resource]
            if name not in names:
                names.add(name)
                self.changes.dirty.setdefault(("node", row["node"]), Moment(row["start"], "observed"))

    def _node(self, name: str, moment: Moment) -> list[Row]:
        subject, node = f"node/{name}", self.context.nodes.get(name)
        held = self.inventory.open.get(subject, {})
        wanted = devices.of_node(node, held, self._given.get(name, {}), self.context.same) if node else ()
        return list(self.inventory.settle(subject, list(wanted), moment))

    def _beside(self, kind: str, uid: str, moment: Moment) -> tuple[str, list[Row]]:
        """A volume or load balancer in the inventory, or who holds it."""
        one, subject = self.context.things.get(uid), f"{kind}/{uid}"
        if kind in FOLLOWED:
            return "device", list(self.inventory.settle(subject, [one.listed()] if one else [], moment))
        wanted = [one.held(self.context.team(one.namespace, one.labels))] if one else []
        return "allocation", list(self.allocations.settle(subject, wanted, moment))

    def _about(self, what: str) -> list[Subject]:
        """Open subjects of a resource, or of a namespace."""
        if what.startswith("namespace/"):
            name = what.removeprefix("namespace/")
            held_by = self.allocations.open.items()
            return [_parse(s) for s, held in held_by if any(r["namespace"] == name for r in held.values())]
        subjects = tuple(f"{subject}/" for subject, kind in _KIND.items() if kind == what)
        books = (self.inventory.open, self.allocations.open)
        return [_parse(s) for book in books for s in book if subjects and s.startswith(subjects)]


def _parse(subject: str) -> Subject:
    kind, _, key = subject.partition("/")
    return (kind, tuple(key.split("/", 1))) if kind == "pool" else (kind, key)
