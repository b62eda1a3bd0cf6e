"""The settings of the broker: where it is, how to prove who we are, what its topics must be like."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pipeline.bounds import Bound
from pipeline.secret import Secret


class Protocol(StrEnum):
    plaintext = "PLAINTEXT"
    ssl = "SSL"
    sasl_plaintext = "SASL_PLAINTEXT"
    sasl_ssl = "SASL_SSL"


class Mechanism(StrEnum):
    plain = "PLAIN"
    scram_256 = "SCRAM-SHA-256"
    scram_512 = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    bootstrap_servers: str = "127.0.0.1:9092"
    """Brokers to ask first, host:port, several with commas; they name the others."""
    security_protocol: Protocol = Protocol.plaintext
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL: what the listener speaks."""
    sasl_mechanism: Mechanism = Mechanism.scram_512
    """PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512: how the password is proved, with a SASL protocol."""
    sasl_username: str = ""
    """User, with a SASL protocol."""
    sasl_password: Secret = Secret("")
    """Password, from a file or DRIFTLEDGER__KAFKA__SASL_PASSWORD; never shown, never a flag."""
    ssl_cafile: str = ""
    """PEM file of the authorities that the brokers' certificates come from; empty: those of the system."""
    ssl_certfile: str = ""
    """PEM file of a certificate of our own, where the brokers ask for one."""
    ssl_keyfile: str = ""
    """PEM file of that certificate's key; empty: it is in ssl_certfile."""
    allow_plaintext: bool = False
    """Whether unencrypted traffic may leave this machine: anyone on the way can read and change it."""
    partitions: Annotated[int, Bound(1, 10_000)] = 8
    """Partitions of each topic: as many workers can share the load. Never change it for a topic in use."""
    replication: Annotated[int, Bound(1, 32)] = 1
    """Copies of each partition, on as many brokers; with 3 the loss of one broker loses nothing."""
    retention_hours: Annotated[int, Bound(1, 87_600)] = 168
    """Hours that messages stay readable: the longest time that all workers may be away."""
    create_topics: bool = True
    """Whether missing topics are created; false where somebody else owns them: they are only checked."""
