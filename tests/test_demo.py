"""`driftledger demo`, the README's first command: from nothing to a verified rollback, without a network."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from socket import create_server

import pytest

from pipeline.cli.app import main
from pipeline.demo.run import Result
from pipeline.explain.explanation import Explanation

# A new network namespace has no route anywhere, and its loopback is down: SIOCSIFFLAGS with IFF_UP.
_OFFLINE = """
import fcntl, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 1))
from pipeline.cli.app import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, Path]:
    """Exit code and words of a demo of one day with networking cut off, and its ledger."""
    if not shutil.which("unshare"):
        pytest.skip("unshare(1) is not installed: cannot cut off the network")
    folder = tmp_path_factory.mktemp("demo") / "ledger"
    words = ["demo", "--headless", "--days", "1", "--store", str(folder)]
    command = ["unshare", "--net", "--map-root-user", sys.executable, "-c", _OFFLINE, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare failed" in done.stderr or "Operation not permitted" in done.stderr:
        assert os.environ.get("CI") != "true", "CI must be able to cut off the network"
        pytest.skip("this machine does not allow a network namespace")
    return done.returncode, done.stdout, folder


def test_it_ends_with_0_and_tells_what_happened_and_why(offline: tuple[int, str, Path]) -> None:
    code, told, _ = offline
    assert code == 0, told
    in_order = (
        "3 teams, 5 GPUs (whole, MIG, time-sliced, DRA-shared), 2 scikit-learn models",
        "Spend by team",
        "rolls out tumour-screen version 2",
        "accuracy of tumour-screen 2: act",
        "executed",
        "verified",
        "identical",
    )
    found = re.search(".*?".join(map(re.escape, in_order)), told, re.DOTALL)
    assert found, told


@pytest.mark.parametrize(
    ("words", "code", "held"),
    [
        ("cost --window 7d", 0, ("research", "clinic", "post")),
        # The bundled list prices know nobody's price of an internet byte: that is said with 7.
        ("network --window 7d", 7, ("cross_zone", "same_zone", "internet")),
        ("actions list", 0, ("tumour-screen", "verified")),
    ],
)
def test_other_commands_find_in_its_ledger_what_it_speaks_of(
    offline: tuple[int, str, Path],
    words: str,
    code: int,
    held: tuple[str, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, _, folder = offline
    with pytest.raises(SystemExit) as ended:
        main([*words.split(), "-o", "csv", "--store", str(folder)])
    shown = capsys.readouterr().out
    assert (ended.value.code or 0) == code and all(text in shown for text in held), shown


def _result(identical: bool, verified: bool) -> Result:
    return Result("a1", verified, None, Explanation("a1", identical, "{}", "{}", (), (), None))


@pytest.mark.parametrize(
    "result",
    [
        pytest.param(Result("", False, None, None), id="no rollback"),
        pytest.param(_result(identical=True, verified=False), id="not verified"),
        pytest.param(_result(identical=False, verified=True), id="another decision"),
    ],
)
def test_a_demo_without_a_rollback_that_holds_ends_with_6(
    result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who runs it in CI must not take a broken build for a good one."""
    assert _ended_with(result, monkeypatch) == 6


def test_a_demo_whose_rollback_holds_ends_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _ended_with(_result(identical=True, verified=True), monkeypatch) == 0


def _ended_with(result: Result, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr("pipeline.demo.run.run", lambda *_, **__: result)
    monkeypatch.setattr("pipeline.demo.story.Story.end", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--headless"])
    return int(ended.value.code or 0)


def test_a_port_that_is_taken_is_told_before_the_story(capsys: pytest.CaptureFixture[str]) -> None:
    """After it, the ledger of a minute's work was gone with the error."""
    with create_server(("127.0.0.1", 0)) as taken, pytest.raises(SystemExit) as ended:
        main(["demo", "--port", str(taken.getsockname()[1])])
    told = capsys.readouterr()
    assert ended.value.code == 5 and "choose another --port" in told.err and not told.out


def test_a_file_is_no_folder_for_the_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--headless", "--store", str(tmp_path / "file")])
    assert ended.value.code == 4 and "name a folder" in capsys.readouterr().err
