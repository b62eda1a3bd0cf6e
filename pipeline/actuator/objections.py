"""What stands against patching an object, whatever its kind."""

from __future__ import annotations

from pipeline.actuator.kubernetes import Object
from pipeline.actuator.ownership import owner
from pipeline.actuator.patching import action_of
from pipeline.actuator.shape import Shape
from pipeline.policy.decisions import Action


def objection(shape: Shape, thing: Object, action: Action) -> str | None:
    """Why the object must not be patched for this action, in words starting with the reason's name."""
    metadata = thing["metadata"]
    held = (metadata["uid"], int(metadata["generation"]))
    if held != (action.patch.uid, action.patch.generation):
        decided = f"{action.patch.uid} generation {action.patch.generation}"
        return f"target_moved: decided on {decided}, now {held[0]} generation {held[1]}"
    if "deletionTimestamp" in metadata:
        return "deleted: the object is being deleted"
    held_back = shape.held_back(thing)
    if held_back:
        return held_back
    owned_by = owner(thing)
    if owned_by and not action.owner_waits:
        return f"owned: {owned_by.words}; change it at its source"
    state, words = shape.progress(thing)
    # A rollout of somebody else's is stopped: waiting would put the worse model before everybody.
    if state == "unseen" or (state == "under_way" and action_of(thing)):
        return f"rollout_in_progress: {words}"
    return None
