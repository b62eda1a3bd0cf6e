"""Where settings come from: defaults, a file, the environment, flags; the later wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from pipeline import yaml_file
from pipeline.errors import ConfigError
from pipeline.secret import Secret
from pipeline.settings.groups import Settings, bound, names, value
from pipeline.settings.values import set_value

ENVIRONMENT_PREFIX = "DRIFTLEDGER__"


def load(
    *, file: Path | None = None, environ: Mapping[str, str] | None = None, flags: Iterable[str] = ()
) -> Settings:
    """The defaults, then the YAML file, then DRIFTLEDGER__GROUP__FIELD, then flags `group.field=value`.

    Raises NotFound where the file is not there, ConfigError for an unknown name or an impossible value.
    """
    settings = Settings()
    given = [*_from_file(file), *_from_environment(environ or {}), *map(_from_flag, flags)]
    for name, written in given:
        settings = _with(settings, name, written)
    if settings.detection.act_minutes < settings.detection.warn_minutes:
        remedy = "write at least detection.warn_minutes: to act needs more evidence than to warn"
        raise ConfigError("detection.act_minutes", settings.detection.act_minutes, remedy)
    detection = settings.detection
    # The window of drift begins at a midnight, up to a day earlier.
    longest = max(detection.rate_look_back_minutes, detection.drift_look_back_minutes + 1_440)
    if settings.maintenance.rollup_days * 1_440 <= longest + 1_440:
        remedy = f"write more days than the judge looks back, which is {longest:,} minutes: it reads minutes"
        raise ConfigError("maintenance.rollup_days", settings.maintenance.rollup_days, remedy)
    return settings


def _with(settings: Settings, name: str, given: object) -> Settings:
    if name not in names():
        raise ConfigError(name, _shown(name, given), f"there is no such setting; {_nearest(name)}")
    group, key = name.split(".")
    changed = set_value(getattr(settings, group), key, given, name, bound(name))
    return replace(settings, **{group: changed})


def _shown(name: str, given: object) -> object:
    """The value, unless the name is a slip of the name of a secret."""
    return (
        Secret(given) if any(isinstance(value(Settings(), near), Secret) for near in _near(name)) else given
    )


def _near(name: str) -> list[str]:
    from difflib import get_close_matches

    return get_close_matches(name, names(), n=1)


def _nearest(name: str) -> str:
    near = _near(name)
    return f"did you mean {near[0]}?" if near else "`driftledger config schema` lists them"


def _from_file(file: Path | None) -> list[tuple[str, object]]:
    content = {} if file is None else yaml_file.document(yaml_file.read_text(file))
    given = []
    for group, settings in _mapping(str(file), content):
        if group not in Settings.__dataclass_fields__:
            shown = list(settings) if isinstance(settings, Mapping) else settings
            raise ConfigError(str(group), shown, f"there is no such group; {_nearest(str(group))}")
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
    name, equals, text = flag.partition("=")
    if not equals:
        raise ConfigError("--set", flag, "write group.field=value")
    if name in names() and isinstance(value(Settings(), name), Secret):
        raise ConfigError(name, Secret(text), f"set {_variable(name)}: everybody can read a command line")
    return name, text


def _variable(name: str) -> str:
    return ENVIRONMENT_PREFIX + name.replace(".", "__").upper()


def as_environment(settings: Settings) -> dict[str, str]:
    """The variables from which `load` makes the same settings again."""
    return {_variable(name): str(value(settings, name)) for name in names()}
