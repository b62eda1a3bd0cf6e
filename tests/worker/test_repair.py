"""Refused rows are taken after all, each once, and never a row that counted already."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.errors import KafkaTimeoutError

from pipeline.answers.rejected import rejected
from pipeline.answers.status import status
from pipeline.broker.failures import BrokerUnavailable
from pipeline.broker.parameters import KafkaSettings
from pipeline.cli import app
from pipeline.embedded import Embedded, topic_id
from pipeline.errors import ConfigError, PreflightFailed
from pipeline.events import Message, Rejected
from pipeline.ingest import Ingest
from pipeline.lake.location import Location
from pipeline.repair import whole
from pipeline.repair.refused import Place, Refused, still_refused
from pipeline.repair.retry import attempt
from pipeline.repair.run import retry
from pipeline.repair.take import Repairs
from pipeline.store import Store
from tests.examples import examples

TOPIC = "driftledger.inference"
_NUMBERS = count()
NOW = 1_790_000_000_000_000
NOON = datetime(2026, 9, 21, 13)
TIME = "2026-09-21T13:00:00Z"


def row(at: int, good: bool, model: str = "m") -> dict[str, object]:
    return {
        "model": model, "model_version": "1", "time": TIME, "prediction_id": f"{at}",
        "latency_seconds": at + 0.5 if good else -1.0,
    }  # fmt: skip


def body(good: Sequence[bool], model: str = "m") -> bytes:
    return _json([row(at, is_good, model) for at, is_good in enumerate(good)])


def _json(rows: list[dict[str, object]]) -> bytes:
    return json.dumps(rows, separators=(",", ":")).encode()


def message(value: bytes, sequence: int = 0) -> Message:
    headers = {"ce_source": "s", "ce_sequence": str(sequence), "content-type": "application/json"}
    return Message(TOPIC, "", 0, 0, NOW, headers, value)


def nowhere(_wanted: Sequence[Refused]) -> dict[Place, Message]:
    raise PreflightFailed("no broker answers")


def counted(store: Store, model: str) -> list[dict[str, object]]:
    """Every fact row about the model, without its name."""
    facts = [store.rows(name).to_pylist() for name in ("prediction_sums", "latency_bins", "predictions")]
    return [
        {k: v for k, v in r.items() if k != "model"} for rows in facts for r in rows if r["model"] == model
    ]


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store.open(tmp_path_factory.mktemp("repair")) as store:
        yield store


@settings(max_examples=examples(6))
@given(st.lists(st.booleans(), min_size=1, max_size=7), st.data())
def test_retries_in_any_order_and_number_count_each_row_once(
    long_lived: Store, good: list[bool], data: st.DataObject
) -> None:
    """A retry that counts a good neighbour again, or a repaired row twice, falsifies costs and accuracy."""
    bad = {at for at, is_good in enumerate(good) if not is_good}
    fixes = data.draw(st.lists(st.sets(st.sampled_from(range(len(good)))), max_size=3))
    model, plain = f"m{next(_NUMBERS)}", f"m{next(_NUMBERS)}"
    Embedded(long_lived).take([message(body(good, model), next(_NUMBERS))])
    offset = long_lived.watermark(topic_id(TOPIC), 0).offset

    def refused() -> list[Refused]:
        return still_refused(long_lived, topic=TOPIC, partition=0, offset=offset)

    fixed: set[int] = set()
    for fix in fixes:
        repaired = body([is_good or at in fix for at, is_good in enumerate(good)], model)
        for expected in (len((fix & bad) - fixed), 0):
            assert retry(long_lived, refused(), nowhere, NOW, body=repaired).rows == expected
            fixed |= fix & bad
        assert {r for left in refused() for r in left.rows} == bad - fixed
    kept = [row(at, True, plain) for at, is_good in enumerate(good) if is_good or at in fixed]
    if kept:
        Embedded(long_lived).take([message(_json(kept), next(_NUMBERS))])
    assert counted(long_lived, model) == counted(long_lived, plain)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path / "ledger")


def test_of_two_repairs_at_once_one_counts(place: Location) -> None:
    """Two people press the button: the second must find the work done, not do it again."""
    with Store.open(place) as store, Store.open(place) as other:
        Embedded(store).take([message(body([True, False]))])
        [refused] = still_refused(store)
        whole = refused.from_head()
        assert whole is not None
        attempts = [attempt(refused, whole._replace(value=body([True, True]))) for _ in range(2)]
        first, second = Repairs(store, NOW), Repairs(other, NOW)
        assert len(first.take(attempts[:1])) == 1
        assert second.take(attempts[1:]) == []
        assert other.rows("prediction_sums")["count"].to_pylist() == [2]
        assert store.rows("repairs").num_rows == 1


def test_a_message_refused_whole_gives_its_good_rows_and_keeps_the_bad_ones(store: Store) -> None:
    """What stays wrong must stay visible, and be repairable by itself later."""
    Embedded(store).take([message(body([True, False, True])[:-1])])
    assert [r.whole for r in still_refused(store)] == [True]
    retry(store, still_refused(store), nowhere, NOW, body=body([True, False, True]))
    [left] = still_refused(store)
    assert (left.whole, left.rows, left.round) == (False, {1}, 1)
    states = {r[4]: r[7] for r in rejected(store).rows}
    assert states == {"malformed": "repaired", "out_of_range": "open"}
    retry(store, still_refused(store), nowhere, NOW, body=body([True, True, True]))
    assert store.rows("prediction_sums")["count"].to_pylist() == [3] and still_refused(store) == []
    assert [r for r in status(store, NOON).rows if r[0] == "rejected"] == []


def test_rows_that_moved_are_not_taken_for_others(store: Store) -> None:
    """A repaired body without its good rows would shift the bad ones onto their places."""
    Embedded(store).take([message(body([True, False]))])
    with pytest.raises(ConfigError, match="write all 2 rows in their order"):
        retry(store, still_refused(store), nowhere, NOW, body=body([True]))


def test_a_long_message_of_a_broker_that_is_away_is_an_error_and_a_short_one_is_not(store: Store) -> None:
    """The ledger keeps the first kilobyte: enough for a small message, and never half of a large one."""
    for sequence, (length, identity) in enumerate(((2, "t1"), (40, "t2"))):
        sent = message(body([False] * length), sequence)._replace(topic_id=identity)
        Ingest(store).step([sent])
    short, long = still_refused(store)
    assert retry(store, [short], nowhere, NOW, dry_run=True).refused == 1
    with pytest.raises(PreflightFailed):
        retry(store, [long], nowhere, NOW)
    gone = retry(store, [long], lambda _wanted: {}, NOW)
    assert gone.unread == [long.place] and not gone.complete


def test_what_a_collector_refused_is_not_a_message(store: Store) -> None:
    """Its line is in a file: to read the file again is the repair, and retry says so."""
    Embedded(store).reject([Rejected("malformed", "x")], source="file", sequence=0, time=NOW, head=b"{")
    account = retry(store, still_refused(store), nowhere, NOW)
    assert len(account.unread) == 1 and "collector" in account.as_text()


def test_the_commands_from_list_to_repaired(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Find it, save it, repair it, take it: with nothing but the command line."""

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            app.main(["rejected", *arguments, "--store", str(tmp_path / "ledger")])
        return int(ended.value.code or 0), capsys.readouterr().out

    with Store.open(tmp_path / "ledger") as store:
        Embedded(store).take([message(body([True, False]))])
    listed = json.loads(run("list", "-o", "json")[1])["rows"]
    assert [(r["offset"], r["reason"], r["rows"], r["state"]) for r in listed] == [
        (0, "out_of_range", 1, "open")
    ]
    place = (TOPIC, "0", "0")
    code, text = run("show", *place, "--save", str(tmp_path / "body"))
    assert code == 0 and "row 1: out_of_range" in text
    assert (tmp_path / "body").read_bytes() == body([True, False])
    assert run("show", *place, "--save", str(tmp_path))[0] == 5, "a folder is no file to write"
    assert run("retry")[0] == 7
    (tmp_path / "body").write_bytes(body([True, True]))
    assert run("retry", *place, "--body", str(tmp_path / "body"), "--dry-run")[1].startswith("tried 1")
    assert run("retry", *place, "--body", str(tmp_path / "body"))[0] == 0
    assert run("retry", *place)[0] == 3
    assert run("retry", TOPIC)[0] == 4
    summed = json.loads(run("list", "--by", "reason", "-o", "json")[1])["rows"]
    assert [(r["reason"], r["refusals"], r["repaired"]) for r in summed] == [("out_of_range", 1, 1)]


def test_a_long_list_is_cut_and_says_so(store: Store) -> None:
    """A collector gone mad refuses by the thousand; the answer stays readable and does not hide the rest."""
    Embedded(store).take([message(body([False])[:-1], n) for n in range(5)])
    answer = rejected(store, limit=2)
    assert [row[3] for row in answer.rows] == [0, 1]
    assert any("3 more are not shown" in note for note in answer.notes)
    assert rejected(store, by=("topic",)).rows[0][:3] == (TOPIC, 5, 5)


@pytest.mark.parametrize("there", [True, False])
def test_a_topic_deleted_while_it_is_asked_is_not_a_broker_that_is_away(
    there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker does not answer for such a topic until the time is up; a dead letter may still have it."""

    class Admin:
        described = 0

        def describe_topics(self, _names: list[str]) -> list[dict[str, object]]:
            Admin.described += 1
            gone = Admin.described > 1 and not there
            return [{"name": "t", "topic_id": "id", "error_code": 3 if gone else 0}]

    def nobody_answers(_consumer: object, _place: Place) -> None:
        raise KafkaTimeoutError("offsets")

    monkeypatch.setattr(whole.connection, "admin", lambda _kafka: nullcontext(Admin()))
    monkeypatch.setattr(whole, "_consumer", lambda _kafka: nullcontext(object()))
    monkeypatch.setattr(whole, "_at", nobody_answers)
    wanted = [Refused(Place("t", "id", 0, 1), True, frozenset(), b"", 0, 0)]
    if there:
        with pytest.raises(BrokerUnavailable):
            whole.read(KafkaSettings(), wanted)
    else:
        assert whole.read(KafkaSettings(), wanted) == {}
