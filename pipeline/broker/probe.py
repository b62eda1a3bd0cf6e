"""Why a broker cannot be used, found in seconds: kafka-python only says that it could not bootstrap.

Each server is asked as a client would ask it: a connection, TLS, the login, one request.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Mapping
from typing import Any

from pipeline.broker.failures import BrokerRefused, BrokerUnavailable

SECONDS = 5.0
"""Longest wait for each answer of a server."""

_METADATA = 3
"""Kafka's number of the request that brokers answer and controllers do not."""

_TLS_ALERT = b"\x15\x03"


def reach(servers: Iterable[tuple[str, int]], options: Mapping[str, Any]) -> None:
    """Return if one of the servers takes us; else raise BrokerRefused or BrokerUnavailable, each reason named.

    `options` are those of `connection.options`.
    """
    reasons: list[BrokerRefused | BrokerUnavailable] = []
    for host, port in servers:
        try:
            return _ask(host, port, options)
        except (BrokerRefused, BrokerUnavailable) as error:
            reasons.append(error)
    refused = any(isinstance(reason, BrokerRefused) for reason in reasons)
    sentence = "; ".join(dict.fromkeys(map(str, reasons)))
    raise BrokerRefused(sentence) if refused else BrokerUnavailable(sentence)


def _ask(host: str, port: int, options: Mapping[str, Any]) -> None:
    where = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), SECONDS) as plain, _secured(plain, host, options) as sock:
            _talk(sock, where, options)
    except ssl.SSLCertVerificationError as error:
        remedy = "check kafka.ssl_cafile, and that the certificate names this host"
        raise BrokerRefused(f"{where}: its certificate is not trusted ({error.verify_message}); {remedy}") from error
    except ssl.SSLError as error:
        remedy = "check kafka.security_protocol, and whether it asks for a certificate (kafka.ssl_certfile)"
        raise BrokerRefused(f"{where}: TLS failed ({error.reason or error}); {remedy}") from error
    except socket.gaierror as error:
        raise BrokerUnavailable(f"{where}: there is no host of this name; check kafka.bootstrap_servers") from error
    except TimeoutError as error:
        raise BrokerUnavailable(f"{where}: no answer in {SECONDS:g} seconds; check host, port, firewall") from error
    except (ConnectionResetError, BrokenPipeError) as error:
        raise BrokerRefused(_closed(where, options)) from error
    except OSError as error:
        raise BrokerUnavailable(f"{where}: nothing listens there ({error.strerror}); check that it runs") from error


def _secured(plain: socket.socket, host: str, options: Mapping[str, Any]) -> socket.socket:
    context: ssl.SSLContext | None = options.get("ssl_context")
    return plain if context is None else context.wrap_socket(plain, server_hostname=host)


def _closed(where: str, options: Mapping[str, Any]) -> str:
    protocol = options["security_protocol"]
    return f"{where}: it closed the connection at the first request; does this listener speak {protocol}?"


def _talk(sock: socket.socket, where: str, options: Mapping[str, Any]) -> None:
    from kafka.protocol.metadata import ApiVersionsRequest, MetadataRequest
    from kafka.protocol.parser import KafkaProtocol

    sock.settimeout(SECONDS)
    protocol = KafkaProtocol(client_id="driftledger")
    versions = _exchange(sock, protocol, ApiVersionsRequest[0](), where, options)
    if all(key.api_key != _METADATA for key in versions.api_keys):
        raise BrokerRefused(f"{where}: this is a controller of Kafka, not a broker; name a broker's port")
    if "sasl_mechanism" in options:
        _login(sock, protocol, where, options)
    _exchange(sock, protocol, MetadataRequest[1](topics=[]), where, options)


def _login(sock: socket.socket, protocol: Any, where: str, options: Mapping[str, Any]) -> None:
    from kafka.net.sasl import get_sasl_mechanism
    from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

    name = options["sasl_mechanism"]
    offer = _exchange(sock, protocol, SaslHandshakeRequest[1](mechanism=name), where, options)
    if offer.error_code:
        offered = ", ".join(offer.mechanisms) or "none"
        raise BrokerRefused(f"{where}: it does not offer kafka.sasl_mechanism {name}, but: {offered}")
    mechanism = get_sasl_mechanism(name)(host=where, **options)
    while not mechanism.is_done():
        step = SaslAuthenticateRequest[0](auth_bytes=mechanism.auth_bytes())
        answer = _exchange(sock, protocol, step, where, options)
        if answer.error_code:
            said = (answer.error_message or "").splitlines() or ["no reason given"]
            who = options["sasl_plain_username"]
            raise BrokerRefused(
                f"{where}: the credentials of {who!r} were refused ({said[0]}); "
                "check kafka.sasl_username, its password and kafka.sasl_mechanism"
            )
        try:
            mechanism.receive(answer.auth_bytes)
        except (ValueError, KeyError) as error:
            raise BrokerRefused(f"{where}: the login failed ({error}); is this the right broker?") from error


def _exchange(sock: socket.socket, protocol: Any, request: Any, where: str, options: Mapping[str, Any]) -> Any:
    """One request and its answer."""
    from kafka.errors import KafkaError

    protocol.send_request(request)
    sock.sendall(protocol.send_bytes())
    while True:
        data = sock.recv(65_536)
        if not data or data.startswith(_TLS_ALERT):
            raise BrokerRefused(_closed(where, options))
        try:
            for _, answer in protocol.receive_bytes(data):
                return answer
        except (KafkaError, ValueError, IndexError) as error:
            raise BrokerRefused(f"{where}: what answers there is not Kafka") from error
