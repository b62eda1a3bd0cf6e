"""The Faust application of a worker: one stream over all topics, read from where the ledger is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import aiokafka
import faust
from faust.tables import TableManager
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode import CrashingSupervisor, get_logger
from yarl import URL

from pipeline.broker import connection
from pipeline.broker.connection import COMMITTED
from pipeline.broker.parameters import KafkaSettings, Protocol
from pipeline.settings.worker import WorkerSettings
from pipeline.wire.limits import MAX_MESSAGE_BYTES
from pipeline.worker import handed, records
from pipeline.worker.broker_view import Partition
from pipeline.worker.buffer import Buffer

_METADATA_MS = 5_000
"""A topic made again is read after so long; the default of five minutes would look like an idle one."""

_COMMIT_SECONDS = 1.0
_FETCH_MS = 100
_FETCH_BYTES = 2_000_000

_FAUST_LOG = get_logger("faust")

StartPositions = Callable[[Collection[Partition]], Awaitable[Mapping[Partition, int]]]
Take = Callable[[Any], Awaitable[None]]


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Asks the broker for a tenth of a second at most, and not for what a producer took back.

    A request that finds messages of some partitions still untaken is for the others alone, and no second one
    is sent meanwhile: with Faust's 1.5 seconds a worker stands still whenever it has caught up with these.
    Faust reads aborted transactions too, unless it writes some itself.  Whatever a
    producer made of a record, it is read.
    """

    def _create_worker_consumer(self, transport: driver.Transport) -> aiokafka.AIOKafkaConsumer:
        records.take_any()
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = _FETCH_MS
        consumer._isolation_level = COMMITTED
        return consumer

    async def _fetch_records(self, *arguments: Any, **options: Any) -> Any:
        handed.Handed.left = handed.MOST_BYTES
        return await super()._fetch_records(*arguments, **options)


class Consumer(driver.Consumer):
    """Wherever Faust would go back to the committed offset, this one goes to the ledger's."""

    logger = _FAUST_LOG

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def seek_to_committed(self) -> Mapping[TP, int]:
        app: Any = self.app
        found: Mapping[Partition, int] = await app.start_positions(
            {(tp.topic, tp.partition) for tp in self.assignment()}
        )
        positions = {TP(*partition): offset for partition, offset in found.items()}
        await self.seek_wait(positions)
        return positions

    async def perform_seek(self) -> None:
        """Nothing is read until the flow is resumed, where Faust empties the buffer: what had come since the
        positions were taken up would be lost.  Faust stops the flow only where a partition is revoked."""
        self.stop_flow()
        await super().perform_seek()

    def verify_event_path(self, now: float, tp: TP) -> None:
        """No log of idle streams, which health and metrics tell: it fails on a partition without position."""


class NoTables(TableManager):
    """There are none to wait for: Faust would give an application a second to name them."""

    logger = _FAUST_LOG

    async def on_start(self) -> None:
        await self._update_channels()
        await self.recovery.start()


class Transport(driver.Transport):
    Consumer = Consumer


class Application(faust.App):
    """No tables, no leader, no pages; `start_positions` and `forget` are asked at each assignment."""

    logger = _FAUST_LOG

    def __init__(
        self,
        worker: WorkerSettings,
        kafka: KafkaSettings,
        *,
        start_positions: StartPositions,
        forget: Callable[[], None],
    ) -> None:
        self.start_positions = start_positions
        self._forget = forget
        self._buffer_bytes = worker.buffer_bytes
        super().__init__(
            worker.group,
            broker=[URL(f"aiokafka://{server}") for server in connection.servers(kafka)],
            broker_credentials=_credentials(kafka),
            broker_client_id=connection.CLIENT_ID,
            broker_session_timeout=worker.session_seconds,
            broker_heartbeat_interval=worker.session_seconds / 10,
            broker_commit_interval=_COMMIT_SECONDS,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=_FETCH_BYTES,
            consumer_group_instance_id=worker.name,
            consumer_metadata_max_age_ms=_METADATA_MS,
            producer_metadata_max_age_ms=_METADATA_MS,
            producer_max_request_size=2 * MAX_MESSAGE_BYTES,
            stream_buffer_maxsize=worker.buffer_messages,
            # At the end nobody takes what is still in the buffer, and Faust would wait for it for ever.
            stream_wait_empty=False,
            agent_supervisor=CrashingSupervisor,
            # With standbys Faust shares partitions by a protocol that the broker's tools cannot read.
            table_standby_replicas=0,
            TableManager=NoTables,
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
        )

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def _create_directories(self) -> None:
        """Nothing is kept beside the ledger."""

    def FlowControlQueue(self, maxsize: int | None = None, *, clear_on_resume: bool = False) -> Buffer:
        return Buffer(
            maxsize or self.conf.stream_buffer_maxsize,
            max_bytes=self._buffer_bytes,
            flow_control=self.flow_control,
            clear_on_resume=clear_on_resume,
        )

    def on_rebalance_start(self) -> None:
        self._forget()
        super().on_rebalance_start()

    async def read_again(self) -> None:
        """From where the ledger is; a rebalance does so itself, and says when to go on."""
        if not self.rebalancing:
            await self.consumer.perform_seek()
        if not self.rebalancing:
            self.consumer.resume_flow()

    def read(self, topics: Collection[str], take: Take) -> None:
        """Run `take` over one stream of all topics: its messages of all partitions share a transaction."""
        topic = self.topic(*topics, value_serializer="raw", key_serializer="raw")
        self.agent(topic, name="take", supervisor_strategy=CrashingSupervisor)(take)

    def buffered(self) -> tuple[int, int]:
        """Messages and bytes that were read ahead."""
        queues = [channel.queue for channel in self.topics if isinstance(channel.queue, Buffer)]
        return sum(queue.messages for queue in queues), sum(queue.bytes for queue in queues)


def _credentials(kafka: KafkaSettings) -> Any:
    context = connection.tls(kafka)
    if kafka.security_protocol in (Protocol.sasl_plaintext, Protocol.sasl_ssl):
        return faust.SASLCredentials(
            username=kafka.sasl_username,
            password=str(kafka.sasl_password),
            mechanism=str(kafka.sasl_mechanism),
            ssl_context=context,
        )
    return faust.SSLCredentials(context=context) if context else None
