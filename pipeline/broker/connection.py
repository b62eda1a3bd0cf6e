"""From settings to a connection: options for kafka-python, a TLS context, and an admin client."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pipeline.broker.failures import told
from pipeline.broker.parameters import KafkaSettings, Protocol
from pipeline.broker.probe import reach
from pipeline.errors import ConfigError

CLIENT_ID = "driftledger"
COMMITTED = "read_committed"
"""How our topics are read: without the messages of transactions that were aborted."""
BOOTSTRAP_SECONDS = 5.0
"""How long a client may take to connect, once the probe has found a broker."""


class Server(NamedTuple):
    host: str
    port: int

    @property
    def on_this_machine(self) -> bool:
        """Whether traffic to it cannot leave the machine; a name other than localhost may be anything."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def servers(kafka: KafkaSettings) -> list[Server]:
    """The bootstrap servers; raises ConfigError where one is not host:port."""
    return [_server(text.strip()) for text in kafka.bootstrap_servers.split(",")]


def _server(text: str) -> Server:
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ConfigError("kafka.bootstrap_servers", text, "write host:port, for example kafka.example:9093")
    return Server(host, int(port))


def encrypted(kafka: KafkaSettings) -> bool:
    return kafka.security_protocol in (Protocol.ssl, Protocol.sasl_ssl)


def authenticated(kafka: KafkaSettings) -> bool:
    return kafka.security_protocol in (Protocol.sasl_plaintext, Protocol.sasl_ssl)


def tls(kafka: KafkaSettings) -> ssl.SSLContext | None:
    """The context to speak TLS with, None without TLS; raises ConfigError for a file that is no use."""
    if not encrypted(kafka):
        return None
    try:
        context = ssl.create_default_context(cafile=kafka.ssl_cafile or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("kafka.ssl_cafile", kafka.ssl_cafile, f"name a PEM file ({_why(error)})") from error
    if kafka.ssl_certfile:
        try:
            context.load_cert_chain(kafka.ssl_certfile, kafka.ssl_keyfile or None)
        except (OSError, ssl.SSLError) as error:
            remedy = f"name PEM files of a certificate and its key ({_why(error)})"
            raise ConfigError("kafka.ssl_certfile", kafka.ssl_certfile, remedy) from error
    return context


def _why(error: OSError) -> str:
    return error.strerror or str(error)


def options(kafka: KafkaSettings) -> dict[str, Any]:
    """Arguments for any client of kafka-python; raises ConfigError where the settings cannot work."""
    found: dict[str, Any] = {
        "bootstrap_servers": [str(server) for server in servers(kafka)],
        "client_id": CLIENT_ID,
        "security_protocol": str(kafka.security_protocol),
        "ssl_context": tls(kafka),
    }
    if not encrypted(kafka):
        refuse_plaintext(kafka, servers(kafka))
    if authenticated(kafka):
        if not kafka.sasl_username:
            raise ConfigError("kafka.sasl_username", "", f"{kafka.security_protocol} needs a user's name")
        if not kafka.sasl_password:
            remedy = "set DRIFTLEDGER__KAFKA__SASL_PASSWORD to the user's password"
            raise ConfigError("kafka.sasl_password", kafka.sasl_password, remedy)
        found |= {
            "sasl_mechanism": str(kafka.sasl_mechanism),
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": str(kafka.sasl_password),
        }
    return found


def refuse_plaintext(kafka: KafkaSettings, reached: list[Server]) -> None:
    """Raise ConfigError where unencrypted traffic would leave this machine and is not allowed to."""
    away = [str(server) for server in reached if not server.on_this_machine]
    if away and not kafka.allow_plaintext and not encrypted(kafka):
        remedy = (
            f"{', '.join(away)} is not this machine: write SSL or SASL_SSL, "
            "or kafka.allow_plaintext: true if everyone on the way may read and change the events"
        )
        raise ConfigError("kafka.security_protocol", str(kafka.security_protocol), remedy)


@contextmanager
def admin(kafka: KafkaSettings) -> Iterator[Any]:
    """A KafkaAdminClient; raises PreflightFailed or ConfigError with the reason, within seconds."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    opts = options(kafka)
    reach(servers(kafka), opts)
    try:
        client = KafkaAdminClient(**opts, bootstrap_timeout_ms=int(BOOTSTRAP_SECONDS * 1000))
    except KafkaError as error:
        raise told(error, "connecting to Kafka") from error
    try:
        brokers = client.describe_cluster()["brokers"]
        refuse_plaintext(kafka, [Server(broker["host"], broker["port"]) for broker in brokers])
        yield client
    except KafkaError as error:
        raise told(error, "asking Kafka") from error
    finally:
        client.close()
