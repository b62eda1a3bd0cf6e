"""A refused message as it is kept whole: the same key, value and headers, and where it came from."""

from __future__ import annotations

TOPIC = "driftledger.rejected"

ORIGIN_TOPIC = "dead-letter-topic"
ORIGIN_TOPIC_ID = "dead-letter-topic-id"
ORIGIN_PARTITION = "dead-letter-partition"
ORIGIN_OFFSET = "dead-letter-offset"
ORIGIN_TIMESTAMP = "dead-letter-timestamp"
REASON = "dead-letter-reason"
REFUSED = "dead-letter-refused"

MEANINGS = {
    ORIGIN_TOPIC: "topic that the message was read from",
    ORIGIN_TOPIC_ID: "UUID of that topic",
    ORIGIN_PARTITION: "partition",
    ORIGIN_OFFSET: "offset; topic id, partition and offset identify a dead letter",
    ORIGIN_TIMESTAMP: "append time of the message, microseconds since 1970 UTC",
    REASON: "reason of the first refusal, as in the `rejected` table",
    REFUSED: "how many of its rows were refused; `all` if nothing of the message was taken",
}


def is_dead_letter(topic: str, headers: dict[str, str]) -> bool:
    """Whether a message of the topic of refusals is a refused message itself, not an event about one."""
    return topic == TOPIC and ORIGIN_OFFSET in headers
