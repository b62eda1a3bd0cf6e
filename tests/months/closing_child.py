"""Closes of a month that die, each in a process of its own and later than the one before, until one is done.

Arguments: ledger, pickled draft of its first month.  Prints a line each: the signal that the process before
died of, and what was found of it: closed months, charges, what is wrong with them.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.lake import chain, tables
from pipeline.months import close as closing_module
from pipeline.months.closings import closings
from pipeline.months.verify import kept
from pipeline.store import Store
from tests.full_disk import FRAME, SHARED, die_at
from tests.months.months_scene import closed


def after(module: Any, name: str, calls: int = 1) -> Callable[[], None]:
    """Lets the process die when that function has done its work for so many times."""

    def arm() -> None:
        real, left = getattr(module, name), [calls]

        def then_die(*given: Any) -> None:
            real(*given)
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

        setattr(module, name, then_die)

    return arm


def at_write(end: int) -> Callable[[], None]:
    return lambda: die_at(end)


POINTS = (
    after(chain, "move"),
    after(tables, "insert"),  # its charges
    after(tables, "insert", 2),  # its closing, all but the commit
    *map(at_write, range(SHARED, SHARED + 20 * FRAME, 3 * FRAME)),
)


def attempt(ledger: str, died: int, point: Callable[[], None]) -> int:
    """Exit code 0 where the month was closed by whoever died before."""
    with Store.open(ledger) as store:
        wrong = [problem for one in kept(store) for problem in one.problems]
        print(died, len(closings(store)), store.rows("charges").num_rows, wrong, flush=True)
        if closings(store):
            return 0
        after(closing_module, "_commit")()
        point()
        closed(store, 1)
    return 1


def main(ledger: str, made: str) -> None:
    content = pickle.loads(Path(made).read_bytes())  # noqa: S301  our own test's
    closing_module.draft, closing_module.gaps = (lambda *_: content), (lambda *_: [])
    died = 0
    for point in POINTS:
        child = os.fork()  # before this process has a thread
        if not child:
            os._exit(attempt(ledger, died, point))
        status = os.waitpid(child, 0)[1]
        if not os.WIFSIGNALED(status):
            sys.exit(os.WEXITSTATUS(status))
        died = os.WTERMSIG(status)
    sys.exit(2)


if __name__ == "__main__":
    main(*sys.argv[1:])
