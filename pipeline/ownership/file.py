"""The ownership rules of a YAML file; every wrong key is an error that names it."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pipeline import yaml_file
from pipeline.errors import ConfigError
from pipeline.ownership.rules import MATCHED, OWNED, Owner, Ownership, Rule
from pipeline.sections import Section
from pipeline.wire import labels


def load(path: str | Path) -> Ownership:
    """NotFound where there is no such file; no rules where no file is named ('')."""
    if not str(path):
        return Ownership()
    return parse(yaml_file.read_text(path))


def parse(text: str) -> Ownership:
    top = Section("", yaml_file.document(text, as_text=True))
    version = top.text("version")
    rules = tuple(_rule(Section(f"rules[{i}]", row)) for i, row in enumerate(top.sequence("rules")))
    top.done()
    return Ownership(f"{version}@{sha256(text.encode()).hexdigest()[:8]}", rules)


def _rule(row: Section) -> Rule:
    match = row.section("match")
    named = [name for name in match.names() if labels.is_one(name)]
    patterns = {field: match.text(field, "") for field in (*MATCHED, *named)}
    match.done()
    owner = Owner(**{name: row.text(name, "") for name in OWNED})
    if not any(owner):
        raise ConfigError(row.key("team"), None, f"name at least one of {', '.join(OWNED)}")
    start, end = _time(row, "valid_from"), _time(row, "valid_to")
    if start is not None and end is not None and start >= end:
        raise ConfigError(row.key("valid_to"), f"{end}", "write a time after valid_from")
    row.done()
    return Rule(tuple((f, p) for f, p in patterns.items() if p), owner, start, end)


def _time(row: Section, name: str) -> datetime | None:
    time = row.time(name)
    if time is not None and (time.minute or time.second or time.microsecond):
        raise ConfigError(row.key(name), f"{time}", "owners change on whole hours (UTC)")
    return time
