"""What costs were counted by when a ladder decided: kept once in the ledger, and read back by its SHA-256."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa

from pipeline.answers.standings import Money
from pipeline.errors import NotFound
from pipeline.facts.control import COUNTED_BY
from pipeline.months import frozen
from pipeline.store import Batch, Store


def described(money: Money) -> dict[str, str]:
    """As a decision names it: the SHA-256 of all, and what its parts call themselves."""
    return {
        "sha256": _identity(frozen.dump(money)),
        "prices": money.prices.version,
        "rule": money.rule.id,
        "owners": money.owners.version,
    }


def keep(store: Store, money: Money, identity: str, now: datetime) -> None:
    """Into the ledger, unless it is there; `identity` is its SHA-256."""
    if store.query("counted_by", identity=identity).num_rows:
        return
    row = {"identity": identity, "time": now, "content": frozen.dump(money)}
    store.append(Batch({COUNTED_BY.name: pa.Table.from_pylist([row], schema=COUNTED_BY.schema)}))


def kept(store: Store, told: Mapping[str, Any]) -> Money:
    """What a decision names.  Raises NotFound where the ledger has it not, or has it changed."""
    identity = str(told.get("sha256", ""))
    if not identity:
        raise NotFound("nothing is recorded of what its costs were counted by")
    rows = store.query("counted_by", identity=identity).to_pylist()
    if not rows:
        raise NotFound(f"what its costs were counted by, SHA-256 {identity[:12]}, is not in the ledger")
    content = str(rows[0]["content"])
    if _identity(content) != identity:
        raise NotFound(f"what its costs were counted by, SHA-256 {identity[:12]}, was changed in the ledger")
    return frozen.load(Money, content)


def _identity(content: str) -> str:
    return sha256(content.encode()).hexdigest()
