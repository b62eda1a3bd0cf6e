"""What a rule may do where a GitOps tool owns the object: let the tool wait for a while, or change Git."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

OWNERS = ("Application", "Kustomization", "HelmRelease")
"""Argo CD's argoproj.io/v1alpha1, Flux's kustomize.toolkit.fluxcd.io/v1 and helm.toolkit.fluxcd.io/v2."""

VERSION = "version"
"""In place of a pointer into the object: the text of the model version."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The one object whose controller keeps the target as Git says."""

    kind: str
    namespace: str
    name: str

    @property
    def words(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"

    def is_it(self, marked: str) -> bool:
        """Whether a mark on the target names this owner; Argo CD's need not say the namespace."""
        return marked in (self.words, f"{self.kind} {self.name}")


@dataclass(frozen=True, slots=True)
class Field:
    """One value of the manifest, and where the target has it: JSON pointers (RFC 6901)."""

    at: str
    """In the manifest."""
    taken: str
    """In the object, or `version`."""


@dataclass(frozen=True, slots=True)
class Revert:
    """The manifest in Git that is to say again what the version judged good ran with."""

    repository: str
    """https address without credentials, or a folder."""
    branch: str
    file: str
    """Path within the repository."""
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class GitOps:
    """Exactly one of the two is there."""

    owner: Owner
    suspend: timedelta | None = None
    """How long the owner is kept from applying what Git says; then it goes on by itself."""
    revert: Revert | None = None

    @property
    def words(self) -> str:
        if self.revert is not None:
            return f"by a commit to {self.revert.branch} of {self.revert.repository}"
        hours = (self.suspend or timedelta()).total_seconds() / 3600
        return f"{self.owner.words} is suspended for {hours:g} h, then it applies what Git says"
