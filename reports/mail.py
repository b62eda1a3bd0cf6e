"""Statements by mail: TLS from the start or by STARTTLS, a login, and in words what a server did not take."""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from reports.parcel import Parcel
from reports.summary import Summary, as_html, as_text

SECONDS = 30.0
STARTTLS, IMPLICIT, NONE = "starttls", "implicit", "none"
PORTS = {STARTTLS: 587, IMPLICIT: 465, NONE: 25}
"""The usual port of each way (RFC 6409, RFC 8314, RFC 5321)."""
PASSWORD = "DRIFTLEDGER_SMTP_PASSWORD"
_ATTACHED = {
    "pdf": ("application", "pdf"), "csv": ("text", "csv"),
    "xlsx": ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}  # fmt: skip
_FOR_PROGRAMS = "focus-"
"""Files that a program takes in; they are too large for many mailboxes."""


class Unclear(OSError):
    """Whether the mail is out cannot be known: the connection was lost after it was written."""


class Partly(str):
    """What was taken, and who of several did not get it."""


@dataclass(frozen=True, slots=True)
class Mail:
    """The statement in a few lines, with its PDF, XLSX and CSV files: of the whole month, or of one team.

    `page` is the address of the page of months, '' where who gets the mail cannot open it; the password is in
    a file, or in the environment as PASSWORD.
    """

    name: str
    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    user: str = ""
    tls: str = STARTTLS
    password_file: Path | None = None
    team: str = ""
    page: str = ""
    again: bool = False

    def files(self, parcel: Parcel) -> dict[str, bytes]:
        own = parcel.of_team(self.team) if self.team else parcel.of_all()
        return {
            name: content
            for name, content in own.items()
            if not name.startswith(_FOR_PROGRAMS) and _form(name) in _ATTACHED
        }

    def hand(self, parcel: Parcel, key: str) -> str:
        said = parcel.summary(self.team)
        if said is None:
            return f"{parcel.month} has nothing of {self.team}: no mail"
        password = self._password() if self.user else ""
        message = self._message(parcel, said, key)
        try:
            server = self._connected()
        except OSError as error:
            raise OSError(f"{self._where}: {self._reason(error)}") from error
        try:
            if self.user:
                server.login(self.user, password)
            refused = server.send_message(message, self.sender, list(self.to))
        except OSError as error:  # what smtplib raises is one too
            kind = Unclear if isinstance(error, Unclear) else OSError
            raise kind(f"{self._where}: {self._reason(error)}") from error
        finally:
            # The mail is out or not, whatever the server says to the farewell.
            with suppress(OSError):
                server.quit()
            server.close()
        count = len(list(message.iter_attachments()))
        return Partly(f"{count} files; {_refusals(refused)}") if refused else f"{count} files"

    @property
    def _where(self) -> str:
        return f"{self.host}:{self.port}"

    def _password(self) -> str:
        """One line of ASCII: what Python's client can send."""
        source = str(self.password_file or PASSWORD)
        text = os.environ.get(PASSWORD, "")
        if self.password_file is not None:
            try:
                text = self.password_file.read_text(encoding="utf-8").strip("\r\n")
            except (OSError, UnicodeDecodeError) as error:
                raise OSError(f"the password file {source} cannot be read: {error}") from error
        if not text:
            raise OSError(f"{source} holds no password, and {self._where} is told to log in {self.user}")
        if not text.isascii():
            raise OSError(f"the password in {source} has letters beyond ASCII, which cannot be sent")
        return text

    def _connected(self) -> smtplib.SMTP:
        trusted = ssl.create_default_context()
        if self.tls == IMPLICIT:
            return _TlsServer(self.host, self.port, timeout=SECONDS, context=trusted)
        server = _Server(self.host, self.port, timeout=SECONDS)
        try:
            if self.tls == STARTTLS:
                server.starttls(context=trusted)
        except BaseException:
            server.close()
            raise
        return server

    def _reason(self, error: OSError) -> str:
        if isinstance(error, smtplib.SMTPAuthenticationError):
            source = self.password_file or PASSWORD
            return f"it refused the login of {self.user}: {_said(error)}; {source} holds the password"
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            return _refusals(error.recipients)
        if isinstance(error, smtplib.SMTPResponseException):
            return _said(error)
        if isinstance(error, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted: {error.verify_message}; SSL_CERT_FILE names authorities"
        if isinstance(error, ssl.SSLError):
            return f"no TLS: {error.reason or error}; `tls` says how it is begun, now {self.tls}"
        said = error.strerror or str(error) or type(error).__name__
        if isinstance(error, smtplib.SMTPNotSupportedError | smtplib.SMTPServerDisconnected | TimeoutError):
            return f"{said}; `tls` says how a connection is begun, now {self.tls}"
        return said

    def _message(self, parcel: Parcel, said: Summary, key: str) -> EmailMessage:
        attached = self.files(parcel)
        page = f"{self.page}?month={parcel.month}" if self.page else ""
        message = EmailMessage()
        message["Subject"] = f"GPU statement {parcel.month}"
        message["From"], message["To"] = self.sender, ", ".join(self.to)
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{key}@driftledger>"
        message.set_content(as_text(said, page, list(attached)))
        message.add_alternative(as_html(said, page, list(attached)), subtype="html")
        for name, content in attached.items():
            maintype, subtype = _ATTACHED[_form(name)]
            message.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
        return message


class _Server(smtplib.SMTP):
    """Tells a mail that may be out from one that is not."""

    def data(self, msg: Any) -> tuple[int, bytes]:
        try:
            return super().data(msg)
        except smtplib.SMTPDataError:
            raise
        except OSError as error:
            raise Unclear("the connection was lost before it said whether it took the mail") from error


class _TlsServer(_Server, smtplib.SMTP_SSL):
    """The same, with TLS from the start."""


def _form(name: str) -> str:
    return name.rpartition(".")[2]


def _said(error: smtplib.SMTPResponseException) -> str:
    return f"{error.smtp_code} {_text(error.smtp_error)}"


def _refusals(refused: Mapping[str, tuple[int, bytes]]) -> str:
    return "; ".join(f"{who} was refused: {code} {_text(said)}" for who, (code, said) in refused.items())


def _text(said: bytes | str) -> str:
    """A server's words, in one line."""
    return " ".join((said.decode("utf-8", "replace") if isinstance(said, bytes) else said).split())
