"""Asks the GPUs' exporters, or their Prometheus, which devices their labels say that pods have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from collectors.dcgm.devices import device_of, holder_of, holder_uid
from collectors.dcgm.series import scrapes_of
from collectors.dcgm.timeline import Scrape
from collectors.live.allocation.meta import SECOND
from collectors.live.allocation.named import KIND, Told
from collectors.live.allocation.owners import Gets
from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.contract import Watch
from collectors.live.dcgm.collector import FromExporters, Tell
from collectors.live.dcgm.http_access import Away
from collectors.live.dcgm.parameters import DcgmSettings
from collectors.live.dcgm.prometheus import Prometheus, TooMuch
from collectors.live.kube.news import News
from pipeline.errors import ConfigError

_METRICS = (
    "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_USED_BYTES", "DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_GPU_UTIL_RATIO",
    "dcgm_fb_used", "gpu_used_vram", "gpu_gfx_activity", "amd_gpu_used_vram", "amd_gpu_gfx_activity",
)  # fmt: skip
"""One of them is there for every device."""
_SPAN = 120 * SECOND
_EVERY_SECONDS = 30.0
_PART = "names of devices from Prometheus"


Reads = Callable[[Watch], list[Scrape]]
"""What exporters tell of the last two minutes.  Raises Away, TooMuch, ConfigError."""


def source(settings: AllocationSettings) -> Reads | None:
    """Raises ConfigError."""
    if settings.prometheus_url and settings.exporters:
        remedy = "name the Prometheus that scrapes the exporters, or the exporters: one of the two"
        raise ConfigError("allocation.exporters", settings.exporters, remedy)
    if not settings.prometheus_url and not settings.exporters:
        return None
    try:
        chosen = DcgmSettings(
            prometheus_url=settings.prometheus_url,
            exporters=settings.exporters,
            token_file=settings.prometheus_token_file,
            ca_file=settings.prometheus_ca_file,
        )
        if settings.exporters:
            exporters = FromExporters(chosen, "")
            return lambda watch: exporters.scrapes(watch.now, _noting(watch))
        prometheus = Prometheus(chosen)
    except ConfigError as error:
        name = error.key.removeprefix("dcgm.")
        remedy = str(error).partition("; ")[2]
        own = name if name in ("prometheus_url", "exporters") else f"prometheus_{name}"
        raise ConfigError(f"allocation.{own}", getattr(settings, own), remedy) from error
    return lambda watch: _asked(prometheus)


def _noting(watch: Watch) -> Tell:
    """Names are a help: an exporter that is away leaves the collector ready."""

    def tell(url: str, lack: str | None) -> None:
        part = f"names of devices from {url}"
        watch.goes_on(part) if lack is None else watch.notes(part, lack)

    return tell


def _asked(prometheus: Prometheus) -> list[Scrape]:
    until = prometheus.now()
    series = prometheus.samples(_METRICS, until - _SPAN, until)
    own = prometheus.targets(_METRICS, until - _SPAN, until) if series else []
    return scrapes_of(series, own)


def told(scrapes: Iterable[Scrape]) -> Told:
    found: dict[tuple[str, str, str, str], dict[str, int]] = defaultdict(dict)
    for scrape in scrapes:
        for line in scrape.lines:
            holder, device = holder_of(line.labels), device_of(line.labels)
            if line.name in _METRICS and holder is not None and device is not None:
                of = found[holder.namespace, holder.pod, holder.container, holder_uid(line.labels)]
                of[device.device] = max(of.get(device.device, 0), scrape.time)
    return found


@dataclass(slots=True)
class Namer:
    """`run` on a thread of its own, until the server is closed."""

    reads: Reads
    server: Gets
    put: Callable[[News], None]
    watch: Watch

    def run(self) -> None:
        while not self.server.closed:
            try:
                found = told(self.reads(self.watch))
            except (Away, TooMuch) as away:
                self.watch.notes(_PART, str(away))
            else:
                self.watch.goes_on(_PART)
                self.put(News(KIND, "put", found, self.server.now()))
            if self.watch.wait(_EVERY_SECONDS):
                return
