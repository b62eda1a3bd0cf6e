"""Asks the Prometheus of dcgm-exporter now and then which devices its labels say that pods have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from collectors.dcgm.devices import device_of, holder_of
from collectors.dcgm.series import scrapes_of
from collectors.live.allocation.meta import SECOND
from collectors.live.allocation.named import KIND, Told
from collectors.live.allocation.owners import Gets
from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.contract import Watch
from collectors.live.dcgm.http_access import Away
from collectors.live.dcgm.parameters import DcgmSettings
from collectors.live.dcgm.prometheus import Prometheus, TooMuch
from collectors.live.kube.watch import News
from pipeline.errors import ConfigError

_METRICS = (
    "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_USED_BYTES", "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_GPU_UTIL_RATIO",
)  # fmt: skip
"""One of them is there for every device."""
_SPAN = 120 * SECOND
_EVERY_SECONDS = 30.0
_PART = "names of devices from Prometheus"


def source(settings: AllocationSettings) -> Prometheus | None:
    """Raises ConfigError."""
    if not settings.prometheus_url:
        return None
    url, token, ca = settings.prometheus_url, settings.prometheus_token_file, settings.prometheus_ca_file
    try:
        return Prometheus(DcgmSettings(prometheus_url=url, token_file=token, ca_file=ca))
    except ConfigError as error:
        name = error.key.removeprefix("dcgm.").removeprefix("prometheus_")
        value = {"url": url, "token_file": token, "ca_file": ca}[name]
        remedy = str(error).partition("; ")[2]
        raise ConfigError(f"allocation.prometheus_{name}", value, remedy) from error


def told(prometheus: Prometheus) -> Told:
    """Raises Away, TooMuch, ConfigError."""
    until = prometheus.now()
    series = prometheus.samples(_METRICS, until - _SPAN, until)
    own = prometheus.targets(_METRICS, until - _SPAN, until) if series else []
    found: dict[tuple[str, str, str], dict[str, int]] = defaultdict(dict)
    for scrape in scrapes_of(series, own):
        for line in scrape.lines:
            holder, device = holder_of(line.labels), device_of(line.labels)
            if holder is not None and device is not None:
                of = found[holder.namespace, holder.pod, holder.container]
                of[device.device] = max(of.get(device.device, 0), scrape.time)
    return found


@dataclass(slots=True)
class Namer:
    """`run` on a thread of its own, until the server is closed."""

    prometheus: Prometheus
    server: Gets
    put: Callable[[News], None]
    watch: Watch

    def run(self) -> None:
        while not self.server.closed:
            try:
                found = told(self.prometheus)
            except (Away, TooMuch) as away:
                self.watch.notes(_PART, str(away))
            else:
                self.watch.goes_on(_PART)
                self.put(News(KIND, "put", found, self.server.now()))
            if self.watch.wait(_EVERY_SECONDS):
                return
