"""The table of pages: to add one is a module with a function of a View, and a line here."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import NamedTuple

from dashboards.view import View


class Page(NamedTuple):
    """`path` is its place in the address; `target` is module:function, loaded when the page is opened.

    `compares`: whether it shows the window beside another.
    """

    path: str
    title: str
    target: str
    compares: bool = False

    def load(self) -> Callable[[View], None]:
        module, name = self.target.split(":")
        found: Callable[[View], None] = getattr(import_module(module), name)
        return found


PAGES = (
    Page("", "Overview", "dashboards.overview:page", compares=True),
    Page("costs", "Costs", "dashboards.explorer:page", compares=True),
    Page("gpus", "GPUs", "dashboards.fleet:page", compares=True),
    Page("budgets", "Budgets", "dashboards.budgets:page"),
    Page("months", "Months", "dashboards.months:page"),
    Page("network", "Network", "dashboards.network:page", compares=True),
    Page("models", "Models", "dashboards.models:page"),
    Page("drift", "Drift", "dashboards.drift:page"),
    Page("actions", "Actions", "dashboards.actions:page"),
)
