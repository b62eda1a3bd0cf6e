"""The certificate and key with which the receiver serves https: both there and of each other, or an error."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TypedDict

from collectors.live.inference.parameters import InferenceSettings
from pipeline.errors import ConfigError


class Files(TypedDict, total=False):
    ssl_certfile: str
    ssl_keyfile: str


def files(settings: InferenceSettings) -> Files:
    """Empty for plain http; raises ConfigError."""
    named = {"inference.cert_file": settings.cert_file, "inference.key_file": settings.key_file}
    if not any(named.values()):
        return {}
    for key, path in named.items():
        if not path:
            raise ConfigError(key, path, "https needs a certificate and its key: name both files, or none")
        if not Path(path).is_file():
            raise ConfigError(key, path, "there is no such file; name a PEM file")
    try:
        # An empty password: else a locked key would be asked for at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.cert_file, settings.key_file, "")
    except OSError as error:
        remedy = f"write PEM files of a certificate and of its key, without a password ({error})"
        raise ConfigError("inference.cert_file", settings.cert_file, remedy) from error
    return {"ssl_certfile": settings.cert_file, "ssl_keyfile": settings.key_file}
