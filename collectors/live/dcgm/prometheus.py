"""Raw samples of a Prometheus server, as it scraped them, through prometheus-api-client.

Samples are asked for with a range selector, `name[5m]`, not with query_range: that would make up a value at
every step up to five minutes after the last scrape, and so seconds that nobody measured.  Its limit of 11,000
points a series is not one of these questions (web/api/v1/api.go of prometheus/prometheus: queryRange); theirs
is the samples that the server holds in memory for one, `--query.max-samples`, refused with 422, or its time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import requests
from prometheus_api_client import PrometheusConnect
from prometheus_api_client.exceptions import PrometheusApiClientException
from urllib3.util.retry import Retry

from collectors.dcgm.series import Series
from collectors.live.dcgm.http_access import Away, checked, sentence, session
from collectors.live.dcgm.parameters import DcgmSettings
from pipeline.errors import ConfigError

_STATUS = re.compile(r"HTTP Status Code (\d{3}) \((.*)\)", re.DOTALL)
# What cannot be reached is asked again by the collector's own loop.
_AGAIN = Retry(total=2, connect=0, read=0, backoff_factor=0.3, status_forcelist=(429, 502, 504),
               allowed_methods=None, raise_on_status=False)  # fmt: skip
_SHOWN = 300


class TooMuch(Exception):
    """The server refuses a question of this length, or cannot answer it in time."""


class Prometheus:
    def __init__(self, settings: DcgmSettings) -> None:
        self.url = checked("dcgm.prometheus_url", settings.prometheus_url, settings)
        self._selector = settings.selector.strip().strip(",")
        opened = session(settings)
        self._client = PrometheusConnect(
            self.url, session=opened, retry=_AGAIN, auth=opened.auth, timeout=settings.timeout_seconds
        )

    def now(self) -> int:
        """Its clock, microseconds since 1970 UTC: ours may be another.  Raises Away."""
        try:
            answer = self._ask("time()", {})
            return round(float(answer[1]) * 1_000) * 1_000
        except TooMuch as error:
            raise Away(str(error)) from error
        except (IndexError, TypeError, ValueError, KeyError) as error:
            raise Away(f"{self.url} answers something else than Prometheus") from error

    def samples(self, names: Iterable[str], start: int, end: int) -> list[Series]:
        """Series of these names with their samples in (start, end]; raises Away, TooMuch, ConfigError."""
        # The edges in whole milliseconds, as times of samples are: a part of one would be lost between two.
        milliseconds = end // 1_000 - start // 1_000
        if not milliseconds:
            return []
        matchers = f'__name__=~"{"|".join(names)}"' + (f",{self._selector}" if self._selector else "")
        found = self._ask(f"{{{matchers}}}[{milliseconds}ms]", {"time": _seconds(end)})
        # Prometheus 2 includes the left edge, Prometheus 3 does not.
        every = (self._series(one, start, end) for one in found)
        return [series for series in every if series.points or series.histograms]

    def targets(self, names: Iterable[str], start: int, end: int) -> list[dict[str, str]]:
        """The labels that Prometheus itself gave to the targets of such series."""
        span = f"[{(end - start) // 1_000}ms]"
        having = f'count by (job, instance) (last_over_time({{__name__=~"{"|".join(names)}"}}{span}))'
        found = self._ask(
            f"last_over_time(up{span}) and on (job, instance) {having}", {"time": _seconds(end)}
        )
        try:
            return [dict(one["metric"]) for one in found]
        except (TypeError, ValueError, KeyError) as error:
            raise Away(f"{self.url} answers something else than Prometheus") from error

    def _series(self, one: Any, start: int, end: int) -> Series:
        try:
            points = [(_micros(at), float(value)) for at, value in one.get("values", ())]
            told = [(_micros(at), content) for at, content in one.get("histograms", ())]
            return Series(
                dict(one["metric"]),
                [point for point in points if start < point[0] <= end],
                tuple(each for each in told if start < each[0] <= end),
            )
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise Away(f"{self.url} answers something else than Prometheus") from error

    def _ask(self, query: str, parameters: dict[str, str]) -> Any:
        try:
            return self._client.custom_query(query, parameters)
        except requests.Timeout as error:
            raise TooMuch(sentence(self.url, error)) from error
        except requests.JSONDecodeError as error:
            raise Away(f"{self.url} answers something else than Prometheus") from error
        except requests.RequestException as error:
            raise Away(sentence(self.url, error)) from error
        except PrometheusApiClientException as error:
            raise self._refusal(str(error)) from error
        except (ValueError, KeyError, TypeError) as error:
            raise Away(f"{self.url} answers something else than Prometheus") from error

    def _refusal(self, text: str) -> Exception:
        match = _STATUS.search(text)
        status, body = (match[1], match[2][:_SHOWN]) if match else ("", text[:_SHOWN])
        if status in ("401", "403"):
            return Away(f"{self.url} refuses us with {status}; see dcgm.token_file, dcgm.username")
        if status == "422" or (status in ("413", "503") and "time" in body):
            return TooMuch(f"{self.url} refuses with {status}: {body}")
        if status == "400" and self._selector:
            return ConfigError("dcgm.selector", self._selector, f"Prometheus says {body}")
        return Away(f"{self.url} answers {status}: {body}")


def _micros(seconds: Any) -> int:
    return round(float(seconds) * 1_000) * 1_000


def _seconds(microseconds: int) -> str:
    return f"{microseconds // 1_000_000}.{microseconds // 1_000 % 1_000:03d}"
