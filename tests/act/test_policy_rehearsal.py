"""A policy rehearsed on recorded verdicts, and the record without which mode auto is not switched on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import jsonschema
import pytest
import yaml

from pipeline import judge
from pipeline.act.records import demand, keep
from pipeline.act.rehearsal import precision, rehearse
from pipeline.act.would_act import would_act
from pipeline.answers.window import Window
from pipeline.cli.app import main
from pipeline.embedded import Embedded
from pipeline.errors import ConfigError
from pipeline.policy.file import parse
from pipeline.policy.schema import schema
from pipeline.prices import PriceBook
from pipeline.store import Batch, Store
from tests.act.deciding import TEXT
from tests.act.rollback_scene import NOW, PARAMETERS, fill, life, policy
from tests.cost_rows import allocation, device, minutes, table
from tests.ledger import START

DAY = timedelta(days=1)
SECONDS = timedelta(seconds=7, microseconds=5)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """v1 was judged good, v2 errs, and two ticks have said so."""
    with Store.open(tmp_path_factory.mktemp("ledger")) as found:
        fill(found)
        for minute in (0, 1):
            judge.tick(found, NOW + timedelta(minutes=minute), PARAMETERS)
        yield found


def test_each_harm_is_one_action_at_its_first_tick_and_is_judged_by_all_labels(store):
    found = rehearse(store, policy("observe"), START, NOW + DAY)
    (act,) = found.acts
    assert (act.time, act.action.model_version, act.action.to_version) == (NOW, "v2", "v1")
    assert act.verdict == "right" and precision(found.acts) == 1.0
    assert found.ticks == 3
    answer = would_act(store, found, Window(START, NOW + DAY), PriceBook.bundled(), "USD")
    assert len(answer.rows) == 1 and answer.notes[0].startswith("3 ticks, 1 actions, precision 100%")


@pytest.fixture(scope="module")
def costly(tmp_path_factory):
    """v2 holds a card of $3 an hour, 59 minutes beyond its first verdict, and serves at the newest one still.

    The ticks are at odd seconds, as those of a clock.
    """
    folder, later = tmp_path_factory.mktemp("costly"), NOW + timedelta(minutes=60)
    with Store.open(folder) as found:
        fill(found)
        judge.tick(found, NOW + SECONDS, PARAMETERS)
        found.append(life(4, "v2", 100, 60, 0.45))
        rows = {
            "devices": [device("one", START)],
            "allocations": [allocation("one", "a", START, None, model="fraud", model_version="v2")],
            "gpu_usage": minutes("one", START, later, 30.0),
        }
        found.append(Batch({name: table(name, given) for name, given in rows.items()}))
        judge.tick(found, later + SECONDS, PARAMETERS)
    return folder


def test_what_the_version_left_would_have_cost_is_exact(costly):
    """Nobody rolled it back; a tick that is not at a whole minute has a cost as well."""
    with Store.open(costly, read_only=True) as found:
        acts = rehearse(found, policy("observe"), START, NOW + DAY)
        answer = would_act(found, acts, Window(START, NOW + DAY), PriceBook.flat(Decimal(3), "USD"), "USD")
    (row,) = answer.named()
    assert (row["served_until"], row["cost_after"]) == (NOW + timedelta(minutes=59), Decimal("2.95"))
    assert row["cost_per_day"] == 72


def test_simulate_says_what_it_would_do_now_how_often_it_was_right_and_what_that_is_worth(
    costly, tmp_path, capsys
):
    """Nothing was spent since the newest verdict: at stake is what the version costs as it serves on."""
    (file := tmp_path / "policy.yaml").write_text(policy("observe").text)

    def simulated(*more: str):
        with pytest.raises(SystemExit) as end:
            main(["policy", "simulate", str(file), "--store", str(costly), "--gpu-hour-price", "3", *more])
        assert not end.value.code
        return capsys.readouterr().out

    told = json.loads(simulated("-o", "json"))
    (row,) = told["rows"]
    assert (row["rule"], row["model_version"], row["to_version"]) == ("fraud-accuracy", "v2", "v1")
    assert (Decimal(row["cost_per_day"]), Decimal(row["cost_after"])) == (72, 0)
    now, so_far, *_ = told["notes"]
    assert now == "now: 1 actions, 0 steps of ladders"
    assert so_far.startswith("so far, ") and "a tick an hour: 2 ticks, 1 actions, precision 100%" in so_far
    assert "72.00" in simulated()
    file.write_text(policy("observe").text.replace("min_count: 200", "min_count: 100000"))
    careful = json.loads(simulated("-o", "json"))
    assert careful["rows"] == [] and "2 ticks, 0 actions, precision unknown" in careful["notes"][1]
    assert careful["notes"][2].startswith(
        "fraud-accuracy: held back at 1 ticks by enough_events, at last since"
    )


def test_a_tick_knows_nothing_of_later_verdicts(store):
    """Else every rehearsal would look better than the days that follow it."""
    assert rehearse(store, policy("observe"), START, NOW).acts == ()


def test_a_policy_that_would_do_nothing_shows_that(store):
    careful = parse(policy("observe").text.replace("min_count: 200", "min_count: 100000"))
    found = rehearse(store, careful, START, NOW + DAY)
    assert found.acts == ()
    (held,) = found.held
    assert (held.gate, held.ticks) == ("enough_events", 2) and "needed are 100000" in held.detail
    assert precision(()) is None


def test_auto_is_refused_without_the_record_of_this_very_rule(store):
    observed, auto = policy("observe"), policy("auto")
    demand(store, observed)
    with pytest.raises(ConfigError, match=r"rules\[0\].mode.*policy replay"):
        demand(store, auto)
    empty = replace(rehearse(store, observed, START, NOW + DAY), ticks=0)
    keep(Embedded(store), observed.rules[0], empty, START, NOW, NOW)
    with pytest.raises(ConfigError):
        demand(store, auto)
    found = rehearse(store, observed, START, NOW + DAY)
    keep(Embedded(store), observed.rules[0], found, START, NOW, NOW + DAY)
    demand(store, auto)
    other = parse(auto.text.replace("min_count: 200", "min_count: 100"))
    with pytest.raises(ConfigError):
        demand(store, other)


def test_the_schema_says_what_the_reader_takes():
    check = jsonschema.Draft202012Validator(schema())
    check.check_schema(schema())
    assert not list(check.iter_errors(yaml.safe_load(TEXT)))
    for wrong in (TEXT.replace("mode: auto", "mode: automatic"), TEXT.replace("[accuracy]", "[drift]")):
        assert list(check.iter_errors(yaml.safe_load(wrong)))
        with pytest.raises(ConfigError):
            parse(wrong)
