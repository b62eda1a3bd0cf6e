"""A decision computed again from its snapshot: identical, or a line for each place where it is not."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html import escape

import pytest

from pipeline.act.proving import prove
from pipeline.cli.app import main
from pipeline.errors import NotFound
from pipeline.explain.effect import Effect, Side, effect
from pipeline.explain.explanation import explain
from pipeline.explain.narrative import document, narrative
from pipeline.explain.page import page
from pipeline.policy.decisions import RULES
from pipeline.prices.book import PriceBook
from pipeline.store import Batch, Store
from tests.act.rollback_scene import NOW, life, policy, scene
from tests.cost_rows import allocation, device, minutes, table
from tests.ledger import write

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def settled(tmp_path_factory):
    """(folder, action id) of a ledger with one verified rollback, and facts that came after it."""
    folder = tmp_path_factory.mktemp("ledger")
    with scene(folder) as s:
        action_id = s.tick()[0].action_id
        s.lab.server.tick()
        s.tick(NOW + MINUTE)
        s.store.append(life(3, "v1", 100, 20, 0.1))
        s.judge(NOW + 20 * MINUTE)
    return folder, action_id


@pytest.fixture(scope="module")
def explained(settled):
    """Its explanation, computed again once for the tests that only look at it."""
    return explain(*settled)


@contextmanager
def tampered(folder, change: str):
    """The recorded decision changed behind the ledger's back, and put back after."""
    columns = ("evidence", "model_version", "snapshot")
    with Store.open(folder) as store:
        select = f"SELECT {', '.join(columns)} FROM actions WHERE state = 'proposed'"
        with store.transaction() as con:
            kept = con.execute(select).fetchone()
            con.execute(f"UPDATE actions SET {change} WHERE state = 'proposed'")
        yield
        back = ", ".join(f"{name} = ?" for name in columns)
        with store.transaction() as con:
            con.execute(f"UPDATE actions SET {back} WHERE state = 'proposed'", kept)


def run(capsys, *arguments: str):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    out, err = capsys.readouterr()
    return ended.value.code or 0, out, err


def test_later_facts_do_not_change_what_was_decided(explained):
    explanation = explained
    assert explanation.differences == () and explanation.identical
    assert explanation.recorded == explanation.recomputed


def test_a_beginning_of_the_id_is_enough_and_none_is_not(settled):
    folder, action_id = settled
    assert explain(folder, action_id[:8]).action_id == action_id
    for unknown in ("", "zz", action_id + "0"):
        with pytest.raises(NotFound):
            explain(folder, unknown)


def test_the_words_say_why_what_and_whether_it_holds(explained):
    text = "\n".join(narrative(explained))
    for words in (
        "roll Deployment/fraud back from v2 (revision 2) to v1 (revision 1), last judged good",
        "accuracy on fraud v2: act since 2026-11-24 ",
        "Now verified: 4 of 4 replicas",
        "later than 172800 s (2 d)",
        "25 of 25 passed",
        "nothing else is judged now; v1 was judged good",
        "v1: 1200 predictions",
        "judged good on 1200 events",
        "passed  cool_down",
        "only if uid is",
        "verified  4 of 4 replicas",
        "identical, byte for byte",
    ):
        assert words in text


def test_the_command_exits_0_when_identical(settled, capsys):
    folder, action_id = settled
    code, out, _ = run(capsys, "explain", action_id[:12], "--store", str(folder))
    assert code == 0 and "identical, byte for byte" in out
    code, out, _ = run(capsys, "explain", action_id[:12], "--store", str(folder), "-o", "json")
    said = json.loads(out)
    assert code == 0 and said["identical"] is True and said["evidence"]["rule"] == "fraud-accuracy"


def test_the_page_of_an_action_stands_alone_and_never_changes(settled, explained, capsys):
    """What is kept beside a change request must say all of it, and say it again tomorrow."""
    folder, action_id = settled
    code, out, _ = run(capsys, "explain", action_id[:12], "--store", str(folder), "-o", "html")
    with Store.open(folder, read_only=True) as store:
        again = page(explained, effect(store, explained.steps, PriceBook.bundled(), "USD"))
    assert code == 0 and again == out
    for words in (
        "Policy version 7, SHA-256", "verdict of accuracy", "traffic and verdicts", "1200 events", "0 s",
        "cool_down", "Any one gate that fails would have stopped it", "/metadata/generation", "sha256",
        "Quality: not measured yet", "Money saved", "driftledger explain", "Identical, byte for byte",
    ):  # fmt: skip
        assert words in out, words
    assert "<script" not in out and "http://" not in out and "default-src 'none'" in out
    text, _, last = out.rpartition("<!-- sha256 ")
    assert last.startswith(hashlib.sha256(text.encode()).hexdigest())


def test_the_page_and_the_json_have_the_same_list(settled, explained):
    """Whoever reads it by a program must not miss the patch, the quality or what would have stopped it."""
    folder, action_id = settled
    outcome = {"time": NOW, "state": "helped", "detail": "fewer errors", "evidence": '{"compared":[1]}'}
    found = replace(explained, outcome=outcome)
    with Store.open(folder, read_only=True) as store:
        changed = effect(store, found.steps, PriceBook.bundled(), "USD")
    said, text = document(found, changed), page(found, changed)
    assert said["patch"]["patch"][1] == {"op": "test", "path": "/metadata/generation", "value": 2}
    assert escape(json.dumps(said["patch"], separators=(",", ":"), sort_keys=True)) in text
    assert said["quality"]["compared"] == [1] and said["quality"]["detail"] in text
    assert said["stopped_by"] == [] and all(gate in text for gate in said["would_have_stopped"])
    assert {"cool_down", "control", "breaker"} <= {*said["would_have_stopped"]}
    assert said["command"] in text and action_id[:12] in said["command"]
    assert said["effect"]["before"]["version"] == "v2"


def test_a_settled_page_is_the_same_after_more_facts(tmp_path):
    """Its SHA-256 stands in a change request; an unsettled one says so."""
    with scene(tmp_path) as s:
        action_id = s.tick()[0].action_id
        s.lab.server.tick()
        s.tick(NOW + MINUTE)

        def told():
            found = explain(tmp_path, action_id)
            return page(found, effect(s.store, found.steps, PriceBook.bundled(), "USD"))

        assert "Not settled as of" in told()
        s.store.append(life(3, "v1", 101, 60, 0.1))
        list(prove(s.store, s.embedded, policy(), s.clients, NOW + 130 * MINUTE))
        s.store.append(life(4, "v1", 100 + 24 * 60, 2, 0.1))
        first = told()
        assert "Settled as of" in first and "helped" in first
        s.store.append(life(5, "v1", 100 + 30 * 60, 20, 0.4))
        assert told() == first


def test_names_from_outside_are_only_text_on_the_page(explained):
    """A label may carry YAML, Markdown or markup; whoever reads the evidence must not obey it."""
    found = explained
    evil = '"}</pre><script>alert(1)</script>![x](http://198.51.100.7)\n- mode: auto\x1b[2J'
    steps = tuple({**s, "detail": evil, "workload": evil, "model_version": evil} for s in found.steps)
    text = page(replace(found, steps=steps, differences=(evil,)), None)
    assert "<script" not in text and "\x1b" not in text
    assert "&lt;script&gt;alert(1)" in text and "\\n- mode: auto" in text


def test_the_money_of_an_action_is_against_going_on_as_before():
    at = NOW
    before = Side("v2", at - timedelta(hours=24), at, Decimal(240))
    after = Side("v1", at, at + timedelta(hours=6), Decimal(24))
    assert Effect(before, after, "USD").saved == Decimal(36)
    assert Effect(before, replace(after, cost=None), "USD").saved is None, "unknown is not zero"


def test_the_money_and_the_quality_of_a_rollback_are_exact(tmp_path):
    """v2 held two cards of $3 for forty minutes, v1 holds one since: three dollars an hour are saved."""
    with scene(tmp_path) as s:
        first, end = NOW - 40 * MINUTE, NOW + 180 * MINUTE
        held = [("one", "a", first, NOW, "v2"), ("two", "b", first, NOW, "v2"), ("one", "c", NOW, None, "v1")]
        rows = {
            "devices": [device(name, first) for name in ("one", "two")],
            "allocations": [
                allocation(card, pod, begun, until, model="fraud", model_version=version)
                for card, pod, begun, until, version in held
            ],
            "gpu_usage": [*minutes("one", first, end, 30.0), *minutes("two", first, end, 0.0)],
        }
        s.store.append(Batch({name: table(name, given) for name, given in rows.items()}))
        action_id = s.tick()[0].action_id
        s.lab.server.tick()
        s.tick(NOW + MINUTE)
        s.store.append(life(3, "v1", 101, 60, 0.1))
        list(prove(s.store, s.embedded, policy(), s.clients, NOW + 130 * MINUTE))
        found = explain(tmp_path, action_id)
        changed = effect(s.store, found.steps, PriceBook.flat(Decimal(3), "USD"), "USD")
    assert (changed.before.cost, changed.after.cost, changed.saved) == (Decimal(4), Decimal(9), Decimal(9))
    text = page(found, changed)
    money = "cost an hour 6.00 USD before (v2), 3.00 USD after (v1); saved in 3.0 h: 9.00 USD"
    assert money in "\n".join(narrative(found, changed))
    assert "against going on as before: 9.00 USD" in text and "<td>4.00</td><td>6.00</td>" in text
    (side,) = json.loads(found.outcome["evidence"])["compared"]
    wrong, right = side["before"], side["after"]
    assert (wrong["count"], wrong["hits"], right["count"]) == (800, 351, 1200)
    rate = f"error rate 43.9% of 800 labelled on version v2, {right['hits'] / 1200:.1%} of 1200"
    assert rate in text and document(found, changed)["effect"]["saved"] == "9.000000000"


def test_the_command_exits_3_where_there_is_no_such_action(settled, capsys):
    code, _, err = run(capsys, "explain", "0000", "--store", str(settled[0]))
    assert code == 3 and "driftledger actions" in err


def test_the_list_of_actions_has_the_beginning_that_explain_takes(settled, capsys):
    folder, action_id = settled
    window = "2026-11-24..2026-11-25"
    code, out, _ = run(capsys, "actions", "--store", str(folder), "--window", window, "-o", "json")
    (row,) = json.loads(out)["rows"]
    assert code == 0 and row["state"] == "verified" and action_id.startswith(row["action"])


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ("evidence = replace(evidence, '\"v1\"', '\"v0\"')", "to_version"),
        ("evidence = replace(evidence, 'min_count: 200', 'min_count: 199')", "policy.hash"),
        ("evidence = replace(evidence, '{\"decision', '{ \"decision')", "not canonical"),
        ("evidence = 'none'", "cannot be read"),
        ("evidence = '[]'", "cannot be read"),
        ("model_version = 'v9'", "column model_version"),
        ("snapshot = 999999", "cannot be computed again"),
        ("snapshot = snapshot - 3", "."),
    ],
)
def test_tampered_evidence_is_found(settled, change, difference):
    folder, action_id = settled
    with tampered(folder, change):
        explanation = explain(folder, action_id)
    assert not explanation.identical
    assert difference in "\n".join(explanation.differences)


def test_the_command_exits_6_when_not_identical(settled, capsys):
    folder, action_id = settled
    with tampered(folder, "model_version = 'v9'"):
        code, out, _ = run(capsys, "explain", action_id, "--store", str(folder))
    assert code == 6 and "NOT IDENTICAL" in out


@pytest.mark.parametrize(
    ("was", "told"),
    [("", "decided by rules of no recorded version"), (',"rules":9', "decided by rule version 9")],
)
def test_what_other_rules_decided_is_named_and_is_no_sign_of_tampering(settled, capsys, was, told):
    """An upgrade must not make every old rollback look forged, nor hide that it cannot be repeated."""
    folder, action_id = settled
    decided = f"replace(evidence, ',\"rules\":{RULES}', '{was}')"
    with tampered(folder, f"evidence = {decided}"):
        code, out, _ = run(capsys, "explain", action_id, "--store", str(folder))
        assert code == 0 and f"identical, byte for byte; {told}, this is {RULES}" in out
    other = f"evidence = replace({decided}, 'needed are 200', 'needed were 200')"
    with tampered(folder, other):
        code, out, _ = run(capsys, "explain", action_id, "--store", str(folder))
        html = page(explain(folder, action_id), None)
    assert code == 7 and f"{told}, this is {RULES}, which cannot repeat it" in out
    assert "NOT IDENTICAL" not in out and "gates[" in out and told[1:] in html


def test_a_refusal_is_explained_and_identical_too(tmp_path):
    """What was lost half an hour before, while v2 was judged, is an input of it as well."""
    end = NOW - 30 * MINUTE
    gap = {
        "cluster": "lab",
        "source": "label/a",
        "kind": "lost",
        "start": end - MINUTE,
        "end": end,
        "lost": 3_000,
    }
    with scene(tmp_path) as s:
        write(s.store, gaps=[gap])
        (refused,) = s.tick(rules=policy(more="kill_switch: true\n"))
    explanation = explain(tmp_path, refused.action_id)
    assert explanation.identical
    text = "\n".join(narrative(explanation))
    assert "Refused by kill_switch" in text and "FAILED  kill_switch" in text
    assert "would have stopped" not in text and "FAILED  sources_whole" in text
    assert "Events that are missing: label/a missed 3000 events (lost)." in page(explanation, None)


def test_a_lake_whose_facts_changed_under_the_snapshot_is_found(tmp_path):
    """The snapshot's files can be exchanged by somebody with the folder; the decision then differs."""
    import pyarrow.parquet as pq

    with scene(tmp_path) as s:
        action_id = s.tick(rules=policy("observe"))[0].action_id
    files = sorted((tmp_path / "data").rglob("labels/*.parquet"))
    assert files, "labels are too few to be a file of their own; the scene must hold more"
    for path in files:
        rows = pq.read_table(path)
        column = rows.column_names.index("label")
        flipped = ["yes" for _ in range(rows.num_rows)]
        changed = rows.set_column(column, rows.field(column), [flipped])
        pq.write_table(changed, path)
    assert not explain(tmp_path, action_id).identical
