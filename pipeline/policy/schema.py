"""The policy file as a JSON Schema, for editors and for checks before a file reaches the machine."""

from __future__ import annotations

from typing import Any

from pipeline.policy.file import KINDS
from pipeline.policy.gitops import OWNERS, VERSION
from pipeline.policy.gitops_file import BRANCH, FILE, NAME, POINTER, REPOSITORY
from pipeline.policy.ladders import STEPS
from pipeline.policy.modes import MODES
from pipeline.policy.quiet import DAYS
from pipeline.policy.rules import TRIGGERS, Limits

_NAME = {"type": "string", "minLength": 1}
_DURATION = {"type": "string", "pattern": r"^\d{1,6}[smhd]$"}
_COUNT = {"type": "integer", "minimum": 1}


def schema() -> dict[str, Any]:
    """JSON Schema 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Driftledger policy",
        **_object(
            {
                "version": _NAME,
                "kill_switch": {"type": "boolean", "default": False},
                "limits": _object({name: {"type": "integer", "minimum": 0} for name in Limits.__slots__}),
                "quiet_hours": _quiet(),
                "rules": {"type": "array", "minItems": 1, "items": _rule()},
                "ladders": {"type": "array", "minItems": 1, "items": _ladder()},
            },
            "version",
        ),
        "anyOf": [{"required": ["rules"]}, {"required": ["ladders"]}],
    }


def _ladder() -> dict[str, Any]:
    namespace = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}
    percent = {"type": "string", "pattern": r"^\d{1,4}(\.\d{1,2})?%$"}
    step = _object({"step": {"enum": list(STEPS)}, "spent": percent, "forecast": percent}, "step")
    step["oneOf"] = [{"required": ["spent"]}, {"required": ["forecast"]}]
    durations = ("ttl", "cool_down", "approve_within", "max_age", "verify_within", "idle_for")
    return _object(
        {
            "name": _NAME,
            "budget": _NAME,
            "cluster": _NAME,
            "namespaces": {"type": "array", "minItems": 1, "items": namespace},
            "steps": {"type": "array", "minItems": 1, "items": step},
            "mode": {"enum": list(MODES), "default": "observe"},
            "most": _COUNT,
            "spare": {"type": "array", "minItems": 1, "items": _NAME},
            "quiet_hours": _quiet(),
            **dict.fromkeys(durations, _DURATION),
        },
        *("name", "budget", "cluster", "namespaces", "steps"),
    )


def _quiet() -> dict[str, Any]:
    clock = {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}
    days = {"type": "array", "minItems": 1, "items": {"enum": list(DAYS)}}
    one = _object({"days": days, "from": clock, "to": clock, "zone": _NAME}, "from", "to")
    return {"type": "array", "minItems": 1, "items": one}


def _rule() -> dict[str, Any]:
    kubernetes = {"type": "string", "pattern": "^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"}
    target = {"cluster": _NAME, "namespace": kubernetes, "kind": {"enum": list(KINDS)}, "name": kubernetes}
    durations = (
        "max_age",
        "max_label_age",
        "cool_down",
        "verify_within",
        "prove_within",
        "change_window",
        "approve_within",
    )
    return _object(
        {
            "name": _NAME,
            "model": _NAME,
            "detectors": {"type": "array", "minItems": 1, "items": {"enum": list(TRIGGERS)}},
            "target": _object(target, "cluster", "namespace", "name"),
            "mode": {"enum": list(MODES), "default": "observe"},
            "level": {"const": "act"},
            "min_count": _COUNT,
            "signals": _COUNT,
            "version_label": _NAME,
            "quiet_hours": _quiet(),
            "gitops": _gitops(),
            **dict.fromkeys(durations, _DURATION),
        },
        *("name", "model", "detectors", "target"),
    )


def _gitops() -> dict[str, Any]:
    pointer = _shaped(POINTER)
    taken = {"anyOf": [{"const": VERSION}, pointer]}
    owner = {"kind": {"enum": list(OWNERS)}, "namespace": _shaped(NAME), "name": _shaped(NAME)}
    revert = {
        "repository": _shaped(REPOSITORY),
        "branch": _shaped(BRANCH),
        "file": _shaped(FILE),
        "fields": {"type": "array", "minItems": 1, "items": _object({"at": pointer, "from": taken}, "at")},
    }
    option = _object(
        {"owner": _object(owner, *owner), "suspend": _DURATION, "revert": _object(revert, *revert)}, "owner"
    )
    return option | {"oneOf": [{"required": ["suspend"]}, {"required": ["revert"]}]}


def _shaped(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^({pattern})$"}


def _object(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }
