"""`driftledger up`: sources, ledger, judge, maintenance and pages in one command."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

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
from pipeline.cli.options import StoreOption, place, settings
from pipeline.cli.process import Level, LevelOption, LogForm, LogOption, run
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from collectors.live.contract import Job
    from collectors.publish.publisher import Publisher
    from pipeline.answers.standings import Money
    from pipeline.policy.rules import Policy
    from pipeline.settings.groups import Settings
    from pipeline.settings.store import StoreSettings
    from pipeline.store import Store

log = logging.getLogger("driftledger.up")

NOTHING = "none"
"""As up.collect: only judge and act, on a ledger that others fill."""


def up(
    ctx: typer.Context,
    store: StoreOption = None,
    cluster: ClusterOption = None,
    kubeconfig: KubeconfigOption = None,
    server: ServerOption = None,
    token_file: TokenOption = None,
    ca: CaOption = None,
    log: LogOption = LogForm.lines,
    log_level: LevelOption = Level.info,
) -> None:
    """Collect as up.collect says, straight into the ledger; judge every minute; serve the pages.

    SIGTERM or SIGINT: it ends with 0.  Exit codes: 2 options that do not belong together, 4 a wrong setting,
    5 something is not there that no waiting mends, 1 anything else.
    """
    reach = Reach(cluster, kubeconfig, server, token_file, ca)
    run(lambda: _up(ctx, store, reach), "driftledger.up", log, log_level)


def _up(ctx: typer.Context, folder: Path | None, reach: Reach) -> None:
    from pipeline.alerts import action_delivery, topic
    from pipeline.alerts.delivery import receivers
    from pipeline.alerts.metrics import Verdicts
    from pipeline.cli.ladder_money import ladder_money
    from pipeline.collect.doors import Ledger
    from pipeline.collect.publishing import Numbers
    from pipeline.collect.run import collect
    from pipeline.embedded import Embedded
    from pipeline.policy.file import load
    from pipeline.store import Store
    from pipeline.up import jobs
    from pipeline.up.keeping import keeping
    from pipeline.up.policy_file import PolicyFile
    from pipeline.up.pricing import pricing
    from reports.schedule import month_end

    chosen = settings(ctx)
    kinds = _kinds(chosen.up.collect)
    rules = load(Path(chosen.up.policy)) if chosen.up.policy else None  # before anything is opened
    money = ladder_money(chosen, rules)
    with ExitStack() as opened:
        connected = opened.enter_context(clients(reach, rules, chosen.up.lease))
        ledger = opened.enter_context(Store.open(place(ctx, folder)))
        policy = PolicyFile(Path(chosen.up.policy), rules, _usable(ledger, money)) if rules else None
        verdicts = Verdicts()
        publisher = _broker(opened, chosen)
        told, of_actions = receivers(chosen.alerts), action_delivery.receivers(chosen.alerts)
        if publisher:
            told["kafka"] = topic.to_topic(publisher, chosen.alerts.page)
            of_actions["action kafka"] = action_delivery.to_topic(publisher)
        alerting = jobs.Alerting(told, chosen.alerts.warn, verdicts.told, of_actions, verdicts.burnt)
        beside = {
            "judge": jobs.judging(
                ledger,
                chosen.detection,
                chosen.up.judge_seconds,
                policy.now if policy else None,
                connected,
                alerting,
                money,
            ),
            "maintenance": jobs.maintaining(ledger, chosen.maintenance),
        }
        if chosen.up.dashboard:
            beside["pages"] = _pages(opened, chosen, place(ctx, folder))
            beside["days kept"] = keeping(chosen, place(ctx, folder))
        if chosen.up.prices_source:
            beside["prices"] = pricing(chosen.up)
        if chosen.up.lease:
            beside["lease"] = jobs.electing(connected)
        if policy:
            beside["admission"] = jobs.admitting(ledger, policy.answering, connected)
        if chosen.closing.schedule_seconds:
            beside["month end"] = month_end(chosen, place(ctx, folder))
        numbers = Numbers()
        numbers.of = publisher.stats if publisher else None
        collect(kinds, chosen, lambda _: Ledger(Embedded(ledger)), beside, [verdicts, numbers])


def _usable(ledger: Store, money: Money | None) -> Callable[[Policy], None]:
    """Raises ConfigError for a policy that this process may not follow: at its start, and when it changes."""

    def check(policy: Policy) -> None:
        from pipeline.act.records import demand

        demand(ledger, policy)
        if money is not None:
            money.check(policy)
        elif policy.ladders:
            raise ConfigError("ladders", policy.ladders[0].name, "start up anew: it began without ladders")

    return check


def _broker(opened: ExitStack, chosen: Settings) -> Publisher | None:
    """Of the topics of alerts and actions, where they are to go there too."""
    if not chosen.alerts.kafka:
        return None
    from collectors.publish.publisher import Publisher

    return opened.enter_context(Publisher.open(chosen.kafka, chosen.publish))


def _kinds(named: str) -> list[str]:
    from collectors.live.catalogue import LIVE

    if named.strip() == NOTHING:
        return []
    kinds = [kind for kind in (part.strip() for part in named.split(",")) if kind]
    known = ", ".join(sorted(LIVE))
    if not kinds or not LIVE.keys() >= set(kinds):
        raise ConfigError("up.collect", named, f"name some of {known}, with commas between, or {NOTHING}")
    return list(dict.fromkeys(kinds))


def _pages(opened: ExitStack, chosen: Settings, ledger: StoreSettings) -> Job:
    from pipeline.cli.dashboard import check, environment
    from pipeline.cli.listening import listen
    from pipeline.up.pages import serving

    check(chosen)
    host = chosen.dashboard.host
    remedy = "set another dashboard.port, or up.dashboard to false"
    listening = opened.enter_context(listen(host, chosen.dashboard.port, remedy))
    log.info("pages on http://%s:%d", host, listening.getsockname()[1])
    return serving(listening, environment(chosen, ledger, listening))
