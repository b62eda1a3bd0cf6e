"""How many examples hypothesis tries for a law: few in `make test`, many in the last line of `make soak`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

USUAL = 100
"""What a law tries that names no number of its own."""
SOAK_FACTOR = 20


def load_profile() -> None:
    """The profile that HYPOTHESIS_PROFILE names; call it before any test module is imported."""
    settings.register_profile(
        "default", deadline=None, max_examples=USUAL, derandomize=os.environ.get("CI") == "true"
    )
    settings.register_profile(
        "soak", deadline=None, max_examples=USUAL * SOAK_FACTOR, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def examples(usual: int) -> int:
    """`usual` for a slow law in `make test`, and as many times more in another profile as for every law."""
    return usual * settings().max_examples // USUAL
