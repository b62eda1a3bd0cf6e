"""How many examples hypothesis tries for a law: few in `make test`, many in the last line of `make soak`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

USUAL = 100
"""What a law tries that names no number of its own, were it run by itself."""
TEST_SHARE = 0.4
"""Of it in `make test`, whose runs add up; `make soak` goes to where only many examples lead."""
SOAK_FACTOR = 20
FEWEST = 3
"""The first example is the simplest there is, and shows little."""


def load_profile() -> None:
    """The profile that HYPOTHESIS_PROFILE names; call it before any test module is imported."""
    settings.register_profile(
        "default",
        deadline=None,
        max_examples=round(USUAL * TEST_SHARE),
        derandomize=os.environ.get("CI") == "true",
    )
    settings.register_profile(
        "soak", deadline=None, max_examples=USUAL * SOAK_FACTOR, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def examples(usual: int) -> int:
    """Of a slow law that would try `usual` by itself: as many times fewer, or more, as of every law."""
    return max(usual * settings().max_examples // USUAL, min(usual, FEWEST))
