"""The places a ledger may be in, so that one test body runs on each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.lake.location import Location


@pytest.fixture(params=["sqlite", "postgres", "postgres and s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Location:
    """An empty place: a folder, a new database, or that with a new bucket."""
    if request.param == "sqlite":
        return Location(tmp_path / "ledger")
    url = request.getfixturevalue("postgres").url()
    if request.param == "postgres":
        return Location(tmp_path / "unused", url, str(tmp_path / "data"))
    return Location(tmp_path / "unused", url, bucket(request, monkeypatch))


@pytest.fixture
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """A new PostgreSQL database and a folder for its files."""
    return Location(tmp_path / "unused", request.getfixturevalue("postgres").url(), str(tmp_path / "data"))


def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """s3://... of a new bucket, its credentials in the environment as a user sets them."""
    server = request.getfixturevalue("s3")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", server.endpoint)
    return f"s3://{server.bucket()}/ledger"
