"""The files of a month's statement: all teams, and each team alone."""

from __future__ import annotations

from pathlib import Path

from reports import files, statement_csv, statement_html
from reports.statement import Statement, of_team


def build(whole: Statement, folder: Path) -> list[Path]:
    """Write statement-YYYY-MM.{html,csv} and statement-YYYY-MM-TEAM.{html,csv}; returns their paths."""
    stem = f"statement-{whole.month.start:%Y-%m}"
    contents = {
        f"{stem}.html": statement_html.render(whole),
        f"{stem}.csv": statement_csv.render(whole),
    }
    for team in whole.teams:
        own, name = of_team(whole, team.name), files.file_name(team.name)
        contents[f"{stem}-{name}.html"] = statement_html.render(own, heading=statement_html.who(team.name))
        contents[f"{stem}-{name}.csv"] = statement_csv.render(own)
    return files.write(folder, contents)
