"""From a user's own files to one rollback, by commands alone: reference, replay, judge, explain."""

from __future__ import annotations

import gzip
import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.cli.app import main
from pipeline.policy.file import parse
from tests.act.cluster_scene import TOKEN, Cluster, cluster

START = datetime(2026, 11, 20, tzinfo=UTC)
PAGE = (Path(__file__).parents[2] / "docs" / "judging.md").read_text(encoding="utf-8")
POLICY = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL).group(1)
AUTO = POLICY.replace("mode: observe", "mode: auto")
HISTORY = ("--from", "2026-11-01", "--to", "2026-12-01")
KUBECONFIG = """\
current-context: lab
contexts: [{{name: lab, context: {{cluster: lab, user: me}}}}]
clusters: [{{name: lab, cluster: {{server: "{url}"}}}}]
users: [{{name: me, user: {{token: {token}}}}}]
"""

Run = Callable[..., str]


def line(kind: str, source: str, sequence: int, data: list[dict]) -> str:
    envelope = {"specversion": "1.0", "type": f"driftledger.{kind}.v1", "source": source, "id": str(sequence)}
    return json.dumps({**envelope, "sequence": str(sequence), "data": data})


def events(version: str, first: int, minutes: int, error: float, seed: int) -> str:
    """Predictions and their labels, ten a minute, as lines of CloudEvents."""
    rng = np.random.default_rng(seed)
    other = {"fraud": "honest", "honest": "fraud"}
    lines = []
    for minute in range(first, first + minutes):
        named = {"model": "fraud", "time": (START + timedelta(minutes=minute, seconds=30)).isoformat()}
        served = {**named, "model_version": version, "latency_seconds": 0.05}
        truth = rng.choice(["fraud", "honest"], 10).tolist()
        predictions, labels = [], []
        for n, label in enumerate(truth):
            identity = {"prediction_id": f"{version}-{minute}-{n}"}
            said = {"prediction": other[label] if rng.random() < error else label, "score": rng.random()}
            predictions.append({**served, **identity, **said, "features": {"amount": rng.normal()}})
            labels.append({**named, **identity, "label": label})
        lines.append(line("inference", f"inference/{version}", 1_000 + minute, predictions))
        lines.append(line("label", f"label/{version}", 1_000 + minute, labels))
    return "\n".join(lines) + "\n"


GOOD = events("v0", -300, 200, 0.05, 1)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The command as a user types it: what it printed, where it ended with `code`."""

    def typed(*arguments: str | Path, code: int = 0) -> str:
        with pytest.raises(SystemExit) as end:
            main([str(a) for a in arguments])
        printed = capsys.readouterr()
        assert (end.value.code or 0) == code, printed.out + printed.err
        return printed.out + printed.err

    return typed


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hours of version v1 as it should be, judged; then forty minutes of v2, which errs."""
    folder = tmp_path_factory.mktemp("filled")
    texts = {"good": GOOD, "v1": events("v1", 0, 120, 0.05, 2), "v2": events("v2", 120, 40, 0.4, 3)}
    for name, text in texts.items():
        (folder / f"{name}.jsonl").write_text(text)
    at = ("--store", folder / "ledger")
    for arguments in (
        ("reference", "create", "fraud", folder / "good.jsonl", "--positive-class", "fraud", *at),
        ("replay", "events", folder / "v1.jsonl", *at),
        ("judge", *at),
        ("replay", "events", folder / "v2.jsonl", *at),
    ):
        with pytest.raises(SystemExit) as end:
            main([str(a) for a in arguments])
        assert not end.value.code, arguments
    return folder


@pytest.fixture
def ledger(filled: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(filled / "ledger", tmp_path / "ledger"))


@contextmanager
def lab(folder: Path) -> Iterator[tuple[Cluster, tuple[str, ...]]]:
    """A cluster that runs v2, and the options that reach it."""
    with cluster("v1", "v2") as running:
        token = folder / "token"
        token.write_text(TOKEN)
        yield running, ("--cluster", "lab", "--server", running.server.url, "--token-file", str(token))


def policy(folder: Path, text: str) -> tuple[str, str]:
    (folder / "policy.yaml").write_text(text)
    return "--policy", str(folder / "policy.yaml")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Sets the machine's clock to so long after the ledger's newest minute."""

    def set_to(late: timedelta) -> None:
        moment = (START + timedelta(minutes=160) + late).replace(tzinfo=None)
        monkeypatch.setattr("pipeline.cli.judge.clock", lambda: moment)

    return set_to


def test_a_ledger_that_stands_still_changes_nothing(ledger: Path, tmp_path: Path, run: Run, clock) -> None:
    """Collectors that died a day ago: the last verdict still says act, of a cluster that has moved on."""
    clock(timedelta(days=1))
    with lab(tmp_path) as (running, connection):
        acting = ("judge", "--store", ledger, *policy(tmp_path, AUTO), *connection)
        run("policy", "replay", tmp_path / "policy.yaml", *HISTORY, "--record", "--store", ledger)
        assert "judged at 2026-11-21T02:40:00Z, this machine's clock" in run(*acting)
        assert "leave --at away" in run(*acting, "--at", "2026-11-20T02:40:00Z", code=4)
        assert running.asked("patch") == 0 and running.serving() == "v2"


def test_a_worse_version_is_found_rolled_back_once_and_explained(
    ledger: Path, tmp_path: Path, run: Run, clock
) -> None:
    """What a user types on the page docs/judging.md, with a cluster that runs v2."""
    clock(timedelta(0))
    with lab(tmp_path) as (running, connection):
        acting = ("judge", "--store", ledger, *policy(tmp_path, AUTO), *connection)
        assert "nobody has seen rule fraud-accuracy at work" in run(*acting, code=4)
        run("policy", "replay", tmp_path / "policy.yaml", *HISTORY, "--record", "--store", ledger)
        first = run(*acting, code=6)
        assert running.serving() == "v1"
        running.server.tick()
        assert "verified" in run(*acting, code=6)
        run(*acting, code=6)
        assert running.asked("patch") == 1
    action = re.search(r"executed ([0-9a-f]{12})", first).group(1)
    assert "identical, byte for byte" in run("explain", action, "--store", ledger)


def test_what_was_observed_can_be_done_later_and_both_are_explained(
    ledger: Path, tmp_path: Path, run: Run, clock
) -> None:
    """A user watches what a rule would do before it may; turning it on must not be taken for a repetition."""
    clock(timedelta(0))
    with lab(tmp_path) as (running, connection):
        (tmp_path / "config").write_text(KUBECONFIG.format(url=running.server.url, token=TOKEN))
        by_file = ("--cluster", "lab", "--kubeconfig", tmp_path / "config")
        watched = run("judge", "--store", ledger, *policy(tmp_path, POLICY), *by_file, code=6)
        assert "observed only" in watched and running.asked("patch") == 0
        policy(tmp_path, AUTO)
        run("policy", "replay", tmp_path / "policy.yaml", *HISTORY, "--record", "--store", ledger)
        done = run("judge", "--store", ledger, *policy(tmp_path, AUTO), *connection, code=6)
        assert "executed" in done and running.serving() == "v1"
    ids = re.findall(r"proposed ([0-9a-f]{12})", watched + done)
    assert len(set(ids)) == 2
    for action, mode in zip(ids, ("observe", "auto"), strict=True):
        assert "identical, byte for byte" in run("explain", action, "--store", ledger)
        shown = json.loads(run("explain", action, "--store", ledger, "-o", "json"))
        assert f'"mode": "{mode}"' in json.dumps(shown)


def test_without_a_policy_nothing_is_asked_and_the_finding_sets_the_exit_code(ledger: Path, run: Run) -> None:
    answer = json.loads(run("judge", "--store", ledger, "-o", "json", code=6))
    levels = {(r["model_version"], r["detector"]): r["level"] for r in answer["rows"]}
    assert levels["v2", "accuracy"] == "act" and levels["v1", "accuracy"] != "act"
    assert answer["as_of"] == "2026-11-20T02:40:00Z"
    assert json.loads(run("actions", "--store", ledger, "-o", "json", "--window", "2026-11"))["rows"] == []


def test_a_tick_of_an_earlier_time_reads_up_to_it(ledger: Path, run: Run) -> None:
    """A week of files is judged hour by hour, each hour as it was."""
    answer = json.loads(run("judge", "--store", ledger, "--at", "2026-11-20T02:00:00Z", "-o", "json"))
    assert {r["model_version"] for r in answer["rows"]} == {"v1"}


def test_the_judge_uses_the_settings(ledger: Path, run: Run) -> None:
    """`detection.*` is what a user changes to be alarmed later or with more events."""
    run("--set", "detection.rate_minimum_count=100000", "judge", "--store", ledger)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--at", "soon"), 2, "is not ISO 8601"),
        (("--server", "https://lab", "--token-file", "token"), 2, "say which cluster"),
        (("--cluster", "lab", "--server", "https://lab"), 2, "belong together"),
        (("--cluster", "lab", "--server", "https://lab", "--kubeconfig", "config"), 2, "give either"),
        (("--cluster", "lab"), 2, "without --policy"),
        (("--policy", "nowhere.yaml"), 3, "nowhere.yaml"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(
    filled: Path, run: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    assert words in " ".join(run("judge", "--store", filled / "ledger", *arguments, code=code).split())


def test_a_wrong_policy_is_refused_before_anything_is_judged(ledger: Path, tmp_path: Path, run: Run) -> None:
    """auto without a connection, a cluster that no rule names, and a rule that drift would trigger."""
    judge = ("judge", "--store", ledger)
    assert "to act, give --cluster lab" in run(*judge, *policy(tmp_path, AUTO), code=4)
    elsewhere = ("--cluster", "lap", "--kubeconfig", "config")
    assert "rules are about lab" in run(*judge, *policy(tmp_path, AUTO), *elsewhere, code=4)
    drifting = POLICY.replace("[accuracy]", "[drift]")
    assert "only proven harm acts" in run(*judge, *policy(tmp_path, drifting), code=4)
    levels = json.loads(run("models", "--store", ledger, "--window", "2026-11-20", "-o", "json"))["rows"]
    assert {r["accuracy_level"] for r in levels if r["model_version"] == "v2"} == {None}


def test_a_ledger_that_is_not_there_or_empty_is_a_sentence(tmp_path: Path, run: Run) -> None:
    """And judging makes no ledger by mistake."""
    assert "no ledger in" in run("judge", "--store", tmp_path / "none", code=3)
    assert not (tmp_path / "none").exists()
    (tmp_path / "good.jsonl").write_text(GOOD)
    run("reference", "create", "fraud", tmp_path / "good.jsonl", "--store", tmp_path / "new")
    assert "holds no facts yet" in run("judge", "--store", tmp_path / "new", code=3)


def test_a_reference_is_made_once_listed_and_shown(filled: Path, ledger: Path, run: Run) -> None:
    create = ("reference", "create", "fraud", filled / "good.jsonl", "--store", ledger)
    again = run(*create, "--positive-class", "fraud")
    assert "already, with the same content" in again and "2,000 predictions of fraud" in again
    other = run(*create, "--latency-objective-seconds", "0.2")
    newest = re.search(r"reference  (\S+)", other).group(1)
    assert f"in use     {newest}" in run(*create, "--positive-class", "fraud")
    rows = json.loads(run("reference", "list", "--store", ledger, "-o", "json"))["rows"]
    assert [(r["labelled"], r["in_use"]) for r in rows] == [(2_000, False), (2_000, True)]
    shown = json.loads(run("reference", "show", newest, "--store", ledger, "-o", "json"))
    assert shown["reference"] == newest and [f["feature"] for f in shown["features"]] == ["amount"]
    assert "objective 0.2 s" in run("reference", "show", newest, "--store", ledger)
    assert "references start with" in run("reference", "show", "fraud@", "--store", ledger, code=3)
    assert "no reference 'x'" in run("reference", "show", "x", "--store", ledger, code=3)


def test_a_reference_of_the_same_events_is_the_same_however_they_come(tmp_path: Path, run: Run) -> None:
    """Packed, sent twice, or mixed with what another model said."""
    foreign = line("inference", "other", 1, [{**_prediction(), "model": "other"}])
    (tmp_path / "plain.jsonl").write_text(GOOD)
    (tmp_path / "packed.jsonl.gz").write_bytes(gzip.compress((GOOD + foreign + "\n").encode()))
    create = ("reference", "create", "fraud", "--store", tmp_path / "ledger")
    assert "registered now" in run(*create, tmp_path / "plain.jsonl")
    mixed = run(*create, tmp_path / "plain.jsonl", tmp_path / "packed.jsonl.gz")
    assert "registered already" in mixed and "left out   predictions of other 1" in mixed


def test_events_with_different_features_make_one_reference(tmp_path: Path, run: Run) -> None:
    """A feature that some lines lack is missing there; one that is text anywhere is a category."""
    rows = [{"amount": 1.0}, {"country": "FR"}, {"amount": 2.0, "country": 7}, {}]
    lines = [line("inference", "a", n, [_prediction(features=f)]) for n, f in enumerate(rows)]
    (tmp_path / "events.jsonl").write_text("\n".join(lines))
    run("reference", "create", "fraud", tmp_path / "events.jsonl", "--store", tmp_path / "ledger")
    shown = json.loads(run("reference", "show", "fraud@", "--store", tmp_path / "ledger", "-o", "json"))
    found = {f["feature"]: (f["categories"], f["missing"]) for f in shown["features"]}
    assert found == {"amount": (None, 2), "country": (["7", "FR"], 2)}


def test_mistakes_in_a_reference_are_sentences(tmp_path: Path, run: Run) -> None:
    (tmp_path / "good.jsonl").write_text(GOOD + "{nothing\n")
    create = ("reference", "create", "fraud", tmp_path / "good.jsonl", "--store", tmp_path / "ledger")
    unknown = ("reference", "create", "frodd", tmp_path / "good.jsonl", "--store", tmp_path / "ledger")
    assert "they hold predictions of fraud" in run(*unknown, code=3)
    assert "the labels say fraud, honest" in run(*create, "--positive-class", "frodd", code=4)
    assert not (tmp_path / "ledger").exists()
    told = run(*create, code=7)
    assert "refused    malformed 1" in told and "write both alike" not in told
    renamed = GOOD.replace('"label": "fraud"', '"label": "1.0"').replace(
        '"label": "honest"', '"label": "0.0"'
    )
    (tmp_path / "good.jsonl").write_text(renamed)
    assert "no label (0.0, 1.0) is a class that was predicted (fraud, honest)" in run(*create)


def _prediction(**changes: object) -> dict:
    return {"model": "fraud", "model_version": "v0", "time": START.isoformat(), **changes}


def test_the_policy_on_the_page_is_one() -> None:
    rules = parse(POLICY).rules
    assert [(r.name, r.mode) for r in rules] == [("fraud-accuracy", "observe")]


@pytest.mark.parametrize("command", re.findall(r"^driftledger (.+)$", PAGE, re.MULTILINE))
def test_a_command_of_the_page_has_these_options(command: str, run: Run) -> None:
    """A reader copies the line."""
    words = command.split()
    names = words[:2] if words[0] in ("reference", "policy") else words[:1]
    text = run(*names, "--help")
    assert [w for w in words if w.startswith("--") and not re.search(rf"{w}\b", text)] == []
