"""A Gateway API HTTPRoute: the weights of its backends; it can return to any backend that it still names.

The route says which model version a backend serves, in annotations made of the rule's label and the backend's
name: `driftledger.io/model-version.fraud-v2: v2`.  Only weights are written; matches and filters stay.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy

from pipeline.actuator.kubernetes import ApiError, Kubernetes, Object, Resource
from pipeline.actuator.shape import Kept, Progress

RESOURCE = Resource("gateway.networking.k8s.io", "v1", "httproutes")
PATH = "/spec"
KEEPER = "backend"
USUAL_WEIGHT = 1


def content(thing: Object) -> Object:
    """Weights by rule and backend, and what the route says of its backends."""
    marks = (thing["metadata"].get("annotations") or {}).items()
    names = {str(b.get("name")) for r in _rules(thing) for b in _backends(r)}
    return {
        "rules": [[[b.get("name"), _weight(b)] for b in _backends(r)] for r in _rules(thing)],
        "marks": {k: v for k, v in marks if any(k.endswith(f".{name}") for name in names)},
    }


def version(content: Object, label: str) -> str:
    """That of the backend with traffic that has the least of it, of equals the last."""
    return next(iter(_versions(content, label)), "")


def beside(content: Object, label: str) -> tuple[str, ...]:
    """Those of the others with traffic: a bad version may have most of it."""
    return tuple(dict.fromkeys(v for v in _versions(content, label)[1:] if v))


def _versions(content: Object, label: str) -> list[str]:
    """Of each backend with traffic, from the least of it on."""
    shares: Counter[str] = Counter()
    for rule in content["rules"]:
        for name, weight in rule:
            if weight:
                shares[name] += weight
    rising = sorted(reversed(shares.items()), key=lambda pair: pair[1])
    return [str(content["marks"].get(f"{label}.{name}", "")) for name, _ in rising]


def kept(client: Kubernetes, thing: Object) -> list[Kept] | ApiError:
    """One state for each backend: all of the weight on it, in every rule that knows it."""
    now, names = content(thing), dict.fromkeys(b.get("name") for r in _rules(thing) for b in _backends(r))
    return [Kept(n, str(name), _alone(now, name)) for n, name in enumerate(names, 1)]


def restored(thing: Object, found: Kept, kept: Sequence[Kept]) -> Object | str:
    rules = deepcopy(_rules(thing))
    for rule, weights in zip(rules, found.content["rules"], strict=True):
        for backend, (_, weight) in zip(_backends(rule), weights, strict=True):
            backend["weight"] = weight
    return {**thing["spec"], "rules": rules}


def held_back(thing: Object) -> str | None:
    return None


def progress(thing: Object) -> tuple[Progress, str]:
    """Complete when every gateway has accepted the newest generation and knows its backends."""
    parents = (thing.get("status") or {}).get("parents") or []
    if not parents:
        return "unseen", "no gateway has said anything of the route"
    generation = int(thing["metadata"]["generation"])
    told = [{c["type"]: c for c in p.get("conditions") or ()} for p in parents]
    wanted = [c.get(name) or {} for c in told for name in ("Accepted", "ResolvedRefs")]
    if any(int(c.get("observedGeneration") or 0) < generation for c in wanted):
        return "unseen", f"not every gateway has seen generation {generation}"
    good = sum(c.get("status") == "True" for c in wanted)
    words = f"{good} of {len(wanted)} conditions of {len(parents)} gateways are True"
    return ("complete", words) if good == len(wanted) else ("under_way", words)


def _alone(now: Object, name: object) -> Object:
    """A rule that does not know the backend stays."""
    rules = []
    for rule in now["rules"]:
        total = sum(weight for _, weight in rule) or USUAL_WEIGHT
        known = any(n == name for n, _ in rule)
        rules.append([[n, (total if n == name else 0) if known else weight] for n, weight in rule])
    return {**now, "rules": rules}


def _rules(thing: Object) -> list[Object]:
    return list(thing["spec"].get("rules") or ())


def _backends(rule: Object) -> list[Object]:
    return list(rule.get("backendRefs") or ())


def _weight(backend: Object) -> int:
    weight = backend.get("weight")
    return USUAL_WEIGHT if weight is None else int(weight)
