"""What one kind of target tells about itself; the way of a rollback is the same for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pipeline.actuator.kubernetes import ApiError, Kubernetes, Object, Resource

Progress = Literal["unseen", "under_way", "complete", "stuck"]


@dataclass(frozen=True, slots=True)
class Kept:
    """One state that the target can return to, and the object that keeps it."""

    revision: int
    """Rises with time; 1 or more."""
    name: str
    content: Object
    """What `Shape.content` gave while it served."""


class Shape(Protocol):
    """A module is one.  A fault of the API server comes back as an ApiError, never as an exception."""

    @property
    def RESOURCE(self) -> Resource:
        """What is read and patched."""

    @property
    def PATH(self) -> str:
        """Where the content stands in the object, as a JSON pointer."""

    @property
    def KEEPER(self) -> str:
        """Kind of the objects that keep earlier states."""

    def content(self, thing: Object) -> Object:
        """The part of the object that a rollback puts back, without what its controller adds."""

    def version(self, content: Object, label: str) -> str:
        """Model version that the content runs; '' where it names none."""

    def kept(self, client: Kubernetes, thing: Object) -> list[Kept] | ApiError:
        """Every state that is still kept, in any order."""

    def restored(self, thing: Object, found: Kept, kept: Sequence[Kept]) -> Object | str:
        """What is to stand at PATH to return to `found`, one of `kept`; or why that cannot be, as below."""

    def held_back(self, thing: Object) -> str | None:
        """Why a patch of this object would not roll out, in words that start with the reason's name."""

    def progress(self, thing: Object) -> tuple[Progress, str]:
        """How far its newest change is, and the numbers behind it."""
