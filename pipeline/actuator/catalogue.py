"""The targets that can be acted on: one file and one line each."""

from __future__ import annotations

from pipeline.actuator import deployment
from pipeline.actuator.steps import Actuator

TARGETS: dict[str, Actuator] = {
    "Deployment": deployment,
}
