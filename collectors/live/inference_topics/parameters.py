"""The settings of predictions and labels that others write to Kafka: where, who we are, how they are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.bounds import Bound
from pipeline.broker.parameters import KafkaSettings, Mechanism, Protocol
from pipeline.secret import Secret


@dataclass(frozen=True, slots=True)
class InferenceTopicsSettings:
    map_file: str = ""
    """YAML file that says by topic which field of a value is which column; it must be named."""
    rules_file: str = ""
    """YAML file as inference.rules_file: which features are kept, and what never leaves here."""
    bootstrap_servers: str = "127.0.0.1:9092"
    """Brokers to ask first, host:port, several with commas; often another cluster's than kafka.*."""
    security_protocol: Protocol = Protocol.plaintext
    """PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    sasl_mechanism: Mechanism = Mechanism.scram_512
    """PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, with a SASL protocol."""
    sasl_username: str = ""
    """User, with a SASL protocol: who may Read the topics, which includes Describe; no group is used."""
    sasl_password: Secret = Secret("")
    """Password, from a file or DRIFTLEDGER__INFERENCE_TOPICS__SASL_PASSWORD."""
    ssl_cafile: str = ""
    """PEM file of the authorities that the brokers' certificates come from; empty: those of the system."""
    ssl_certfile: str = ""
    """PEM file of a certificate of our own, where the brokers ask for one."""
    ssl_keyfile: str = ""
    """PEM file of that certificate's key; empty: it is in ssl_certfile."""
    allow_plaintext: bool = False
    """Whether unencrypted traffic may leave this machine."""
    gather_seconds: Annotated[float, Bound(0.05, 30)] = 1.0
    """How long messages gather for one transaction."""
    most_messages: Annotated[int, Bound(1, 100_000)] = 5_000
    """Most messages of one transaction."""

    @property
    def kafka(self) -> KafkaSettings:
        """The connection, in the form that every client of a broker takes."""
        return KafkaSettings(
            bootstrap_servers=self.bootstrap_servers,
            security_protocol=self.security_protocol,
            sasl_mechanism=self.sasl_mechanism,
            sasl_username=self.sasl_username,
            sasl_password=self.sasl_password,
            ssl_cafile=self.ssl_cafile,
            ssl_certfile=self.ssl_certfile,
            ssl_keyfile=self.ssl_keyfile,
            allow_plaintext=self.allow_plaintext,
        )
