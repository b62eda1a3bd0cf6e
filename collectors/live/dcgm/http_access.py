"""A way to HTTP servers: certificates, a password or a token, and what went wrong in a sentence."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase, HTTPBasicAuth

from collectors.live.dcgm.parameters import DcgmSettings
from pipeline.errors import ConfigError


class Away(Exception):
    """The server gives nothing now; waiting, or somebody, may mend it."""


class Bearer(AuthBase):
    """Reads its token for each request."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        try:
            request.headers["Authorization"] = f"Bearer {self._file.read_text().strip()}"
        except OSError as error:
            raise Away(f"dcgm.token_file {self._file} cannot be read: {error.strerror}") from error
        return request


class _Nobody(AuthBase):
    """Else requests would take a password from ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def authentication(settings: DcgmSettings) -> AuthBase:
    if settings.token_file:
        return Bearer(Path(settings.token_file))
    if settings.username:
        # Latin-1 is what requests makes of a text; servers expect UTF-8.
        return HTTPBasicAuth(settings.username.encode(), str(settings.password).encode())
    return _Nobody()


def session(settings: DcgmSettings) -> requests.Session:
    """Raises ConfigError where a file or a combination cannot be."""
    if settings.token_file and settings.username:
        raise ConfigError(
            "dcgm.token_file", settings.token_file, "write a token file or a username, not both"
        )
    made = requests.Session()
    made.auth = authentication(settings)
    if settings.ca_file:
        if not Path(settings.ca_file).is_file():
            raise ConfigError("dcgm.ca_file", settings.ca_file, "there is no such file; name a PEM file")
        made.verify = settings.ca_file
    return made


def checked(key: str, url: str, settings: DcgmSettings) -> str:
    """The URL; raises ConfigError where it is none, or would show a secret to the network."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise ConfigError(key, url, "write http://HOST:PORT or https://HOST:PORT")
    if parts.username or parts.password:
        raise ConfigError(
            key, f"{parts.scheme}://***@{host}", "write dcgm.username and dcgm.password instead"
        )
    secret = settings.token_file or settings.username
    if secret and parts.scheme == "http" and not _on_this_machine(host) and not settings.allow_plaintext:
        remedy = "use https, or set dcgm.allow_plaintext: the password or token would be readable on the way"
        raise ConfigError(key, url, remedy)
    return url.rstrip("/")


def _on_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def sentence(url: str, error: Exception) -> str:
    """What is wrong, without anything of the request, which may hold a secret."""
    if isinstance(error, requests.Timeout):
        return f"{url} does not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return f"{url} shows a certificate that is not trusted; see dcgm.ca_file"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"{url} answers {error.response.status_code}"
    if isinstance(error, requests.ConnectionError):
        return f"{url} cannot be reached{_reason(error)}"
    return f"{url}: {type(error).__name__}"


def _reason(error: BaseException | None) -> str:
    """What the operating system said, below what the libraries made of it."""
    while error is not None:
        if isinstance(error, OSError) and error.strerror:
            return f" ({error.strerror})"
        error = error.__cause__ or error.__context__
    return ""
