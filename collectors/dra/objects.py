"""Dynamic Resource Allocation objects as JSON to `device` and `allocation` events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from collectors.dra.claims import claim_rows, results
from collectors.dra.owners import OWNING, Owners, owners_of
from collectors.dra.slices import Inventory, generation, inventory, pool_of
from collectors.kube_objects import Json, at, instant, load_objects, mapping, revision, sequence, text
from collectors.parsed import Parsed, to_table
from pipeline.events import Rejected

_GROUP = "resource.k8s.io/"


@dataclass(slots=True)
class _Account:
    """Rows of one file; the unit counted is an entry."""

    read: int = 0
    used: int = 0
    devices: list[dict[str, Any]] = field(default_factory=list)
    allocations: list[dict[str, Any]] = field(default_factory=list)
    excluded: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)

    def leave_out(self, name: str) -> None:
        self.read += 1
        self.excluded[name] += 1

    def refuse(self, rejected: Rejected) -> None:
        self.rejected.append(rejected._replace(row=self.read))
        self.read += 1

    def use(self, into: list[dict[str, Any]], rows: list[dict[str, Any]]) -> None:
        self.read += 1
        self.used += 1
        into.extend(rows)


def parse(
    files: Mapping[str, bytes], *, cluster: str, observed: Mapping[str, datetime]
) -> dict[tuple[str, ...], Parsed]:
    """Events by file; claims find the devices of all files, and a pool may be spread over several.

    Single objects, Lists and documents one after the other, of resource.k8s.io/v1 back to v1beta1.  The
    unit counted is an entry: a device of a slice, an allocated device of a claim (a slice or a claim
    without any counts once), or any other object.  `observed` (UTC, naive) is when a file was taken.
    """
    loaded = {name: load_objects(data) for name, data in files.items()}
    everything = [item for objects, _ in loaded.values() for item in objects]
    known = inventory(o for o in everything if _is(o, "ResourceSlice"))
    owners = owners_of(everything)
    parsed: dict[tuple[str, ...], Parsed] = {}
    for name, (objects, malformed) in loaded.items():
        account = _Account()
        for item in objects:
            _take(item, known, owners, observed[name], account)
        for one in malformed:
            account.refuse(one)
        parsed[(name,)] = _parsed(account, cluster)
    return parsed


def _parsed(account: _Account, cluster: str) -> Parsed:
    rows = {"device": account.devices, "allocation": account.allocations}
    events = {name: _table(name, found, cluster) for name, found in rows.items() if found}
    return Parsed(account.read, account.used, events, account.excluded, tuple(account.rejected))


def _table(name: str, rows: list[dict[str, Any]], cluster: str) -> Any:
    names = set().union(*rows)
    columns: dict[str, Any] = {column: [row.get(column) for row in rows] for column in names}
    return to_table(name, columns | {"cluster": cluster}, len(rows))


def _is(item: Json, kind: str) -> bool:
    return item["kind"] == kind and text(item.get("apiVersion")).startswith(_GROUP)


def _take(item: Json, known: Inventory, owners: Owners, observed: datetime, account: _Account) -> None:
    if _is(item, "ResourceSlice"):
        _take_slice(item, known, observed, account)
    elif _is(item, "ResourceClaim"):
        _take_claim(item, known, owners, observed, account)
    else:
        account.leave_out("owner_context" if item["kind"] in OWNING else "not_an_allocation")


def _take_claim(item: Json, known: Inventory, owners: Owners, observed: datetime, account: _Account) -> None:
    if not results(item):
        allocated = at(item, "status", "allocation") is not None
        account.leave_out("allocation_without_devices" if allocated else "claim_not_allocated")
    for outcome in claim_rows(item, known, owners, observed):
        if isinstance(outcome, str):
            account.leave_out(outcome)
        elif isinstance(outcome, Rejected):
            account.refuse(outcome)
        else:
            account.use(account.allocations, outcome)


def _take_slice(item: Json, known: Inventory, observed: datetime, account: _Account) -> None:
    pool = pool_of(item)
    refusal = known.refusal(pool[0], pool, generation(item))
    entries = sequence(at(item, "spec", "devices"))
    if not entries:
        account.leave_out("slice_without_devices")
    for entry in entries:
        name = text(mapping(entry).get("name"))
        if not all((*pool, name)):
            account.refuse(Rejected("missing_field", "no driver, pool or name of a device"))
        elif refusal:
            account.leave_out(refusal)
        else:
            account.use(account.devices, [_device_row(item, known, (*pool, name), observed)])


def _device_row(
    item: Json, known: Inventory, key: tuple[str, str, str], observed: datetime
) -> dict[str, Any]:
    return known.devices[key].columns(key[0], key[1]) | {
        "start": instant(at(item, "metadata", "creationTimestamp")) or observed,
        "time": observed,
        "revision": revision(item, observed),
    }
