"""How far a rule or a ladder may go: only say what it would do, propose it to a person, or do it."""

from __future__ import annotations

from typing import Literal, get_args

Mode = Literal["observe", "propose", "auto"]
MODES: tuple[str, ...] = get_args(Mode)
