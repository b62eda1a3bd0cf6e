"""`driftledger report`: months, their statements, and what is written about them."""

from __future__ import annotations

import typer

from pipeline.cli import (
    report_build,
    report_close,
    report_deliver,
    report_explain,
    report_trail,
    report_verify,
)  # fmt: skip

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Months closed, and their statements.")


@app.callback()
def report() -> None:
    """Months closed, and their statements."""


app.command("open")(report_close.open_)
app.command("build")(report_build.build)
app.command("close")(report_close.close)
app.command("adjust")(report_close.adjust)
app.command("reply")(report_close.reply)
app.command("verify")(report_verify.verify)
app.command("explain")(report_explain.explain)
app.command("trail")(report_trail.trail)
app.command("deliver")(report_deliver.deliver)
