"""What the official FOCUS validator, in an environment of its own, says of a month with all that there is."""

from __future__ import annotations

import os
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from pipeline.answers.window import month
from pipeline.months.closings import closing
from pipeline.store import Store
from reports import focus
from reports.read import read
from tests.months.months_scene import eventful
from tests.recorded import record

pytestmark = pytest.mark.bench

SUPPORTED = (
    "ACCOUNT_NAMING_SUPPORTED", "USAGE_MEASUREMENT_SUPPORTED", "SUB_ACCOUNT_SUPPORTED",
    "RESOURCE_TYPE_ASSIGNMENT_SUPPORTED", "TAGGING_SUPPORTED",
    "BILLING_BASED_ON_PROVISIONED_RESOURCES_SUPPORTED",
)  # fmt: skip
"""What of the validator's conditions holds for a ledger of GPUs: their rules are checked too."""
EXPLAINED = {
    "InvoiceId-C-004-C": "asks that no row has an InvoiceId, and InvoiceId-C-005-C that every row has one",
    "ConsumedQuantity-C-004-C": "reads CommitmentDiscountStatus, a column of those who have such discounts",
    "ConsumedQuantity-C-006-C": "the same",
    "ConsumedQuantity-C-005-C": "made up of C-006",
    "ConsumedQuantity-C-003-C": "made up of C-004 and C-005",
    "ConsumedQuantity-C-000-C": "made up of C-003",
}
"""Why each rule that does not pass does not; docs/month-end.md says the same."""


@pytest.fixture(scope="session")
def validator() -> Path:
    found = Path(os.environ.get("FOCUS_PYTHON", ".venv-focus/bin/python")).absolute()
    if not found.exists():
        pytest.fail("the FOCUS validator's environment is not there; `make bench` makes it")
    return found


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_the_official_validator_finds_nothing_that_is_not_explained(
    validator: Path, tmp_path: Path, form: str
) -> None:
    """A finance tool that takes FOCUS in runs these rules, and refuses the file that breaks one."""
    at = datetime(2026, 2, 1)
    ledger = tmp_path / "ledger"
    with eventful(ledger) as store:
        given = closing(store, at).thawed()
        whole = read(store, lambda n: Store.open(ledger, snapshot=n), month(2026, 2), given)
    contents = dict(focus.files(whole, "1.2"))
    data, said = tmp_path / f"focus.{form}", tmp_path / "said.xml"
    data.write_bytes(contents[f"focus-1.2-2026-02.{form}"])
    found, seconds = _found(validator, data, said)
    counts = Counter(found.values())
    record(
        "official FOCUS validator", form=form, rows=len(focus.rows(whole, "1.2")), passed=counts["passed"],
        explained=counts["failed"], not_for_us=counts["skipped"], seconds=seconds,
    )  # fmt: skip
    assert counts["passed"] > 170
    assert {rule for rule, state in found.items() if state not in ("passed", "skipped")} == set(EXPLAINED)


def _found(python: Path, data: Path, said: Path) -> tuple[dict[str, str], float]:
    """Each rule's state, and the seconds it took.  It reads a list of currencies from where it is run."""
    (packages,) = (python.parent.parent / "lib").glob("python*/site-packages")
    command = [
        str(python),
        "-m",
        "focus_validator.main",
        "--data-file",
        str(data),
        "--validate-version",
        "1.2",
    ]
    command += ["--block-download", "--applicability-criteria", ",".join(SUPPORTED)]
    command += ["--output-type", "unittest", "--output-destination", str(said)]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=packages, capture_output=True, text=True)
    assert said.exists(), done.stdout + done.stderr
    return dict(map(_rule, ElementTree.parse(said).iter("testcase"))), round(time.perf_counter() - began, 1)


def _rule(case: ElementTree.Element) -> tuple[str, str]:
    states = {"failure": "failed", "error": "failed", "skipped": "skipped"}
    name = (case.get("name") or "").partition(" ")[0]
    return name, next((states[child.tag] for child in case if child.tag in states), "passed")
