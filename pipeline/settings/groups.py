"""Every setting in one frozen object, a group a file; who reads it gets it as an argument."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.dcgm.parameters import DcgmSettings
from collectors.live.hubble.parameters import HubbleSettings
from collectors.live.inference.parameters import InferenceSettings
from collectors.live.inference_topics.parameters import InferenceTopicsSettings
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
class Settings:
    """The groups; a setting's full name is group.field, for example detection.warn_minutes."""

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
    allocation: AllocationSettings = AllocationSettings()
    dcgm: DcgmSettings = DcgmSettings()
    hubble: HubbleSettings = HubbleSettings()
    inference: InferenceSettings = InferenceSettings()
    inference_topics: InferenceTopicsSettings = InferenceTopicsSettings()


def names() -> list[str]:
    """The full name of every setting."""
    return [f"{group.name}.{f.name}" for group in fields(Settings) for f in fields(_default(group.name))]


def _default(group: str) -> Any:
    return getattr(Settings(), group)


def value(settings: Settings, name: str) -> Any:
    """The value of the setting with this full name."""
    group, key = name.split(".")
    return getattr(getattr(settings, group), key)


def bound(name: str) -> Bound:
    """The bounds that the field's annotation states, or the usual ones."""
    group, key = name.split(".")
    stated = get_type_hints(type(_default(group)), include_extras=True)[key]
    extras = get_args(stated)[1:] if get_origin(stated) is Annotated else ()
    return next((extra for extra in extras if isinstance(extra, Bound)), USUAL)
