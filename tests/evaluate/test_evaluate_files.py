"""Files as other tools write them: the same rows give the same numbers, or a sentence says what is wrong."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from pipeline.errors import ConfigError
from pipeline.evaluate import files
from tests.evaluate.evaluating import Numbers, numbers, run

ROLES = "timestamp: at\nprediction: said\nscore: score\nlabel: truth\n"
ROWS = 400


def rows(seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    score = rng.random(ROWS).round(4)
    return {
        "at": (1_790_000_000 + 60 * np.arange(ROWS)).tolist(),
        "amount": rng.lognormal(3, 1, ROWS).round(3),
        "said": (score > 0.5).astype(int),
        "score": score,
        "truth": (rng.random(ROWS) < score).astype(int),
    }


def evaluated(folder: Path, write: Callable[[pa.Table, Path], Path], **changed: Any) -> Numbers:
    """Both files written in one way; columns that `changed` names are of its functions."""
    (folder / "columns.yaml").write_text(ROLES, encoding="utf-8")
    tables = [rows(seed) for seed in (1, 2)]
    parts = [pa.table(table | {n: make(table) for n, make in changed.items()}) for table in tables]
    reference, data = (write(part, folder / name) for part, name in zip(parts, ("r", "d"), strict=True))
    asked = ("--reference", reference, "--data", data, "--columns", folder / "columns.yaml")
    return numbers(run(*asked, "--chunk", str(ROWS), "-o", "json"))


def parquet(table: pa.Table, path: Path) -> Path:
    pq.write_table(table, path)
    return path


def text(table: pa.Table, delimiter: str, point: str) -> bytes:
    lines = [delimiter.join(table.column_names)]
    lines += [delimiter.join(str(v).replace(".", point) for v in row.values()) for row in table.to_pylist()]
    return "\n".join(lines).encode("utf-8-sig")


def german(table: pa.Table, path: Path) -> Path:
    path.write_bytes(text(table, ";", ","))
    return path


def coded(table: pa.Table, path: Path, delimiter: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text(table, delimiter, ".").decode("utf-8-sig").encode(encoding))
    return path


def packed(table: pa.Table, path: Path) -> Path:
    path.write_bytes(gzip.compress(text(table, ",", ".")))
    return path


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Numbers:
    return evaluated(tmp_path_factory.mktemp("plain"), parquet)


FORMS: dict[str, tuple[Callable[[pa.Table, Path], Path], dict[str, Any]]] = {
    "semicolons, decimal commas, BOM": (german, {}),
    "gzip under another name": (packed, {}),
    "bars": (lambda t, p: coded(t, p, "|"), {}),
    "blanks after commas": (lambda t, p: coded(t, p, ", "), {}),
    "UTF-16": (lambda t, p: coded(t, p, ",", "utf-16"), {}),
    "a data frame's index": (parquet, {"__index_level_0__": lambda t: list(range(ROWS))}),
    "a data frame's index, saved again": (parquet, {"Unnamed: 0": lambda t: list(range(ROWS))}),
    "truth as 1.0 in texts": (parquet, {"truth": lambda t: [f"{v}.0" for v in t["truth"]]}),
    "capital answers": (
        parquet,
        {
            n: lambda t, n=n: pa.array(t[n]).cast(pa.bool_()).cast(pa.string()).to_pylist()
            for n in ("said", "truth")
        },
    ),
    "Y and N": (parquet, {n: lambda t, n=n: ["NY"[v] for v in t[n]] for n in ("said", "truth")}),
    "YES and NO": (parquet, {n: lambda t, n=n: [("NO", "YES")[v] for v in t[n]] for n in ("said", "truth")}),
    "a newer layout of texts": (
        parquet,
        {"truth": lambda t: pa.array(map(str, t["truth"]), pa.string_view())},
    ),
    "times of few values": (parquet, {"at": lambda t: pa.array(map(str, t["at"])).dictionary_encode()}),
    "times of digits": (
        parquet,
        {"at": lambda t: [int(f"{datetime.fromtimestamp(s, UTC):%Y%m%d%H%M%S}") for s in t["at"]]},
    ),
    "texts of seconds": (parquet, {"at": lambda t: [str(s) for s in t["at"]]}),
    "times with slashes": (
        parquet,
        {"at": lambda t: [f"{datetime.fromtimestamp(s, UTC):%Y/%m/%d %H:%M:%S} UTC" for s in t["at"]]},
    ),
    "truth as booleans": (parquet, {"truth": lambda t: t["truth"] == 1}),
    "answers as booleans": (parquet, {"said": lambda t: t["said"] == 1}),
    "seconds as floats": (parquet, {"at": lambda t: [float(s) for s in t["at"]]}),
    "a column of vectors": (parquet, {"embedding": lambda t: [[1.0, 2.0]] * ROWS}),
    "a column of bytes": (parquet, {"image": lambda t: [b"x"] * ROWS}),
}


@pytest.mark.parametrize("form", FORMS)
def test_the_form_of_a_file_changes_no_number(tmp_path: Path, expected: Numbers, form: str) -> None:
    """Who exports from a spreadsheet, from pandas or from a feature store must read the same."""
    write, changed = FORMS[form]
    found = evaluated(tmp_path, write, **changed)
    assert {key: row["value"] for key, row in found.items()} == pytest.approx(
        {key: row["value"] for key, row in expected.items()}, nan_ok=True
    )


def test_a_reference_of_booleans_and_data_of_numbers_are_one_class(tmp_path: Path, expected: Numbers) -> None:
    """The training set says True, the service logs 1."""
    (tmp_path / "columns.yaml").write_text(ROLES, encoding="utf-8")
    old = rows(1)
    parquet(pa.table(old | {name: old[name] == 1 for name in ("said", "truth")}), tmp_path / "r")
    parquet(pa.table(rows(2)), tmp_path / "d")
    asked = ("--reference", tmp_path / "r", "--data", tmp_path / "d", "--columns", tmp_path / "columns.yaml")
    found = numbers(run(*asked, "--chunk", str(ROWS), "-o", "json"))
    for name in ("|accuracy|realized", "|accuracy|estimated", "said|unseen_rate|rows", "|tp|realized"):
        assert found[(0, name)]["value"] == pytest.approx(expected[(0, name)]["value"]), name


def test_a_late_text_of_a_packed_file_is_no_end_of_the_run(tmp_path: Path) -> None:
    """Packed, a file is shorter than its first block: its types must rest on all of its rows all the same."""
    lines = [f"{n},x" for n in range(600_000)]
    (tmp_path / "big.csv.gz").write_bytes(gzip.compress("\n".join(["a,b", *lines, "late,y"]).encode(), 1))
    table = files.read(tmp_path / "big.csv.gz", "--data")
    assert table.num_rows == 600_001 and pa.types.is_string(table.schema.field("a").type)


def test_a_text_among_decimal_commas_leaves_the_numbers_readable(tmp_path: Path) -> None:
    lines = ["x;y", "1,5;a,b", "1.234,5;c,d", "12 EUR;1,2", "-3;e"]
    (tmp_path / "d.csv").write_text("\n".join(lines), encoding="utf-8")
    table = files.read(tmp_path / "d.csv", "--data")
    assert table.column("x").to_pylist() == ["1.5", "1234.5", "12 EUR", "-3"]
    assert table.column("y").to_pylist() == ["a,b", "c,d", "1,2", "e"], "texts with a comma stay as they are"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"score": lambda t: ["high"] * ROWS}, ("score", "no number in it")),
        ({"at": lambda t: ["31/12/2026 10:00"] * ROWS}, ("'at'", "31/12/2026", "ISO 8601")),
    ],
)
def test_what_cannot_be_read_is_named_with_its_column(tmp_path: Path, changed: Any, words: Any) -> None:
    table = parquet(
        pa.table(rows(1) | {name: make(rows(1)) for name, make in changed.items()}), tmp_path / "d"
    )
    (tmp_path / "columns.yaml").write_text(ROLES, encoding="utf-8")
    done = run("--reference", table, "--data", table, "--columns", tmp_path / "columns.yaml")
    assert getattr(done.exception, "exit_code", None) == 4
    assert all(word in str(done.exception) for word in words), str(done.exception)


BROKEN = (b"\x1f\x8b broken", gzip.compress(b"a,b\n" * 1_000, mtime=0)[:40], b"\xff\xfe\x00", b"PAR1 broken")


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_file_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "d.csv").write_bytes(content)
    with pytest.raises(ConfigError, match="--data"):
        files.read(tmp_path / "d.csv", "--data")


@pytest.mark.parametrize("missing", ["nan", "<NA>", None])
def test_a_missing_label_is_no_class(tmp_path: Path, missing: Any) -> None:
    """A data frame that was made text says nan: every third label would be a wrong answer."""
    (tmp_path / "columns.yaml").write_text(ROLES, encoding="utf-8")
    before, after = rows(1), rows(2)
    labels = [missing if i % 3 == 0 else str(v) for i, v in enumerate(after["truth"])]
    pq.write_table(pa.table(before), tmp_path / "r")
    pq.write_table(pa.table(after | {"truth": labels}), tmp_path / "d")
    asked = ("--reference", tmp_path / "r", "--data", tmp_path / "d", "--columns", tmp_path / "columns.yaml")
    found = numbers(run(*asked, "--chunk", str(ROWS), "-o", "json"))
    kept = np.arange(ROWS) % 3 > 0
    right = (after["said"] == after["truth"])[kept].mean()
    assert found[(0, "|accuracy|realized")]["value"] == pytest.approx(right)
    assert found[(0, "|label_coverage|rows")]["value"] == pytest.approx(kept.mean())


def test_a_third_label_of_two_classes_is_told(tmp_path: Path) -> None:
    (tmp_path / "columns.yaml").write_text(ROLES, encoding="utf-8")
    before, after = rows(1), rows(2)
    pq.write_table(pa.table(before), tmp_path / "r")
    pq.write_table(pa.table(after | {"truth": [-1, *after["truth"][1:]]}), tmp_path / "d")
    asked = ("--reference", tmp_path / "r", "--data", tmp_path / "d", "--columns", tmp_path / "columns.yaml")
    notes = json.loads(run(*asked, "-o", "json").stdout)["notes"]
    assert "truth has -1, 0, 1: all but 1 are one class; leave a missing label empty" in notes


def test_a_text_in_western_european_is_no_column_of_bytes(tmp_path: Path) -> None:
    """A spreadsheet saves umlauts so: the column was left out, and of a heading the file was none."""
    for heading in ("plan", "größe"):
        (tmp_path / "x.csv").write_bytes(f"{heading},n\néquipe,1\npro,2\n".encode("latin-1"))
        assert files.read(tmp_path / "x.csv", "--data").to_pydict() == {
            heading: ["équipe", "pro"],
            "n": [1, 2],
        }


def test_numbers_that_a_float_cannot_hold_end_no_run(tmp_path: Path) -> None:
    """An id of 64 bits, and the largest float for a missing number: they were a stack trace."""
    changed = {
        "user": lambda t: [2**62 + i for i in range(ROWS)],
        "gap": lambda t: [1.7e308, *range(1, ROWS)],
        "rounded": lambda t: [0.1 + 0.2, *[0.3] * (ROWS - 1)],
    }
    found = evaluated(tmp_path, parquet, **changed)
    assert found[(0, "user|kolmogorov_smirnov|rows")]["value"] == 0
    assert found[(0, "gap|unreadable_rate|rows")]["value"] == found[(0, "gap|missing_rate|rows")]["value"] > 0


IDS: dict[str, Callable[[int], Any]] = {
    "a database's whole number": lambda i: Decimal(2**60 + i),
    "128 bits": lambda i: (2**127 + i).to_bytes(16, "big"),
    "texts without their mark": lambda i: f"id-{i}".encode(),
}


@pytest.mark.parametrize("form", IDS)
def test_labels_are_joined_whatever_an_id_is_made_of(tmp_path: Path, form: str) -> None:
    """As a float two ids of 18 digits are one; of labels that fit nothing a note says both sides' ids."""
    (tmp_path / "columns.yaml").write_text(ROLES + "prediction_id: id\n", encoding="utf-8")
    before, after = rows(1), rows(2)
    ids = [IDS[form](i) for i in range(ROWS)]
    labels = {"id": ids[::2], "truth": after.pop("truth")[::2]}
    pq.write_table(pa.table(before | {"id": ids}), tmp_path / "r")
    pq.write_table(pa.table(after | {"id": ids}), tmp_path / "d")
    pq.write_table(pa.table(labels), tmp_path / "l")
    asked = ("--reference", tmp_path / "r", "--data", tmp_path / "d", "--columns", tmp_path / "columns.yaml")
    found = numbers(run(*asked, "--labels", tmp_path / "l", "--chunk", str(ROWS), "-o", "json"))
    right = (after["said"][::2] == labels["truth"]).mean()
    assert found[(0, "|label_coverage|rows")]["value"] == 0.5
    assert found[(0, "|accuracy|realized")]["value"] == pytest.approx(right)
    pq.write_table(pa.table(labels | {"id": ["x"] * (ROWS // 2)}), tmp_path / "l")
    done = run(*asked, "--labels", tmp_path / "l")
    assert done.exit_code == 0 and "no label fits; ids of the data are as" in done.stdout


def test_what_only_one_program_writes_into_a_csv_is_no_value(tmp_path: Path) -> None:
    """Excel's first line was the heading, MySQL's null a text that made a column of numbers one of texts."""
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbfsep=;\r\na;b\r\n1;\\N\r\n<NA>;2,5\r\n")
    assert files.read(tmp_path / "x.csv", "--data").to_pydict() == {"a": [1, None], "b": [None, 2.5]}


def test_a_slip_in_a_name_is_told(tmp_path: Path) -> None:
    """The true labels were a feature, without a word on accuracy; a canary that is not there was well."""
    for seed, name in ((1, "r"), (2, "d")):
        pq.write_table(pa.table(rows(seed) | {"v": ["1"] * ROWS}), tmp_path / name)
    asked = ("--reference", tmp_path / "r", "--data", tmp_path / "d", "--columns", tmp_path / "columns.yaml")
    (tmp_path / "columns.yaml").write_text(ROLES.replace("truth", "Truth"), encoding="utf-8")
    assert "r has no such column; it has at, amount, said, score, truth" in str(run(*asked).exception)
    versions = "version: v\nstable: '1'\ncanary: '2'\n"
    (tmp_path / "columns.yaml").write_text(ROLES + versions, encoding="utf-8")
    assert "v has no row of 2; it has 1" in run(*asked).stdout
