"""What is looked at every few seconds while a worker works: its lag, its topics, its partitions' logs."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping

from collectors.publish.spool import held_bytes
from pipeline.broker.failures import BrokerRefused, BrokerUnavailable
from pipeline.lake.watermarks import Watermark
from pipeline.settings.groups import Settings
from pipeline.worker.application import Application
from pipeline.worker.broker_view import BrokerView, First, Partition, Span
from pipeline.worker.report import Report

log = logging.getLogger("driftledger.worker")


CheckTopics = Callable[[Collection[str]], Awaitable[None]]

_STILL_SECONDS = 10.0
"""So long nothing may come of a partition that has unread messages while the worker has nothing to do."""


class Watch:
    """Looks every worker.check_seconds; `check_topics` raises TopicRecreated."""

    def __init__(
        self,
        settings: Settings,
        app: Application,
        view: BrokerView,
        topic_ids: Mapping[str, str],
        check_topics: CheckTopics,
        report: Report,
        at_rest: Callable[[], bool],
    ) -> None:
        """`at_rest` is whether no message is in hand."""
        self._worker = settings.worker
        self._spool = settings.publish.spool_folder
        self._app = app
        self._view = view
        self._topic_ids = topic_ids
        self._check_topics = check_topics
        self._report = report
        self._at_rest = at_rest
        self._still: dict[Partition, tuple[int, float]] = {}
        """Those with unread messages: the last offset that was taken, and since when; inf once they were read
        again."""
        self._partitions = [(t, n) for t in topic_ids for n in range(settings.kafka.partitions)]
        self._suspected: set[Partition] = set()
        self._unread: set[Partition] = set()

    async def run(self) -> None:
        """Never returns; raises TopicRecreated."""
        while True:
            await asyncio.sleep(self._worker.check_seconds)
            messages, size = self._app.buffered()
            self._report.metrics.buffer_messages.set(messages)
            self._report.metrics.buffer_bytes.set(size)
            self._report.metrics.spool_bytes.set(held_bytes(self._spool))
            try:
                await self._look()
            except BrokerUnavailable as error:
                self._report.waits("broker", str(error))
            else:
                self._report.goes_on("broker")

    async def _look(self) -> None:
        marks = self._report.marks()
        if not marks:
            return
        topics = {topic for topic, _ in marks}
        found = await asyncio.to_thread(self._view.topic_ids, topics)
        if any(found.get(topic) != self._topic_ids[topic] for topic in topics):
            await self._check_topics(topics)
        try:
            spans = await asyncio.to_thread(self._view.spans, marks)
            after = await asyncio.to_thread(self._view.first_after, marks)
        except BrokerRefused:
            await self._check_topics(topics)  # one that was deleted between two questions is told as such
            raise
        self._report.measured(spans, after)
        await self._go_back_where_needed(marks, spans, after)
        await self._share_anew_where_needed()

    async def _share_anew_where_needed(self) -> None:
        """Partitions that nobody has, twice in a row: a static member that is started again gets back what it
        had, and nobody asks the broker which topics are new since then."""
        unread = await asyncio.to_thread(self._view.unread, self._worker.group, self._partitions)
        if unread & self._unread:
            log.warning("nobody reads %d partitions: the group shares them anew", len(unread))
            await asyncio.to_thread(self._view.remove, self._worker.group, self._worker.name)
            unread = set()
        self._unread = unread

    async def _go_back_where_needed(
        self,
        marks: Mapping[Partition, Watermark],
        spans: Mapping[Partition, Span],
        after: Mapping[Partition, First],
    ) -> None:
        """A log that lost its end, or all that was unread, twice in a row: take up the positions anew."""
        odd = {p for p, log in spans.items() if _is_odd(marks[p].offset, log, after.get(p))}
        if odd & self._suspected or self._stands_still(marks, after):
            await self._app.read_again()
            odd = set()
        self._suspected = odd

    def _stands_still(self, marks: Mapping[Partition, Watermark], after: Mapping[Partition, First]) -> bool:
        """Whether messages that wait in the log came to nobody, as a rebalance can lose what was just read.

        Said once of an offset: what a producer took back waits in the log for ever.
        """
        if not self._at_rest() or self._app.buffered()[0]:
            self._still = {p: found for p, found in self._still.items() if found[1] == math.inf}
            return False
        now = time.monotonic()
        unread = {p: marks[p].offset for p, first in after.items() if first.offset > marks[p].offset}
        before = {p: self._still.get(p, (None, now)) for p in unread}
        self._still = {p: (at, before[p][1] if before[p][0] == at else now) for p, at in unread.items()}
        lost = [p for p, (_, since) in self._still.items() if now - since >= _STILL_SECONDS]
        if lost:
            log.warning("%d partitions have messages that never came: they are read again", len(lost))
        self._still |= {p: (self._still[p][0], math.inf) for p in lost}
        return bool(lost)


def _is_odd(taken: int, log: Span, after: First | None) -> bool:
    lost_its_end = log.end <= taken or (after is not None and after.offset <= taken)
    return lost_its_end or log.end == log.begin > taken + 1
