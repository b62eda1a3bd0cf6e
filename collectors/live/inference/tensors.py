"""Rows of numbers and names: instances and predictions (v1), tensors (v2), as features and answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from collectors.live.inference.found import Row, number
from collectors.live.inference.rules import Rule
from pipeline.wire.limits import MAX_CELLS, MAX_FEATURES

_SUM_ERROR = 1e-3
"""Probabilities that were rounded on the way still sum to 1 within this."""


def rows_of_instances(instances: Sequence[Any], rule: Rule) -> list[Row]:
    """One row an instance: an object by its keys, a list by position, a scalar as one feature.

    What is no number or text (an image, a nested list) is no feature: the row stays, without it.
    """
    return [{"features": rule.features(_of_instance(instance, rule))} for instance in instances]


def _of_instance(instance: Any, rule: Rule) -> Row:
    if isinstance(instance, dict):
        named = instance
    else:
        values = instance if isinstance(instance, list) else [instance]
        names = rule.by_place(len(values), "feature") if len(values) <= MAX_FEATURES else None
        named = dict(zip(names or (), values, strict=False))
    found = {name: feature for name, value in named.items() if (feature := _feature(value)) is not None}
    return found if len(found) <= MAX_FEATURES else {}


def _feature(value: Any) -> float | str | None:
    if isinstance(value, bool):
        return float(value)
    return value if isinstance(value, str) else number(value)


def rows_of_inputs(inputs: Sequence[Any], rule: Rule) -> list[Row]:
    """One row for each place of the first axis; tensors of more than two axes are no features."""
    rows: list[Row] = []
    for tensor in inputs:
        columns = _columns(tensor)
        if columns is None:
            continue
        width = len(columns[0]) if columns else 0
        name = str(tensor["name"])
        names: Sequence[str] | None = (name,)
        if _axes(tensor) == 2 and width > 1:
            names = None if rule.keeps_back(name) else rule.by_place(width, name)
        rows += [{} for _ in range(len(columns) - len(rows))]
        for row, values in zip(rows, columns, strict=False):
            pairs = zip(names or (), map(_feature, values), strict=False)
            row.update((name, value) for name, value in pairs if value is not None)
    return [{"features": rule.features(row)} for row in rows]


def _axes(tensor: dict[str, Any]) -> int:
    shape = tensor.get("shape")
    return len(shape) if isinstance(shape, list) else 1


def _columns(tensor: dict[str, Any]) -> list[list[Any]] | None:
    """The values of each row; None for a tensor that is none of one or two axes with all its values."""
    data, shape = tensor.get("data"), tensor.get("shape")
    if not isinstance(data, list) or not isinstance(shape, list) or len(shape) not in (1, 2):
        return None
    if not all(type(n) is int and 0 <= n <= MAX_CELLS for n in shape):
        return None
    rows, width = shape[0], shape[1] if len(shape) == 2 else 1
    if len(shape) == 2 and data and all(isinstance(value, list) for value in data):
        data = [value for row in data for value in row]
    if len(data) != rows * width or not 0 < width <= MAX_FEATURES:
        return None
    return [data[i * width : (i + 1) * width] for i in range(rows)]


def _places(tensor: dict[str, Any]) -> int:
    """Of the first of more than two axes; 0 for a tensor that says more than it has values for."""
    data, shape = tensor.get("data"), tensor.get("shape")
    if not isinstance(data, list) or not isinstance(shape, list) or len(shape) < 3:
        return 0
    return shape[0] if type(shape[0]) is int and 0 <= shape[0] <= len(data) else 0


def rows_of_outputs(outputs: Sequence[Any]) -> list[Row]:
    """One row for each place of the first axis; probabilities and classes may come as two tensors.

    A tensor of more than two axes (embeddings of tokens, masks) is no prediction: its rows stay, without it.
    """
    rows: list[Row] = []
    for tensor in outputs:
        columns = _columns(tensor) or []
        rows += [{} for _ in range(max(len(columns), _places(tensor)) - len(rows))]
        for row, values in zip(rows, columns, strict=False):
            found = answer(values if len(values) > 1 else values[0])
            if tensor.get("datatype") == "BOOL":
                found = {"prediction": str(bool(values[0])).lower()}
            # A class that a server states goes over one that follows from its probabilities.
            row.update(found if len(values) == 1 else {k: v for k, v in found.items() if k not in row})
    return rows


def answer(value: Any) -> Row:
    """The columns that one prediction fills: a class, a number, or probabilities of classes."""
    if isinstance(value, dict):
        return _of_object(value)
    if isinstance(value, list):
        return _of_probabilities(value) if len(value) > 1 else answer(value[0]) if value else {}
    if isinstance(value, bool):
        return {"prediction": str(value).lower()}
    if isinstance(value, int):
        return {"prediction": str(value)} if abs(value) < 2**63 else {}
    if isinstance(value, str):
        return {"prediction": value}
    found = number(value)
    return {} if found is None else {"predicted_value": found}


def _of_probabilities(values: list[Any]) -> Row:
    found = [number(value) for value in values]
    chances = [value for value in found if value is not None and 0 <= value <= 1]
    if len(chances) < len(values) or abs(sum(chances) - 1) > _SUM_ERROR:
        return {}
    best = max(range(len(chances)), key=chances.__getitem__)
    row: Row = {"prediction": str(best), "confidence": chances[best]}
    return row | ({"score": chances[1]} if len(chances) == 2 else {})


def _of_object(value: dict[str, Any]) -> Row:
    """Keys that servers use: label or class or prediction, and score or probability or confidence."""
    said = next((value[k] for k in ("prediction", "label", "class") if k in value), None)
    row = answer(said) if not isinstance(said, dict | list) else {}
    for column, keys in (("score", ("score", "probability")), ("confidence", ("confidence",))):
        chance = next((number(value[k]) for k in keys if k in value), None)
        if chance is not None and 0 <= chance <= 1:
            row[column] = chance
    return row
