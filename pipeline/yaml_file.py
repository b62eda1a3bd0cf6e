"""YAML that a person wrote: read safely, or an error that names the place and the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import yaml

from pipeline.errors import ConfigError, NotFound

MAX_BYTES = 262_144


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, list | dict) or key in seen:
                raise ConfigError(str(key), "stands twice in one mapping", "write each key once")
            seen.add(key)
        return cast("dict[object, object]", super().construct_mapping(node, deep))


class _Texts(_UniqueKeys):
    """Every value stays the text that was written: 2.10 is not a binary fraction near it."""

    yaml_implicit_resolvers = {}


def read_text(path: str | Path) -> str:
    """Raises NotFound where there is no file that may be read, ConfigError where it is not text."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise NotFound(f"there is no file {path}") from error
    except OSError as error:
        raise NotFound(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(path), "bytes that are not UTF-8", "save the file as UTF-8 text") from error


def document(text: str, *, as_text: bool = False) -> object:
    """The one document of the text; aliases are refused, since a few bytes of them unfold to gigabytes.

    With `as_text` every scalar is the text that was written.
    """
    if len(text.encode()) > MAX_BYTES:
        raise ConfigError("file", f"{len(text)} characters", f"keep the file under {MAX_BYTES} bytes")
    try:
        for token in yaml.scan(text):
            if isinstance(token, yaml.AliasToken | yaml.AnchorToken):
                line = token.start_mark.line + 1
                raise ConfigError(
                    f"line {line}", f"*{token.value}", "write the value out; aliases are not read"
                )
        return yaml.load(text, Loader=_Texts if as_text else _UniqueKeys)  # both are a SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "file"
        raise ConfigError(where, getattr(error, "problem", str(error)), "write valid YAML") from error
