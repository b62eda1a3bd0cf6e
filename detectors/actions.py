"""Folds of what the system itself did: steps of actions, and what the actions changed."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from detectors.references import Reference
from detectors.versions import time_revision, versions
from pipeline.facts.control import ACTIONS, OUTCOMES, REVISIONS


def fold_action(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`action` events as `actions`, one row a state; the latest event of a state wins."""
    return {ACTIONS.name: versions(ACTIONS, events, revision=time_revision(events))}


def fold_revision(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`revision` events as `revisions`, every one."""
    return {REVISIONS.name: versions(REVISIONS, events)}


def fold_outcome(events: pa.Table, references: Mapping[str, Reference]) -> dict[str, pa.Table]:
    """`outcome` events as `outcomes`; the latest event of an action wins."""
    return {OUTCOMES.name: versions(OUTCOMES, events, revision=time_revision(events))}
