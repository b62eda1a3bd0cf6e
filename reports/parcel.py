"""What a target is handed of a closed month: its files, and its statement in a few lines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reports.files import file_name
from reports.summary import Summary


@dataclass(frozen=True, slots=True)
class Parcel:
    month: str
    """YYYY-MM."""
    files: Mapping[str, bytes]
    """All, by name: those of the whole month, and those of each team."""
    summary: Callable[[str], Summary | None]
    """Of a team, or of all ('')."""

    def of_all(self) -> dict[str, bytes]:
        """What is of the whole month: no team's own files."""
        stem = f"statement-{self.month}"
        return {
            name: content
            for name, content in self.files.items()
            if not name.startswith("statement-") or name.startswith(f"{stem}.")
        }

    def of_team(self, team: str) -> dict[str, bytes]:
        """A team's own files; empty where the month has nothing of it."""
        stem = f"statement-{self.month}-{file_name(team)}."
        return {name: content for name, content in self.files.items() if name.startswith(stem)}

    def chosen(self, team: str) -> Mapping[str, bytes]:
        """One team's, or every file."""
        return self.of_team(team) if team else self.files
