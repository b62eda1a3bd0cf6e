"""What a client of the broker raises, as one sentence and one of our errors."""

from __future__ import annotations

from pipeline.errors import DriftledgerError, PreflightFailed


class BrokerUnavailable(PreflightFailed):
    """No broker answers now; nothing has to be changed here once one does."""


class BrokerRefused(PreflightFailed):
    """The broker answers and says no: credentials, a right, a limit."""


_REFUSED = {
    "SaslAuthenticationFailedError": "the credentials were refused: check kafka.sasl_username and its password",
    "UnsupportedSaslMechanismError": "the broker does not offer this kafka.sasl_mechanism",
    "TopicAuthorizationFailedError": "the user has no right to this topic: grant Read, Write and Describe",
    "GroupAuthorizationFailedError": "the user has no right to this consumer group: grant Read and Describe",
    "ClusterAuthorizationFailedError": "the user has no right to this: grant Create and IdempotentWrite on the "
    "cluster, or let its owner do it",
    "TransactionalIdAuthorizationFailedError": "the user may not write idempotently: grant IdempotentWrite",
    "UnknownTopicOrPartitionError": "a topic is missing, or the user may not see it: "
    "`driftledger topics create` makes them",
    "MessageSizeTooLargeError": "a message is larger than the topic takes: `driftledger topics` says what to set",
    "RecordListTooLargeError": "a batch is larger than the topic takes: `driftledger topics` says what to set",
    "PolicyViolationError": "a rule of the broker's owner forbids this",
    "InvalidRecordError": "the broker found a record that it does not take",
    "UnsupportedVersionError": "the broker is too old; Kafka 2.8 or newer is needed",
    "IncompatibleBrokerVersion": "the broker is too old, or this is a controller's port; Kafka 2.8 is needed",
}  # fmt: skip


def told(error: Exception, doing: str) -> DriftledgerError:
    """The error of ours that says it; `doing` is what was tried, as in "connecting to Kafka".

    BrokerUnavailable for what may pass by itself, BrokerRefused for what somebody must change.
    """
    if isinstance(error, DriftledgerError):
        return error
    name = type(error).__name__
    if name in _REFUSED:
        return BrokerRefused(f"{doing}: {_REFUSED[name]} ({_words(error)})")
    if getattr(error, "retriable", False):
        return BrokerUnavailable(f"{doing}: no broker answers ({_words(error)}); check that it runs")
    return DriftledgerError(f"{doing}: {name}: {_words(error)}")


def _words(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
