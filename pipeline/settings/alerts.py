"""Where alerts go, beside the ledger, which holds all of them."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.secret import Secret


@dataclass(frozen=True, slots=True)
class AlertSettings:
    webhook: Secret = Secret("")
    """https address that takes each alert as a CloudEvent; a secret, since such addresses often hold one."""
    webhook_token: Secret = Secret("")
    """Sent to the webhook as a bearer token."""
    alertmanager: str = ""
    """Address of an Alertmanager, such as https://alertmanager:9093; its API v2 is used."""
    slack: Secret = Secret("")
    """https address of an incoming webhook as Slack has it, told of actions; a secret."""
    kafka: bool = False
    """Send each alert to the topic driftledger.alert as well, as the groups kafka and publish say."""
    allow_private: bool = False
    """Let addresses be private, and then of plain http too: for receivers in the cluster."""
    page: str = ""
    """Address of the pages, for the link in an alert; empty: alerts have none."""
    warn: bool = True
    """Tell of the level warn too, not of act alone."""
