"""What kind of model the columns describe, and which classes it tells apart."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from detectors.codes import Text
from pipeline.errors import ConfigError
from pipeline.evaluate import cells
from pipeline.evaluate.columns import Columns
from pipeline.evaluate.sample import Sample

MOST_CLASSES = 20
"""More distinct numbers are a quantity, not classes."""
POSITIVE = ("1", "true", "yes")
_PAIRS = ({"y", "n"}, {"t", "f"})
"""Letters that say which is positive only beside each other."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`kind` is '' where no column is about a model's answer: then only the features are compared."""

    kind: str
    classes: tuple[str, ...] = ()
    """The positive class of two, or every class of more, as the scores are ordered."""

    @property
    def positive(self) -> str | None:
        return self.classes[0] if self.kind == "binary" else None


def is_regression(table: pa.Table, columns: Columns) -> bool:
    """As declared, or a prediction or label that is a number of many values, without scores.

    Fractions that are texts are numbers too: one word among them makes all of a CSV's column texts.
    """
    if columns.problem or columns.score or columns.scores:
        return columns.problem == "regression"
    name = columns.prediction or columns.label
    if name not in table.column_names:
        return False
    column = table.column(name)
    if cells.is_numeric(column):
        return bool(pc.count_distinct(column).as_py() > MOST_CLASSES)
    fractions = [text for text in _texts(cells.texts(column)) if "." in text and cells.is_number(text)]
    return len(fractions) > MOST_CLASSES


def problem(sample: Sample, columns: Columns, path: Path) -> Problem:
    """Of the reference's sample; raises ConfigError where the positive class cannot be told."""
    if sample.predicted is not None or sample.actual is not None:
        if columns.score or columns.scores:
            raise ConfigError("problem", "regression", "a regression has no scores; leave them out")
        return Problem("regression")
    found = sorted({text for held in (sample.label, sample.prediction) if held for text in _texts(held)})
    if columns.scores:
        names = tuple(cells.named(name, found) for name, _ in columns.scores)
        strangers = [name for name in found if name not in names]
        if strangers:
            remedy = f"{path.name} has this class, and scores has no column for it"
            raise ConfigError("scores", strangers[0], remedy)
        return Problem("multiclass", names)
    if not found:
        return (
            Problem("binary", (cells.class_name(columns.positive_class) or "1",))
            if columns.score
            else Problem("")
        )
    _comparable(sample, columns)
    if columns.problem == "multiclass" or (len(found) > 2 and not columns.score):
        return Problem("multiclass", tuple(found))
    return Problem("binary", (_positive(found, columns),))


def same_classes(before: Sample, now: Sample, columns: Columns) -> None:
    """ConfigError where no answer, or no label, is one of the reference's: 1 and 0 against yes and no."""
    held = {text for of in (before.prediction, before.label) if of is not None for text in _texts(of)}
    for column, of in ((columns.prediction, now.prediction), (columns.label, now.label)):
        said = set() if of is None else set(_texts(of))
        if before.prediction is not None and len(held) > 1 and said and not said & held:
            remedy = f"write answers as in the reference: {', '.join(sorted(held)[:3])}"
            raise ConfigError(column, ", ".join(sorted(said)[:3]), remedy)


def third_class(sample: Sample, of: Problem, columns: Columns) -> tuple[str, ...]:
    """A note where a label of two classes has more: -1 for a row without one would be a wrong answer."""
    found = [] if sample.label is None or of.positive is None else sorted(set(_texts(sample.label)))
    if len(found) < 3:
        return ()
    shown = ", ".join(found[:5])
    return (f"{columns.label} has {shown}: all but {of.positive} are one class; leave a missing label empty",)


def _positive(found: list[str], columns: Columns) -> str:
    declared = cells.named(columns.positive_class, found)
    if declared:
        if declared not in found:
            raise ConfigError("positive_class", declared, f"the classes are {', '.join(found[:10])}")
        return declared
    known = [name for name in found if name.lower() in POSITIVE]
    if {name.lower() for name in found} in _PAIRS:
        known = [name for name in found if name.lower() in ("y", "t")]
    if len(known) == 1:
        return known[0]
    if found in (["0"], ["false"]):
        return {"0": "1", "false": "true"}[found[0]]
    raise ConfigError("positive_class", "", f"write which of {', '.join(found[:10])} the score is about")


def _comparable(sample: Sample, columns: Columns) -> None:
    """Labels 0 and 1 against predictions yes and no would be all wrong."""
    if sample.label is None or sample.prediction is None:
        return
    labels, said = set(_texts(sample.label)), set(_texts(sample.prediction))
    if labels and said and not labels & said:
        shown = f"{', '.join(sorted(said)[:3])} in {columns.prediction}"
        raise ConfigError("label", ", ".join(sorted(labels)[:3]), f"write labels as predictions are: {shown}")


def _texts(held: Text) -> list[str]:
    return [text for text in held.values.to_pylist() if text]
