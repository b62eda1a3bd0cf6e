"""The window that a page compares with: whether the ledger knows all of it."""

from __future__ import annotations

from datetime import timedelta

from dashboards import moments
from dashboards.questions import ask
from dashboards.view import View


def partly(view: View) -> str:
    """Why nothing may be compared with it: the ledger begins within it.  Empty where it does not."""
    asked = ask(view, "extent", view.before) if view.before else None
    known = asked and asked.answer.window
    if not known or not view.before or not view.before.start < known.start < view.before.end:
        return ""
    begins = moments.minute(known.start, view.zone)
    return f"The ledger begins {begins}, within {view.before}: what is before is a part of that window."


def partly_flows(view: View) -> str:
    """The same of flows, which may begin after GPU facts; or end before them, and the window has a part."""
    asked = ask(view, "network_extent", view.before) if view.before else None
    known = asked and asked.answer.window
    if not known or not view.before:
        return ""
    if view.before.start < known.start < view.before.end:
        begins = moments.minute(known.start, view.zone)
        return f"Flows begin {begins}, within {view.before}: what is before is a part of that window."
    late = timedelta(minutes=view.settings.dashboard.stale_minutes)
    if view.window.start < known.end < view.window.end - late:
        ends = moments.minute(known.end, view.zone)
        return f"Flows end {ends}, within {view.window}: nothing is compared with a part of that window."
    return ""
