"""What each claim, pod, pool and node holds, or is, as rows that stand open, and what to tell of a change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from collectors.live.allocation import devices, dra, joined, leaving, named, plugin
from collectors.live.allocation.account import Account
from collectors.live.allocation.beside import FOLLOWED, HOLDING
from collectors.live.allocation.book import Book, Identity, Moment, Row
from collectors.live.allocation.context import Context
from collectors.live.allocation.marks import KIND_OF, Marks, Subject
from collectors.live.allocation.meta import at
from pipeline.events import Rejected

_WHOSE = ("namespace", "workload", "workload_revision", "team", "model", "model_version", "labels")


class Holding:
    """Open rows of who has what (`allocations`) and of what there is (`inventory`), by subject."""

    def __init__(self, context: Context, marks: Marks) -> None:
        self.context, self.marks = context, marks
        self.allocations = Book(
            ("place", "consumer_uid"),
            ("device", "share_id"),
            ("share_units", "device_units", "team", "labels"),
        )
        self.inventory = Book(("place",), ("device",), ("health", "quantity"), ("parent_device",))
        self._given: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        """By node and resource the devices' names that its pods were given."""
        self._slots: plugin.Slots = {}

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.allocations.restore(kept["allocations"])
        self.inventory.restore(kept["inventory"])
        self._slots = plugin.restored(self.allocations.rows())
        named.remember(self.context, self.allocations.rows())
        for row in self.allocations.rows():
            self._note_given(row)

    def settle(self, subject: Subject, moment: Moment, account: Account) -> tuple[str, list[Row]]:
        """The event type and the rows that tell what is another than before."""
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
            self.marks.waiting[name].add(subject)
        return event, rows

    def _claim(self, uid: str, moment: Moment, account: Account) -> list[Row]:
        subject, claim = f"claim/{uid}", self.context.claims.get(uid)
        if claim is None or not claim.body:
            return self._settled(subject, [], moment)
        self.context.missing |= dra.missing_pools(claim, self.context)
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
        """Those that stay take over the shares of those that leave, from when each left."""
        held, rows = self.allocations.open.get(subject, {}), list[Row]()
        gone, ends = held.keys() - {self.allocations.identity(r) for r in wanted}, self._ends(held, moment)
        left = {identity: ends.get(identity, moment) for identity in gone}
        *earlier, last = leaving.steps(held, left) or [(moment, [])]
        for when, staying in earlier:
            rows += self.allocations.settle(subject, staying, when, left)
        if wanted:
            moment = last[0]
        held = self.allocations.open.get(subject, {})
        wanted = self._as_it_was(wanted, held, moment)
        return [*rows, *self.allocations.settle(subject, wanted, moment, left)]

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
        # What has a number is listed by it, and what is beside the devices by its own name.
        if "slot" in row and row["slot"] is None:
            names = self._given[row["node"]][row["resource"]]
            if row["device"] not in names:
                names.add(row["device"])
                self.marks.mark(("node", row["node"]), Moment(row["start"], "observed"))

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

    def about(self, what: str) -> list[Subject]:
        """Open subjects of a resource, or of a namespace."""
        if what.startswith("namespace/"):
            name = what.removeprefix("namespace/")
            held_by = self.allocations.open.items()
            return [_parse(s) for s, held in held_by if any(r["namespace"] == name for r in held.values())]
        subjects = tuple(f"{subject}/" for subject, kind in KIND_OF.items() if kind == what)
        books = (self.inventory.open, self.allocations.open)
        return [_parse(s) for book in books for s in book if subjects and s.startswith(subjects)]


def _parse(subject: str) -> Subject:
    kind, _, key = subject.partition("/")
    return (kind, tuple(key.split("/", 1))) if kind == "pool" else (kind, key)
