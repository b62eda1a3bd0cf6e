"""docs/cost-conformance.md: `python -m tests.conformance.page` writes it; a test holds it to the cases."""

from __future__ import annotations

from pathlib import Path

from pipeline.answers.cost_table import NOBODYS
from tests.conformance import asking
from tests.conformance.case import Case
from tests.conformance.cases import AWS, CASES, IDLE, METHODS, TOLD

PATH = Path(__file__).parents[2] / "docs" / "cost-conformance.md"

_HEAD = """# Worked cases of GPU cost
Each case is a cluster of its own for one hour, given as events and a price, and asked through the commands
that a user has; `tests/cost/test_conformance.py` runs all of them. A GPU-hour costs 7.00 dollars. OpenCost's
answer is for all pods of the case, and not measured: it is read from its source at commit 30608b8
(`pkg/costmodel/{allocation_helpers,metrics}.go`, `core/pkg/opencost/allocation.go`) and from
its documentation. What an `objects-` case gives are no events but nodes and pods: the collector makes
its events. The example of Appendix A of OpenCost's specification, one GPU, core and GB of a node at 35 in the
ratio 30, 30, 10 being 15, 15, 5, is a test there too.

| case | driftledger: each pays | OpenCost: the pods pay | why OpenCost |
|---|---|---|---|
"""

_AWS = """
## AWS's examples of split cost allocation data
The [two](https://docs.aws.amazon.com/cur/latest/userguide/example-split-cost-allocation-data.html)
[examples](https://docs.aws.amazon.com/cur/latest/userguide/example-accelerated-instances.html) that AWS works
out step by step, at its prices, asked with `--set cost.method=aws-split --set cost.idle=weighted`. A pod pays
for the larger of what it reserves and what it uses; in both the pods together have more cores than the node,
so all is scaled to it; memory that nobody has is paid by those who have some. AWS rounds to cents, and writes
GB where we count GiB.

| case | driftledger: each pays | AWS states |
|---|---|---|
"""

_FOOT = """
The case `idle-weighted` is asked with `--set cost.idle=weighted`; the three before it, a node of eight GPUs
with 192 cores and 2 TiB at 55.04 dollars an hour, with `--set cost.method=` and their name. What rounding to
billionths leaves stays on the GPU, so that the lines sum to 55.04.

## A case of your own
Events, a line each, and a price file; this is the case `dra-one-claim`:

```json
{events}```

```yaml
{prices}```

```
driftledger replay events case.jsonl --store case
driftledger cost --by pod --prices prices.yaml --store case -o json
```
"""


def text() -> str:
    rows = "\n".join(_row(case) for case in (*CASES, *TOLD, *METHODS, IDLE))
    shown = [case for case in CASES if case.name == "dra-one-claim"]
    theirs = "\n".join(f"| **{one.name}**: {one.title} | {_paid(one)} | {one.opencost} |" for one in AWS)
    foot = _FOOT.format(events=asking.events(shown), prices=asking.prices(shown))
    return _HEAD + rows + "\n" + _AWS + theirs + "\n" + foot


def _row(case: Case) -> str:
    return f"| **{case.name}**: {case.title} | {_paid(case)} | {case.opencost} | {case.why} |"


def _paid(case: Case) -> str:
    paid = "; ".join(f"{who} {amount}" for who, amount in _together(case.pays).items())
    return paid + (f"; efficiency {case.efficiency} %" if case.efficiency else "")


def _together(pays: dict[str, str]) -> dict[str, str]:
    """Pods that pay the same are named once; what nobody holds is on its own."""
    alike: dict[tuple[str, str], list[str]] = {}
    for who, amount in pays.items():
        alike.setdefault((who if who in NOBODYS else "", amount), []).append(who)
    return {_named(names): amount for (_, amount), names in alike.items()}


def _named(names: list[str]) -> str:
    if len(names) < 3:
        return " and ".join(names) + (" each" if len(names) > 1 else "")
    return f"{names[0]} to {names[-1]} each"


if __name__ == "__main__":
    PATH.write_text(text())
