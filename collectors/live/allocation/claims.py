"""What is kept of ResourceClaims, ResourceSlices and DeviceClasses: the fields that are read of them."""

from __future__ import annotations

from typing import Any, NamedTuple, TypedDict

import msgspec


class _OwnerReference(TypedDict, total=False):
    kind: str
    name: str
    uid: str
    controller: bool


class _Managed(TypedDict, total=False):
    time: str | None
    subresource: str


class _Meta(TypedDict, total=False):
    name: str
    namespace: str
    uid: str
    creationTimestamp: str | None
    resourceVersion: str
    ownerReferences: list[_OwnerReference] | None
    managedFields: list[_Managed] | None


class _Result(TypedDict, total=False):
    request: str
    driver: str
    pool: str
    device: str
    adminAccess: bool | None
    shareID: str | None
    consumedCapacity: dict[str, Any] | None


class _OpaqueConfig(TypedDict, total=False):
    driver: str
    parameters: Any


class _Config(TypedDict, total=False):
    requests: list[str] | None
    opaque: _OpaqueConfig | None


class _Results(TypedDict, total=False):
    results: list[_Result] | None
    config: list[_Config] | None


class _Allocation(TypedDict, total=False):
    devices: _Results
    nodeSelector: Any
    allocationTimestamp: str | None


class _Consumer(TypedDict, total=False):
    resource: str
    name: str
    uid: str


class _ClaimStatus(TypedDict, total=False):
    allocation: _Allocation | None
    reservedFor: list[_Consumer] | None


class _Claim(TypedDict, total=False):
    metadata: _Meta
    status: _ClaimStatus | None


class _Pool(TypedDict, total=False):
    name: str
    generation: int
    resourceSliceCount: int


class _SliceSpec(TypedDict, total=False):
    driver: str
    nodeName: str | None
    pool: _Pool
    devices: list[dict[str, Any]] | None
    sharedCounters: list[Any] | None


class _Slice(TypedDict, total=False):
    metadata: _Meta
    spec: _SliceSpec


class _ClassSpec(TypedDict, total=False):
    extendedResourceName: str | None


class _Class(TypedDict, total=False):
    metadata: _Meta
    spec: _ClassSpec


class Claim(NamedTuple):
    uid: str
    body: bytes
    """The needed fields as JSON, several times smaller than the objects that they are; '' if unallocated."""


class Slice(NamedTuple):
    uid: str
    body: dict[str, Any]


class Class(NamedTuple):
    uid: str
    resource: str
    """The extended resource behind which it stands; '' for none."""


_CLAIM = msgspec.json.Decoder(_Claim)
_SLICE = msgspec.json.Decoder(_Slice)
_CLASS = msgspec.json.Decoder(_Class)


def claim(data: bytes) -> Claim:
    found = _CLAIM.decode(data)
    meta = found.get("metadata", _Meta())
    uid = meta.get("uid") or f"{meta.get('namespace', '')}/{meta.get('name', '')}"
    managed = meta.pop("managedFields", None) or ()
    times = [m.get("time") or "" for m in managed if m.get("subresource") == "status"]
    if not (found.get("status") or {}).get("allocation"):
        return Claim(uid, b"")
    changed: dict[str, Any] = {"changed": max(times, default="")}
    return Claim(uid, msgspec.json.encode(changed | dict(found)))


def body(kept: Claim) -> dict[str, Any]:
    read: dict[str, Any] = msgspec.json.decode(kept.body)
    return read


def slice_(data: bytes) -> Slice:
    found: dict[str, Any] = dict(_SLICE.decode(data))
    meta = found.get("metadata") or {}
    meta.pop("managedFields", None)
    return Slice(meta.get("uid") or meta.get("name", ""), found)


def class_(data: bytes) -> Class:
    found = _CLASS.decode(data)
    meta, spec = found.get("metadata", _Meta()), found.get("spec", _ClassSpec())
    return Class(meta.get("uid") or meta.get("name", ""), spec.get("extendedResourceName") or "")
