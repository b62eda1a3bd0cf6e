"""Coverage of the forecast and false alarms of the baseline: `python -m tests.budgets.measure_streams`."""

from __future__ import annotations

from datetime import timedelta

import numpy as np

from pipeline.answers.baseline import unlike
from pipeline.answers.forecast import forecast
from tests.budgets.cost_streams import FIRST, STREAMS


def coverage(stream: str, history: int, ahead: int, periods: int) -> tuple[float, float]:
    """Share of seeded periods whose end lies in the interval, and the interval's mean width over the end."""
    held, width = 0, 0.0
    for i in range(periods):
        costs = STREAMS[stream](history + ahead, np.random.default_rng([i, history, ahead]))
        found = forecast(list(costs[:history]), FIRST + timedelta(days=history), ahead, seed=i)
        assert found is not None
        (_, low, high), true = found.end(), float(costs[history:].sum())
        held += low <= true <= high
        width += (high - low) / true
    return held / periods, width / periods


def false_alarms(stream: str, history: int, days: int, streams: int) -> float:
    """Share of the days after `history` that are called unlike, though nothing changed."""
    found = 0
    for i in range(streams):
        costs = STREAMS[stream](history + days, np.random.default_rng([i, history, days]))
        found += sum(one.index >= history for one in unlike(list(costs), 7, 56))
    return found / (streams * days)


def main() -> None:
    for stream in STREAMS:
        for history, ahead in ((14, 15), (28, 15), (56, 15), (56, 3)):
            held, width = coverage(stream, history, ahead, 400)
            print(f"{stream}: {history} days, {ahead} ahead: holds {held:.1%}, width {width:.0%}")
        for history, days in ((28, 7), (56, 120)):
            print(
                f"{stream}: {history} days: {false_alarms(stream, history, days, 150):.2%} false alarms a day"
            )


if __name__ == "__main__":
    main()
