"""Settings of the GPU collector: where Prometheus or the exporters are, how they are asked, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.bounds import Bound
from pipeline.secret import Secret


@dataclass(frozen=True, slots=True)
class DcgmSettings:
    prometheus_url: str = ""
    """http(s)://HOST:PORT[/PATH] of a Prometheus, or of what answers its API, that scrapes the exporters."""
    exporters: str = ""
    """URLs of exporters' metrics, several with commas, to be read straight: instead of prometheus_url."""
    selector: str = ""
    """Label matchers that say which series, for example cluster="eu-1": where one Prometheus has several."""
    serving: bool = True
    """Whether counters and histograms of model servers in that Prometheus are read too: docs/latency.md."""
    network: bool = False
    """Whether byte counters of cAdvisor, OBI and Retina in that Prometheus are read too: docs/network.md."""
    containers: bool = False
    """Whether CPU and memory that containers use, of cAdvisor there, are read too: docs/cost.md."""
    containers_seconds: Annotated[float, Bound(0.1, 3_600)] = 300.0
    """Seconds between two questions about containers, each of which gives two events a pod."""
    interval_seconds: Annotated[float, Bound(0.1, 3_600)] = 30.0
    """Seconds between two questions; no longer than the interval at which the exporters are scraped."""
    longest_seconds: Annotated[float, Bound(0.2, 86_400)] = 90.0
    """Longest time between two samples that is counted, three scrapes: what is longer is a gap."""
    settle_seconds: Annotated[float, Bound(0, 3_600)] = 15.0
    """How far behind its clock Prometheus is read: a scrape has the time at which it began."""
    look_back_seconds: Annotated[float, Bound(0, 86_400)] = 120.0
    """How far back every question reaches again, for samples that came late by remote write."""
    history_seconds: Annotated[float, Bound(0, 31_536_000)] = 0.0
    """How far back the first question of a new state folder reaches."""
    chunk_seconds: Annotated[float, Bound(1, 10_000)] = 300.0
    """Most seconds of one turn, when catching up; asked for in smaller parts where it is refused."""
    timeout_seconds: Annotated[float, Bound(0.1, 600)] = 30.0
    """Longest wait for an answer."""
    username: str = ""
    """User of basic authentication."""
    password: Secret = Secret("")
    """Its password, from a file or DRIFTLEDGER__DCGM__PASSWORD; never shown, never a flag."""
    token_file: str = ""
    """File with a bearer token, read anew for each question, since tokens are rotated."""
    ca_file: str = ""
    """PEM file of the authorities of the servers' certificates; empty: those of the system."""
    allow_plaintext: bool = False
    """Whether a password or token may leave this machine unencrypted: anyone on the way can read it."""
