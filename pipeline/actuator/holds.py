"""What keeps a patched object from rolling out, and so refuses a rollback before it is tried."""

from __future__ import annotations

from pipeline.actuator.kubernetes import Object


def paused(thing: Object) -> str | None:
    """By a person, of a Deployment or Rollout."""
    return "paused: spec.paused is true, a patch would not roll out" if thing["spec"].get("paused") else None


def on_delete(thing: Object) -> str | None:
    """A strategy that replaces no pod by itself, of a StatefulSet or DaemonSet."""
    if (thing["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
        return "on_delete: spec.updateStrategy is OnDelete, a patch would replace no pod"
    return None
