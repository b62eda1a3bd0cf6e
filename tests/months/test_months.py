"""A closed month stays closed: in order, once, with its gaps named, and what comes late is a correction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from pipeline.answers.money import minor_digits, to_cents
from pipeline.answers.window import month
from pipeline.cli.app import app
from pipeline.errors import ConfigError, NotFound, StaleWatermark
from pipeline.maintenance.run import run as maintain
from pipeline.months import book, frozen, terms
from pipeline.months import close as closing_module
from pipeline.months.charge import BY, CORRECTION, HOURS_OF, USAGE, Charge, rounded
from pipeline.months.close import Refused, accepted
from pipeline.months.closings import charged, closings
from pipeline.months.corrections import difference
from pipeline.months.draft import draft, on_terms
from pipeline.months.explain import explain, inputs_of
from pipeline.months.inputs import Inputs
from pipeline.months.states import states
from pipeline.months.verify import kept, lost, verify
from pipeline.ownership.file import parse as owners
from pipeline.prices import PriceBook
from pipeline.prices.price import Price
from pipeline.settings.closing import ClosingSettings
from pipeline.settings.maintenance import MaintenanceSettings
from pipeline.store import Batch, Store
from tests.cost_rows import allocation, device, table
from tests.examples import examples
from tests.months.months_scene import LIMITS, THIRD, closed, months, usage

JANUARY, FEBRUARY = datetime(2026, 1, 1), datetime(2026, 2, 1)


def problems(store: Store) -> list[str]:
    folder = store.location.folder
    checked = verify(store, lambda snapshot: Store.open(folder, snapshot=snapshot))
    return [problem for one in checked for problem in one.problems]


def by_team(charges: list[Charge], kind: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for one in charges:
        if one.kind == kind:
            found[one.team] += one.amount or 0
    return dict(found)


class Undone(Exception):
    """Ends a transaction without a trace."""


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """January, with a silence, closed; then it changed, a credit was booked, and February closed."""
    with months(tmp_path_factory.mktemp("year"), 3) as store:
        with store.transaction() as con:
            con.execute("DELETE FROM gpu_usage WHERE minute >= '2026-01-10' AND minute < '2026-01-12 06:00'")
        with pytest.raises(Refused, match="c said nothing from 2026-01-10 00:00Z to 2026-01-12 06:00Z"):
            closed(store, 1)
        assert len(accepted(closed(store, 1, accept_gaps=True))) == 2
        with store.transaction() as con:
            con.execute("UPDATE allocations SET \"end\" = '2026-01-02 06:00' WHERE pod = 'b1'")
        for amount in ("-5", "-5.00"):
            book.adjust(
                store, JANUARY, "red", Decimal(amount), "USD", "credit", "outage", "kim", datetime(2026, 2, 1)
            )
        with store.transaction() as con:  # as two who book it at the same moment leave it
            con.execute("INSERT INTO adjustments SELECT * FROM adjustments")
        closed(store, 2)
        yield store


def test_a_month_is_closed_once_in_order_and_after_its_grace(year: Store) -> None:
    """A second close, a skipped month or one that still changes would be two truths of one month."""
    for number, now, words in (
        (1, None, "was closed at"),
        (4, None, "close 2026-03 first"),
        (3, datetime(2026, 3, 31), "is not over"),
        (3, datetime(2026, 4, 2), "in its grace until 2026-04-04"),
    ):
        more = {} if now is None else {"now": now}
        with pytest.raises(Refused, match=words):
            closed(year, number, **more)
    shown = [s.state for s in states(year, LIMITS, datetime(2026, 4, 2))]
    assert shown == ["closed", "closed", "grace"]


def test_a_month_of_which_nothing_was_heard_to_its_end_is_refused(tmp_path: Path) -> None:
    """The collectors died on the 20th and nobody saw it: a short bill must not go out as a whole one."""
    with months(tmp_path, 2) as store:
        closed(store, 1)
        with store.transaction() as con:
            con.execute("DELETE FROM gpu_usage WHERE minute >= '2026-02-20'")
        silent = "c said nothing from 2026-02-20 00:00Z to 2026-03-01 00:00Z"
        with pytest.raises(Refused, match=silent):
            closed(store, 2)
        assert accepted(closed(store, 2, accept_gaps=True))[0].startswith(silent)
        with pytest.raises(Refused, match="c said nothing from 2026-03-01 00:00Z to 2026-04-01 00:00Z"):
            closed(store, 3)
        closed(store, 3, accept_gaps=True)
        with store.transaction() as con:
            con.execute("UPDATE devices SET \"end\" = '2026-04-02', time = '2026-04-02'")
            con.execute("UPDATE allocations SET \"end\" = '2026-04-02'")
        with pytest.raises(Refused, match="c said nothing from 2026-04-01 00:00Z to 2026-04-02 00:00Z"):
            closed(store, 4)
        closed(store, 4, accept_gaps=True)
        assert accepted(closed(store, 5)) == (), "nothing was there of which anything could be heard"


def test_a_node_that_was_silent_for_weeks_is_named(tmp_path: Path) -> None:
    """One of forty is a fortieth of the month: the whole is complete enough, but a team pays."""
    silent = "minute >= '2026-01-10' AND minute < '2026-01-24'"
    with months(tmp_path, 1) as store:
        with store.transaction() as con:
            for fact in ("gpu_usage", "devices"):
                con.execute(
                    f"INSERT INTO {fact} BY NAME SELECT * REPLACE ('m' AS node, 'x' AS device) "
                    f"FROM {fact} WHERE device = 'b'"
                )
            con.execute(f"DELETE FROM gpu_usage WHERE node = 'm' AND {silent}")
        said = "node m of c said nothing from 2026-01-10 00:00Z to 2026-01-24 00:00Z"
        with pytest.raises(Refused, match=said):
            closed(store, 1)
        with store.transaction() as con:
            con.execute(f"DELETE FROM gpu_usage WHERE {silent}")
        with pytest.raises(Refused, match="closed: c said nothing") as refused:
            closed(store, 1)
        assert "node" not in str(refused.value), "its cluster's silence says it"


def test_what_came_late_is_a_correction_in_the_next_month(year: Store) -> None:
    """Job/train let go of its card after 30 hours: what it was charged of a closed month comes back, once."""
    charges = charged(year, FEBRUARY)
    back = [c for c in charges if c.kind == CORRECTION]
    assert {(c.charge_month, c.team) for c in back} == {(JANUARY, "red"), (JANUARY, "cluster_idle")}
    (red,) = (c for c in back if c.team == "red")
    assert red.amount == to_cents(-THIRD.prices[0].gpu_hour * (31 * 24 - 30))
    assert sum(c.amount or 0 for c in back) == 0
    assert by_team(charges, "adjustment") == {"red": Decimal(-5)}
    third = list(draft(year, month(2026, 3), Inputs(THIRD)).charges)
    assert {c.kind for c in third} == {USAGE}


def test_prices_and_owners_that_change_later_are_corrections_too(year: Store) -> None:
    """A price that was wrong, and a team that was renamed for a span that is over."""
    inputs = Inputs(
        PriceBook("new", (Price("a", (), Decimal(2), "USD"),)),
        owners=owners(
            "version: r\nrules:\n- {match: {team: green}, team: teal, valid_to: 2026-01-02T00:00:00Z}"
        ),
    )
    found = by_team(list(draft(year, month(2026, 3), inputs).charges), CORRECTION)
    assert set(found) == {"red", "blue", "green", "teal", "cluster_idle"}
    assert found["teal"] == Decimal("16.00")
    assert found["blue"] < 0


def test_a_statement_says_how_far_back_it_looked(year: Store) -> None:
    """What comes later than that is on no statement: finance must know from which month on it can be sure."""
    renamed = owners(
        "version: r\nrules:\n- {match: {team: green}, team: teal, valid_to: 2026-02-02T00:00:00Z}"
    )
    found = {
        count: draft(year, month(2026, 3), Inputs(THIRD, owners=renamed, correction_months=count))
        for count in (1, ClosingSettings().correction_months)
    }
    of = {n: {c.charge_month for c in made.charges if c.kind == CORRECTION} for n, made in found.items()}
    assert of == {1: {FEBRUARY}, 12: {JANUARY, FEBRUARY}}
    said = {n: [note for note in made.notes if "came late" in note] for n, made in found.items()}
    assert said[12] == [] and "last 1 closed months only, and not before 2026-02" in said[1][0]


def test_a_currency_that_changes_keeps_the_closed_months(year: Store) -> None:
    """January was billed in USD: its correction is in USD at its own prices, not in EUR or at none."""
    with pytest.raises(Undone), year.transaction() as con:
        con.execute("UPDATE allocations SET team = 'grey' WHERE team = 'green'")
        euros = Inputs(PriceBook("euro", (Price("a", (), Decimal(2), "EUR"),)), currency="EUR")
        made = draft(year, month(2026, 3), euros)
        raise Undone
    assert {c.currency for c in made.charges if c.kind == USAGE} == {"EUR"}
    back = [c for c in made.charges if c.kind == CORRECTION]
    assert {c.currency for c in back} == {"USD"}
    assert {c.team for c in back} == {"grey", "green"}
    assert any("own price book" in note for note in made.notes)


def test_a_later_book_without_a_price_for_disks_takes_no_disk_back(tmp_path: Path) -> None:
    """Who leaves a row out of next year's file must not be credited last month's volumes."""
    gpus = Price("gpu", (("resource", "gpu"),), Decimal(1), "USD")
    disks = Price("disk", (("resource", "volume"),), Decimal("0.001"), "USD")
    with months(tmp_path, 2, teams=("red",)) as store:
        named = {"time": month(2026, 2).end, "resource": "volume", "quantity": 100 << 30, "gpu_model": ""}
        store.append(Batch({"devices": table("devices", [device("disk", JANUARY, **named)])}))
        closed(store, 1, Inputs(PriceBook("both", (gpus, disks))))
        made = draft(store, month(2026, 2), Inputs(PriceBook("gpus", (gpus,))))
    assert not [c for c in made.charges if c.kind == CORRECTION]
    assert made.unpriced_other_hours == 28 * 24 and any("own price book" in note for note in made.notes)


def test_of_two_closers_one_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two jobs at once, each of which has computed the month, must not make two heads or charge it twice."""
    commit, won = closing_module._commit, []

    def later(*given: Any) -> None:
        monkeypatch.undo()
        with Store.open(tmp_path) as other:
            won.append(closed(other, 1))
        commit(*given)

    with months(tmp_path, 1) as store:
        monkeypatch.setattr(closing_module, "_commit", later)
        with pytest.raises(StaleWatermark, match="another month was closed meanwhile"):
            closed(store, 1)
        assert [c.hash for c in closings(store)] == [won[0].hash]
        assert [one.problems for one in kept(store)] == [()], "its charges are there once"


def test_what_is_taken_amid_a_close_is_the_next_months(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers do not stop for month end: a pod that comes between computing and commit is charged once."""
    commit = closing_module._commit
    late = allocation("a", "late", JANUARY, datetime(2026, 1, 2), team="late", workload="Job/late")

    def taken_before(*given: Any) -> None:
        with Store.open(tmp_path) as other:
            other.append(Batch({"allocations": table("allocations", [late])}))
        commit(*given)

    with months(tmp_path, 2, teams=("red",)) as store:
        monkeypatch.setattr(closing_module, "_commit", taken_before)
        closed(store, 1)
        assert "late" not in by_team(charged(store, JANUARY), USAGE) and problems(store) == []
        assert by_team(list(draft(store, month(2026, 2), Inputs(THIRD)).charges), CORRECTION)["late"] > 0


def test_a_month_that_is_closed_without_prices_says_so(tmp_path: Path) -> None:
    """A price book for other cards would else bill nothing, for good, and nobody would look again."""
    with months(tmp_path, 1, teams=("red",)) as store:
        disk = device("disk", JANUARY, time=month(2026, 1).end, resource="volume", quantity=1 << 30)
        store.append(Batch({"devices": table("devices", [disk])}))
    book = tmp_path / "prices.yaml"
    book.write_text("version: one\ncurrency: USD\nprices: [{match: {gpu_model: K80}, gpu_hour: 1}]")
    command = ["report", "close", "--month", "2026-01", "--store", str(tmp_path), "--prices", str(book)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 7 and "1,488 GPU-hours and 744 hours of CPUs" in done.output, done.output


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE charges SET amount = amount + 0.01 WHERE month = '2026-01-01'", "stored charges"),
        ("UPDATE closings SET inputs = replace(inputs, '3.333333333', '3.333333334')", "prices"),
        ("UPDATE closings SET previous = 'x' WHERE month = '2026-02-01'", "month before"),
        ("UPDATE closings SET header = replace(header, 'USD', 'EUR')", "hash"),
        ("UPDATE closings SET header = replace(header, 'kim', 'ann'), actor = 'ann'", "hash"),
        ("UPDATE closings SET actor = 'ann'", "its actor is ann, and kim was hashed"),
        ("UPDATE closings SET program = 'x'", "its program is x, and driftledger test"),
        ("UPDATE closings SET time = time + INTERVAL 1 DAY", "its time is"),
        ("UPDATE closings SET snapshot = snapshot + 1", "its snapshot is"),
        ("UPDATE closings SET rule = 'x'", "its rule is x"),
        ("UPDATE closings SET price_book = 'x'", "its price_book is x"),
        ("UPDATE closings SET currency = 'EUR'", "its currency is EUR"),
        ("DELETE FROM closings WHERE month = '2026-02-01'", "not the last month here"),
    ],
)
def test_whoever_edits_a_closed_month_is_found(year: Store, statement: str, words: str) -> None:
    """The chain is what makes a dispute about numbers, not about trust."""
    with pytest.raises(Undone), year.transaction() as con:
        con.execute(statement)
        assert any(words in problem for one in kept(year) for problem in one.problems)
        raise Undone


def test_a_booking_for_nobody_known_or_of_nothing_is_refused(year: Store) -> None:
    """A slip of the pen would be a team that is charged, on a statement that is never edited."""
    for team, amount, words in (
        ("rde", "-5", "no closed month charges a team 'rde'; did you mean 'red'"),
        ("cluster_idle", "-5", "no closed month charges a team 'cluster_idle'"),
        ("red", "0.00", "an amount of nothing"),
        ("red", "5", "a credit is below zero"),
    ):
        with pytest.raises((NotFound, ConfigError), match=words):
            book.adjust(
                year, JANUARY, team, Decimal(amount), "USD", "credit", "outage", "kim", datetime(2026, 3, 1)
            )


def test_a_line_is_walked_down_to_who_held_what_at_which_price(year: Store) -> None:
    """A dispute ends at an interval and a price, not at a sum."""
    folder = year.location.folder
    found = explain(year, lambda n: Store.open(folder, snapshot=n), month(2026, 2), "red")
    rows = [dict(zip((c.name for c in found.columns), row, strict=True)) for row in found.rows]
    kinds = [row["kind"] for row in rows]
    assert {"usage", "correction", "adjustment", "held", "price"} <= set(kinds)
    back, before, held = rows[kinds.index("correction") :][:3]
    assert (before["kind"], before["gpu_hours"] + back["gpu_hours"]) == ("charged", 30)
    assert (back["of"], held["start"], held["end"]) == ("2026-01", JANUARY, datetime(2026, 1, 2, 6))
    assert {row["price"] for row in rows if row["kind"] == "price"} == {f"{THIRD.prices[0].gpu_hour}"}
    with pytest.raises(NotFound, match="no line 'pink'; it has those of blue, cluster_idle, green, red$"):
        explain(year, lambda n: Store.open(folder, snapshot=n), month(2026, 2), "pink")


def test_a_correction_is_walked_down_to_the_prices_that_it_was_made_at(tmp_path: Path) -> None:
    """A flat price of today says nothing of a closed month, whose own price then stands beside its sum."""
    folder, start = tmp_path / "ledger", datetime(2026, 1, 5)
    with months(folder, 2) as store:
        closed(store, 1, Inputs(PriceBook("then", (Price("a", (), Decimal(3), "USD"),))))
        late = allocation("a", "late", start, datetime(2026, 1, 5, 10), team="late", workload="Job/late")
        store.append(Batch({"allocations": table("allocations", [late])}))
        closed(store, 2, Inputs(PriceBook.flat(Decimal(5), "USD")))
        found = explain(store, lambda n: Store.open(folder, snapshot=n), month(2026, 2), "late").named()
    (correction,) = (row for row in found if row["kind"] == "correction")
    assert correction["cost"] == 3 * correction["gpu_hours"] > 0
    assert {row["price"] for row in found if row["kind"] == "price"} == {"3"}


def test_a_closed_month_is_computed_again_after_all_else_is_gone(year: Store) -> None:
    """A year later the statement must still be computable, though maintenance let every other state go."""
    with year.transaction() as con:
        con.execute("DELETE FROM gpu_usage WHERE minute < '2026-01-20'")
    now, rolled = datetime(2036, 1, 1), datetime(2026, 1, 22)
    maintain(year, now, MaintenanceSettings(rollup_days=(now - rolled).days))
    assert problems(year) == []


TERMS = """
version: fy26
usual: {tax_percent: 19}
teams:
  red: {markup_percent: 2.5, gl_code: "6100"}
  blue: {mode: showback, tax_percent: 0}
"""


def test_terms_add_markup_and_tax_to_the_cent() -> None:
    """Once a team, on its sum: rounding each line would drift."""
    costs = [Decimal("10.005"), *[Decimal(0)] * 5]
    used = rounded(
        [charge(i, team, "w", costs, True, "USD") for i, team in enumerate(("red", "blue", "green"))]
    )
    made = on_terms(used, JANUARY, Inputs(THIRD, terms=terms.parse(TERMS)))
    assert by_team(made, "markup") == {"red": Decimal("0.25")}
    (red, green) = (sum(c.amount or 0 for c in used if c.team == team) for team in ("red", "green"))
    tax = Decimal("0.19")
    assert by_team(made, "tax") == {
        "red": to_cents((red + Decimal("0.25")) * tax),
        "green": to_cents(green * tax),
    }


@pytest.mark.parametrize("wrong", ["markup_percent: x", "tax_percent: -1", "mode: gift", "gl: 1"])
def test_wrong_terms_name_their_key(wrong: str) -> None:
    with pytest.raises(ConfigError, match=wrong.split(":")[0]):
        terms.parse(f"version: a\nteams:\n  red: {{{wrong}}}")


def test_a_booking_says_what_is_wrong(year: Store) -> None:
    given = (Decimal("-5.00"), "USD", "credit", "outage", "kim", datetime(2026, 2, 1))
    with pytest.raises(NotFound, match="2026-03 is not closed"):
        book.adjust(year, datetime(2026, 3, 1), "red", *given)
    with pytest.raises(ConfigError, match="below zero"):
        book.adjust(year, JANUARY, "red", Decimal(5), *given[1:])


def test_a_dispute_leaves_a_trail(year: Store) -> None:
    """Who said what and when is asked a year later."""
    book.reply(year, JANUARY, "red", "disputed", "b is not ours", "ada", datetime(2026, 2, 12))
    book.reply(year, JANUARY, "green", "accepted", "", "bo", datetime(2026, 2, 12))
    assert book.disputed(year) == {JANUARY: ["red"]}
    shown = CliRunner().invoke(app, ["report", "open", "--store", str(year.location.folder)]).stdout
    assert [line.split()[-1] for line in shown.splitlines()[:3]] == ["DISPUTED", "red", "-"]
    with pytest.raises(ConfigError, match="after disputed write settled"):
        book.reply(year, JANUARY, "red", "accepted", "", "ada", datetime(2026, 2, 13))
    book.reply(year, JANUARY, "red", "settled", "it is", "kim", datetime(2026, 2, 13))
    book.reply(year, JANUARY, "red", "accepted", "", "ada", datetime(2026, 2, 14))
    assert book.disputed(year) == {}, "it is settled"
    with pytest.raises(NotFound, match="no team 'pink'"):
        book.reply(year, JANUARY, "pink", "accepted", "", "ada", datetime(2026, 2, 14))
    trail = [(r["state"], r["actor"]) for r in book.replies(year, JANUARY)["red"]]
    assert trail == [("disputed", "ada"), ("settled", "kim"), ("accepted", "ada")]


def test_inputs_come_back_as_they_were() -> None:
    """What a month was computed from must not change by being written down."""
    bundled = Inputs(
        PriceBook.bundled(), "EUR", owners=owners("version: r\nrules:\n- {match: {team: a}, team: b}")
    )
    assert frozen.load(Inputs, frozen.dump(bundled)) == bundled


exact = st.integers(-(10**16), 10**16).map(lambda n: Decimal(n).scaleb(-9))
names = st.sampled_from(["red", "=1+1", "", "a" * 300, "\u202e"])
charges = st.lists(
    st.tuples(names, names, st.lists(exact, min_size=6, max_size=6), st.booleans()), max_size=12
)


def charge(
    number: int, team: str, workload: str, costs: list[Decimal], priced: bool, currency: str
) -> Charge:
    key = dict.fromkeys(BY, "") | {"team": team, "workload": workload, "device": str(number)}
    hours = (Decimal(1),) * len(HOURS_OF)
    return Charge(USAGE, JANUARY, currency, tuple(key.values()), hours, tuple(costs) if priced else None)


@settings(max_examples=examples(60))
@given(charges, st.sampled_from(["USD", "JPY", "KWD", "CLF"]))
def test_any_charges_become_amounts_that_add_up(rows: list[tuple], currency: str) -> None:
    """Devices, lines, teams and the total are one sum, in every currency's own smallest unit."""
    exactly = [charge(i, *row, currency) for i, row in enumerate(rows)]
    made = rounded(exactly)
    digits, unit = minor_digits(currency), Decimal(1).scaleb(-minor_digits(currency))
    whole = sum((c.cost for c in exactly if c.cost is not None), Decimal(0))
    assert sum((c.amount for c in made if c.amount is not None), Decimal(0)) == to_cents(whole, digits)
    for of in (lambda c: c.team, lambda c: c.line, lambda c: c.key):
        groups: dict[object, list[Charge]] = defaultdict(list)
        for one in made:
            groups[of(one)].append(one)
        for group in groups.values():
            cost = sum((c.cost for c in group if c.cost is not None), Decimal(0))
            amount = sum((c.amount for c in group if c.amount is not None), Decimal(0))
            assert amount == to_cents(amount, digits) and abs(amount - cost) < 3 * unit
    assert all((c.amount is None) == (c.cost is None) for c in made)
    assert difference(made, made, JANUARY) == []


def test_the_commands_say_what_they_do(year: Store) -> None:
    """What a job at month end runs, and its exit codes."""

    def run(*words: str) -> tuple[int, str]:
        place = () if "--store" in words else ("--store", str(year.location.folder))
        result = CliRunner().invoke(app, ["report", *words, *place])
        code = result.exception.exit_code if hasattr(result.exception, "exit_code") else result.exit_code
        return code, result.output + str(result.exception or "")

    booking = ("--month", "2026-01", "--team", "red", "--reason", "x")
    code, said = run("adjust", *booking, "--amount", "1.005")
    assert code == 4 and "USD" in said
    assert run("adjust", *booking, "--amount", "1.5")[1].startswith("booked as ")
    code, said = run("adjust", *booking, "--amount", "1.50")
    assert code == 0 and said.startswith("was booked before as "), "who books it next month too must know"
    code, said = run("adjust", *booking, "--amount", "1", "--currency", "usd")
    assert code == 4 and "--currency" in said, "a sum in a currency of its own that no bank knows"
    assert run("close", "--month", "2026-01")[0] == 6
    assert run("reply", "--month", "2026-01", "--team", "blue", "--state", "accepted")[0] == 0
    code, said = run("open")
    assert code == 0 and "2026-01  closed" in said and "2026-03  due" in said
    assert run("verify", "--month", "2026-03")[0] == 3
    assert run("verify", "statement.pdf", "--month", "2026-03")[0] == 4
    code, said = run("trail", "--month", "2026-01", "-o", "csv")
    steps = [tuple(line.split(",")[2:5]) for line in said.strip().splitlines()]
    wanted = [("credit", "red", "charged"), ("close", "all", "closed"), ("adjustment", "red", "open")]
    assert code == 0 and [step for step in steps if step in wanted] == wanted, (
        "a booking is still to be charged"
    )
    assert steps[-1] == ("reply", "blue", "accepted")
    away = year.location.folder / "away"
    code, said = run("close", "--month", "2026-03", "--store", str(away))
    assert code == 3 and "no ledger" in said and not away.exists(), "a slip must not make a ledger"
    with pytest.raises(Undone), year.transaction() as con:
        con.execute("DELETE FROM closings")
        assert "not the last month here" in (lost(year) or "")
        raise Undone
    with year.transaction() as con:
        con.execute("UPDATE charges SET amount = 0 WHERE month = '2026-02-01'")
    code, said = run("verify", "--month", "2026-02")
    assert code == 6 and "stored charges" in said


def test_usage_from_before_the_first_closed_month_is_a_correction(year: Store) -> None:
    """The past of a second cluster, read in later, must be paid for, and keep no later month from closing."""
    december = datetime(2025, 12, 31)
    with pytest.raises(Undone), year.transaction() as con:
        usage(con, "a", december, JANUARY)
        con.execute("UPDATE devices SET start = '2019-05-01' WHERE device = 'a'")
        con.execute("UPDATE allocations SET start = $t WHERE pod = 'blue1'", {"t": december})
        shown = [s.state for s in states(year, LIMITS, datetime(2026, 4, 10))]
        made = draft(year, month(2026, 3), Inputs(THIRD))
        assert inputs_of(year, year, december.replace(day=1), Inputs(THIRD), []).prices == THIRD, (
            "explained too"
        )
        raise Undone
    assert shown == ["closed", "closed", "due"]
    past = [c for c in made.charges if c.kind == CORRECTION and c.charge_month < JANUARY]
    assert {c.charge_month for c in past} == {datetime(2025, 12, 1)}
    back = by_team(past, CORRECTION)
    assert back["blue"] == to_cents(THIRD.prices[0].gpu_hour * 24 / 3)


def test_the_first_month_is_the_first_in_which_a_gpu_was_seen(year: Store) -> None:
    """Nodes are years older than the ledger: who installs it must not close sixty empty months first."""
    with pytest.raises(Undone), year.transaction() as con:
        con.execute("DELETE FROM closings")
        con.execute("UPDATE devices SET start = '2019-05-01'")
        first = states(year, LIMITS, datetime(2026, 4, 10))[0]
        with pytest.raises(Refused, match="close 2026-01 first"):
            closed(year, 2)
        raise Undone
    assert (first.month.start, first.state) == (JANUARY, "due")
