"""Settings: where they come from, which wins, and what a wrong one says."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cli.app import main
from pipeline.errors import ConfigError, DriftledgerError, NotFound
from pipeline.settings.groups import Settings
from pipeline.settings.load import as_environment, load
from pipeline.settings.values import field_docs


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    """Somebody who sets a value for one run expects it to hold, whatever the file says."""
    file = tmp_path / "driftledger.yaml"
    file.write_text("dashboard: {port: 1111, points: 50, stale_minutes: 5}")
    environ = {"DRIFTLEDGER__DASHBOARD__PORT": "2222", "DRIFTLEDGER__DASHBOARD__POINTS": "60", "HOME": "/"}
    got = load(file=file, environ=environ, flags=["dashboard.port=3333"]).dashboard
    assert (got.port, got.points, got.stale_minutes, got.host) == (3333, 60, 5, "127.0.0.1")


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("dashboard.prot=1", "did you mean dashboard.port"),
        ("colour=blue", "config schema"),
        ("dashboard.port=many", "whole number from 0 to 65535"),
        ("dashboard.port=-1", "whole number from 0 to 65535"),
        ("dashboard.port", "group.field=value"),
        ("dashboard.host=", "text that is not empty"),
        ("detection.accuracy_confidence=nan", "number from 0.5"),
        ("detection.warn_minutes=inf", "number from 1"),
        ("detection.act_minutes=10", "to act needs more evidence"),
        ("kafka.security_protocol=ssl", "write one of PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL"),
        ("kafka.create_topics=maybe", "write true or false"),
        ("kafka.sasl_password=hunter2", "set DRIFTLEDGER__KAFKA__SASL_PASSWORD"),
        ("kafka.sasl_pasword=hunter2", "did you mean kafka.sasl_password"),
    ],
)
def test_a_wrong_setting_names_key_and_remedy(flag: str, words: str) -> None:
    """Without the key and what to write, the user can only guess."""
    with pytest.raises(ConfigError, match=words) as caught:
        load(flags=[flag])
    assert caught.value.exit_code == 4
    assert "hunter2" not in str(caught.value), "a password stands in the message"


@pytest.mark.parametrize(
    "text", ["- a", "dashboard: 7", "dashboard: {port: true}", "stroe:", "a: &x 1\nb: *x"]
)  # fmt: skip
def test_a_wrong_file_is_an_error_for_a_person(tmp_path: Path, text: str) -> None:
    """A file of another shape must never pass as if it had set something."""
    file = tmp_path / "driftledger.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError):
        load(file=file)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    """`--config typo.yaml` must not run on defaults."""
    with pytest.raises(NotFound):
        load(file=tmp_path / "typo.yaml")


@given(text=st.text(max_size=200))
def test_no_flag_raises_anything_but_an_error_for_a_person(text: str) -> None:
    """Any text a user may type ends in a value or a sentence, never in a stack trace."""
    for name in ("dashboard.port", "detection.drift_rho", "store.folder", text):
        try:
            load(flags=[f"{name}={text}"])
        except DriftledgerError:
            continue


def test_every_setting_has_a_meaning() -> None:
    """`config schema` is how users learn what a setting does."""
    for group in fields(Settings):
        kind = type(getattr(Settings(), group.name))
        assert field_docs(kind).keys() == {f.name for f in fields(kind)}


def test_the_defaults_are_within_their_bounds() -> None:
    """A user who writes down the defaults gets the defaults."""
    assert load(environ=as_environment(Settings())) == Settings()


def test_a_password_is_taken_and_never_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`config show` is what people paste into a ticket."""
    file = tmp_path / "driftledger.yaml"
    file.write_text("kafka: {sasl_password: 12345}")
    with pytest.raises(ConfigError, match="in quotes") as caught:
        load(file=file)
    assert "12345" not in str(caught.value)
    monkeypatch.setenv("DRIFTLEDGER__KAFKA__SASL_PASSWORD", "hunter2")
    assert str(load(environ=os.environ).kafka.sasl_password) == "hunter2"
    assert "hunter2" not in repr(load(environ=os.environ))
    with pytest.raises(SystemExit):
        main(["config", "show"])
    shown = capsys.readouterr().out
    assert "sasl_password: '***'" in shown and "hunter2" not in shown
    assert "security_protocol: PLAINTEXT" in shown and "create_topics: true" in shown
