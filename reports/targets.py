"""Where closed statements go: the targets of a YAML file, and how each takes its files."""

from __future__ import annotations

import hashlib
import json
import os
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from pipeline import yaml_file
from pipeline.errors import ConfigError
from pipeline.outgoing import Receiver, Undelivered, post, receiver
from pipeline.sections import Section
from reports import files

SECONDS = 30.0
_TYPES = {"pdf": "application/pdf", "html": "text/html", "csv": "text/csv"}
Files = Mapping[str, bytes]


class Target(Protocol):
    """Takes the files of one month; `key` is the same at each attempt.  Raises OSError where it could not."""

    @property
    def name(self) -> str: ...
    @property
    def again(self) -> bool:
        """Whether to hand over twice is the same as once."""
        ...

    def hand(self, contents: Files, month: str, key: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Folder:
    name: str
    path: Path
    again: bool = True

    def hand(self, contents: Files, month: str, key: str) -> None:
        files.write(self.path / month, contents)


@dataclass(frozen=True, slots=True)
class Bucket:
    """An S3 prefix, s3://bucket/prefix; credentials and endpoint by their AWS names."""

    name: str
    url: str
    again: bool = True

    def hand(self, contents: Files, month: str, key: str) -> None:
        from pyarrow.fs import FileSystem, S3FileSystem

        place = self.url.removeprefix("s3://").rstrip("/")
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        parts = urlsplit(endpoint or "")
        where = {"endpoint_override": parts.netloc, "scheme": parts.scheme} if endpoint else {}
        system: FileSystem = S3FileSystem(region=region, connect_timeout=SECONDS, **where)
        for name, content in contents.items():
            with system.open_output_stream(f"{place}/{month}/{name}") as out:
                out.write(content)


@dataclass(frozen=True, slots=True)
class Mail:
    """PDFs and CSVs by SMTP; the password is in the environment, DRIFTLEDGER_SMTP_PASSWORD."""

    name: str
    server: str
    sender: str
    to: tuple[str, ...]
    user: str = ""
    tls: bool = True
    again: bool = False

    def hand(self, contents: Files, month: str, key: str) -> None:
        host, _, port = self.server.partition(":")
        try:
            with smtplib.SMTP(host, int(port or 587), timeout=SECONDS) as server:
                if self.tls:
                    server.starttls(context=ssl.create_default_context())
                if self.user:
                    server.login(self.user, os.environ.get("DRIFTLEDGER_SMTP_PASSWORD", ""))
                server.send_message(self._message(contents, month, key))
        except smtplib.SMTPException as error:
            raise OSError(f"{self.server}: {error}") from error

    def _message(self, contents: Files, month: str, key: str) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = f"GPU statement {month}"
        message["From"], message["To"] = self.sender, ", ".join(self.to)
        message["Message-ID"] = f"<{key}@driftledger>"
        message.set_content(
            f"The GPU statement of {month}. `driftledger report verify FILE` checks a file.\n"
        )
        for name, content in contents.items():
            kind = _TYPES.get(name.rpartition(".")[2])
            if kind in ("application/pdf", "text/csv"):
                main, _, sub = kind.partition("/")
                message.add_attachment(content, maintype=main, subtype=sub, filename=name)
        return message


@dataclass(frozen=True, slots=True)
class Webhook:
    """A JSON message that the month is closed, with the SHA-256 of every file; the key makes it one."""

    name: str
    to: Receiver
    again: bool = True

    def hand(self, contents: Files, month: str, key: str) -> None:
        digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
        body = json.dumps({"month": month, "key": key, "files": digests}, sort_keys=True).encode()
        try:
            post(self.to, self.to.path, body, {"Idempotency-Key": key})
        except Undelivered as error:
            raise OSError(str(error)) from error


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
    name = row.text("name")
    kind = row.choice("kind", ("folder", "s3", "smtp", "webhook"), "folder")
    made: Target
    if kind == "folder":
        made = Folder(name, Path(row.text("path")))
    elif kind == "s3":
        made = Bucket(name, _bucket(row))
    elif kind == "webhook":
        private = row.choice("allow_private", ("true", "false"), "false") == "true"
        to = receiver(row.key("url"), row.text("url"), private, row.key("allow_private"))
        made = Webhook(name, to)
    else:
        people = tuple(str(one) for one in row.sequence("to"))
        tls = row.choice("tls", ("true", "false"), "true") == "true"
        made = Mail(name, row.text("server"), row.text("from"), people, row.text("user", ""), tls)
    row.done()
    return made


def _bucket(row: Section) -> str:
    url = row.text("url")
    parts = urlsplit(url)
    if parts.scheme != "s3" or not parts.netloc:
        raise ConfigError(row.key("url"), url, "write s3://…")
    return url
