"""`driftledger judge`: one tick of the judge, and of the policy where one is given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.cluster_options import (
    CaOption,
    ClusterOption,
    KubeconfigOption,
    Reach,
    ServerOption,
    TokenOption,
    clients,
)
from pipeline.cli.instant import instant
from pipeline.cli.options import OutputOption, StoreOption, reading, settings, show, writing
from pipeline.cli.options import now as clock
from pipeline.cli.output import Output
from pipeline.errors import ConfigError, NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from pipeline.act.events import Taken
    from pipeline.policy.rules import Policy

ACT = 6
"""Exit code when some model version is proven worse than its reference."""


def judge(
    ctx: typer.Context,
    store: StoreOption = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="ISO 8601; default: the newest fact's minute.")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option("--policy", metavar="FILE", help="Rules, YAML; else nothing is changed.")
    ] = None,
    cluster: ClusterOption = None,
    kubeconfig: KubeconfigOption = None,
    server: ServerOption = None,
    token_file: TokenOption = None,
    ca: CaOption = None,
    output: OutputOption = Output.table,
) -> None:
    """Judge every model version at one time, keep the findings, and with --policy act as it says.

    A policy that may change the connected cluster (mode propose or auto) is judged by this machine's clock.

    Exit codes: 0 nothing is at level act, 6 something is (whatever was done about it), 4 a wrong policy
    or --at with one that may change something, 2 options that do not belong together, 3 no such ledger.
    """
    from pipeline.act.proving import prove
    from pipeline.act.records import demand
    from pipeline.act.standings import climbed
    from pipeline.act.tick import act
    from pipeline.answers.findings import findings as answer
    from pipeline.cli.ladder_money import ladder_money
    from pipeline.embedded import Embedded
    from pipeline.judge import tick
    from pipeline.policy.file import load

    chosen = settings(ctx)
    parameters = chosen.detection
    reach = Reach(cluster, kubeconfig, server, token_file, ca)
    rules = None if policy is None else load(policy)
    money = ladder_money(chosen, rules)
    with clients(reach, rules) as connected:
        live = _live(rules if connected else None, at)
        now = live or (_newest(ctx, store) if at is None else instant(at, "--at"))
        with writing(ctx, store) as ledger:
            if rules is not None:
                demand(ledger, rules)
            found, snapshot = tick(ledger, now, parameters)
            taken: Sequence[Taken] = ()
            if rules is not None:
                publisher = Embedded(ledger)
                taken = act(
                    ledger, publisher, found, rules, connected, now, snapshot=snapshot, parameters=parameters
                )
                taken = (
                    *taken,
                    *prove(ledger, publisher, rules, connected, now),
                    *climbed(ledger, publisher, rules, money, connected, now),
                )
    show(answer(found, now, _notes(now, at, live is not None, snapshot, taken)), output)
    if any(f.level == "act" for f in found):
        raise typer.Exit(ACT)


def _live(policy: Policy | None, at: str | None) -> datetime | None:
    """The machine's clock where a connected cluster may be changed: old facts say nothing of it now.

    None where it is only looked at.  Raises ConfigError for another time.
    """
    if policy is None or not policy.may_change:
        return None
    if at is not None:
        remedy = "what may be changed is judged now: leave --at away, or write mode: observe in the policy"
        raise ConfigError("--at", at, remedy)
    return clock()


def _newest(ctx: typer.Context, store: Path | None) -> datetime:
    """The last instant that the ledger speaks of: recorded files are judged as of their own time."""
    with reading(ctx, store) as ledger:
        newest: datetime | None = ledger.query("newest").column("last")[0].as_py()
    if newest is None:
        raise NotFound("the ledger holds no facts yet; fill it with `driftledger replay` or `driftledger up`")
    return newest


def _notes(
    now: datetime, at: str | None, live: bool, snapshot: int, taken: Sequence[Taken]
) -> tuple[str, ...]:
    from pipeline.answers.cells import SHORT

    why = "the newest minute in the ledger, not this machine's clock" if at is None else "as --at says"
    if live:
        why = "this machine's clock, since the policy may change a cluster"
    steps = [f"{step.state} {step.action_id[:SHORT]} by rule {step.rule}: {step.detail}" for step in taken]
    return (f"judged at {now.isoformat()}Z, {why}; findings kept with snapshot {snapshot}", *steps)
