"""A HTTP session for one API server: verified, proved with our token alone, through no proxy of the host."""

from __future__ import annotations

import requests

from pipeline.kube.connection import Connection


def session(connection: Connection) -> requests.Session:
    """The caller closes it; the token is not in it, since it is read anew for each request."""
    made = requests.Session()
    # Without this a .netrc entry for the host would replace our token, and a proxy could read it.
    made.trust_env = False
    made.verify = str(connection.ca) if connection.ca else True
    if connection.client_certificate:
        certificate, key = connection.client_certificate
        made.cert = (str(certificate), str(key))
    return made


def headers(connection: Connection, accept: str = "application/json") -> dict[str, str]:
    """Raises NotFound where the file of the token cannot be read."""
    token = connection.bearer()
    return {"Accept": accept, **({"Authorization": f"Bearer {token}"} if token else {})}


def url(connection: Connection, path: str) -> str:
    return f"{connection.server.rstrip('/')}{path}"
