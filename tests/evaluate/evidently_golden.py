"""Writes evidently_figures.json beside it: Evidently's figures of the file that test_evaluate.py evaluates.

Usage, in an environment of its own (pip install evidently==0.7.23 pandas==2.2.3 pyarrow numpy):
python -m tests.evaluate.evidently_golden
"""

from __future__ import annotations

import json
from pathlib import Path

import evidently
import pandas as pd
from evidently.legacy.calculations.stattests import (
    jensenshannon_stat_test,
    psi_stat_test,
    wasserstein_stat_test,
)
from evidently.legacy.core import ColumnType

from tests.evaluate.predictions_file import CHUNK, ROWS, columns

NUMBERS, TEXTS = ("income", "score"), ("country",)


def main() -> None:
    before, data = (pd.DataFrame(columns(ROWS, seed, drift=seed == 2)) for seed in (1, 2))
    figures: dict[str, list[float]] = {}
    for column in (*NUMBERS, *TEXTS):
        kind = ColumnType.Numerical if column in NUMBERS else ColumnType.Categorical
        tests = {"psi": psi_stat_test, "jensenshannon": jensenshannon_stat_test}
        if column in NUMBERS:
            tests["wasserstein"] = wasserstein_stat_test
        for name, test in tests.items():
            for first in range(0, ROWS, CHUNK):
                parts = (of[column].dropna() for of in (before, data.iloc[first : first + CHUNK]))
                found = test(*parts, kind, None)
                figures.setdefault(f"{column}|{name}", []).append(float(found.drift_score))
    told = {"evidently": evidently.__version__, "figures": figures}
    target = Path(__file__).with_name("evidently_figures.json")
    target.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
