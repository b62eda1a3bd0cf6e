"""The HTTP API: answers are computed in threads, so that /healthz and /readyz never wait for one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pipeline.errors import ConfigError, DriftledgerError, NotFound, StoreUnavailable
from pipeline.opencost import assets, parameters, shape
from pipeline.opencost.allocation import Prices, allocations
from pipeline.settings.cost import CostRule
from pipeline.store import Store

log = logging.getLogger("driftledger.api")

MOST_WAITING = 16
"""Requests that wait for the ledger, or hold it; who comes then is told to come again."""
_READY_SECONDS = 5.0
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Api:
    """The ledger, what it is worth, and the clock."""

    store: Store
    prices: Prices
    rule: CostRule
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    def allocation(self, given: Mapping[str, str]) -> tuple[Any, tuple[str, ...]]:
        return self._allocations(given, shape.full)

    def summary(self, given: Mapping[str, str]) -> tuple[Any, tuple[str, ...]]:
        return self._allocations(given, shape.summary)

    def _allocations(self, given: Mapping[str, str], form: Callable[..., Any]) -> tuple[Any, tuple[str, ...]]:
        question = parameters.parse(given, self.now(), self.rule)
        with self.store.steady():
            sets, notes = allocations(self.store, question, self.prices)
        return form(sets, question.offset, question.limit), notes

    def assets(self, given: Mapping[str, str]) -> tuple[Any, tuple[str, ...]]:
        """OpenCost's one object."""
        window = assets.parse(given, self.now())
        with self.store.steady():
            return assets.assets(self.store, window, self.prices, self.rule, given.get("filterTypes", ""))

    def asset_sets(self, given: Mapping[str, str]) -> tuple[Any, tuple[str, ...]]:
        """Kubecost's list of objects, which kubectl-cost reads."""
        found, notes = self.assets(given)
        return [found], notes


def application(api: Api) -> Starlette:
    """Every path is also there below /model, where Kubecost's clients look."""
    waiting = [0]

    def asked(answer: Callable[[Mapping[str, str]], tuple[Any, tuple[str, ...]]]) -> Any:
        async def endpoint(request: Request) -> Response:
            if waiting[0] >= MOST_WAITING:
                return said(503, "as many as may wait are waiting; come again", {"Retry-After": "2"})
            waiting[0] += 1
            try:
                return await run_in_threadpool(_answered, answer, dict(request.query_params))
            finally:
                waiting[0] -= 1

        return endpoint

    async def healthz(_: Request) -> Response:
        return Response("ok\n", media_type="text/plain")

    async def readyz(_: Request) -> Response:
        if api.store.healthy:
            return Response("ok\n", media_type="text/plain")
        try:  # a lost connection comes back with the next question
            await asyncio.wait_for(run_in_threadpool(api.store.snapshot), _READY_SECONDS)
        except (DriftledgerError, TimeoutError) as error:
            return Response(f"{str(error) or 'the ledger does not answer'}\n", 503, media_type="text/plain")
        return Response("ok\n", media_type="text/plain")

    paths = {"/allocation": api.allocation, "/allocation/compute": api.allocation}
    paths |= {"/allocation/summary": api.summary, "/allocation/compute/summary": api.summary}
    below = {f"/model{path}": answer for path, answer in paths.items()}
    named = {**paths, **below, "/assets": api.assets, "/model/assets": api.asset_sets}
    routes = [Route(path, asked(answer), methods=["GET"]) for path, answer in named.items()]
    return Starlette(routes=[*routes, Route("/healthz", healthz), Route("/readyz", readyz)])


def _answered(
    answer: Callable[[Mapping[str, str]], tuple[Any, tuple[str, ...]]], given: Mapping[str, str]
) -> Response:
    try:
        data, notes = answer(given)
    except ConfigError as error:
        return said(400, str(error))
    except NotFound as error:
        return said(404, str(error))
    except StoreUnavailable as error:
        return said(503, str(error), {"Retry-After": "5"})
    except Exception as error:
        log.exception("a request failed")
        return said(500, f"{type(error).__name__}: this was not foreseen; the log has the details")
    content = {"code": 200, "data": data} | ({"warning": "; ".join(notes)} if notes else {})
    return Response(_ENCODER.encode(content), media_type="application/json")


def said(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    content = _ENCODER.encode({"code": status, "data": None, "message": message})
    return Response(content, status, dict(headers or {}), "application/json")


def server(api: Api) -> uvicorn.Server:
    """Its `run([socket])` serves until SIGTERM or SIGINT, or until `should_exit` is set."""
    return uvicorn.Server(
        uvicorn.Config(
            application(api), log_config=None, access_log=False, lifespan="off", server_header=False,
            limit_concurrency=1_000, timeout_graceful_shutdown=5, ws="none",
        )
    )  # fmt: skip
