"""NannyML's univariate drift on Parquet files, timed; runs in NannyML's own environment.

Usage: python nannyml_drift.py REFERENCE.parquet ANALYSIS.parquet ROUNDS; prints one JSON object whose
`seconds` maps "<number of distances> x <rows a chunk>" to CPU seconds of `calculate`, after `fit`: the
least of the rounds.
"""

import json
import os
import sys
import time

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"

import nannyml
import pandas as pd

DISTANCES = ["jensen_shannon", "kolmogorov_smirnov", "wasserstein", "hellinger"]
CHUNKS = (5_000, 1_000)


def seconds(
    reference: pd.DataFrame, analysis: pd.DataFrame, rounds: int, methods: list[str], chunk: int
) -> float:
    calculator = nannyml.UnivariateDriftCalculator(
        column_names=list(analysis.columns), continuous_methods=methods, chunk_size=chunk
    )
    calculator.fit(reference)
    return min(once(calculator, analysis) for _ in range(rounds))


def once(calculator: nannyml.UnivariateDriftCalculator, analysis: pd.DataFrame) -> float:
    start = time.process_time()
    calculator.calculate(analysis)
    return time.process_time() - start


def main() -> None:
    reference, analysis = pd.read_parquet(sys.argv[1]), pd.read_parquet(sys.argv[2])
    measured = {
        f"{len(methods)} x {chunk}": seconds(reference, analysis, int(sys.argv[3]), methods, chunk)
        for methods in (DISTANCES[:1], DISTANCES)
        for chunk in CHUNKS
    }
    print(json.dumps({"version": nannyml.__version__, "rows": len(analysis), "seconds": measured}))


if __name__ == "__main__":
    main()
