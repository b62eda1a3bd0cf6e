"""Bodies of model servers as rows: KServe v1, v2 (Open Inference Protocol), OpenAI; request or response."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from collectors.live.inference import binary, openai, tensors
from collectors.live.inference.found import MOST_UNITS, Row, text
from collectors.live.inference.rules import Rules
from pipeline.wire.limits import MAX_CELLS, MAX_FEATURES

_ANY = msgspec.json.Decoder()


class Unreadable(Exception):
    """`args` are a reason's code and what is wrong, in words without a value."""


class Side(NamedTuple):
    """One half of an exchange: columns of all its rows, and columns of each row."""

    common: Row
    rows: list[Row]


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object of a body, also streamed, or with tensors' values behind it; raises Unreadable."""
    try:
        found = openai.streamed(body) or _ANY.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        found = _with_bytes(body)
        if found is None:
            raise Unreadable("malformed", str(error)[:200]) from error
    if not isinstance(found, dict):
        raise Unreadable("wrong_type", "the body is no JSON object")
    return found


def _with_bytes(body: bytes) -> dict[str, Any] | None:
    try:
        return binary.opened(body)
    except UnicodeError as error:  # its words hold the bytes
        raise Unreadable("malformed", "binary texts that are no UTF-8") from error
    except ValueError as error:
        raise Unreadable("malformed", str(error)) from error


def request(body: bytes, model: str | None, rules: Rules) -> Side:
    """Features of each row, already reduced by the model's rule; raises Unreadable.

    `model` is what the event is counted for, None where only the answer may say it: a body of rows that
    names another one is reduced by this one's rule nevertheless.
    """
    sent = parse(body)
    rule = rules.of(model)
    if isinstance(instances := sent.get("instances"), list):
        rows = tensors.rows_of_instances(instances, rule)
    elif isinstance(inputs := sent.get("inputs"), list) and _are_tensors(inputs):
        rows = tensors.rows_of_inputs(inputs, rule)
    elif openai.is_request(sent):
        rows, model = [{}], model or text(sent.get("model"))
    else:
        raise Unreadable("unknown_shape", "no instances, tensors, messages, prompt or input")
    return Side(rule.visible(_named(model) | _identified(sent)), _bounded(rows))


def response(body: bytes, model: str | None, rules: Rules) -> Side:
    """Prediction, score and tokens of each row, already reduced, as of a request; raises Unreadable."""
    sent = parse(body)
    model = model or text(sent.get("model_name"))
    rule = rules.of(model)
    if isinstance(predictions := sent.get("predictions"), list):
        rows = [tensors.answer(value) for value in predictions]
    elif isinstance(outputs := sent.get("outputs"), list) and _are_tensors(outputs):
        rows = tensors.rows_of_outputs(outputs)
    elif openai.is_response(sent):
        said = openai.response(sent, rule)
        told = {"features": said.pop("features")} if "features" in said else {}
        return Side(rule.visible(_named(model) | said), [told])
    else:
        raise Unreadable("unknown_shape", "no predictions, output tensors, choices or usage")
    version = {"model_version": named} if (named := text(sent.get("model_version"))) else {}
    common = rule.visible(_named(model) | version | _identified(sent))
    return Side(common, [rule.visible(row) for row in _bounded(rows)])


def _named(model: str | None) -> Row:
    return {"model": model} if model else {}


def _are_tensors(found: list[Any]) -> bool:
    return all(isinstance(tensor, dict) and "name" in tensor for tensor in found)


def _identified(sent: dict[str, Any]) -> Row:
    return {"prediction_id": id_} if (id_ := text(sent.get("id"))) else {}


def _bounded(rows: list[Row]) -> list[Row]:
    names = {name for row in rows for name in row.get("features", ())}
    if len(rows) > MOST_UNITS or len(names) > MAX_FEATURES // 2 or len(rows) * len(names) > MAX_CELLS:
        raise Unreadable("too_large", f"{len(rows)} rows of {len(names)} features")
    return rows
