"""Prices kept as a public catalogue has them, beside the collectors."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

from collectors.live.contract import Job, Watch
from pipeline.errors import ConfigError, PreflightFailed
from pipeline.prices.refresh import refresh
from pipeline.settings.up import UpSettings

AGAIN_SECONDS = 3_600.0
"""After a catalogue did not answer."""

log = logging.getLogger("driftledger.up")


def pricing(settings: UpSettings) -> Job:
    """At the start and then every so often; what fails is said, and the prices that are there hold on.

    Raises ConfigError where there is no file to write to.
    """
    if not settings.prices_into:
        raise ConfigError("up.prices_into", "", "name the CSV that prices are appended to")

    def job(watch: Watch) -> None:
        pause = 0.0
        while not watch.wait(pause):
            try:
                done = refresh(
                    settings.prices_source,
                    Path(settings.prices_into),
                    datetime.fromtimestamp(watch.now() / 1e6, UTC).replace(tzinfo=None),
                    region=settings.prices_region,
                    url=settings.prices_url,
                    key_file=Path(settings.prices_key_file) if settings.prices_key_file else None,
                )
            except (ConfigError, PreflightFailed, OSError) as error:
                watch.notes("prices", str(error))
                pause = min(AGAIN_SECONDS, settings.prices_hours * 3_600)
            else:
                watch.goes_on("prices")
                log.info("prices: %d of %d are new", done.new, done.read)
                pause = settings.prices_hours * 3_600

    return job
