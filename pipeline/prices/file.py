"""A price file on disk: YAML with the CSV files that it includes, or a CSV alone."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from pipeline import yaml_file
from pipeline.errors import ConfigError
from pipeline.prices import reading, reading_csv
from pipeline.prices.content import Content

MAX_CSV_BYTES = 16_777_216


def read(path: str | Path) -> Content:
    """NotFound where a file is missing, ConfigError where it is none for prices; wrong rows are problems."""
    file = Path(path)
    if _is_csv(file):
        text = _csv_text(file)
        return _named(reading_csv.parse(text, file.name), [text])
    return read_text(yaml_file.read_text(file), file.parent)


def read_text(text: str, folder: Path) -> Content:
    """A YAML price file that stands in `folder`."""
    content = reading.parse(yaml_file.document(text, as_text=True))
    texts = [text]
    for name in content.include:
        if not _is_csv(Path(name)):
            raise ConfigError("include", name, "name a .csv file")
        texts.append(_csv_text(folder / name))
        more = reading_csv.parse(texts[-1], name)
        content = replace(
            content,
            prices=content.prices + more.prices,
            skipped=content.skipped + more.skipped,
            problems=content.problems + more.problems,
        )
    return _named(content, texts)


def _named(content: Content, texts: list[str]) -> Content:
    """An edited book has another version."""
    digest = sha256("\0".join(texts).encode()).hexdigest()[:8]
    return replace(content, version=f"{content.version}@{digest}")


def _is_csv(file: Path) -> bool:
    return file.suffix.lower() == ".csv"


def _csv_text(file: Path) -> str:
    text = yaml_file.read_text(file)
    if len(text) > MAX_CSV_BYTES:
        raise ConfigError(str(file), f"{len(text)} characters", f"keep the file under {MAX_CSV_BYTES} bytes")
    return text
