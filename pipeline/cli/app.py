"""The command `driftledger`: the table of its commands, each loaded only when it is the one that runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from pipeline.cli import failure
from pipeline.cli.lean import without_pandas


class Command(NamedTuple):
    """`target` is module:name; the name is a function, or a typer.Typer with commands of its own."""

    target: str
    help: str


COMMANDS = {
    "demo": Command("pipeline.cli.demo:demo", "A simulated cluster: costs, a worse model, its rollback."),
    "worker": Command("pipeline.cli.worker:worker", "Take events from Kafka into the ledger, until stopped."),
    "up": Command("pipeline.cli.up:up", "Sources, ledger, judge and pages in one process."),
    "collect": Command("pipeline.cli.collect:collect", "Read a live source, until stopped."),
    "replay": Command("pipeline.cli.replay:replay", "Take recorded files into a ledger."),
    "replay-topic": Command("pipeline.cli.replay_topic:replay_topic", "What Kafka still has, into a ledger."),
    "backfill": Command("pipeline.cli.backfill:backfill", "Send recorded files to Kafka, for workers."),
    "topics": Command("pipeline.cli.topics:app", "Kafka's topics: as they are, and what must be changed."),
    "reference": Command("pipeline.cli.reference:app", "What a model is compared with: made, listed, shown."),
    "judge": Command("pipeline.cli.judge:judge", "Judge every model version, and act as a policy says."),
    "evaluate": Command("pipeline.cli.evaluate:evaluate", "A file of predictions against a reference."),
    "policy": Command("pipeline.cli.policy:app", "A policy file: checked, and what it would have done."),
    "cost": Command("pipeline.cli.cost:cost", "What was spent, by team, workload, model or device."),
    "network": Command("pipeline.cli.network:network", "What is sent out of its zone, and what it costs."),
    "energy": Command("pipeline.cli.energy:energy", "Metered energy by who held the GPUs, and its carbon."),
    "budgets": Command("pipeline.cli.budgets:budgets", "What is spent of each budget, and will be."),
    "anomalies": Command("pipeline.cli.anomalies:anomalies", "Days that cost unlike those before, and why."),
    "prices": Command("pipeline.cli.prices:app", "Price books: listed, explained, checked, refreshed."),
    "models": Command("pipeline.cli.models:models", "Accuracy, latency and traffic of every model version."),
    "latency": Command("pipeline.cli.latency:latency", "How long answers take, against objectives."),
    "unit-costs": Command("pipeline.cli.unit_costs:unit_costs", "What a thousand answers or tokens cost."),
    "drift": Command("pipeline.cli.drift:drift", "Which inputs of a model moved, largest effect first."),
    "status": Command("pipeline.cli.status:status", "How fresh and how complete the ledger is."),
    "rejected": Command("pipeline.cli.rejected:app", "What was refused, and a second look at it."),
    "actions": Command("pipeline.cli.actions:app", "What was proposed, done, refused and undone."),
    "alerts": Command("pipeline.cli.alerts:alerts", "What was told to somebody, and who took it."),
    "explain": Command("pipeline.cli.explain:explain", "Why an action was taken, computed again."),
    "quotas": Command("pipeline.cli.quotas:quotas", "What namespaces may have and have, and who is frozen."),
    "freeze": Command("pipeline.cli.freeze:freeze", "No new devices for a namespace until a time."),
    "maintain": Command("pipeline.cli.maintain:maintain", "Keep the ledger small and quick while it grows."),
    "report": Command("pipeline.cli.report:app", "Months closed, and their statements."),
    "dashboard": Command("pipeline.cli.dashboard:dashboard", "Serve the pages for a browser."),
    "api": Command("pipeline.cli.api:api", "Costs in OpenCost's HTTP shape, for its clients."),
    "reconcile": Command("pipeline.cli.reconcile:reconcile", "The ledger against a provider's bill."),
    "predict": Command("pipeline.cli.predict:predict", "What manifests will cost, before they are applied."),
    "dev": Command("pipeline.cli.dev:app", "A broker on this machine, to try things with."),
    "config": Command("pipeline.cli.config:app", "Show, describe and check the settings."),
    "version": Command("pipeline.cli.version:version", "Versions of Driftledger and of what it runs on."),
}  # fmt: skip


_WITH_PAGES = frozenset({"dashboard", "demo"})


class LazyGroup(TyperGroup):
    """Help reads the table; only the command that runs is imported."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = {name: TyperCommand(name, help=entry.help) for name, entry in COMMANDS.items()}

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command if name is None else load(name), rest


def load(name: str) -> Any:
    """The command of that name, ready to run."""
    module, attribute = COMMANDS[name].target.split(":")
    target = getattr(import_module(module), attribute)
    if not isinstance(target, typer.Typer):
        single = typer.Typer(add_completion=False, rich_markup_mode=None)
        single.command(name, help=target.__doc__ or COMMANDS[name].help)(target)
        target = single
    return _with_settings(get_command(target))


def _with_settings(command: Any) -> Any:
    """The command, and each below it, with the options of `root` behind its name too."""
    carrier = typer.Typer(add_completion=False)
    carrier.command()(_behind)
    command.params += get_command(carrier).params
    for below in getattr(command, "commands", {}).values():
        _with_settings(below)
    return command


def _file(ctx: typer.Context, value: Path | None) -> None:
    """It goes over a file before the command's name, and over the environment's."""
    if value is not None:
        ctx.find_root().obj["config"] = value


def _flags(ctx: typer.Context, value: list[str] | None) -> None:
    ctx.find_root().obj["flags"] += tuple(value or ())


_CONFIG: Any = {"help": "Settings file, YAML.", "metavar": "FILE"}
_SET: Any = {"help": "One setting, over file and environment.", "metavar": "SECTION.KEY=VALUE"}


def _behind(
    config: Annotated[Path | None, typer.Option(callback=_file, expose_value=False, **_CONFIG)] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", callback=_flags, expose_value=False, **_SET)
    ] = None,
) -> None:
    """Its options are all that is wanted of it."""


app = typer.Typer(
    name="driftledger",
    cls=LazyGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    ctx: typer.Context,
    config: Annotated[Path | None, typer.Option(envvar="DRIFTLEDGER_CONFIG", **_CONFIG)] = None,
    set_: Annotated[list[str] | None, typer.Option("--set", **_SET)] = None,
) -> None:
    """One ledger for what AI workloads on Kubernetes cost and whether they still work."""
    ctx.obj = {"config": config, "flags": tuple(set_ or ())}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit; an error is a sentence on stderr and an exit code."""
    if arguments is None and not _WITH_PAGES.intersection(sys.argv[1:]):
        without_pandas()
    try:
        app(args=None if arguments is None else list(arguments))
    except Exception as error:
        sys.exit(failure.report(error))


if __name__ == "__main__":
    main()
