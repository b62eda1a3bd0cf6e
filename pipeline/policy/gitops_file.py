"""The key `gitops` of a rule: YAML to GitOps, or an error that names the key and the remedy."""

from __future__ import annotations

import re
from datetime import timedelta

from pipeline.errors import ConfigError
from pipeline.policy.gitops import OWNERS, VERSION, Field, GitOps, Owner, Revert
from pipeline.sections import Section

NAME = r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?"
POINTER = r"(/([^~/]|~[01])+)+"
BRANCH = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}"
REPOSITORY = r"(https://[A-Za-z0-9.-]+(:[0-9]+)?/[^@\s?#]+|/[^\s]+)"
FILE = r"[A-Za-z0-9_][^\x00-\x1f]*"
LONGEST = timedelta(days=7)


def gitops_of(rule: Section, verify_within: timedelta) -> GitOps | None:
    """None where the rule says nothing of it: then what a tool owns is left alone.  Raises ConfigError."""
    if not rule.has("gitops"):
        return None
    section = rule.section("gitops")
    owner = _owner(section.section("owner"))
    if section.has("suspend") == section.has("revert"):
        raise ConfigError(section.key("suspend"), "", "write suspend: 4h or revert: ..., one of the two")
    if section.has("revert"):
        found = GitOps(owner, revert=_revert(section.section("revert")))
    else:
        found = GitOps(owner, suspend=_suspend(section, verify_within))
    section.done()
    return found


def _owner(section: Section) -> Owner:
    owner = Owner(
        section.choice("kind", OWNERS, ""),
        _matching(section, "namespace", NAME, "write the namespace of the owner"),
        _matching(section, "name", NAME, "write the owner's exact name"),
    )
    section.done()
    return owner


def _suspend(section: Section, verify_within: timedelta) -> timedelta:
    span = section.duration("suspend", LONGEST)
    if not verify_within <= span <= LONGEST:
        least = f"{verify_within.total_seconds():g} s (verify_within)"
        raise ConfigError(section.key("suspend"), f"{span.total_seconds():g} s", f"write {least} to 7d")
    return span


def _revert(section: Section) -> Revert:
    file = _matching(section, "file", FILE, "write a path within the repository")
    branch = _matching(section, "branch", BRANCH, "write the name of a branch")
    for key, value in (("file", file), ("branch", branch)):
        if any(part in ("", ".", "..", ".git") or part.endswith(".lock") for part in value.split("/")):
            raise ConfigError(section.key(key), value, "write it without '..', '.git' and empty parts")
    rows = section.sequence("fields")
    revert = Revert(
        repository=_matching(
            section, "repository", REPOSITORY, "write an https address without credentials, or /a/folder"
        ),
        branch=branch,
        file=file,
        fields=tuple(_field(Section(f"{section.key('fields')}[{i}]", row)) for i, row in enumerate(rows)),
    )
    section.done()
    return revert


def _field(section: Section) -> Field:
    at = _matching(
        section, "at", POINTER, "write a JSON pointer such as /spec/template/spec/containers/0/image"
    )
    taken = section.text("from", at)
    if taken != VERSION and not re.fullmatch(POINTER, taken):
        raise ConfigError(section.key("from"), taken, "write a JSON pointer into the object, or version")
    section.done()
    return Field(at, taken)


def _matching(section: Section, name: str, shape: str, remedy: str) -> str:
    text = section.text(name)
    if not re.fullmatch(shape, text):
        raise ConfigError(section.key(name), text, remedy)
    return text
