"""Who does something that the ledger keeps with a name."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from pipeline.errors import ConfigError

ActorOption = Annotated[
    str | None, typer.Option("--actor", metavar="NAME", help="Who does it; else the user of this machine.")
]


def who(actor: str | None) -> str:
    """The name given, or the user's."""
    try:
        return actor or getpass.getuser()
    except (KeyError, OSError) as error:  # a container's user need not have a name
        raise ConfigError("--actor", None, "this user has no name; say who does it") from error
