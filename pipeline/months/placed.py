"""What stood behind a charge: who held its device from when to when, and what an hour of it cost then."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple, Self

from pipeline.answers.cost_basis import Basis
from pipeline.answers.cost_table import shown
from pipeline.answers.instants import from_micros, micros
from pipeline.months.charge import BY
from pipeline.prices.book import Span
from pipeline.prices.price import MATCH_FIELDS, Profile

_USUAL = {"namespace": "unknown", "workload": "unknown"}
"""How a line without the name is told; without any other it is `none`."""

Device = tuple[str, str]
"""Cluster, and the physical card."""


class Claim(NamedTuple):
    """`share` names the pod and its part; `end` is the end of the ledger where it holds still."""

    start: datetime
    end: datetime
    share: str
    uid: str


@dataclass(frozen=True, slots=True)
class Placed:
    basis: Basis
    holders: Mapping[Device, Sequence[Mapping[str, Any]]]
    """By what they hold, each in the spans of its owners."""
    allocations: Mapping[Device, Sequence[Mapping[str, Any]]]
    """By the device as it was claimed, which may be a partition."""
    versions: Mapping[Device, Sequence[Mapping[str, Any]]]
    _priced: dict[Device, list[tuple[Profile, Span]]] = field(default_factory=dict)

    @classmethod
    def of(cls, basis: Basis) -> Self:
        tables = basis.tables
        return cls(
            basis,
            _by("root", tables["holders"].to_pylist()),
            _by("device", basis.store.query("cost_allocations").to_pylist()),
            _by("root", tables["versions"].to_pylist()),
        )

    def claims(self, key: tuple[str, ...]) -> Iterator[Claim]:
        """Of a charge's key, in the order of their start."""
        named = dict(zip(BY, key, strict=True))
        own = [h for h in self.holders.get((named["cluster"], named["device"]), ()) if _is(h, named)]
        for h in sorted(own, key=lambda h: (h["a"], h["pod"])):
            start, end = from_micros(h["a"]), from_micros(h["b"])
            known = self.allocations.get((h["cluster"], h["device"]), ())
            said = next((one for one in known if _made(one, h, start)), {})
            share = f"{said.get('share_units')} of {said.get('device_units')}"
            yield Claim(start, end, f"{h['pod']}, {share}", said.get("claim_uid") or "")

    def spans(self, cluster: str, device: str) -> list[tuple[Profile, Span]]:
        """The device's prices in the window, while it was so; of one that nobody listed as of any."""
        known = self._priced.get((cluster, device))
        if known is None:
            known = self._priced[cluster, device] = self._spans_of(cluster, device)
        return known

    def _spans_of(self, cluster: str, device: str) -> list[tuple[Profile, Span]]:
        window, found = self.basis.window, []
        for one in self.versions.get((cluster, device), ()):
            profile = Profile(**{name: one[name] or "" for name in MATCH_FIELDS})
            start = max(window.start, from_micros(one["a"]))
            end = window.end if one["b"] is None else min(window.end, from_micros(one["b"]))
            found += self._spans(profile, start, end)
        if not found and not device.startswith("commitment "):
            found = self._spans(Profile(cluster), window.start, window.end)
        joined: list[tuple[Profile, Span]] = []
        for profile, span in sorted(found, key=lambda pair: pair[1].start):
            if joined and _alike(joined[-1], (profile, span)):
                joined[-1] = (profile, replace(joined[-1][1], end=span.end))
            else:
                joined.append((profile, span))
        return joined

    def _spans(self, profile: Profile, start: datetime, end: datetime) -> list[tuple[Profile, Span]]:
        if start >= end:
            return []
        basis = self.basis
        return [(profile, span) for span in basis.book.spans(profile, start, end, basis.currency)]

    def price(self, cluster: str, device: str, start: datetime, end: datetime) -> str | None:
        """Of an hour of it then; each of them, where it changed meanwhile."""
        over = [s for _, s in self.spans(cluster, device) if s.start < end and start < s.end]
        texts = [f"{s.price.gpu_hour.normalize():f}" for s in over if s.price is not None]
        return ", then ".join(dict.fromkeys(texts)) or None


def _by(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[Device, list[Mapping[str, Any]]]:
    found: dict[Device, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        found[row["cluster"], row[name]].append(row)
    return found


def _is(h: Mapping[str, Any], named: Mapping[str, str]) -> bool:
    """Whether the holder is on the line, whose names are those of cost_lines.sql."""
    team = h["team"] or ("shared" if h["is_shared"] else "unowned")
    rest = ("cost_centre", "environment", "namespace", "workload", "model", "model_version")
    return named["team"] == shown("team", team) and all(
        named[name] == shown(name, h[name] or _USUAL.get(name, "none")) for name in rest
    )


def _made(one: Mapping[str, Any], h: Mapping[str, Any], at: datetime) -> bool:
    same = (one["pod"] or "", one["container"] or "") == (h["pod"], h["container"])
    return same and one["start"] <= at and (one["end"] is None or micros(one["end"]) > h["a"])


def _alike(a: tuple[Profile, Span], b: tuple[Profile, Span]) -> bool:
    return a[0] == b[0] and a[1].end == b[1].start and (a[1].price, a[1].reason) == (b[1].price, b[1].reason)
