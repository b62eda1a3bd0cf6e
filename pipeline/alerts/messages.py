"""What a receiver is told: in words, as a CloudEvent, and as Alertmanager's API v2 wants it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from math import exp
from typing import Any
from urllib.parse import urlencode

from pipeline.alerts.alert import Alert
from pipeline.events import TYPES

HELD = timedelta(days=30)
"""For how long an Alertmanager keeps an alert of which it hears nothing; its end is told."""
_DAY_MINUTES = 1_440


def summary(alert: Alert) -> str:
    """One sentence."""
    what = f"{alert.detector} of {alert.model} version {alert.model_version}"
    if alert.state == "resolved":
        return f"{what}: resolved, now {alert.level}"
    since = f" since {_time(alert.since)}" if alert.since else ""
    named = alert.finding.evidence.get("culprits")
    return f"{what}: {alert.level}{since}{f', by {named}' if named else ''}"


def promise(alert: Alert) -> str:
    """How often such an alert is false where nothing has changed."""
    finding = alert.finding
    days = exp(finding.log_act if alert.level == "act" else finding.log_warn) / _DAY_MINUTES
    if alert.level == "act":
        return f"false in at most {90 / days:.1%} of 90 days without a change"
    return f"false at most once in {days:.0f} days without a change, on average"


def link(alert: Alert, page: str) -> str:
    """Address of the model on the page of models; '' where the pages have none."""
    return f"{page.rstrip('/')}/models?{urlencode({'model': alert.model})}" if page else ""


def in_words(alert: Alert, page: str) -> str:
    """All that a reader of nothing but words must know, on one line."""
    told = (summary(alert), promise(alert) if alert.state == "firing" else "", link(alert, page))
    return "; ".join(part for part in told if part)


def described(alert: Alert, page: str) -> dict[str, Any]:
    """All of it in JSON values."""
    finding = json.loads(alert.evidence)
    return {
        "alert_id": alert.alert_id,
        "state": alert.state,
        "time": _time(alert.time),
        "detector": alert.detector,
        "model": alert.model,
        "model_version": alert.model_version,
        "level": alert.level,
        "since": _time(alert.since) if alert.since else None,
        "summary": summary(alert),
        "promise": promise(alert) if alert.state == "firing" else None,
        "evidence": finding,
        "link": link(alert, page) or None,
    }


def cloud_event(alert: Alert, page: str) -> dict[str, Any]:
    """CloudEvents 1.0, structured JSON; its id is that of the state, so a repetition can be known as one."""
    return {
        "specversion": "1.0",
        "type": TYPES["alert"].ce_type,
        "source": f"alerts/{alert.alert_id}",
        "id": identity(alert),
        "time": _time(alert.time),
        "datacontenttype": "application/json",
        "data": described(alert, page),
    }


def identity(alert: Alert) -> str:
    return f"{alert.alert_id}/{alert.time.isoformat()}"


def alertmanager(alert: Alert, page: str) -> list[dict[str, Any]]:
    """The body of POST /api/v2/alerts; labels are the identity there, so warn and act are one alert."""
    started = alert.since or alert.time
    ends = alert.time if alert.state == "resolved" else alert.time + HELD
    told = {
        "alertname": "DriftledgerVerdict",
        "detector": alert.detector,
        "model": alert.model,
        "model_version": alert.model_version,
        "episode": alert.alert_id,
    }
    annotations = {"summary": summary(alert), "level": alert.level, "evidence": alert.evidence}
    if alert.state == "firing":
        annotations["promise"] = promise(alert)
    body = {"labels": told, "annotations": annotations, "startsAt": _time(started), "endsAt": _time(ends)}
    return [body | ({"generatorURL": link(alert, page)} if page else {})]


def _time(time: datetime) -> str:
    return time.isoformat(timespec="milliseconds") + "Z"
