"""Statements reach every target once: retried when it fails, never sent twice, told when it is unclear."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import fs
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.cli.options import now
from pipeline.errors import ConfigError, StaleWatermark
from pipeline.facts.months import CLOSINGS, DELIVERIES
from pipeline.lake.location import Location
from pipeline.months.closings import closings
from pipeline.settings.closing import ClosingSettings
from pipeline.settings.groups import Settings
from pipeline.store import Batch, Store
from reports import delivery, targets
from reports.delivery import FAILED, SENT, UNCLEAR, again, deliver
from reports.mail import Mail, Partly, Unclear
from reports.parcel import Parcel
from reports.schedule import tick
from reports.summary import Summary
from tests.places import bucket

NOW = datetime(2026, 2, 10)
MADE = [("statement-2026-01.pdf", b"%PDF-1.7"), ("statement-2026-01.csv", b"a,b\n"), ("x.parquet", b"PAR1")]

KINDS = ("application/pdf", "text/csv", "application/vnd.apache.parquet")

SUMMARY = Summary("GPU statement, January 2026", "all teams", "f" * 64, (("USD", "2,480.00"),), ())


class Hook(BaseHTTPRequestHandler):
    """Fails as often as the server says, then takes."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server: Any = self.server
        server.fails -= 1
        self.send_response(503 if server.fails >= 0 else 200)
        self.end_headers()
        server.got.append((self.headers["Idempotency-Key"], json.loads(body)))
        server.tokens.append(self.headers["Authorization"])

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(server: Any, **state: Any) -> Iterator[Any]:
    vars(server).update(got=[], tokens=[], **state)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A ledger that says that January is closed."""
    said = _january(monkeypatch)
    with Store.open(tmp_path / "ledger") as store:
        store.append(Batch({"closings": said}))
        yield store


def _january(monkeypatch: pytest.MonkeyPatch) -> pa.Table:
    """Of its closing; what would be computed from it is not."""
    row = dict.fromkeys(CLOSINGS.schema.names, "") | {
        "month": datetime(2026, 1, 1), "time": NOW, "snapshot": 1, "hash": "f" * 64, "inputs": "{}",
    }  # fmt: skip
    monkeypatch.setattr(delivery.Closing, "thawed", lambda _: None)
    monkeypatch.setattr(delivery, "read", lambda *_: None)
    monkeypatch.setattr(delivery, "contents", lambda *_: iter(MADE))
    monkeypatch.setattr(delivery, "summary", lambda *_: SUMMARY)
    return pa.Table.from_pylist([row], schema=CLOSINGS.schema)


def states(store: Store, to: tuple[targets.Target, ...], now: datetime) -> list[tuple[str, str]]:
    return [(row["target"], row["state"]) for row in deliver(store, lambda _: store, to, lambda: now)]


def delivering(store: Store, file: Path) -> list[str]:
    """`report deliver` by hand, of the targets of that file."""
    return [f"--set=closing.delivery={file}", "report", "deliver", f"--store={store.location.folder}"]


def test_a_folder_gets_it_once(closed: Store, tmp_path: Path) -> None:
    """The job runs every hour."""
    to = targets.parse(f"targets:\n- {{name: share, kind: folder, path: '{tmp_path / 'share'}'}}")
    assert states(closed, to, NOW) == [("share", SENT)]
    assert states(closed, to, NOW + timedelta(days=2)) == []
    assert (tmp_path / "share" / "2026-01" / "statement-2026-01.pdf").read_bytes() == b"%PDF-1.7"


def test_who_is_no_team_gets_every_file_and_a_team_its_own(tmp_path: Path) -> None:
    """An archive is whole; a folder that red can read has nothing of blue, nor of a team red-2."""
    own = {
        team: [f"statement-2026-01-{team}.{form}" for form in ("pdf", "csv")]
        for team in ("red", "red-2", "blue")
    }
    whole = ["statement-2026-01.pdf", "ledger-2026-01.csv", "focus-1.2-2026-01.csv"]
    every = Parcel("2026-01", {name: name.encode() for name in sum(own.values(), whole)}, lambda _: SUMMARY)
    share, red = (f"{{name: {name}, path: '{tmp_path / name}'" for name in ("share", "red"))
    archive, erp = (
        "{name: archive, kind: s3, url: 's3://b/a'}",
        "{name: erp, kind: webhook, url: 'https://e.org/'}",
    )
    to = targets.parse(f"targets: [{share}}}, {red}, team: red}}, {archive}, {erp}]")
    assert [set(target.files(every)) for target in to] == [
        set(every.files), set(own["red"]), set(every.files), set(every.files)
    ]  # fmt: skip
    for target in to[:2]:
        target.hand(every, "key")
        kept = {file.name: file.read_bytes() for file in (tmp_path / target.name / "2026-01").iterdir()}
        assert kept == target.files(every)


def test_a_hook_that_fails_is_asked_again_with_the_same_key(closed: Store) -> None:
    with serving(HTTPServer(("127.0.0.1", 0), Hook), fails=1) as hook:
        to = targets.parse(
            f"targets:\n- {{name: erp, kind: webhook, allow_private: true, "
            f"url: 'http://127.0.0.1:{hook.server_port}/'}}"
        )
        assert states(closed, to, NOW) == [("erp", FAILED)]
        assert states(closed, to, NOW + timedelta(minutes=1)) == []
        assert states(closed, to, NOW + timedelta(minutes=6)) == [("erp", SENT)]
        assert states(closed, to, NOW + timedelta(days=9)) == []
        keys = {key for key, _ in hook.got}
        assert len(keys) == 1 and len(hook.got) == 2
        told = hook.got[0][1]
        assert told["files"] == [
            {"name": name, "bytes": len(content), "sha256": sha256(content).hexdigest(), "media_type": kind}
            for (name, content), kind in zip(MADE, KINDS, strict=True)
        ]
        assert (told["in_all"], told["hash"]) == ({"USD": "2480.00"}, "f" * 64)
        assert told["charged"] == told["in_all"]


def test_a_hook_takes_the_files_that_it_asks_for(closed: Store, tmp_path: Path) -> None:
    """A ledger that posts the month needs its CSV file itself, from whom it knows, and never without it."""
    token = tmp_path / "token"
    token.write_text("s3cret\n")
    with serving(HTTPServer(("127.0.0.1", 0), Hook), fails=0) as hook:
        text = (
            f"targets:\n- {{name: erp, kind: webhook, allow_private: true, token_file: '{token}', "
            f"page: 'https://gpu.example.org/months', url: 'http://127.0.0.1:{hook.server_port}/', "
        )
        to = targets.parse(text + "attach: ['statement-*.csv', '*.pdf']}")
        assert states(closed, to, NOW) == [("erp", SENT)]
        ((_, told),) = hook.got
        files = {one["name"]: b64decode(one.get("content_base64", "")) for one in told["files"]}
        assert files == {**dict(MADE), "x.parquet": b""}
        assert hook.tokens == ["Bearer s3cret"]
        assert told["page"] == "https://gpu.example.org/months?month=2026-01"
        (row,) = [row for row in closed.rows("deliveries").to_pylist() if row["state"] == SENT]
        assert row["detail"] == "the digests of 3 files, 2 of them attached"

        (none,) = targets.parse(text + "attach: ['ledger-*.csv']}")
        with pytest.raises(OSError, match=r"attach: ledger-\*\.csv is the name of none of its 3 files"):
            none.hand(Parcel("2026-01", dict(MADE), lambda _: SUMMARY), "key")
        (large,) = targets.parse(text + "attach: ['*.csv'], attach_megabytes: 1}")
        with pytest.raises(OSError, match=r"the 1 files to attach have 1\.2 MB, more than attach_megabytes"):
            large.hand(Parcel("2026-01", {"a.csv": b"x" * 1_200_000}, lambda _: SUMMARY), "key")
        token.write_text("two\nlines")
        with pytest.raises(OSError, match="must hold one line"):
            to[0].hand(Parcel("2026-01", dict(MADE), lambda _: SUMMARY), "key")
        assert len(hook.got) == 1, "nothing of these went out"
        for wrong in ("attach_megabytes: 0", "attach_megabytes: 1000", "attach_megabytes: many", "page: x"):
            with pytest.raises(ConfigError, match=wrong.partition(":")[0]):
                targets.parse(text.replace("page: 'https://gpu.example.org/months', ", "") + wrong + "}")


class Cut:
    """Dies amid the handing over."""

    name = "cut"

    def __init__(self, again: bool) -> None:
        self.again = again
        self.calls = 0

    def files(self, _: object) -> dict[str, bytes]:
        return {}

    def hand(self, *_: object) -> str:
        self.calls += 1
        if self.calls == 1:
            raise KeyboardInterrupt
        return "all"


class Lost:
    """Takes it, and the answer is lost."""

    name, again = "lost", False

    def hand(self, *_: object) -> str:
        raise Unclear("lost")


class Typo:
    """Its host cannot be one; `error` is what Python says of that before a connection."""

    name, again = "typo", False

    def __init__(self, error: ValueError) -> None:
        self.error = error

    def hand(self, *_: object) -> str:
        raise self.error


@pytest.mark.parametrize(
    "error", [pa.ArrowInvalid("scheme"), UnicodeError("label too long"), ValueError("embedded null")]
)
def test_a_setting_that_cannot_be_right_fails_alone(closed: Store, tmp_path: Path, error: ValueError) -> None:
    """Else the targets after it get nothing, and after an hour it would be told that it may have arrived."""
    (share,) = targets.parse(f"targets:\n- {{name: share, kind: folder, path: '{tmp_path / 'share'}'}}")
    to = (Typo(error), share)
    assert states(closed, to, NOW) == [("typo", FAILED), ("share", SENT)]
    assert states(closed, to, NOW + timedelta(hours=2)) == [("typo", FAILED)]


def test_a_target_that_never_works_stops_no_other(closed: Store, tmp_path: Path) -> None:
    """A bucket that was removed two months ago has failed each day; finance still gets its mail."""
    failed = {
        "month": datetime(2026, 1, 1),
        "target": "typo",
        "state": FAILED,
        "detail": "",
        "hash": "f" * 64,
    }
    rows = [{**failed, "time": NOW + timedelta(minutes=i), "attempt": i} for i in range(60)]
    closed.append(Batch({"deliveries": pa.Table.from_pylist(rows, schema=DELIVERIES.schema)}))
    (share,) = targets.parse(f"targets:\n- {{name: share, kind: folder, path: '{tmp_path / 'share'}'}}")
    to = (Typo(ValueError("no host")), share)
    assert states(closed, to, NOW + timedelta(hours=2)) == [("share", SENT)]
    assert states(closed, to, NOW + timedelta(hours=26)) == [("typo", FAILED)]


def test_an_endpoint_without_a_scheme_fails_and_says_so(
    closed: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost:9000")
    to = targets.parse("targets:\n- {name: archive, kind: s3, url: 's3://bucket/a'}")
    (row,) = deliver(closed, lambda _: closed, to, lambda: NOW)
    assert row["state"] == FAILED and "AWS_ENDPOINT_URL" in row["detail"] and "http" in row["detail"]


def test_an_attempt_is_as_old_as_its_own_claim(closed: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hours of catching up come before it: another process must not call a fresh attempt dead."""
    clock, seen = [NOW], []

    def made(*_: object) -> Iterator[tuple[str, bytes]]:
        clock[0] = NOW + timedelta(hours=2)
        return iter(MADE)

    class Asking:
        name, again = "asking", False

        def files(self, _: object) -> dict[str, bytes]:
            return {}

        def hand(self, *_: object) -> str:
            seen.extend(states(closed, (self,), clock[0] + timedelta(minutes=1)))
            clock[0] += timedelta(minutes=2)
            return "all"

    monkeypatch.setattr(delivery, "contents", made)
    deliver(closed, lambda _: closed, (Asking(),), lambda: clock[0])
    assert seen == [], "somebody is at it"
    told = {row["state"]: row["time"] - NOW for row in closed.rows("deliveries").to_pylist()}
    assert told == {"sending": timedelta(hours=2), SENT: timedelta(hours=2, minutes=2)}


@pytest.mark.parametrize(("again", "calls"), [(True, 2), (False, 1)])
def test_what_a_crash_cut_is_never_sent_twice(closed: Store, again: bool, calls: int) -> None:
    """Where twice is not once, a person must look: the ledger says so instead of sending again."""
    target = Cut(again)
    with pytest.raises(KeyboardInterrupt):
        states(closed, (target,), NOW)
    assert states(closed, (target,), NOW + timedelta(minutes=10)) == []
    for later in (2, 3):
        states(closed, (target,), NOW + timedelta(hours=later))
    last = closed.rows("deliveries").sort_by("attempt").to_pylist()
    assert target.calls == calls
    assert {row["state"] for row in last} >= {SENT if again else UNCLEAR}


def test_a_mail_whose_answer_was_lost_is_told_and_never_sent_again(closed: Store) -> None:
    """Retried it would be a second bill in the same mailbox."""
    assert states(closed, (Lost(),), NOW) == [("lost", UNCLEAR)]
    assert states(closed, (Lost(),), NOW + timedelta(days=9)) == []


def test_a_person_may_have_a_mail_sent_again(closed: Store, tmp_path: Path) -> None:
    """What is unclear stays so for the program; who has asked finance knows that it did not arrive."""
    target = Cut(again=False)
    with pytest.raises(KeyboardInterrupt):
        states(closed, (target,), NOW)
    (january,) = closings(closed)
    assert again(closed, lambda _: closed, target, january, lambda: NOW + timedelta(minutes=5)) is None, (
        "it may be at it"
    )
    later = NOW + timedelta(hours=2)
    assert states(closed, (target,), later) == [("cut", UNCLEAR)]
    row = again(closed, lambda _: closed, target, january, lambda: later)
    assert row is not None and row["state"] == SENT and target.calls == 2
    assert states(closed, (target,), later + timedelta(days=9)) == []
    file = tmp_path / "targets.yaml"
    file.write_text(f"targets: [{{name: share, kind: folder, path: '{tmp_path / 'share'}'}}]")
    command = delivering(closed, file)
    for words, said in (
        (["--again", "shore", "--month", "2026-01"], "targets of closing.delivery: share"),
        (["--again", "share"], "--month"),
        (["--again", "share", "--month", "2026-02"], "2026-02 is not closed"),
    ):
        assert said in str(CliRunner().invoke(app, [*command, *words]).exception)


def test_who_did_not_get_a_mail_is_told(
    closed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mail is sent and stays so: whoever reads a log or an exit code is who can send it on."""
    file = tmp_path / "targets.yaml"
    file.write_text("targets: [{name: boss, kind: smtp, server: m, from: a@b.org, to: [c@b.org, d@b.org]}]")
    monkeypatch.setattr(Mail, "hand", lambda *_: Partly("2 files; d@b.org was refused: 550 who"))
    settings = Settings(closing=ClosingSettings(delivery=str(file)))
    (said,) = tick(closed, lambda _: closed, settings, NOW)
    assert said == "2026-01 to boss: sent, 2 files; d@b.org was refused: 550 who"
    assert tick(closed, lambda _: closed, settings, NOW + timedelta(days=9)) == ()
    place = closed.location.folder
    command = ["--set", f"closing.delivery={file}", "report", "deliver", "--store", str(place)]
    done = CliRunner().invoke(app, [*command, "--again", "boss", "--month", "2026-01"])
    assert done.exit_code == 6 and "d@b.org was refused" in done.output
    monkeypatch.setattr(Mail, "hand", lambda *_: "2 files")
    assert CliRunner().invoke(app, [*command, "--again", "boss", "--month", "2026-01"]).exit_code == 0


@pytest.mark.parametrize("catalog", ["sqlite", "postgres"])
def test_by_hand_beside_the_schedule_hands_over_once(
    catalog: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have made the month and begin at the same moment: a mail that went out twice is two bills.

    A catalog that is a file lets one in after the other; in PostgreSQL both are amid their transactions.
    """
    place = Location(tmp_path / "ledger")
    if catalog == "postgres":
        place = Location(
            tmp_path / "unused", request.getfixturevalue("postgres").url(), str(tmp_path / "data")
        )
    both, inside, began, handed = (
        threading.Barrier(2, timeout=60),
        threading.Barrier(2, timeout=60),
        set(),
        [],
    )
    claim = delivery.chain.claim

    def together(con: Any) -> None:
        if catalog == "postgres" and threading.get_ident() not in began:
            began.add(threading.get_ident())
            inside.wait()
        claim(con)

    def made(*_: object) -> Iterator[tuple[str, bytes]]:
        both.wait()
        return iter(MADE)

    def hand(target: targets.Folder, *_: object) -> str:
        handed.append(target.name)
        return "3 files"

    said = _january(monkeypatch)
    monkeypatch.setattr(delivery, "contents", made)
    monkeypatch.setattr(delivery.chain, "claim", together)
    monkeypatch.setattr(targets.Folder, "hand", hand)
    file = tmp_path / "targets.yaml"
    file.write_text("targets: [{name: share, path: a}, {name: archive, path: b}]")
    chosen = Settings(closing=ClosingSettings(delivery=str(file)))
    with Store.open(place) as ours, Store.open(place) as theirs, ThreadPoolExecutor(1) as worker:
        ours.append(Batch({"closings": said}))
        by_itself = worker.submit(tick, theirs, lambda _: theirs, chosen, NOW)
        by_hand = states(ours, targets.load(str(file)), NOW)
        assert by_itself.result() == ()
        told = [(row["target"], row["state"]) for row in ours.rows("deliveries").to_pylist()]
    assert sorted(handed) == ["archive", "share"] and len(by_hand) < 3
    assert sorted(told) == sorted((name, state) for name in handed for state in ("sending", SENT))


def test_who_comes_second_is_told_who_is_at_it(
    closed: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty answer while the worker hands the month over reads as if there were nothing to do."""
    file, heard = tmp_path / "targets.yaml", []
    file.write_text("targets: [{name: share, path: a}]")
    command = delivering(closed, file)

    def hand(*_: object) -> str:
        heard.append(CliRunner().invoke(app, command))
        return "3 files"

    monkeypatch.setattr(targets.Folder, "hand", hand)
    settings = Settings(closing=ClosingSettings(delivery=str(file)))
    tick(closed, lambda _: closed, settings, now())
    (second,) = heard
    assert (
        second.exit_code == 0 and "2026-01 to share: somebody else is handing it over since" in second.stderr
    )
    assert CliRunner().invoke(app, command).stderr == "", "it is there"

    file.write_text("targets: [{name: share, path: a}, {name: wrong, path: b}]")

    def full(*_: object) -> str:
        raise OSError("No space left")

    monkeypatch.setattr(targets.Folder, "hand", full)
    assert tick(closed, lambda _: closed, settings, now()) == ("2026-01 to wrong: failed, No space left",)
    soon = CliRunner().invoke(app, command)
    assert soon.exit_code == 6 and "2026-01 to wrong: failed at" in soon.stderr, "it is in its pause"


def test_who_lost_the_right_to_go_on_hands_nothing_over(closed: Store) -> None:
    """Another process is at it meanwhile."""

    def lost() -> None:
        raise StaleWatermark("lost")

    target = Cut(again=False)
    with pytest.raises(StaleWatermark):
        deliver(closed, lambda _: closed, (target,), lambda: NOW, before_each=lost)
    assert target.calls == 0 and closed.rows("deliveries").num_rows == 0


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ("kind: webhook, url: 'http://example.org/'", "url"),
        ("kind: s3, url: 'https://b'", "url"),
        ("kind: fax", "kind"),
        ("kind: folder, path: a, to: b", "to"),
    ],
)
def test_a_wrong_target_names_its_key(row: str, key: str) -> None:
    with pytest.raises(ConfigError, match=key):
        targets.parse(f"targets:\n- {{name: a, {row}}}")


def test_a_bucket_gets_it_once_and_a_wrong_one_is_tried_again(
    closed: Store, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a real S3 server, with credentials and endpoint as a user sets them."""
    url = bucket(request, monkeypatch)
    server = request.getfixturevalue("s3")
    to = targets.parse(
        f"targets:\n- {{name: archive, kind: s3, url: '{url}'}}\n- {{name: wrong, kind: s3, url: 's3://nowhere/a'}}"
    )
    assert states(closed, to, NOW) == [("archive", SENT), ("wrong", FAILED)]
    assert states(closed, to, NOW + timedelta(minutes=6)) == [("wrong", FAILED)]
    system = fs.S3FileSystem(
        access_key=server.access_key, secret_key=server.secret_key, scheme="http",
        endpoint_override=server.endpoint.removeprefix("http://"), region=server.region,
    )  # fmt: skip
    place = f"{url.removeprefix('s3://')}/2026-01"
    kept = {file.base_name: file.path for file in system.get_file_info(fs.FileSelector(place))}
    assert {name: system.open_input_stream(path).read() for name, path in kept.items()} == dict(MADE)
