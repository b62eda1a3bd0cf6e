"""docs/faults.md from the results of one run of `make soak`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.bench.page import page
from tests.recorded import RESULTS

PAGE = Path(__file__).parent.parent.parent / "docs" / "faults.md"

HEAD = """# Faults

What `make soak` does to real workers, a real broker and a real database while a stream of events of every
kind passes through them, and what was left in the ledger, which `driftledger maintain` keeps all the while in
rounds a second apart. The same messages are also taken without a
broker, in one process. *messages/s* and *inferences/s* are what was published, from the first message to
the last: a message has 1,000 inferences or 50 rows of another kind, and each is sent 8 times under numbers
of its own. *lost* and *double* are inferences; *differing tables* are fact tables that are not equal to
that ledger row for row; *months equal* says whether the statement of the month is the same; *ended by
themselves* are workers that ended without a kill, in order when told to leave or because they gave up, and
were started again.

"""

NOTES = {
    "kill -9": "A running worker is killed at a random moment and started again, again and again.",
    "every fault": "Kills, leaves and joins, freezes beyond the session's end (the worker comes back as a "
    "zombie), restarts and kills of the broker and of the database, in a seeded order.",
}

if __name__ == "__main__":
    PAGE.write_text(page(RESULTS, datetime.now(UTC), HEAD, NOTES), encoding="utf-8")
