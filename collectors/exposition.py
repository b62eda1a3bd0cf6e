"""Prometheus exposition text: its sample lines, with labels, or why a line is not one.

Formats: https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4), and OpenMetrics,
which ends with `# EOF` and writes times as seconds.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pipeline.events import Rejected

_LINE = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*"
    r'(?:\{([^"}]*+(?:"(?:[^"\\]|\\.)*+"[^"}]*+)*+)\})?'
    r"[ \t]*(\S+)(?:[ \t]+(-?\d{1,18}(?:\.\d{1,9})?))?[ \t]*"
)
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*+)"\s*(?:,|$)')
_ESCAPE = re.compile(r"\\(.)")
_UNESCAPED = {"n": "\n"}

_BOM = b"\xef\xbb\xbf"
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
    a_unit = 1_000 if data.rstrip().endswith(b"# EOF") else 1
    good: list[Sample] = []
    bad: list[Rejected] = []
    for row, raw in enumerate(data.removeprefix(_BOM).split(b"\n")):
        line = raw.strip()
        if not line or line.startswith(b"#"):
            continue
        sample = _sample(line, row, labels, a_unit)
        if isinstance(sample, Sample):
            good.append(sample)
        else:
            bad.append(sample)
    return good, bad


def first_has_time(data: bytes) -> bool:
    """Whether the first sample line has a time of its own."""
    start = len(_BOM) if data.startswith(_BOM) else 0
    while 0 <= start < len(data):
        end = data.find(b"\n", start)
        line = data[start : end if end >= 0 else len(data)].strip()
        if line and not line.startswith(b"#"):
            sample = _sample(line, 0, {"": {}}, 1)
            return isinstance(sample, Sample) and sample.milliseconds is not None
        start = end + 1 if end >= 0 else -1
    return False


def _sample(raw: bytes, row: int, known: dict[str, dict[str, str] | None], a_unit: int) -> Sample | Rejected:
    line = raw.decode("utf-8", "replace")
    match = _LINE.fullmatch(line)
    if match is None or "\ufffd" in line:
        return _malformed("not a sample line", line, row)
    name, block, number, time = match.groups(default="")
    if block not in known:  # all metrics of one device repeat the same label block
        known[block] = _labels(block)
    labels = known[block]
    if labels is None:
        return _malformed("labels are not name=\"value\" pairs", line, row)  # fmt: skip
    try:
        value = float(number)
    except ValueError:
        return _malformed("the value is not a number", line, row)
    return Sample(name, labels, value, _milliseconds(time, a_unit) if time else None, row)


def _milliseconds(time: str, a_unit: int) -> int:
    """A fraction is of a second, whatever the format."""
    return round(float(time) * 1_000) if "." in time else int(time) * a_unit


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
