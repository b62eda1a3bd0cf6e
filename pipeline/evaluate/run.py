"""Files in, numbers out: what `driftledger evaluate` does between its options and its answer."""

from __future__ import annotations

from pathlib import Path

from detectors.parameters import Parameters
from pipeline.evaluate import columns as declared
from pipeline.evaluate import files, labels, steps
from pipeline.evaluate.chunks import chunks
from pipeline.evaluate.evaluate import Evaluated, evaluate
from pipeline.evaluate.problem import is_regression, problem
from pipeline.evaluate.sample import kinds, sample
from pipeline.evaluate.segments import note


def run(
    reference: Path,
    data: Path,
    label_file: Path | None,
    columns_file: Path,
    chunk: str,
    parameters: Parameters,
) -> tuple[list[Evaluated], tuple[str, ...]]:
    """Every chunk, and what a reader must know; raises NotFound and ConfigError."""
    columns = declared.read(columns_file)
    before, now = files.read(reference, "--reference"), files.read(data, "--data")
    notes: tuple[str, ...] = ()
    if label_file is not None:
        now, notes = labels.join(now, files.read(label_file, "--labels"), columns, label_file)
    features = kinds(before, columns, reference)
    regression = is_regression(before, columns)
    old = sample(before, columns, features, reference, regression=regression)
    new = sample(now, columns, features, data, regression=regression)
    found = list(
        evaluate(old, new, columns, problem(old, columns, reference), chunks(new, chunk), parameters)
    )
    return found, (*old.notes, *new.notes, *notes, *note(new), _of_steps(steps.are_minutes(new), parameters))


def _of_steps(minutes: bool, parameters: Parameters) -> str:
    step = "a minute" if minutes else f"a block of {steps.BLOCK} rows"
    return (
        f"verdicts look every step, here {step}: a warning is false once in {parameters.warn_minutes:,.0f} "
        f"steps at most on average, a call to act once in {parameters.act_minutes:,.0f}"
    )
