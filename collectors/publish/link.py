"""One life of a kafka-python producer that keeps the order of each source through every failure.

Three settings are not the usual ones.  A single request in flight: kafka-python puts several requests
that lost their connection back in the opposite order, and a broker takes any first sequence of a producer
that it does not know, so a later message could pass an earlier one.  No delivery timeout: a batch that
expires lets later batches overtake it; when to give up is for the caller to say.  And the first error
closes the producer, in the thread that would send the next message.
"""

from __future__ import annotations

from collections.abc import Callable

from collectors.publish.parameters import Compression, PublishSettings
from pipeline.broker.connection import BOOTSTRAP_SECONDS, admin, options
from pipeline.broker.failures import told
from pipeline.broker.parameters import KafkaSettings
from pipeline.broker.topics import MAX_RECORD_BYTES, ensure, names
from pipeline.events import Message

_NEVER_MS = 2**31 - 1
_REQUEST_BYTES = 4 * MAX_RECORD_BYTES
"""A request carries a batch of several partitions."""


class KafkaLink:
    """Connected when it is made, with every topic in order; raises PreflightFailed or ConfigError if not."""

    def __init__(self, kafka: KafkaSettings, publish: PublishSettings) -> None:
        from kafka import KafkaProducer
        from kafka.errors import KafkaError

        # Each time: topics may have been missing, or changed, while no broker was there.
        with admin(kafka) as client:
            ensure(client, kafka)
        request_timeout = min(30.0, publish.delivery_timeout_seconds / 2)
        try:
            self._producer = KafkaProducer(
                **options(kafka),
                acks="all",
                enable_idempotence=True,
                max_in_flight_requests_per_connection=1,
                delivery_timeout_ms=_NEVER_MS,
                request_timeout_ms=int(request_timeout * 1000),
                linger_ms=5,
                batch_size=publish.batch_bytes,
                max_request_size=_REQUEST_BYTES,
                compression_type=None if publish.compression is Compression.none else "lz4",
                reconnect_backoff_max_ms=1_000,
                bootstrap_timeout_ms=int(BOOTSTRAP_SECONDS * 1000),
                max_block_ms=int(BOOTSTRAP_SECONDS * 1000),
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
        except KafkaError as error:
            raise told(error, "connecting to Kafka") from error
        try:
            # Here, so that no send has to wait for it.
            for topic in names():
                self._producer.partitions_for(topic)
        except KafkaError as error:
            self.abandon()
            self.close(1.0)
            raise told(error, "connecting to Kafka") from error

    def send(self, message: Message, done: Callable[[Exception | None], None]) -> None:
        """`done` is called once: with None when all copies have it, else with why this link is at its end."""
        from kafka.errors import KafkaError

        headers = [(name, text.encode()) for name, text in message.headers.items()]
        key = message.key or message.headers.get("ce_source", "").encode() or None
        try:
            future = self._producer.send(message.topic, message.value, key=key, headers=headers)
        except (KafkaError, ValueError) as error:
            self._fail(error, done)
        else:
            future.add_callback(lambda _: done(None))
            future.add_errback(lambda error: self._fail(error, done))

    def _fail(self, error: Exception, done: Callable[[Exception | None], None]) -> None:
        self.abandon()
        done(told(error, "sending"))

    def abandon(self) -> None:
        """What has not gone out yet never will; returns at once, from any thread."""
        # KafkaProducer.close(0) raises before it closes anything while a message is on its way.
        self._producer._sender.force_close()

    def close(self, timeout: float) -> None:
        """After `abandon`: wait for the producer's thread."""
        self._producer._sender.join(timeout)
        self._producer.close(timeout=0)
