"""GPUs as their exporters tell them, from Prometheus or straight; what it means is the timeline's matter."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import requests
import urllib3

from collectors import container_usage
from collectors.dcgm.metrics import METRICS
from collectors.dcgm.place import SECOND, Place
from collectors.dcgm.series import Series, scrapes_of
from collectors.dcgm.timeline import Pace, Scrape
from collectors.exposition import samples
from collectors.live.clocks import LIMIT, note_skew
from collectors.live.contract import Collector, Cursor, Turn, Watch
from collectors.live.dcgm.http_access import Away, checked, sentence, session
from collectors.live.dcgm.looked import NOTHING, Looked, Remembered, parse, set_back
from collectors.live.dcgm.parameters import DcgmSettings
from collectors.live.dcgm.prometheus import Prometheus, TooMuch
from collectors.network.metrics import METRICS as SENT
from collectors.network.metrics import OWNERS
from collectors.network.owners import owners
from collectors.serving_metrics import COUNTERS, HISTOGRAMS
from pipeline.errors import ConfigError

NAMES = tuple(sorted({*METRICS, *(f"amd_{name}" for name in METRICS if name.startswith("gpu_"))}))
LEAST_SECONDS = 1.0
"""No question is for less: who refuses this one refuses all."""
_MOST_BYTES = 64_000_000
_AT_ONCE = 32
_PART, _SERIES = "Prometheus", "GPU series"


Tell = Callable[[str, str | None], None]
"""An exporter's URL, and what it lacks: None where it answers."""


def collector(settings: DcgmSettings, cluster: str) -> Collector:
    """Raises ConfigError."""
    if bool(settings.prometheus_url) == bool(settings.exporters):
        remedy = "name the Prometheus that scrapes the GPU exporters, or dcgm.exporters: one of the two"
        raise ConfigError("dcgm.prometheus_url", settings.prometheus_url, remedy)
    if settings.longest_seconds < settings.interval_seconds:
        remedy = "write at least dcgm.interval_seconds, better three times as much"
        raise ConfigError("dcgm.longest_seconds", settings.longest_seconds, remedy)
    if settings.prometheus_url:
        return FromPrometheus(settings, cluster, Prometheus(settings))
    for key, asked in (("network", settings.network), ("containers", settings.containers)):
        if asked:
            remedy = "it is read from a Prometheus: set dcgm.prometheus_url in place of dcgm.exporters"
            raise ConfigError(f"dcgm.{key}", "true", remedy)
    return FromExporters(settings, cluster)


def pace(settings: DcgmSettings) -> Pace:
    seconds = settings.interval_seconds, settings.longest_seconds, settings.look_back_seconds
    return Pace(*(round(s * SECOND) for s in seconds))


@dataclass
class FromPrometheus:
    settings: DcgmSettings
    cluster: str
    source: Prometheus
    name: str = "prometheus"

    def turns(self, cursor: Cursor | None, watch: Watch) -> Iterator[Turn]:
        settings = self.settings
        known = Remembered.of(cursor) if cursor else None
        longest = settings.chunk_seconds + settings.look_back_seconds
        most, pause = longest, settings.interval_seconds  # of one question; of two
        while True:
            try:
                theirs = self.source.now()
                note_skew("Prometheus", theirs, watch.now(), watch)
                latest = theirs - round(settings.settle_seconds * SECOND)
                if known is None:
                    known = Remembered.beginning(latest - round(settings.history_seconds * SECOND))
                if settings.containers and not known.uses.until:
                    known = known._replace(uses=container_usage.Uses(until=known.place.until))
                # To look back must not be most of the work, however little is asked at once.
                ahead = min(settings.chunk_seconds, max(most, settings.look_back_seconds))
                until = min(latest, known.place.until + round(ahead * SECOND))
                looked = self._look(known, until, most) if until > known.place.until else NOTHING
            except TooMuch as refusal:
                watch.waits(_PART, str(refusal))
                pause = 0.0 if most > LEAST_SECONDS else settings.interval_seconds
                most = max(most / 2, LEAST_SECONDS)
            except Away as away:
                watch.waits(_PART, str(away))
                pause = settings.interval_seconds
            else:
                watch.goes_on(_PART)
                pause = settings.interval_seconds if until >= latest else 0.0
                if until > known.place.until:
                    most = min(most * 1.25, longest)
                    parsed, known = parse(looked, known, pace(settings), until=until, cluster=self.cluster)
                    self._tell(known.place, watch)
                    yield Turn(parsed, known.cursor(), watch.now())
                elif known.place.until - latest > LIMIT:
                    minutes = (known.place.until - latest) // (60 * SECOND)
                    watch.waits(
                        _SERIES, f"Prometheus's clock was set back: it is {minutes} min behind what was read"
                    )
                    parsed, known = set_back(known, latest, cluster=self.cluster)
                    if parsed.gaps.num_rows:
                        yield Turn(parsed, known.cursor(), watch.now())
            if watch.wait(pause):
                return

    def _look(self, known: Remembered, until: int, most: float) -> Looked:
        """By questions of `most` seconds, each from where the one before ended."""

        def parts_from(looked_until: int) -> list[tuple[int, int]]:
            back = looked_until - round(self.settings.look_back_seconds * SECOND)
            start = max(back, known.place.since)
            return list(pairwise([*range(start, until, round(most * SECOND)), until]))

        parts = parts_from(known.place.until)

        def asked(names: Iterable[str], parts: list[tuple[int, int]] = parts) -> list[Series]:
            return [one for since, to in parts for one in self.source.samples(names, since, to)]

        series = asked(NAMES)
        own = [one for part in parts for one in self.source.targets(NAMES, *part)] if series else []
        served = asked((*COUNTERS, *HISTOGRAMS)) if self.settings.serving else []
        sent = asked(tuple(SENT)) if self.settings.network else []
        contained, contained_until = None, known.uses.until
        every = round(self.settings.containers_seconds * SECOND)
        if self.settings.containers and until - contained_until >= every:
            contained = asked(container_usage.NAMES, parts_from(contained_until))
        told = asked(OWNERS) if sent or contained else []
        by = ("instance",)
        return Looked(
            scrapes_of(series, own), scrapes_of(served, [], by=by), scrapes_of(sent, [], by=by),
            None if contained is None else scrapes_of(contained, [], by=by),
            owners(one.labels for one in told),
        )  # fmt: skip

    def _tell(self, place: Place, watch: Watch) -> None:
        last = max((target.at for target in place.targets.values()), default=place.since)
        silent = (place.until - last) / SECOND
        if silent > self.settings.longest_seconds:
            watch.waits(_SERIES, f"Prometheus has no new sample of a GPU since {silent:.0f} s")
        else:
            watch.goes_on(_SERIES)


class FromExporters:
    name = "exporters"

    def __init__(self, settings: DcgmSettings, cluster: str) -> None:
        self._settings, self._cluster = settings, cluster
        urls = [url.strip() for url in settings.exporters.split(",") if url.strip()]
        if not urls:
            raise ConfigError("dcgm.exporters", settings.exporters, "name at least one URL of metrics")
        self._urls = [checked("dcgm.exporters", url, settings) for url in urls]
        self._session = session(settings)

    def turns(self, cursor: Cursor | None, watch: Watch) -> Iterator[Turn]:
        known = Remembered.of(cursor) if cursor else Remembered.beginning(0)
        interval = self._settings.interval_seconds

        def tell(url: str, lack: str | None) -> None:
            watch.goes_on(url) if lack is None else watch.waits(url, lack)

        while True:
            began = watch.now()
            scrapes = self.scrapes(watch.now, tell)
            for scrape in scrapes:
                note_skew(scrape.target, scrape.time, watch.now(), watch)
            if scrapes:
                until = max(scrape.time for scrape in scrapes)
                looked = NOTHING._replace(gpus=scrapes)
                parsed, known = parse(looked, known, pace(self._settings), until=until, cluster=self._cluster)
                yield Turn(parsed, known.cursor(), watch.now())
            if watch.wait(min(max(interval - (watch.now() - began) / SECOND, 0.0), interval)):
                return

    def scrapes(self, clock: Callable[[], int], tell: Tell) -> list[Scrape]:
        """Of those that answer.  All are asked at once: one that is down is waited for until it timed out."""
        with ThreadPoolExecutor(min(_AT_ONCE, len(self._urls))) as threads:
            found = list(threads.map(lambda url: self._scrape(url, clock(), tell), self._urls))
        return [scrape for scrape in found if scrape is not None]

    def _scrape(self, url: str, now: int, tell: Tell) -> Scrape | None:
        """What it answers, at the time of its own samples where it tells one, else now."""
        try:
            with self._session.get(url, timeout=self._settings.timeout_seconds, stream=True) as answer:
                answer.raise_for_status()
                body = answer.raw.read(_MOST_BYTES + 1, decode_content=True)
        except (requests.RequestException, urllib3.exceptions.HTTPError, Away, OSError) as error:
            tell(url, str(error) if isinstance(error, Away) else sentence(url, error))
            return None
        if len(body) > _MOST_BYTES or not body.endswith(b"\n"):
            # A line that was broken off would be another number.
            large = f"more than {_MOST_BYTES} bytes"
            told = large if len(body) > _MOST_BYTES else "a text that is broken off: no newline ends it"
            tell(url, f"{url} answers {told}")
            return None
        tell(url, None)
        lines, malformed = samples(body)
        host = url.partition("://")[2].partition("/")[0]
        named = [line._replace(labels={"instance": host, **line.labels}) for line in lines]
        stamps = [line.milliseconds * 1_000 for line in lines if line.milliseconds is not None]
        return Scrape(min(max(stamps, default=now), now), url, named, tuple(malformed))
