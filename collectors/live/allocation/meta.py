"""What every object says of itself, as far as it is needed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple, TypeAlias

import msgspec

from collectors.kube_objects import instant

Labels: TypeAlias = dict[str, str]
SECOND = 1_000_000
"""Microseconds."""
PARTIAL_ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
"""Accept only what an object says of itself."""
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
"""The same of a list: one of ReplicaSets is ten times shorter so.  One object in this form is refused (406),
and a watch ends without a word at its first."""


class _OwnerReference(msgspec.Struct, gc=False):
    apiVersion: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None


class Meta(msgspec.Struct, gc=False):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    creationTimestamp: str | None = None
    deletionTimestamp: str | None = None
    deletionGracePeriodSeconds: int | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    ownerReferences: list[_OwnerReference] | None = None


class _Object(msgspec.Struct, gc=False):
    metadata: Meta


class Owner(NamedTuple):
    kind: str
    name: str
    uid: str
    api: str = ""
    """group/version, or v1; '' where it is not known."""


class Owning(NamedTuple):
    """An object between a pod and its workload."""

    uid: str
    owner: Owner | None


class Namespace(NamedTuple):
    uid: str
    name: str
    labels: Labels


_DECODER = msgspec.json.Decoder(_Object)


def owner_of(meta: Meta) -> Owner | None:
    """The controlling owner; where none controls, the first."""
    references = meta.ownerReferences
    if not references:
        return None
    chosen = references[0]
    for one in references:
        if one.controller:
            chosen = one
            break
    if not chosen.kind or not chosen.name:
        return None
    return Owner(chosen.kind, chosen.name, chosen.uid, chosen.apiVersion)


def controller(data: bytes) -> tuple[str, Owner | None]:
    """The uid of an object, and what controls it."""
    meta = _DECODER.decode(data).metadata
    found = next((r for r in meta.ownerReferences or [] if r.controller and r.kind and r.name), None)
    return meta.uid, Owner(found.kind, found.name, found.uid, found.apiVersion) if found else None


def owning(data: bytes) -> Owning:
    meta = _DECODER.decode(data).metadata
    return Owning(meta.uid, owner_of(meta))


def namespaces(labels: frozenset[str]) -> Callable[[bytes], Namespace]:
    """Of the labels only these are kept."""

    def reduce(data: bytes) -> Namespace:
        meta = _DECODER.decode(data).metadata
        return Namespace(meta.uid or meta.name, meta.name, kept(meta, labels))

    return reduce


ANNOTATION = "annotation:"
"""Before the name of an annotation, among labels: no label has a colon."""


def kept(meta: Meta, names: frozenset[str]) -> Labels:
    """Of labels and annotations those that are named."""
    found = {k: v for k, v in meta.labels.items() if k in names} if meta.labels else {}
    for name, key in _annotations(names) if meta.annotations else ():
        if text := (meta.annotations or {}).get(key):
            found[name] = text
    return found


@lru_cache(16)
def _annotations(names: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """Of the names those of annotations, each with its key."""
    return tuple((name, key) for name in names if (key := name.removeprefix(ANNOTATION)) != name)


def micros(time: datetime | None) -> int | None:
    """A naive UTC time in microseconds since 1970."""
    return None if time is None else int((time - _EPOCH).total_seconds()) * SECOND + time.microsecond


_EPOCH = datetime(1970, 1, 1)


@lru_cache(4_096)
def instant_micros(text: str | None) -> int | None:
    """An RFC 3339 time in microseconds since 1970; None where it is none."""
    return micros(instant(text))


def created(meta: Meta) -> int | None:
    return instant_micros(meta.creationTimestamp)


def deleted(meta: Meta) -> int | None:
    """When its deletion was asked for: the timestamp is when its time is up."""
    time = instant_micros(meta.deletionTimestamp)
    return None if time is None else time - (meta.deletionGracePeriodSeconds or 0) * SECOND


def at(time: int) -> datetime:
    """Microseconds since 1970 as naive UTC."""
    return datetime.fromtimestamp(time / 1e6, UTC).replace(tzinfo=None)
