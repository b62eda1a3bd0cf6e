"""Bounds of one message, so that a hostile one cannot take the process down."""

from __future__ import annotations

MAX_MESSAGE_BYTES = 1_048_576
"""Largest value that is decoded: Kafka's default message.max.bytes."""

MAX_EXPANDED_BYTES = 32 * MAX_MESSAGE_BYTES
"""Largest sum of a message's buffers after decompression, and of the texts that its columns unfold to."""

MAX_UNPACKED_BYTES = 64 * MAX_MESSAGE_BYTES
"""Largest batch of messages that its producer compressed, once it is unpacked."""

MAX_ROWS = 262_144
"""Largest number of events in a message: a byte each would be 4 bytes an event."""

MAX_FEATURES = 2_000
"""Largest number of distinct features in a message."""

MAX_CELLS = 4_000_000
"""Largest rows x features of a message: sparse features would fill memory with nulls."""

MAX_SAMPLED_MINUTES = 500_000
"""Most minutes that the intervals of one message touch: each is a fact row of its own."""

MAX_BUCKET_SECONDS = 3_600
"""Longest interval of a bucket of times: counted_latency.sql looks an hour far for what counts them too."""

MAX_TEXT_BYTES = 4_096
"""Longest string in a column; longer ones are hostile labels."""

MAX_DOCUMENT_BYTES = 524_288
"""Longest string in a column that holds a JSON document (evidence)."""

HEAD_BYTES = 1_024
"""How much of a refused message is kept."""

MEMORY_MULTIPLE = 192
"""Peak memory of decoding one message, in multiples of MAX_MESSAGE_BYTES; held by a test."""

MAX_FUTURE_MICROSECONDS = 86_400 * 1_000_000
"""An event may be this much later than its message: a day covers a clock in the wrong zone."""

MAX_AGE_MICROSECONDS = 3_653 * 86_400 * 1_000_000
"""An event may be this much older than its message: ten years covers every replay."""
