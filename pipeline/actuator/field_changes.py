"""What a rule's fields become in the manifest: the target runs what ran well, and nothing else.  Pure."""

from __future__ import annotations

from pipeline.actuator.kubernetes import Object
from pipeline.actuator.manifest import Change, Unfit
from pipeline.actuator.patching import content_hash
from pipeline.actuator.pointers import NOTHING, value, with_value
from pipeline.policy.decisions import Action
from pipeline.policy.gitops import VERSION, Field


def field_changes(
    action: Action, fields: tuple[Field, ...], path: str, before: Object, after: Object
) -> list[Change] | Unfit:
    """`before` stands at `path` of the object, and `after` is to.

    A state that mixes the two was never judged: where the fields do not name all that differs, nothing is
    changed.  What is taken from the version cannot be checked so: nobody knows what the tool makes of it.
    """
    left, found = before, []
    for field in fields:
        if field.taken == VERSION:
            found.append(Change(field.at, action.model_version, action.to_version))
            continue
        if not field.taken.startswith(f"{path}/"):
            return Unfit(f"fields_wrong: {field.taken} is not under {path}, which a rollback puts back")
        inner = field.taken[len(path) :]
        was, to_be = value(before, inner), value(after, inner)
        if was is NOTHING or to_be is NOTHING:
            return Unfit(f"fields_wrong: {field.taken} is not there in both states")
        found.append(Change(field.at, was, to_be))
        left = with_value(left, inner, to_be)
    if all(f.taken != VERSION for f in fields) and content_hash(left) != content_hash(after):
        return Unfit("fields_incomplete: more differs than the rule's fields name; such a state never served")
    changed = [change for change in found if change.before != change.after]
    return changed or Unfit("no_op: none of the rule's fields differs")
