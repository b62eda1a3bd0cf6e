"""What is kept of a pod: who it is, what devices it asks for and was given, since when and until when.

Each change of each pod is read here, so what most pods lack (init containers, a claim behind a resource) is
looked at only where it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain

import msgspec

from collectors.live.allocation.beside import Sizes
from collectors.live.allocation.meta import Labels, Owner, created, deleted, instant_micros, kept, owner_of
from collectors.live.allocation.pod_json import ContainerStatus, PodJson, Spec, Status
from collectors.live.allocation.requested import Container, requested

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


class Asked(msgspec.Struct, frozen=True, gc=False):
    """Devices of one resource that a container has."""

    container: str
    resource: str
    count: int
    given: tuple[str, ...]
    """What the device plugin calls them; empty where the kubelet does not say."""


class Pod(msgspec.Struct, frozen=True, gc=False):
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


_DECODER = msgspec.json.Decoder(PodJson)
IsDevice = Callable[[str], bool]


def reducer(is_device: IsDevice, labels: frozenset[str], beside: frozenset[str]) -> Callable[[bytes], Pod]:
    """`is_device` says which resources are devices, `beside` what else is told; other labels are dropped."""

    def reduce(data: bytes) -> Pod:
        return _reduced(_DECODER.decode(data), is_device, labels, beside)

    return reduce


def _reduced(pod: PodJson, is_device: IsDevice, labels: frozenset[str], beside: frozenset[str]) -> Pod:
    meta, spec, status = pod.metadata, pod.spec, pod.status
    ended = status.phase in _ENDED
    finished = _finished(status.containerStatuses or ())
    if finished is not None and not ended:
        asked_to_end = deleted(meta)
        if asked_to_end is None or finished < asked_to_end:
            finished = None  # it starts its containers again, and keeps its devices meanwhile
    return Pod(
        uid=meta.uid or f"{meta.namespace}/{meta.name}",
        namespace=meta.namespace,
        name=meta.name,
        node=spec.nodeName or "",
        owner=owner_of(meta),
        group=(spec.schedulingGroup.podGroupName or "") if spec.schedulingGroup else "",
        asked=_asked(spec, status, is_device),
        hami=_hami(meta.annotations) if meta.annotations else (),
        containers=tuple([c.name for c in spec.containers or ()]),
        bound=_bound(status),
        ended=ended,
        finished=finished,
        labels=kept(meta, labels),
        requests=_requested(spec, beside) if beside else (),
        revision=_revision(meta.labels) if meta.labels else "",
        created=created(meta),
    )


def _requested(spec: Spec, beside: frozenset[str]) -> Sizes:
    init = spec.initContainers or []
    return requested(spec.resources, spec.containers or [], init, spec.overhead, beside)


def _hami(annotations: dict[str, str]) -> tuple[str, ...]:
    start, end = _HAMI
    found = [name for name in annotations if name.startswith(start) and name.endswith(end)]
    return tuple(text for name in sorted(found) if (text := annotations[name]).strip(";: "))


def _revision(labels: Labels) -> str:
    for name in _REVISIONS:
        if found := labels.get(name):
            return found
    return ""


def _bound(status: Status) -> int | None:
    for condition in status.conditions or ():
        if condition.type == "PodScheduled" and condition.status == "True":
            return instant_micros(condition.lastTransitionTime)
    return instant_micros(status.startTime)


def _finished(containers: Iterable[ContainerStatus]) -> int | None:
    """None while a container runs, or where one does not say when it ended."""
    last = None
    for one in containers:
        ended = one.state.terminated if one.state else None
        time = instant_micros(ended.finishedAt) if ended else None
        if time is None:
            return None
        last = time if last is None else max(last, time)
    return last


def _asked(spec: Spec, status: Status, is_device: IsDevice) -> tuple[Asked, ...]:
    """Init containers' devices pass on to the others; what a DRA claim stands behind is the claim's."""
    init = spec.initContainers or ()
    sidecars = [one for one in init if one.restartPolicy == "Always"]
    found = _counts(chain(spec.containers or (), sidecars), is_device)
    if init:
        later = {resource for _, resource in found}
        found |= {key: n for key, n in _counts(init, is_device).items() if key[1] not in later}
    for key in _behind_claims(status) if found else ():
        found.pop(key, None)
    if not found:
        return ()
    given = _given(status)
    return tuple(Asked(*key, count, given.get(key, ())) for key, count in found.items())


def _behind_claims(status: Status) -> list[tuple[str, str]]:
    claim = status.extendedResourceClaimStatus
    return [(m.containerName, m.resourceName) for m in (claim.requestMappings if claim else None) or ()]


def _given(status: Status) -> dict[tuple[str, str], tuple[str, ...]]:
    """The devices' names by container and resource, as the kubelet tells them."""
    return {
        (one.name, told.name): tuple(sorted(d.resourceID for d in told.resources or () if d.resourceID))
        for one in status.containerStatuses or ()
        for told in one.allocatedResourcesStatus or ()
    }


def _counts(containers: Iterable[Container], is_device: IsDevice) -> dict[tuple[str, str], int]:
    """How many devices by container and resource."""
    totals: dict[tuple[str, str], int] = {}
    for container in containers:
        limits = container.resources.limits if container.resources else None
        for resource, amount in limits.items() if limits else ():
            if is_device(resource) and str(amount).isdecimal() and 0 < int(amount) <= 1_024:
                key = (container.name, resource)
                totals[key] = totals.get(key, 0) + int(amount)
    return totals
