"""What a namespace may have and has: every ResourceQuota and LimitRange, as the API server holds them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from collectors.quantity import quantity
from pipeline.actuator.freeze import EXPIRES, NAMES
from pipeline.actuator.kubernetes import RESOURCE_QUOTAS, ApiError, Kubernetes, Object, Resource
from pipeline.answers.answer import Answer, Column, Value
from pipeline.errors import PreflightFailed

LIMIT_RANGES = Resource("", "v1", "limitranges")
COLUMNS = (
    Column("namespace"),
    Column("kind"),
    Column("name"),
    Column("resource"),
    Column("limit"),
    Column("used"),
    Column("share", kind="ratio"),
    Column("what"),
)
_BOUNDS = ("min", "max", "default", "defaultRequest", "maxLimitRequestRatio")


def quotas(client: Kubernetes, namespaces: tuple[str, ...]) -> Answer:
    """A row a resource, the fullest of a quota first.  Raises PreflightFailed where one cannot be read."""
    rows: list[tuple[Value, ...]] = []
    for namespace in namespaces:
        for resource, of in ((RESOURCE_QUOTAS, _quota), (LIMIT_RANGES, _range)):
            found = client.list_all(resource, namespace)
            if isinstance(found, ApiError):
                raise PreflightFailed(f"{namespace} cannot be read: {found.words}")
            for thing in sorted(found, key=lambda t: str(t["metadata"]["name"])):
                rows += of(namespace, thing)
    return Answer(COLUMNS, tuple(rows), None, None)


def _quota(namespace: str, thing: Object) -> Iterator[tuple[Value, ...]]:
    status, name = thing.get("status") or {}, str(thing["metadata"]["name"])
    used = status.get("used") or {}
    marks = thing["metadata"].get("annotations") or {}
    what = f"a freeze of ours until {marks.get(EXPIRES, 'nobody knows when')}" if name in NAMES else ""
    what = what or ", ".join((thing.get("spec") or {}).get("scopes") or ())
    hard = (thing.get("spec") or {}).get("hard") or {}
    found = [(_share(used.get(r), limit), str(r), str(limit)) for r, limit in hard.items()]
    for share, resource, limit in sorted(found, key=lambda f: (-(f[0] or Decimal(0)), f[1])):
        held = str(used[resource]) if resource in used else None
        yield namespace, "ResourceQuota", name, resource, limit, held, share, what


def _range(namespace: str, thing: Object) -> Iterator[tuple[Value, ...]]:
    for one in (thing.get("spec") or {}).get("limits") or ():
        for bound in _BOUNDS:
            for resource, limit in sorted((one.get(bound) or {}).items()):
                what = f"{bound} of each {one['type']}"
                yield (
                    namespace,
                    "LimitRange",
                    thing["metadata"]["name"],
                    resource,
                    str(limit),
                    None,
                    None,
                    what,
                )


def _share(used: object, limit: object) -> Decimal | None:
    """None where nobody has counted, or nothing may be had."""
    has, may = quantity(used), quantity(limit)
    if has is None or not may:
        return None
    share = has / may
    return Decimal(share.numerator) / share.denominator
