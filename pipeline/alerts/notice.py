"""What receivers are told of an action: as a CloudEvent, for Alertmanager's API v2, and for Slack."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlencode

from pipeline.events import TYPES
from pipeline.store import Store

SHORT = 12
HELD = timedelta(days=7)
"""For how long an Alertmanager keeps an action of which it hears nothing."""
_ENDED = ("undone",)
"""States after which nobody is called any more; what failed is for a person."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One state of one action."""

    action_id: str
    state: str
    time: datetime
    """UTC without zone."""
    kind: str
    rule: str
    cluster: str
    namespace: str
    workload: str
    model: str
    model_version: str
    to_version: str
    detail: str
    evidence: str
    """Of this state, canonical JSON or ''."""
    why: str
    """What was proposed, in words."""

    @property
    def alert_id(self) -> str:
        """Under which a delivery is written down."""
        return f"{self.action_id}/{self.state}"

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Self:
        texts = {name: str(row[name] or "") for name in cls.__slots__ if name != "time"}
        return cls(time=row["time"], **texts)


def notices(store: Store, since: datetime) -> list[Notice]:
    """Oldest first."""
    return [Notice.from_row(row) for row in store.query("actions_told", since=since).to_pylist()]


def summary(notice: Notice) -> str:
    """One sentence; names and details come from outside and are text."""
    said = "waits for approval" if notice.state == "proposed" else notice.state
    where = "/".join(part for part in (notice.cluster, notice.namespace, notice.workload) if part)
    # Of what went wrong or has ended, why it was begun is old news.
    words = notice.detail if notice.state in ("failed", "undone") else notice.why
    return f"{notice.kind} of {where} {said}: {words or notice.detail}"


def command(notice: Notice) -> str:
    """What a person can do about it."""
    short = notice.action_id[:SHORT]
    if notice.state == "proposed":
        return f"driftledger actions show {short}"
    if notice.state == "executed":
        return f"driftledger actions undo {short} --cluster {notice.cluster}"
    return f"driftledger explain {short}"


def link(notice: Notice, page: str) -> str:
    """Address of its evidence; '' where the pages have none."""
    return f"{page.rstrip('/')}/actions?{urlencode({'action': notice.action_id})}" if page else ""


def described(notice: Notice, page: str) -> dict[str, Any]:
    names = [n for n in Notice.__slots__ if n not in ("time", "evidence")]
    said = {name: getattr(notice, name) for name in names}
    more = {"summary": summary(notice), "command": command(notice), "link": link(notice, page) or None}
    return {**said, "time": _time(notice.time), "evidence": notice.evidence or None, **more}


def cloud_event(notice: Notice, page: str) -> dict[str, Any]:
    """CloudEvents 1.0, structured JSON; its id is that of the state, so a repetition can be known as one."""
    return {
        "specversion": "1.0",
        "type": TYPES["action"].ce_type,
        "source": f"actions/{notice.action_id}",
        "id": notice.alert_id,
        "subject": "/".join((notice.cluster, notice.namespace, notice.workload)),
        "time": _time(notice.time),
        "datacontenttype": "application/json",
        "data": described(notice, page),
    }


def alertmanager(notice: Notice, page: str) -> list[dict[str, Any]]:
    """The body of POST /api/v2/alerts: one alert an action, which ends when it was put back."""
    labels = {
        "alertname": "DriftledgerAction",
        "action": notice.action_id,
        **{n: getattr(notice, n) for n in ("kind", "rule", "cluster", "namespace", "workload")},
    }
    annotations = {
        "summary": summary(notice),
        "command": command(notice),
        **{n: getattr(notice, n) for n in ("state", "detail")},
    }
    ends = notice.time if notice.state in _ENDED else notice.time + HELD
    body: dict[str, Any] = {
        "labels": {name: value for name, value in labels.items() if value},
        "annotations": annotations,
        "endsAt": _time(ends),
    }
    if notice.state not in _ENDED:
        body["startsAt"] = _time(notice.time)
    return [body | ({"generatorURL": link(notice, page)} if page else {})]


def slack(notice: Notice, page: str) -> dict[str, Any]:
    """As an incoming webhook wants it: plain text, so that no name becomes a link or a mention."""
    lines = [summary(notice), notice.detail, command(notice), link(notice, page)]
    if lines[0].endswith(notice.detail):
        del lines[1]
    text = "\n".join(line for line in lines if line)[:2_900]
    block = {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return {"text": escaped, "blocks": [block]}


def _time(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds") + "Z"
