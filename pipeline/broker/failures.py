"""What a client of the broker raises, as one sentence and one of our errors."""

from __future__ import annotations

from pipeline.errors import DriftledgerError, PreflightFailed


class BrokerUnavailable(PreflightFailed):
    """No broker answers now; nothing has to be changed here once one does."""


class BrokerRefused(PreflightFailed):
    """The broker answers and says no: credentials, a right, a limit."""


_REFUSED = {
    "SaslAuthenticationFailedError": "the credentials were refused: check kafka.sasl_username and password",
    "UnsupportedSaslMechanismError": "the broker does not offer this kafka.sasl_mechanism",
    "TopicAuthorizationFailedError": "no right to this topic: grant Read, Write and Describe on it",
    "GroupAuthorizationFailedError": "no right to this consumer group: grant Read and Describe on it",
    "ClusterAuthorizationFailedError": "no right to this: grant Create and IdempotentWrite on the cluster",
    "UnknownTopicOrPartitionError": "a topic is missing or may not be seen: `driftledger topics` lists them",
    "MessageSizeTooLargeError": "a message is larger than its topic takes: see `driftledger topics`",
    "RecordListTooLargeError": "a batch is larger than its topic takes: see `driftledger topics`",
    "PolicyViolationError": "a rule of the broker's owner forbids this",
    "InvalidRecordError": "the broker does not take a record",
    "UnsupportedVersionError": "the broker is too old: Kafka 2.8 or newer is needed",
    "IncompatibleBrokerVersion": "the broker is too old: Kafka 2.8 or newer is needed",
}


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
