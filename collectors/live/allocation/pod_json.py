"""What is read of a pod's JSON; the rest of it is skipped."""

from __future__ import annotations

import msgspec

from collectors.live.allocation.beside import Amounts
from collectors.live.allocation.meta import Meta
from collectors.live.allocation.requested import Container, Resources


class Group(msgspec.Struct, gc=False):
    podGroupName: str | None = None


class Spec(msgspec.Struct, gc=False):
    nodeName: str | None = None
    containers: list[Container] | None = None
    initContainers: list[Container] | None = None
    resources: Resources | None = None
    overhead: Amounts | None = None
    schedulingGroup: Group | None = None


class Terminated(msgspec.Struct, gc=False):
    finishedAt: str | None = None


class ContainerState(msgspec.Struct, gc=False):
    terminated: Terminated | None = None


class Given(msgspec.Struct, gc=False):
    resourceID: str = ""


class GivenResource(msgspec.Struct, gc=False):
    name: str = ""
    resources: list[Given] | None = None


class ContainerStatus(msgspec.Struct, gc=False):
    name: str = ""
    state: ContainerState | None = None
    allocatedResourcesStatus: list[GivenResource] | None = None


class Condition(msgspec.Struct, gc=False):
    type: str = ""
    status: str = ""
    lastTransitionTime: str | None = None


class Mapping(msgspec.Struct, gc=False):
    containerName: str = ""
    resourceName: str = ""


class ExtendedClaim(msgspec.Struct, gc=False):
    requestMappings: list[Mapping] | None = None


class Status(msgspec.Struct, gc=False):
    phase: str | None = None
    startTime: str | None = None
    conditions: list[Condition] | None = None
    containerStatuses: list[ContainerStatus] | None = None
    extendedResourceClaimStatus: ExtendedClaim | None = None


class PodJson(msgspec.Struct, gc=False):
    metadata: Meta
    spec: Spec = msgspec.field(default_factory=Spec)
    status: Status = msgspec.field(default_factory=Status)
