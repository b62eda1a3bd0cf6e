"""`driftledger config`: the settings in force, what each one means, and whether a file is right."""

from __future__ import annotations

from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.cli.options import OutputOption, settings, show
from pipeline.cli.output import Output
from pipeline.lake.location import hidden
from pipeline.secret import Secret
from pipeline.settings.groups import Settings
from pipeline.settings.load import load

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Show, describe and check the settings.")


@app.command("show")
def show_settings(ctx: typer.Context) -> None:
    """The settings in force, as a file that can be kept."""
    import yaml

    print(yaml.safe_dump(_plain(settings(ctx)), sort_keys=False), end="")


@app.command()
def schema(output: OutputOption = Output.table) -> None:
    """Every setting: its name, default and meaning."""
    from pipeline.answers.answer import Answer, Column
    from pipeline.settings.values import field_docs

    defaults = Settings()
    rows = []
    for group, values in _plain(defaults).items():
        docs = field_docs(type(getattr(defaults, group)))
        rows += [(f"{group}.{key}", str(value), docs[key]) for key, value in values.items()]
    columns = (Column("setting"), Column("default"), Column("meaning"))
    show(Answer(columns, tuple(rows), as_of=None, completeness=None), output)


@app.command()
def validate(file: Annotated[Path, typer.Argument(help="Settings file, YAML.")]) -> None:
    """Check a settings file; exit code 4 and the wrong key if it is not right."""
    load(file=file)
    print(f"{file} is valid")


def _plain(settings: Settings) -> dict[str, dict[str, str | int | float]]:
    """Values as YAML knows them; passwords in URLs are stars."""
    return {
        group: {key: _shown(value) for key, value in values.items()}
        for group, values in asdict(settings).items()
    }


def _shown(value: Any) -> str | int | float:
    if isinstance(value, Secret):
        return "***" if value else ""
    if isinstance(value, str | Path):
        return hidden(str(value))
    return str(value) if isinstance(value, Enum) else value
