"""What runs beside the collectors of one process: the judge, with its policy, and the maintenance."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from collectors.live.contract import Job, Watch
from detectors.finding import Finding
from detectors.parameters import Parameters
from pipeline.act.admission import answer, holds
from pipeline.act.proving import prove
from pipeline.act.standings import climbed
from pipeline.act.tick import act
from pipeline.actuator.kubernetes import ApiError, Kubernetes
from pipeline.actuator.lease import Led, leading
from pipeline.alerts.action_delivery import Send as TellAction
from pipeline.alerts.action_delivery import tell, to_objects
from pipeline.alerts.delivery import Send
from pipeline.alerts.messages import summary
from pipeline.alerts.tick import delivered, record
from pipeline.answers.burning import Burning, burning
from pipeline.answers.standings import Money
from pipeline.embedded import Embedded
from pipeline.errors import StoreUnavailable
from pipeline.judge import Memory, tick
from pipeline.maintenance.run import run as maintain
from pipeline.policy.rules import Policy
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Store

ELECT_SECONDS = 8.0
ADMIT_SECONDS = 5.0
_EVENTS = "Kubernetes Events"

Rules = Callable[[Watch], Policy]
"""The policy as it is now; asked at every tick."""

log = logging.getLogger("driftledger.up")


class Alerting(NamedTuple):
    """Who is told of verdicts beside the ledger: receivers, and the page of metrics."""

    receivers: Mapping[str, Send]
    warn: bool = True
    told: Callable[[Sequence[Finding]], None] = lambda found: None
    of_actions: Mapping[str, TellAction] = {}
    burnt: Callable[[Sequence[Burning]], None] | None = None


NOBODY = Alerting({})


def judging(
    store: Store,
    parameters: Parameters,
    every_seconds: float,
    rules: Rules | None,
    clients: Mapping[str, Kubernetes],
    alerting: Alerting = NOBODY,
    money: Money | None = None,
) -> Job:
    """Judge the whole minutes that are over, record it, tell who is to know, and act as the policy says."""
    publisher = Embedded(store)
    memory = Memory()

    def once(watch: Watch) -> None:
        now = _now(watch)
        found, snapshot = tick(store, now, parameters, memory)
        alerting.told(found)
        if alerting.burnt is not None:
            alerting.burnt(burning(store, now))
        for raised in record(store, publisher, found, now, alerting.warn):
            log.warning("alert %s: %s", raised.alert_id, summary(raised))
        try:
            if rules is not None:
                acted(watch, rules(watch), found, snapshot, now)
        finally:  # harm is put right first; whoever is slow to be told of it does not hold that up
            _told(watch, alerting.receivers, delivered(store, alerting.receivers, now))

    def acted(watch: Watch, policy: Policy, found: Sequence[Finding], snapshot: int, now: datetime) -> None:
        led = leading(clients)
        taken = act(store, publisher, found, policy, clients, now, snapshot=snapshot, parameters=parameters)
        proven = tuple(prove(store, publisher, policy, led, now))
        for step in (*taken, *proven, *climbed(store, publisher, policy, money, clients, now)):
            log.warning("%s %s by rule %s: %s", step.state, step.action_id, step.rule, step.detail)
        to = {**alerting.of_actions, **({_EVENTS: to_objects(led)} if led else {})}
        _told(watch, {*to, _EVENTS}, tell(store, to, now))

    return _every(every_seconds, "judge", once)


def _told(watch: Watch, receivers: Iterable[str], failures: Sequence[tuple[str, str]]) -> None:
    untold = dict(failures)
    for name in receivers:
        if name in untold:
            watch.notes(f"receiver {name}", untold[name])
        else:
            watch.goes_on(f"receiver {name}")


def electing(clients: Mapping[str, Kubernetes]) -> Job:
    """Take or keep each cluster's lease; who does not hold it acts on nothing."""

    def once(watch: Watch) -> None:
        for cluster, client in clients.items():
            if isinstance(client, Led):
                why = client.renew(_now(watch))
                part = f"lease of {cluster}"
                watch.notes(part, why) if why else watch.goes_on(part)

    return _every(ELECT_SECONDS, "lease", once)


def admitting(store: Store, rules: Rules, clients: Mapping[str, Kubernetes]) -> Job:
    """Answer Kueue's workloads from the budget; with the kill switch on nothing is held back.

    From when a ladder first has the rung: who was told to wait is let in also when it is taken away.
    """
    begun = False

    def once(watch: Watch) -> None:
        nonlocal begun
        now, policy = _now(watch), rules(watch)
        begun = begun or any(r.step == "hold_admission" for one in policy.ladders for r in one.rungs)
        if not begun:
            return
        for cluster, client in leading(clients).items():
            spaces = tuple(n for one in policy.ladders if one.cluster == cluster for n in one.namespaces)
            held = {} if policy.kill_switch else holds(store, cluster, now)
            part, faults = f"admission in {cluster}", []
            for found in answer(client, spaces, held, now):
                if isinstance(found, ApiError):
                    faults.append(found.words)
                else:
                    log.info("%s %s/%s: %s", found.state, found.namespace, found.workload, found.message)
            watch.notes(part, faults[-1]) if faults else watch.goes_on(part)

    return _every(ADMIT_SECONDS, "admission", once)


def maintaining(store: Store, settings: MaintenanceSettings) -> Job:
    """A round of maintenance now and then."""
    return _every(settings.every_seconds, "maintenance", lambda watch: _maintained(store, settings, watch))


def _maintained(store: Store, settings: MaintenanceSettings, watch: Watch) -> None:
    report = maintain(store, _now(watch), settings)
    for step in report.steps:
        if step.count:
            log.info("%s: %d %s in %.1f s", step.name, step.count, step.unit, step.seconds)


def _every(seconds: float, part: str, once: Callable[[Watch], None]) -> Job:
    def job(watch: Watch) -> None:
        while not watch.wait(seconds):
            try:
                once(watch)
            except StoreUnavailable as error:
                watch.waits(part, str(error))
            else:
                watch.goes_on(part)

    return job


def _now(watch: Watch) -> datetime:
    return datetime.fromtimestamp(watch.now() / 1e6, UTC).replace(tzinfo=None)
