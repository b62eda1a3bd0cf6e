"""States of a target that keeps none of its own: a ControllerRevision of ours for each, gone with the target.

They stay in the cluster, since a spec may hold secrets; the ledger has their hashes.
"""

from __future__ import annotations

from pipeline.actuator.kubernetes import CONTROLLER_REVISIONS, ApiError, Kubernetes, Object
from pipeline.actuator.owned import belonging
from pipeline.actuator.shape import Kept

KEEPER = "ControllerRevision"
OF = "driftledger.io/kept-of"
MOST = 20
"""States that are kept of one target; the oldest go first."""


def in_snapshots(client: Kubernetes, thing: Object) -> list[Kept] | ApiError:
    """Those of this very object, by its uid."""
    found = _ours(client, thing)
    if isinstance(found, ApiError):
        return found
    return [Kept(int(r["revision"]), r["metadata"]["name"], r["data"]["content"]) for r in found]


def keep(client: Kubernetes, thing: Object, content: Object) -> ApiError | None:
    """Keep the content if it is another one than the newest that is kept."""
    found = _ours(client, thing)
    if isinstance(found, ApiError):
        return found
    found.sort(key=lambda r: int(r["revision"]))
    if found and found[-1]["data"]["content"] == content:
        return None
    metadata = thing["metadata"]
    made = client.create(CONTROLLER_REVISIONS, metadata["namespace"], _body(thing, content))
    if isinstance(made, ApiError):
        return None if made.fault == "conflict" else made  # another process has kept it
    for old in found[: max(len(found) + 1 - MOST, 0)]:
        client.delete(
            CONTROLLER_REVISIONS, metadata["namespace"], old["metadata"]["name"], old["metadata"]["uid"]
        )
    return None


def _ours(client: Kubernetes, thing: Object) -> list[Object] | ApiError:
    selector = f"{OF}={thing['metadata']['uid']}"
    return belonging(client, CONTROLLER_REVISIONS, thing, selector)


def _body(thing: Object, content: Object) -> Object:
    metadata = thing["metadata"]
    generation = int(metadata["generation"])
    owner = {name: thing[name] for name in ("apiVersion", "kind")}
    owner |= {name: metadata[name] for name in ("name", "uid")}
    return {
        "apiVersion": "apps/v1",
        "kind": KEEPER,
        "metadata": {
            "name": f"driftledger-{metadata['uid']}-{generation}",
            "namespace": metadata["namespace"],
            "labels": {OF: metadata["uid"]},
            "ownerReferences": [owner],
        },
        "revision": generation,
        "data": {"content": content},
    }
