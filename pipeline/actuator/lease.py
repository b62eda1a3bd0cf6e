"""Election: of several processes that could act on a cluster, the one that holds its Lease does.

A Lease alone is no fence, since who was paused does not know that it lost it.  So whoever writes looks first
at its own clock: a process that has not renewed in time writes nothing, and every write still carries its
own preconditions.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from secrets import token_hex

from pipeline.actuator.kubernetes import ApiError, Kubernetes, Object, Resource

LEASES = Resource("coordination.k8s.io", "v1", "leases")
DURATION = timedelta(seconds=30)
"""After so long without a renewal another process may take the lease."""
MARGIN_SECONDS = 10.0
"""Before its end the holder stops writing: a request can be under way for longer than a check takes."""

Clock = Callable[[], float]
"""Seconds that go on while the process is stopped."""


def running_clock() -> float:
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Lease:
    """One process's claim to a Lease object; one thread renews, others may ask whether it is held."""

    def __init__(
        self,
        client: Kubernetes,
        namespace: str,
        name: str,
        *,
        who: str = "",
        clock: Clock = running_clock,
    ) -> None:
        self._client, self._namespace, self._name = client, namespace, name
        self.who = who or f"{socket.gethostname()}-{os.getpid()}-{token_hex(4)}"
        self._clock = clock
        self._until = float("-inf")
        self._seen: tuple[str, float] = ("", 0.0)

    @property
    def held(self) -> bool:
        """Whether this process may write now."""
        return self._clock() < self._until

    def renew(self, now: datetime) -> str:
        """Take or keep it; '' when it is held, else why not.  `now`, UTC without zone, is for readers."""
        asked = self._clock()
        found = self._client.get(LEASES, self._namespace, self._name)
        if isinstance(found, ApiError):
            sent = self._created(now) if found.fault == "not_found" else found
        elif (other := self._other(found, asked)) is not None:
            self._until = float("-inf")
            return other
        else:
            sent = self._taken(found, now)
        if isinstance(sent, ApiError):
            return f"the lease cannot be renewed: {sent.words}"
        self._until = asked + DURATION.total_seconds() - MARGIN_SECONDS
        return ""

    def release(self) -> None:
        """Give it up, where it is still ours."""
        self._until = float("-inf")
        held = {"op": "test", "path": "/spec/holderIdentity", "value": self.who}
        gone = {"op": "replace", "path": "/spec/holderIdentity", "value": ""}
        self._client.patch(LEASES, self._namespace, self._name, [held, gone], dry_run=False)

    def _other(self, found: Object, asked: float) -> str | None:
        """Who holds it; None where it is ours or nobody's.  Only our own clock judges that it has run out."""
        spec = found.get("spec") or {}
        holder = str(spec.get("holderIdentity") or "")
        if holder in ("", self.who):
            return None
        version = str(found["metadata"]["resourceVersion"])
        if self._seen[0] != version:
            self._seen = (version, asked)
        left = self._seen[1] + float(spec.get("leaseDurationSeconds") or 0) - asked
        return f"{holder} holds the lease" if left > 0 else None

    def _created(self, now: datetime) -> Object | ApiError:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace},
            "spec": self._spec(now, 0),
        }
        return self._client.create(LEASES, self._namespace, body)

    def _taken(self, found: Object, now: datetime) -> Object | ApiError:
        spec = found.get("spec") or {}
        changes = int(spec.get("leaseTransitions") or 0)
        ours = spec.get("holderIdentity") == self.who
        kept = {"acquireTime": spec["acquireTime"]} if ours and "acquireTime" in spec else {}
        version = found["metadata"]["resourceVersion"]
        patch = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": version},
            {"op": "add", "path": "/spec", "value": {**self._spec(now, changes + (not ours)), **kept}},
        ]
        return self._client.patch(LEASES, self._namespace, self._name, patch, dry_run=False)

    def _spec(self, now: datetime, changes: int) -> Object:
        time_ = now.isoformat(timespec="microseconds") + "Z"
        return {
            "holderIdentity": self.who,
            "leaseDurationSeconds": int(DURATION.total_seconds()),
            "acquireTime": time_,
            "renewTime": time_,
            "leaseTransitions": changes,
        }


class Led(Kubernetes):
    """The client of a process that writes only while it holds the lease; reads and dry runs go through."""

    def __init__(self, client: Kubernetes, lease: Lease) -> None:
        self._led, self._lease = client, lease

    def close(self) -> None:
        """The next process need not wait for a lease that nobody will renew."""
        self._lease.release()
        self._led.close()

    @property
    def leads(self) -> bool:
        return self._lease.held

    def renew(self, now: datetime) -> str:
        return self._lease.renew(now)

    def get(self, resource: Resource, namespace: str, name: str) -> Object | ApiError:
        return self._led.get(resource, namespace, name)

    def list_all(
        self, resource: Resource, namespace: str, *, label_selector: str = ""
    ) -> list[Object] | ApiError:
        return self._led.list_all(resource, namespace, label_selector=label_selector)

    def may(self, verb: str, resource: Resource, namespace: str, name: str) -> bool | ApiError:
        return self._led.may(verb, resource, namespace, name)

    def patch(
        self, resource: Resource, namespace: str, name: str, operations: Sequence[Object], *, dry_run: bool
    ) -> Object | ApiError:
        lost = None if dry_run else self._lost("patch", resource)
        return lost or self._led.patch(resource, namespace, name, operations, dry_run=dry_run)

    def create(
        self, resource: Resource, namespace: str, body: Object, *, name: str = "", dry_run: bool = False
    ) -> Object | ApiError:
        lost = None if dry_run else self._lost("create", resource)
        return lost or self._led.create(resource, namespace, body, name=name, dry_run=dry_run)

    def delete(self, resource: Resource, namespace: str, name: str, uid: str) -> Object | ApiError:
        return self._lost("delete", resource) or self._led.delete(resource, namespace, name, uid)

    def _lost(self, verb: str, resource: Resource) -> ApiError | None:
        """A fault of the kind that certainly wrote nothing."""
        if self._lease.held:
            return None
        return ApiError("conflict", verb, resource.words, "this process is not the leader any more")


def followed(clients: Mapping[str, Kubernetes]) -> frozenset[str]:
    """The clusters of which another process decides, and this one does not even say what it cannot do."""
    return frozenset(clients.keys() - leading(clients).keys())


def leading(clients: Mapping[str, Kubernetes]) -> dict[str, Kubernetes]:
    """The clients of the clusters that this process may write to now; without an election all are."""
    return {c: k for c, k in clients.items() if not isinstance(k, Led) or k.leads}
