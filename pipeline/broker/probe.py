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

_Reason = BrokerRefused | BrokerUnavailable


def reach(servers: Iterable[tuple[str, int]], options: Mapping[str, Any]) -> None:
    """Return if one of the servers takes us; else raise BrokerRefused or BrokerUnavailable with each reason.

    `options` are those of `connection.options`.
    """
    reasons: list[_Reason] = []
    for host, port in servers:
        reason = _reason(host, port, options)
        if reason is None:
            return
        reasons.append(reason)
    refused = any(isinstance(reason, BrokerRefused) for reason in reasons)
    sentence = "; ".join(dict.fromkeys(map(str, reasons)))
    raise BrokerRefused(sentence) if refused else BrokerUnavailable(sentence)


def _reason(host: str, port: int, options: Mapping[str, Any]) -> _Reason | None:
    """Why this server cannot be used, None where it can."""
    where = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), SECONDS) as plain, _secured(plain, host, options) as sock:
            _Talk(sock, options).through()
    except _Said as said:
        return BrokerRefused(f"{where}: {said}")
    except ssl.SSLCertVerificationError as error:
        remedy = "check kafka.ssl_cafile, and that the certificate names this host"
        return BrokerRefused(f"{where}: its certificate is not trusted ({error.verify_message}); {remedy}")
    except ssl.SSLError as error:
        remedy = "check kafka.security_protocol, and whether it asks for a certificate (kafka.ssl_certfile)"
        return BrokerRefused(f"{where}: TLS failed ({error.reason or error}); {remedy}")
    except socket.gaierror:
        return BrokerUnavailable(f"{where}: there is no host of this name; check kafka.bootstrap_servers")
    except TimeoutError:
        return BrokerUnavailable(f"{where}: no answer in {SECONDS:g} seconds; check host, port and firewall")
    except (ConnectionResetError, BrokenPipeError):
        return BrokerRefused(f"{where}: {_closed(options)}")
    except OSError as error:
        return BrokerUnavailable(f"{where}: nothing listens there ({error.strerror}); check that it runs")
    return None


def _secured(plain: socket.socket, host: str, options: Mapping[str, Any]) -> socket.socket:
    context: ssl.SSLContext | None = options["ssl_context"]
    return plain if context is None else context.wrap_socket(plain, server_hostname=host)


def _closed(options: Mapping[str, Any]) -> str:
    return f"it closed the connection; does this listener speak {options['security_protocol']}?"


class _Said(Exception):
    """The server answered, and it will not do."""


class _Talk:
    """The requests of a client's first second, one after the other."""

    def __init__(self, sock: socket.socket, options: Mapping[str, Any]) -> None:
        from kafka.protocol.parser import KafkaProtocol

        sock.settimeout(SECONDS)
        self._sock = sock
        self._options = options
        self._protocol = KafkaProtocol(client_id=options["client_id"])

    def through(self) -> None:
        from kafka.protocol.metadata import ApiVersionsRequest, MetadataRequest

        versions = self._ask(ApiVersionsRequest[0]())
        if all(key.api_key != _METADATA for key in versions.api_keys):
            raise _Said("this is a controller of Kafka, not a broker; name a broker's port")
        if "sasl_mechanism" in self._options:
            self._log_in()
        self._ask(MetadataRequest[1](topics=[]))

    def _log_in(self) -> None:
        from kafka.net.sasl import get_sasl_mechanism
        from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

        name = self._options["sasl_mechanism"]
        offer = self._ask(SaslHandshakeRequest[1](mechanism=name))
        if offer.error_code:
            offered = ", ".join(offer.mechanisms) or "none"
            raise _Said(f"it does not offer kafka.sasl_mechanism {name}, but: {offered}")
        mechanism = get_sasl_mechanism(name)(host="", **self._options)
        while not mechanism.is_done():
            answer = self._ask(SaslAuthenticateRequest[0](auth_bytes=mechanism.auth_bytes()))
            if answer.error_code:
                raise _Said(self._refusal(answer.error_message or "no reason given"))
            try:
                mechanism.receive(answer.auth_bytes)
            except (ValueError, KeyError) as error:
                raise _Said(f"the login failed ({error}); is this the right broker?") from error

    def _refusal(self, message: str) -> str:
        who = self._options["sasl_plain_username"]
        remedy = "check kafka.sasl_username, kafka.sasl_mechanism and the password"
        return f"the credentials of {who!r} were refused ({message.splitlines()[0]}); {remedy}"

    def _ask(self, request: Any) -> Any:
        """One request and its answer."""
        from kafka.errors import KafkaError

        self._protocol.send_request(request)
        self._sock.sendall(self._protocol.send_bytes())
        while True:
            data = self._sock.recv(65_536)
            if not data or data.startswith(_TLS_ALERT):
                raise _Said(_closed(self._options))
            try:
                for _, answer in self._protocol.receive_bytes(data):
                    return answer
            except (KafkaError, ValueError, IndexError) as error:
                raise _Said("what answers there is not Kafka") from error
