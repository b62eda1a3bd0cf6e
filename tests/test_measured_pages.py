"""The pages of measured numbers are as their programs write them: nothing is by hand, or of before."""

from __future__ import annotations

import re

import pytest

import tests.bench.detection.page as detection
import tests.bench.page as benchmarks
import tests.faults.page as faults
from tests.bench.test_bench_evaluate import DATA


@pytest.mark.parametrize("module", [benchmarks, detection, faults], ids=lambda of: of.PAGE.name)
def test_head_and_notes_are_those_of_the_program(module) -> None:
    """A note that was changed since, or a section added by hand, says of the numbers what they are not."""
    page = module.PAGE.read_text(encoding="utf-8")
    assert page.startswith(module.HEAD)
    assert re.findall(r"^# .*$", page, re.MULTILINE) == [module.HEAD.partition("\n")[0]]
    for section in page.split("\n## ")[1:]:
        name, _, body = section.partition("\n\n")
        note = module.NOTES.get(name, "")
        assert body.startswith(f"{note}\n\n| " if note else "| "), name


def test_all_data_that_nannyml_brings_is_on_the_page() -> None:
    """A set on which figures differ fails the bench, and would only be missing from a page written then."""
    (section,) = re.findall(
        r"^## evaluate against NannyML\n(.*?)^## ", benchmarks.PAGE.read_text("utf-8"), re.M | re.S
    )
    assert re.findall(r"^\| (\w+) \|", section, re.MULTILINE) == ["data", *DATA]
