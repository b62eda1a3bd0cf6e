"""Where a ledger is: its catalog in a folder or PostgreSQL, its Parquet files in a folder or bucket."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pipeline.errors import ConfigError
from pipeline.settings.store import StoreSettings

CATALOG = "catalog.sqlite"
DATA = "data"

CATALOG_REMEDY = "leave it empty, or write postgresql://USER@HOST:PORT/DATABASE, its password in PGPASSWORD"
DATA_REMEDY = "leave it empty, or name a folder or s3://BUCKET/PREFIX"

_DEFAULTS = {
    "application_name": "driftledger",
    "connect_timeout": "5",
    # A server that vanished without a word is noticed within a minute, not after two hours.
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}

_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):[^/\s]*(?=@)|(?<=password=)[^&\s]*")


@dataclass(frozen=True, slots=True)
class Location:
    """One ledger.  Its text never shows a password."""

    folder: Path
    catalog: str = ""
    """'' is a SQLite file in the folder; else a URL postgresql://..."""
    data: str = ""
    """'' is a folder beside that file; else another folder, or s3://bucket/prefix."""
    min_free_bytes: int = 0
    """Nothing is written where less of a local disk is free."""

    def __post_init__(self) -> None:
        if self.catalog and not (self.is_shared and _parts(self.catalog).path.strip("/")):
            raise ConfigError("store.catalog", hidden(self.catalog), CATALOG_REMEDY)
        if "://" in self.data and not re.fullmatch(r"s3://[a-z0-9][a-z0-9.-]+(/[^?#]*)?", self.data):
            raise ConfigError("store.data", self.data, DATA_REMEDY)

    @classmethod
    def of(cls, place: Place) -> Location:
        """A folder alone is a ledger with everything in that folder."""
        match place:
            case Location():
                return place
            case StoreSettings():
                return cls(place.folder, place.catalog, place.data, place.min_free_bytes)
            case _:
                return cls(Path(place))

    @property
    def is_shared(self) -> bool:
        """Whether the catalog is a server that several hosts may write to."""
        return self.catalog.startswith(("postgresql://", "postgres://"))

    @property
    def is_remote(self) -> bool:
        """Whether the Parquet files are objects in a bucket."""
        return self.data.startswith("s3://")

    @property
    def sqlite(self) -> Path:
        return self.folder / CATALOG

    @property
    def data_path(self) -> str:
        """Of the Parquet files, absolute, with a slash at its end."""
        if self.is_remote:
            return self.data.rstrip("/") + "/"
        return f"{Path(self.data).resolve() if self.data else self.folder.resolve() / DATA}/"

    @property
    def local(self) -> tuple[Path, ...]:
        """Folders of this machine that are written to."""
        folders = [] if self.is_shared else [self.folder]
        return (*folders, *([] if self.is_remote else [Path(self.data_path)]))

    def connection(self) -> dict[str, str]:
        """Keywords of the PostgreSQL connection as libpq names them, without the password."""
        url = _parts(self.catalog)
        given = {
            "host": unquote(url.hostname or ""),
            "port": str(url.port or ""),
            "user": unquote(url.username or ""),
            "dbname": unquote(url.path.strip("/")),
        }
        asked = {k: v for k, v in parse_qsl(url.query) if k != "password"}
        return _DEFAULTS | {k: v for k, v in given.items() if v} | asked

    def password(self) -> str:
        """From the URL; '' where it is left to PGPASSWORD or a password file."""
        url = _parts(self.catalog)
        return unquote(url.password or "") or dict(parse_qsl(url.query)).get("password", "")

    def __str__(self) -> str:
        places = [hidden(self.catalog), self.data] if self.is_shared else [str(self.folder), self.data]
        return " with data in ".join(p for p in places if p)

    def __repr__(self) -> str:
        return f"Location({self})"


Place = Location | StoreSettings | str | Path
"""What `Location.of` makes a location of."""


def hidden(text: str) -> str:
    """The text with every password of a URL in it replaced by stars."""
    return _PASSWORD.sub(lambda found: f"{found[1]}:***" if found[1] is not None else "***", text)


def _parts(url: str) -> SplitResult:
    parts = urlsplit(url)
    try:
        _ = parts.port
    except ValueError as error:
        raise ConfigError("store.catalog", hidden(url), CATALOG_REMEDY) from error
    return parts
