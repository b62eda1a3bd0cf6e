"""Which addresses may be told something, and how: https, never into a network by accident, no redirects."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from typing import NamedTuple
from urllib.parse import urlsplit

from pipeline.errors import ConfigError, DriftledgerError

TIMEOUT_SECONDS = 10.0
MOST_ANSWER_BYTES = 4_096


class Undelivered(DriftledgerError):
    """A receiver did not take it; it is tried again."""


class Unreachable(Undelivered):
    """It did not answer at all: whatever else it is to take waits as well."""


class Receiver(NamedTuple):
    """`name` is told instead of the address, which may hold a secret."""

    name: str
    scheme: str
    host: str
    port: int
    path: str
    private: bool
    """Whether addresses that are not public may be reached."""
    allow: str
    """The setting that says so."""


def receiver(key: str, url: str, private: bool, allow: str) -> Receiver:
    """The receiver that a setting names; ConfigError, without the address, where it is none.

    `allow` is the setting that gave `private`: whether addresses that are not public may be reached.
    """
    remedy = f"write https://HOST/PATH; plain http only with {allow}"
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise ConfigError(key, "***", remedy) from error
    schemes = ("https", "http") if private else ("https",)
    if parts.scheme not in schemes or not parts.hostname or parts.username or parts.password:
        raise ConfigError(key, "***", remedy)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Receiver(key, parts.scheme, parts.hostname, port, path, private, allow)


def post(to: Receiver, path: str, body: bytes, headers: dict[str, str]) -> None:
    """Send once, to the address that was checked.  Raises Undelivered unless the answer is 2xx."""
    connection = _connection(to)
    try:
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        answer.read(MOST_ANSWER_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{to.name} does not answer: {type(error).__name__}") from error
    finally:
        connection.close()
    if not 200 <= answer.status < 300:
        raise Undelivered(f"{to.name} answered {answer.status}")


def _connection(to: Receiver) -> http.client.HTTPConnection:
    address = _resolved(to)
    connection = http.client.HTTPConnection(to.host, to.port, timeout=TIMEOUT_SECONDS)
    try:
        plain = socket.create_connection((address, to.port), TIMEOUT_SECONDS)
        trusted = ssl.create_default_context()
        connection.sock = (
            trusted.wrap_socket(plain, server_hostname=to.host) if to.scheme == "https" else plain
        )
    except OSError as error:
        raise Unreachable(f"{to.name} cannot be reached: {type(error).__name__}") from error
    return connection


def _resolved(to: Receiver) -> str:
    """The address to connect to: every one that the name has must be allowed, and http must stay private."""
    try:
        found = socket.getaddrinfo(to.host, to.port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(f"{to.name}: its host has no address") from error
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    public = [_public(address) for address in addresses]
    if not to.private and not all(public):
        raise Undelivered(f"{to.name} is a private address; set {to.allow} if that is meant")
    if to.scheme == "http" and any(public):
        raise Undelivered(f"{to.name} is a public address of plain http; write https")
    return str(addresses[0])


def _public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast
