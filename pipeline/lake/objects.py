"""Credentials of the bucket that holds the files of a lake: from the environment, by their AWS names."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from pipeline.errors import ConfigError, PreflightFailed

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")


def secret(environ: Mapping[str, str], bucket: str) -> dict[str, str]:
    """The options of DuckDB's S3 secret for `bucket` (s3://name).

    Raises PreflightFailed where there are no credentials, ConfigError for an endpoint that is no URL, or one
    without TLS that is not on this machine: keys and data would cross the network in the clear.
    """
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        if not environ.get(name):
            raise PreflightFailed(f"the ledger's data is in {bucket}, and {name} is not set")
    options = {
        "KEY_ID": environ["AWS_ACCESS_KEY_ID"],
        "SECRET": environ["AWS_SECRET_ACCESS_KEY"],
        "SESSION_TOKEN": environ.get("AWS_SESSION_TOKEN", ""),
        "REGION": environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        "SCOPE": bucket,
    }
    named = next((name for name in ENDPOINTS if environ.get(name)), None)
    if named:
        options |= _endpoint(named, environ[named])
    return {name: value for name, value in options.items() if value}


def _endpoint(name: str, url: str) -> dict[str, str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise ConfigError(name, url, "write https://HOST or https://HOST:PORT")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ConfigError(name, url, "use https; only an address of this machine may be asked without TLS")
    return {
        "ENDPOINT": parts.netloc.rpartition("@")[2],
        "URL_STYLE": "path",
        "USE_SSL": "true" if parts.scheme == "https" else "false",
    }


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
