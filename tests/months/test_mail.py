"""Statements by mail, through a real SMTP server that demands TLS and a login: once, or told why not."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from pipeline.errors import ConfigError
from pipeline.rig.tls import Certificates, certificates
from reports import mail, targets
from reports.mail import PASSWORD, Unclear
from reports.parcel import Parcel
from reports.summary import Summary

FILES = {
    "statement-2026-01.pdf": b"%PDF-1.7", "statement-2026-01.csv": b"a,b\n", "statement-2026-01.html": b"<p>",
    "statement-2026-01.parquet": b"PAR1", "focus-1.4-2026-01.csv": b"x\n" * 9,
}  # fmt: skip
FILES |= {name.replace("-01.", "-01-red."): b"red" for name in FILES if name.startswith("statement")}
SAID = Summary(
    "GPU statement, January 2026", "all teams", "f" * 64, (("USD", "3,306.67"), ("EUR", "7.00")),
    (("red", "ns · Job/train", "2,480.00"), ("<b>", "ns · a&b", "826.67")),
)  # fmt: skip
MADE = Parcel("2026-01", FILES, lambda team: None if team == "gone" else SAID)
KEY = "k" * 32
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
"""So says the server where TLS is there from the start."""


class Office:
    """A mailbox of finance; `cut` is after what it hangs up, `unknown` whom it does not know."""

    def __init__(self, cut: str = "", unknown: str = "") -> None:
        self.cut, self.unknown = cut, unknown
        self.got: list[bytes] = []
        self.over: list[tuple[Any, bool]] = []

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if address == self.unknown:
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.got.append(envelope.content)
        over_tls = server.transport.get_extra_info("ssl_object") is not None
        self.over.append((session.auth_data, over_tls))
        if self.cut == "data":
            server.transport.abort()
        return "250 OK"

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:
        if self.cut == "quit":
            server.transport.abort()
        return "221 bye"


class Server(Controller):
    """On a port that the system picks."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


def known(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    right = isinstance(data, LoginPassword) and (data.login, data.password) == (b"gpu", b"s3cret")
    return AuthResult(success=right, handled=right, auth_data=data)


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def trusted(tls: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.cafile))
    monkeypatch.setenv(PASSWORD, "s3cret")


@contextmanager
def serving(office: Office, certificate: Certificates | None, *, at_once: bool = False) -> Iterator[int]:
    """The port of a server that takes nothing without TLS and a login, or of one that has neither."""
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate.keystore)
    demands = {} if context is None else {"authenticator": known, "auth_required": True}
    if context is not None and not at_once:
        demands |= {"tls_context": context, "require_starttls": True}
    controller = Server(
        office, hostname="127.0.0.1", port=0, ssl_context=context if at_once else None,
        auth_require_tls=not at_once, **demands,
    )  # fmt: skip
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def target(port: int, more: str = "user: gpu") -> mail.Mail:
    (made,) = targets.parse(
        f"targets:\n- {{name: finance, kind: smtp, server: '127.0.0.1:{port}', from: gpu@example.org, "
        f"to: [ann@example.org, bob@example.org], {more}}}"
    )
    assert isinstance(made, mail.Mail)
    return made


@pytest.mark.parametrize("way", ["starttls", "implicit"])
def test_it_arrives_whole_over_tls_with_a_login(way: str, tls: Certificates) -> None:
    """Most mail servers of firms take nothing else; a password must never go in clear."""
    office = Office()
    with serving(office, tls, at_once=way == "implicit") as port:
        assert target(port, f"user: gpu, tls: {way}").hand(MADE, KEY) == "2 files"
    (content,) = office.got
    assert office.over == [(LoginPassword(b"gpu", b"s3cret"), True)]
    message = message_from_bytes(content)
    assert message["Subject"] == "GPU statement 2026-01" and message["Message-ID"] == f"<{KEY}@driftledger>"
    assert message["Date"] and message["To"] == "ann@example.org, bob@example.org"
    attached = {
        part.get_filename(): part.get_payload(decode=True) for part in message.walk() if part.get_filename()
    }
    assert attached == {name: FILES[name] for name in ("statement-2026-01.pdf", "statement-2026-01.csv")}


def test_a_mail_says_what_is_due_and_a_team_gets_its_own(tls: Certificates) -> None:
    """Who gets fifty teams' files opens none; the lines are read on a phone."""
    office = Office()
    with serving(office, None) as port:
        page = "tls: none, page: 'https://gpu.example.org/months'"
        assert target(port, page).hand(MADE, KEY) == "2 files"
        assert target(port, "tls: none, team: red").hand(MADE, KEY) == "2 files"
        assert "nothing of gone" in target(port, "tls: none, team: gone").hand(MADE, KEY)
    whole, red = (message_from_bytes(content) for content in office.got)
    text, html = (
        part.get_payload(decode=True).decode()
        for part in whole.walk()
        if part.get_content_maintype() == "text" and not part.get_filename()
    )
    for wanted in ("3,306.67 USD", "7.00 EUR", "2,480.00", "ns · Job/train", "f" * 64):
        assert wanted in text and wanted in html, wanted
    assert "https://gpu.example.org/months?month=2026-01" in text
    assert '<a href="https://gpu.example.org/months?month=2026-01">' in html
    assert "&lt;b&gt;" in html and "a&amp;b" in html and "<b>" not in html
    names = {part.get_filename() for part in red.walk() if part.get_filename()}
    assert names == {"statement-2026-01-red.pdf", "statement-2026-01-red.csv"}


def test_a_login_that_is_refused_says_whose_and_where_its_password_is(
    tls: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who set it up last spring must see from the ledger's line what to change."""
    held = tmp_path / "password"
    office = Office()
    with serving(office, tls) as port:
        monkeypatch.setenv(PASSWORD, "wrong")
        with pytest.raises(
            OSError, match=rf"127.0.0.1:{port}: it refused the login of gpu: 535 .*{PASSWORD}"
        ):
            target(port).hand(MADE, KEY)
        monkeypatch.delenv(PASSWORD)
        with pytest.raises(OSError, match=f"{PASSWORD} holds no password"):
            target(port).hand(MADE, KEY)
        filed = target(port, f"user: gpu, password_file: '{held}'")
        with pytest.raises(OSError, match=f"{held} cannot be read"):
            filed.hand(MADE, KEY)
        held.write_text("pässword\n", encoding="utf-8")
        with pytest.raises(OSError, match="beyond ASCII"):
            filed.hand(MADE, KEY)
        assert office.got == []
        held.write_text("s3cret\n")
        assert filed.hand(MADE, KEY) == "2 files"


def test_a_server_that_is_spoken_to_in_the_wrong_way_is_named(
    tls: Certificates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "SECONDS", 0.5)
    with serving(Office(), tls) as starts, serving(Office(), tls, at_once=True) as at_once:
        for port, more, said in (
            (starts, "user: gpu, tls: implicit", "no TLS: .*now implicit"),
            (at_once, "user: gpu, tls: starttls", "Connection unexpectedly closed: timed out.*now starttls"),
            (starts, "tls: none", "530 .*STARTTLS"),
            (starts, "tls: starttls", "530 .*uthentication required"),
        ):
            with pytest.raises(OSError, match=f"127.0.0.1:{port}: {said}"):
                target(port, more).hand(MADE, KEY)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
        with pytest.raises(OSError, match="its certificate is not trusted: .*SSL_CERT_FILE"):
            target(starts).hand(MADE, KEY)
    with serving(Office(), None) as plain:
        with pytest.raises(OSError, match="STARTTLS .*not supported.*now starttls"):
            target(plain).hand(MADE, KEY)
        assert target(plain, "tls: none").hand(MADE, KEY) == "2 files"


def test_who_was_refused_is_told_and_the_others_get_it_once(tls: Certificates) -> None:
    office = Office(unknown="bob@example.org")
    with serving(office, tls) as port:
        said = target(port).hand(MADE, KEY)
    assert said == "2 files; bob@example.org was refused: 550 5.1.1 nobody of that name"
    assert len(office.got) == 1


def test_a_connection_that_is_lost_after_the_mail_leaves_it_unclear(tls: Certificates) -> None:
    """It may be out: to send it again would be a second bill.  A lost farewell is no doubt."""
    with serving(Office(cut="data"), tls) as port, pytest.raises(Unclear, match=f"127.0.0.1:{port}: .*lost"):
        target(port).hand(MADE, KEY)
    with serving(Office(cut="quit"), tls) as port:
        assert target(port).hand(MADE, KEY) == "2 files"


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("user: gpu, tls: none", "tls"),
        ("tls: 'true'", "tls"),
        ("server: 'mail:x'", "server"),
        ("server: 'smtp..example.org'", "server"),
        (f"server: {'m' * 64}.example.org", "server"),
        ("user: jörg", "user"),
        ("server: 'https://mail'", "server"),
        ("server: 'gpu:secret@mail'", "server"),
        ('from: "a@b\\nBcc: x@y"', "from"),
        ("to: [finance]", "to"),
        ("to: []", "to"),
        ("page: 'javascript:x'", "page"),
    ],
)
def test_a_wrong_mail_target_names_its_key(more: str, key: str) -> None:
    row = {"server": "mail", "from": "a@example.org", "to": "[b@example.org]"}
    usual = ", ".join(f"{name}: {value}" for name, value in row.items() if not more.startswith(f"{name}:"))
    with pytest.raises(ConfigError, match=rf"targets\[0\].{key}"):
        targets.parse(f"targets:\n- {{name: a, kind: smtp, {usual}, {more}}}")


@pytest.mark.parametrize(
    ("server", "way", "at"),
    [
        ("mail", "starttls", ("mail", 587)),
        ("mail", "implicit", ("mail", 465)),
        ("mail:2525", "none", ("mail", 2525)),
        ("'[::1]'", "none", ("::1", 25)),
    ],
)
def test_each_way_has_its_usual_port(server: str, way: str, at: tuple[str, int]) -> None:
    row = f"server: {server}, tls: {way}, from: a@example.org, to: [b@example.org]"
    (made,) = targets.parse(f"targets:\n- {{name: a, kind: smtp, {row}}}")
    assert isinstance(made, mail.Mail) and (made.host, made.port) == at
