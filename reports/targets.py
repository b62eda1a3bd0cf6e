"""Where closed statements go: the targets of a YAML file, and how each takes its files."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from pipeline import yaml_file
from pipeline.errors import ConfigError
from pipeline.lake.objects import ENDPOINTS
from pipeline.outgoing import receiver
from pipeline.sections import Section
from reports import files
from reports.mail import NONE, PORTS, STARTTLS, Mail
from reports.parcel import Parcel
from reports.webhook import MOST_MEGABYTES, Webhook

SECONDS = 30.0
MOST_OF_ONE = 100
"""Megabytes that a message may have attached: it is held in memory."""
_ADDRESS = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+")


class Target(Protocol):
    """Takes what is of one month, and says what it took; `key` is the same at each attempt.

    Raises OSError where it could not, mail.Unclear where it cannot say.
    ValueError is a setting that cannot be right.  Where some of several did not get it, it says mail.Partly.
    """

    @property
    def name(self) -> str: ...
    @property
    def again(self) -> bool:
        """Whether to hand over twice is the same as once."""
        ...

    def files(self, parcel: Parcel) -> Mapping[str, bytes]:
        """Those of the parcel that it hands over, by name."""
        ...

    def hand(self, parcel: Parcel, key: str) -> str: ...


@dataclass(frozen=True, slots=True)
class Folder:
    """`team` is the one whose files it gets, '' all."""

    name: str
    path: Path
    team: str = ""
    again: bool = True

    def files(self, parcel: Parcel) -> Mapping[str, bytes]:
        return parcel.chosen(self.team)

    def hand(self, parcel: Parcel, key: str) -> str:
        return f"{len(files.write(self.path / parcel.month, self.files(parcel)))} files"


@dataclass(frozen=True, slots=True)
class Bucket:
    """An S3 prefix, s3://bucket/prefix; credentials and endpoint by their AWS names."""

    name: str
    url: str
    team: str = ""
    again: bool = True

    def files(self, parcel: Parcel) -> Mapping[str, bytes]:
        return parcel.chosen(self.team)

    def hand(self, parcel: Parcel, key: str) -> str:
        from pyarrow.fs import FileSystem, S3FileSystem

        place = self.url.removeprefix("s3://").rstrip("/")
        named = next((name for name in ENDPOINTS if os.environ.get(name)), "")
        endpoint = os.environ.get(named, "")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        parts = urlsplit(endpoint)
        if endpoint and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise OSError(f"{named} is {endpoint}: write https://HOST or https://HOST:PORT")
        where = {"endpoint_override": parts.netloc, "scheme": parts.scheme} if endpoint else {}
        system: FileSystem = S3FileSystem(region=region, connect_timeout=SECONDS, **where)
        chosen = self.files(parcel)
        for name, content in chosen.items():
            with system.open_output_stream(f"{place}/{parcel.month}/{name}") as out:
                out.write(content)
        return f"{len(chosen)} files"


def load(path: str) -> tuple[Target, ...]:
    """NotFound where there is no such file; ConfigError names the key that is wrong."""
    return parse(yaml_file.read_text(path)) if path else ()


def parse(text: str) -> tuple[Target, ...]:
    top = Section("", yaml_file.document(text, as_text=True))
    found = tuple(_target(Section(f"targets[{i}]", row)) for i, row in enumerate(top.sequence("targets")))
    top.done()
    names = [target.name for target in found]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ConfigError("targets", sorted(twice), "give each target a name of its own")
    return found


def _target(row: Section) -> Target:
    name, team = row.text("name"), row.text("team", "")
    kind = row.choice("kind", ("folder", "s3", "smtp", "webhook"), "folder")
    made: Target
    if kind == "folder":
        made = Folder(name, Path(row.text("path")), team)
    elif kind == "s3":
        made = Bucket(name, _bucket(row), team)
    elif kind == "webhook":
        made = _webhook(name, row, team)
    else:
        made = _mail(name, row, team)
    row.done()
    return made


def _webhook(name: str, row: Section, team: str) -> Webhook:
    private = row.choice("allow_private", ("true", "false"), "false") == "true"
    to = receiver(row.key("url"), row.text("url"), private, row.key("allow_private"))
    attach = tuple(map(str, row.sequence("attach"))) if row.has("attach") else ()
    token = row.text("token_file", "")
    return Webhook(
        name, to, team, _page(row), attach, _megabytes(row), Path(token) if token else None,
    )  # fmt: skip


def _megabytes(row: Section) -> int:
    text = row.text("attach_megabytes", str(MOST_MEGABYTES))
    if not text.isdecimal() or not 1 <= int(text) <= MOST_OF_ONE:
        raise ConfigError(row.key("attach_megabytes"), text, f"write 1 to {MOST_OF_ONE}")
    return int(text)


def _page(row: Section) -> str:
    page = row.text("page", "")
    if page and not page.startswith(("https://", "http://")):
        raise ConfigError(row.key("page"), page, "write the address of the page of months, https://…")
    return page


def _bucket(row: Section) -> str:
    url = row.text("url")
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ConfigError(row.key("url"), url, "write s3://…")
    return url


def _mail(name: str, row: Section, team: str) -> Mail:
    tls = row.choice("tls", tuple(PORTS), STARTTLS)
    host, port = _server(row, PORTS[tls])
    sender = _address(row.key("from"), row.text("from"))
    to = tuple(_address(row.key("to"), one) for one in row.sequence("to"))
    user, file = row.text("user", ""), row.text("password_file", "")
    if user and tls == NONE:
        raise ConfigError(row.key("tls"), tls, "a password goes over TLS only: write starttls or implicit")
    if not user.isascii():
        raise ConfigError(row.key("user"), user, "write a login of ASCII letters: no other can be sent")
    secret = Path(file) if file else None
    return Mail(name, host, port, sender, to, user, tls, secret, team, _page(row))


def _server(row: Section, usual: int) -> tuple[str, int]:
    text = row.text("server")
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
        (host or "").encode("idna")  # as the connection will; UnicodeError is a ValueError
    except ValueError:
        host, port = None, None
    if not host or parts.netloc != text or parts.username is not None:
        raise ConfigError(row.key("server"), text, "write HOST or HOST:PORT, of labels of 1 to 63 letters")
    return host, port or usual


def _address(key: str, text: object) -> str:
    if not isinstance(text, str) or not _ADDRESS.fullmatch(text):
        raise ConfigError(key, text, "write an address such as finance@example.org")
    return text
