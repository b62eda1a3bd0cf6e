"""How many devices a namespace asks for, under the names that a ResourceQuota counts them by.  Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from collectors.quantity import quantity
from pipeline.actuator.kubernetes import Object

ALL_MODE = 32
"""What the API server charges for a request with allocationMode All."""

_NOT_DEVICES = ("hugepages-", "attachable-volumes-")
_ENDED = ("Succeeded", "Failed")


def names(nodes: Iterable[Object], classes: Iterable[Object]) -> list[str]:
    """Every name under which a device can be asked for here: where one is capped, another would do."""
    resources = {r for n in nodes for r in (n.get("status") or {}).get("allocatable") or {} if _extended(r)}
    found = {_class_name(c["metadata"]["name"]) for c in classes}
    found |= {f"requests.{r}" for r in resources}
    for each in classes:
        found.add(f"requests.deviceclass.resource.kubernetes.io/{each['metadata']['name']}")
        extended = (each.get("spec") or {}).get("extendedResourceName")
        if extended:
            found.add(f"requests.{extended}")
    return sorted(found)


def of_pods(name: str) -> bool:
    """Whether a quota counts pods under that name, and not claims."""
    return name.startswith("requests.")


def used(pods: Iterable[Object], claims: Iterable[Object]) -> Mapping[str, int]:
    """By quota name: extended resources of pods that have not ended, devices of claims."""
    total: Counter[str] = Counter()
    for pod in pods:
        if (pod.get("status") or {}).get("phase") not in _ENDED:
            total.update(_of_pod(pod["spec"]))
    for claim in claims:
        for request in ((claim["spec"].get("devices") or {}).get("requests")) or ():
            total.update(_of_request(request))
    return total


def _of_pod(spec: Object) -> Counter[str]:
    """The larger of what its containers ask for together and what its largest init container asks for."""
    main: Counter[str] = Counter()
    for container in spec.get("containers") or ():
        main.update(_of_container(container))
    for container in spec.get("initContainers") or ():
        main |= _of_container(container)
    return main


def _of_container(container: Object) -> Counter[str]:
    resources = container.get("resources") or {}
    asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
    return Counter(
        {f"requests.{name}": int(quantity(n) or 0) for name, n in asked.items() if _extended(name)}
    )


def _of_request(request: Object) -> Counter[str]:
    """Of alternatives the largest is charged for each class."""
    found: Counter[str] = Counter()
    for one in [request["exactly"]] if "exactly" in request else request.get("firstAvailable") or ():
        count = ALL_MODE if one.get("allocationMode") == "All" else int(one.get("count") or 1)
        found |= Counter({_class_name(one["deviceClassName"]): count})
    return found


def _class_name(name: str) -> str:
    return f"{name}.deviceclass.resource.k8s.io/devices"


def _extended(name: str) -> bool:
    return "/" in name and not name.startswith(_NOT_DEVICES) and "kubernetes.io/" not in name
