"""Every setting in one frozen object, a group a file; who reads it gets it as an argument."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, make_dataclass
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin, get_type_hints

from collectors.live import catalogue
from collectors.publish.parameters import PublishSettings
from detectors.parameters import Parameters
from pipeline.bounds import Bound
from pipeline.broker.parameters import KafkaSettings
from pipeline.settings.alerts import AlertSettings
from pipeline.settings.api import ApiSettings
from pipeline.settings.budgets import BudgetSettings
from pipeline.settings.closing import ClosingSettings
from pipeline.settings.collect import CollectSettings
from pipeline.settings.cost import CostRule
from pipeline.settings.dashboard import DashboardSettings
from pipeline.settings.energy import EnergySettings
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.settings.predict import PredictSettings
from pipeline.settings.store import StoreSettings
from pipeline.settings.up import UpSettings
from pipeline.settings.worker import WorkerSettings

USUAL = Bound(1, 1e9)
"""Bounds of a number whose field states none."""


@dataclass(frozen=True, slots=True)
class _Groups:
    store: StoreSettings = StoreSettings()
    maintenance: MaintenanceSettings = MaintenanceSettings()
    detection: Parameters = Parameters()
    cost: CostRule = CostRule()
    budgets: BudgetSettings = BudgetSettings()
    closing: ClosingSettings = ClosingSettings()
    energy: EnergySettings = EnergySettings()
    dashboard: DashboardSettings = DashboardSettings()
    api: ApiSettings = ApiSettings()
    predict: PredictSettings = PredictSettings()
    kafka: KafkaSettings = KafkaSettings()
    publish: PublishSettings = PublishSettings()
    worker: WorkerSettings = WorkerSettings()
    collect: CollectSettings = CollectSettings()
    up: UpSettings = UpSettings()
    alerts: AlertSettings = AlertSettings()


if TYPE_CHECKING:

    class Settings(_Groups):
        """The groups; a setting's full name is group.field, for example detection.warn_minutes."""
else:  # each live collector's line in the catalogue is its group too
    Settings = make_dataclass(
        "Settings",
        [(kind, made, field(default=made())) for kind, made in catalogue.groups().items()],
        bases=(_Groups,),
        frozen=True,
        slots=True,
    )
    Settings.__module__ = __name__


def names() -> list[str]:
    """The full name of every setting."""
    return [f"{one.name}.{f.name}" for one in fields(Settings) for f in fields(_default(one.name))]


def _default(name: str) -> Any:
    return group(Settings(), name)


def group(settings: Settings, name: str) -> Any:
    """The group of this name; of a live collector it is the only way that a type checker knows."""
    return getattr(settings, name)


def value(settings: Settings, name: str) -> Any:
    """The value of the setting with this full name."""
    of, key = name.split(".")
    return getattr(group(settings, of), key)


def bound(name: str) -> Bound:
    """The bounds that the field's annotation states, or the usual ones."""
    of, key = name.split(".")
    stated = get_type_hints(type(_default(of)), include_extras=True)[key]
    extras = get_args(stated)[1:] if get_origin(stated) is Annotated else ()
    return next((extra for extra in extras if isinstance(extra, Bound)), USUAL)
