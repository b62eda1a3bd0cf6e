"""What is kept of a pod: who it is, what devices it asks for and was given, since when and until when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import msgspec

from collectors.kube_objects import instant
from collectors.live.allocation.beside import Amounts, Sizes
from collectors.live.allocation.meta import Labels, Meta, Owner, created, deleted, kept, micros, owner_of
from collectors.live.allocation.requested import Container, Resources, requested

_HAMI = ("hami.io/", "-devices-allocated")
_ENDED = ("Succeeded", "Failed")
_REVISIONS = (
    "serving.knative.dev/revision",
    "leaderworkerset.sigs.k8s.io/template-revision-hash",
    "controller-revision-hash",
    "rollouts-pod-template-hash",
    "pod-template-hash",
)
"""Labels by which controllers know a pod's template: Knative's, LeaderWorkerSets', those of StatefulSets and
DaemonSets, Argo Rollouts' and ReplicaSets'.  A Deployment's own number moves when it is rolled back."""


class _Group(msgspec.Struct):
    podGroupName: str | None = None


class _Spec(msgspec.Struct):
    nodeName: str | None = None
    containers: list[Container] | None = None
    initContainers: list[Container] | None = None
    resources: Resources | None = None
    overhead: Amounts | None = None
    schedulingGroup: _Group | None = None


class _Terminated(msgspec.Struct):
    finishedAt: str | None = None


class _ContainerState(msgspec.Struct):
    terminated: _Terminated | None = None


class _Given(msgspec.Struct):
    resourceID: str = ""


class _GivenResource(msgspec.Struct):
    name: str = ""
    resources: list[_Given] | None = None


class _ContainerStatus(msgspec.Struct):
    name: str = ""
    state: _ContainerState | None = None
    allocatedResourcesStatus: list[_GivenResource] | None = None


class _Condition(msgspec.Struct):
    type: str = ""
    status: str = ""
    lastTransitionTime: str | None = None


class _Mapping(msgspec.Struct):
    containerName: str = ""
    resourceName: str = ""


class _ExtendedClaim(msgspec.Struct):
    requestMappings: list[_Mapping] | None = None


class _Status(msgspec.Struct):
    phase: str | None = None
    startTime: str | None = None
    conditions: list[_Condition] | None = None
    containerStatuses: list[_ContainerStatus] | None = None
    extendedResourceClaimStatus: _ExtendedClaim | None = None


class _Pod(msgspec.Struct):
    metadata: Meta
    spec: _Spec = msgspec.field(default_factory=_Spec)
    status: _Status = msgspec.field(default_factory=_Status)


class Asked(msgspec.Struct, frozen=True):
    """Devices of one resource that a container has."""

    container: str
    resource: str
    count: int
    given: tuple[str, ...]
    """What the device plugin calls them; empty where the kubelet does not say."""


class Pod(msgspec.Struct, frozen=True):
    uid: str
    namespace: str
    name: str
    node: str
    owner: Owner | None
    group: str
    """PodGroup that it is scheduled with; '' for none."""
    asked: tuple[Asked, ...]
    hami: tuple[str, ...]
    """What HAMi's scheduler wrote down about the devices given, one text a vendor."""
    containers: tuple[str, ...]
    bound: int | None
    """When it was given to its node, microseconds since 1970 UTC; None where nothing says so."""
    ended: bool
    finished: int | None
    """When its last container ended for good."""
    labels: Labels
    requests: Sizes = ()
    """CPUs and memory that its node keeps for it, where they are told."""
    revision: str = ""
    """Of its workload's template; '' where its controller names none."""
    created: int | None = None
    """Microseconds since 1970 UTC."""

    @property
    def holds(self) -> bool:
        """Whether it has devices of a device plugin or of HAMi, or CPUs or memory that are told."""
        return bool(self.node and (self.asked or self.hami or self.requests))


_DECODER = msgspec.json.Decoder(_Pod)


def reducer(
    is_device: Callable[[str], bool], labels: frozenset[str], beside: frozenset[str]
) -> Callable[[bytes], Pod]:
    """`is_device` says which resources are devices, `beside` what else is told; other labels are dropped."""

    def reduce(data: bytes) -> Pod:
        return _reduced(_DECODER.decode(data), is_device, labels, beside)

    return reduce


def _reduced(
    pod: _Pod, is_device: Callable[[str], bool], labels: frozenset[str], beside: frozenset[str]
) -> Pod:
    meta, spec, status = pod.metadata, pod.spec, pod.status
    ended = status.phase in _ENDED
    finished = _finished(status.containerStatuses or [])
    asked_to_end = deleted(meta)
    if finished is not None and not ended and (asked_to_end is None or finished < asked_to_end):
        finished = None  # it starts its containers again, and keeps its devices meanwhile
    return Pod(
        uid=meta.uid or f"{meta.namespace}/{meta.name}",
        namespace=meta.namespace,
        name=meta.name,
        node=spec.nodeName or "",
        owner=owner_of(meta),
        group=(spec.schedulingGroup.podGroupName or "") if spec.schedulingGroup else "",
        asked=tuple(_asked(spec, status, is_device)),
        hami=tuple(v for k, v in sorted((meta.annotations or {}).items()) if _is_hami(k) and v.strip(";: ")),
        containers=tuple(c.name for c in (spec.containers or [])),
        bound=_bound(status),
        ended=ended,
        finished=finished,
        labels=kept(meta, labels),
        requests=_requested(spec, beside) if beside else (),
        revision=next((found for name in _REVISIONS if (found := (meta.labels or {}).get(name))), ""),
        created=created(meta),
    )


def _requested(spec: _Spec, beside: frozenset[str]) -> Sizes:
    init = spec.initContainers or []
    return requested(spec.resources, spec.containers or [], init, spec.overhead, beside)


def _is_hami(annotation: str) -> bool:
    return annotation.startswith(_HAMI[0]) and annotation.endswith(_HAMI[1])


def _bound(status: _Status) -> int | None:
    for condition in status.conditions or []:
        if condition.type == "PodScheduled" and condition.status == "True":
            return micros(instant(condition.lastTransitionTime))
    return micros(instant(status.startTime))


def _finished(containers: list[_ContainerStatus]) -> int | None:
    """None while a container runs, or where none says when it ended."""
    ends = [c.state.terminated if c.state else None for c in containers]
    times = [micros(instant(e.finishedAt)) for e in ends if e is not None]
    known = [t for t in times if t is not None]
    return max(known) if known and len(known) == len(ends) else None


def _asked(spec: _Spec, status: _Status, is_device: Callable[[str], bool]) -> Iterator[Asked]:
    """Init containers' devices pass on to the others; what a DRA claim stands behind is the claim's."""
    mapped = status.extendedResourceClaimStatus
    mappings = (mapped.requestMappings or []) if mapped else []
    of_claims = {(m.containerName, m.resourceName) for m in mappings}
    init = spec.initContainers or []
    lasting = [*(spec.containers or []), *(c for c in init if c.restartPolicy == "Always")]
    found = list(_counts(lasting, is_device))
    later = {resource for _, resource, _ in found}
    found += [one for one in _counts(init, is_device) if one[1] not in later]
    given = {
        (c.name, r.name): tuple(sorted(d.resourceID for d in r.resources or [] if d.resourceID))
        for c in status.containerStatuses or []
        for r in c.allocatedResourcesStatus or []
    }
    for container, resource, count in found:
        if (container, resource) not in of_claims:
            yield Asked(container, resource, count, given.get((container, resource), ()))


def _counts(containers: list[Container], is_device: Callable[[str], bool]) -> Iterator[tuple[str, str, int]]:
    totals: Counter[tuple[str, str]] = Counter()
    for container in containers:
        for resource, amount in ((container.resources and container.resources.limits) or {}).items():
            if is_device(resource) and str(amount).isdecimal() and 0 < int(amount) <= 1_024:
                totals[container.name, resource] += int(amount)
    yield from ((container, resource, count) for (container, resource), count in totals.items())
