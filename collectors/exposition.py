"""Prometheus exposition text: its sample lines, with labels, or why a line is not one.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.events import Rejected

_LINE = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*"
    r'(?:\{([^"}]*+(?:"(?:[^"\\]|\\.)*+"[^"}]*+)*+)\})?'
    r"[ \t]*(\S+)(?:[ \t]+(-?\d{1,18}))?[ \t]*"
)
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*+)"\s*(?:,|$)')
_ESCAPE = re.compile(r"\\(.)")
_UNESCAPED = {"n": "\n"}

_DETAIL_CHARACTERS = 120


class Sample(NamedTuple):
    name: str
    labels: dict[str, str]
    value: float
    milliseconds: int | None
    """The line's own timestamp since 1970 UTC; exporters leave it out, federation writes it."""
    row: int


def samples(data: bytes) -> tuple[list[Sample], list[Rejected]]:
    """Sample lines and refused lines; comments and blank lines are neither.  `row` counts lines from 0."""
    labels: dict[str, dict[str, str] | None] = {"": {}}
    good: list[Sample] = []
    bad: list[Rejected] = []
    for row, raw in enumerate(data.split(b"\n")):
        line = raw.strip()
        if not line or line.startswith(b"#"):
            continue
        sample = _sample(line, row, labels)
        if isinstance(sample, Sample):
            good.append(sample)
        else:
            bad.append(sample)
    return good, bad


def _sample(raw: bytes, row: int, known: dict[str, dict[str, str] | None]) -> Sample | Rejected:
    line = raw.decode("utf-8", "replace")
    match = _LINE.fullmatch(line)
    if match is None or "\ufffd" in line:
        return _malformed("not a sample line", line, row)
    name, block, number, milliseconds = match.groups(default="")
    if block not in known:  # all metrics of one device repeat the same label block
        known[block] = _labels(block)
    labels = known[block]
    if labels is None:
        return _malformed("labels are not name=\"value\" pairs", line, row)  # fmt: skip
    try:
        value = float(number)
    except ValueError:
        return _malformed("the value is not a number", line, row)
    return Sample(name, labels, value, int(milliseconds) if milliseconds else None, row)


def _labels(block: str) -> dict[str, str] | None:
    labels: dict[str, str] = {}
    at = 0
    while at < len(block):
        match = _LABEL.match(block, at)
        if match is None:
            return labels if not block[at:].strip() else None
        name, value = match.groups()
        if "\\" in value:
            value = _ESCAPE.sub(lambda m: _UNESCAPED.get(m[1], m[1]), value)
        labels[name] = value
        at = match.end()
    return labels


def _malformed(why: str, line: str, row: int) -> Rejected:
    return Rejected("malformed", f"{why}: {line[:_DETAIL_CHARACTERS]}", row)
