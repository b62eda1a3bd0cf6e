"""Every setting with its unit and its reason, in one frozen object; who reads it gets it as an argument."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from detectors.parameters import Parameters
from pipeline import yaml_file
from pipeline.errors import ConfigError
from pipeline.setting_values import Bound, set_value

ENVIRONMENT_PREFIX = "DRIFTLEDGER__"


@dataclass(frozen=True, slots=True)
class StoreSettings:
    folder: Path = Path("driftledger-data")
    """Folder of the ledger: catalog and Parquet files."""


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    host: str = "127.0.0.1"
    """Address to listen on; the pages have no login yet, so only this machine by default."""
    port: int = 8501
    """TCP port, 1 to 65535."""
    points: int = 200
    """Most points of a line in a chart: more are noise to the eye, and slow in a browser."""
    stale_minutes: int = 60
    """Minutes without a new fact after which a page says that it is stale."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The groups; a setting's full name is group.field, for example detection.warn_minutes."""

    store: StoreSettings = field(default_factory=StoreSettings)
    detection: Parameters = field(default_factory=Parameters)
    dashboard: DashboardSettings = field(default_factory=DashboardSettings)


BOUNDS = {
    "detection.warn_minutes": Bound(1, 1e9),
    "detection.act_minutes": Bound(1, 1e9),
    "detection.accuracy_tolerance": Bound(0, 1),
    "detection.accuracy_confidence": Bound(0.5, 0.999999),
    "detection.latency_phi": Bound(1, 1e6),
    "detection.drift_rho": Bound(0, 10),
    "dashboard.port": Bound(1, 65_535),
    "dashboard.points": Bound(10, 2_000),
}
"""Inclusive bounds, where they are narrower than 1 to 1 000 000 000 for a number."""


def load(
    *, file: Path | None = None, environ: Mapping[str, str] | None = None, flags: Iterable[str] = ()
) -> Settings:
    """The defaults, then the YAML file, then DRIFTLEDGER__GROUP__FIELD, then flags `group.field=value`.

    Raises NotFound where the file is not there, ConfigError for an unknown name or an impossible value.
    """
    settings = Settings()
    given = [*_from_file(file), *_from_environment(environ or {}), *map(_from_flag, flags)]
    for name, value in given:
        settings = _with(settings, name, value)
    if settings.detection.act_minutes < settings.detection.warn_minutes:
        remedy = "write at least detection.warn_minutes: to act needs more evidence than to warn"
        raise ConfigError("detection.act_minutes", settings.detection.act_minutes, remedy)
    return settings


def names() -> list[str]:
    """The full name of every setting."""
    return [f"{group.name}.{f.name}" for group in fields(Settings) for f in fields(_group(group.name))]


def _group(name: str) -> Any:
    return getattr(Settings(), name)


def _with(settings: Settings, name: str, value: object) -> Settings:
    if name not in names():
        raise ConfigError(name, value, f"there is no such setting; {_nearest(name)}")
    group, key = name.split(".")
    changed = set_value(getattr(settings, group), key, value, name, BOUNDS.get(name, Bound(1, 1e9)))
    return replace(settings, **{group: changed})


def _nearest(name: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, names(), n=1)
    return f"did you mean {near[0]}?" if near else "`driftledger config schema` lists them"


def _from_file(file: Path | None) -> list[tuple[str, object]]:
    content = {} if file is None else yaml_file.document(yaml_file.read_text(file))
    given = []
    for group, settings in _mapping(str(file), content):
        if group not in Settings.__dataclass_fields__:
            raise ConfigError(str(group), settings, f"there is no such group; {_nearest(str(group))}")
        given += [(f"{group}.{key}", value) for key, value in _mapping(str(group), settings)]
    return given


def _mapping(where: str, content: object) -> list[tuple[object, object]]:
    if content is None:
        return []
    if not isinstance(content, Mapping):
        raise ConfigError(where, content, "write a mapping of names to values")
    return list(content.items())


def _from_environment(environ: Mapping[str, str]) -> list[tuple[str, object]]:
    found = sorted(k for k in environ if k.startswith(ENVIRONMENT_PREFIX))
    return [(k.removeprefix(ENVIRONMENT_PREFIX).replace("__", ".").lower(), environ[k]) for k in found]


def _from_flag(flag: str) -> tuple[str, object]:
    name, equals, value = flag.partition("=")
    if not equals:
        raise ConfigError("--set", flag, "write group.field=value")
    return name, value


def as_environment(settings: Settings) -> dict[str, str]:
    """The variables from which `load` makes the same settings again."""
    values = {name: getattr(getattr(settings, name.split(".")[0]), name.split(".")[1]) for name in names()}
    return {ENVIRONMENT_PREFIX + name.replace(".", "__").upper(): str(v) for name, v in values.items()}
