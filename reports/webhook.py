"""A closed month as a message to a program: what is due, what its files are, and those it asks for."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipeline.outgoing import Receiver, Undelivered, post
from reports.parcel import Parcel

MEGABYTE = 1_000_000
MOST_MEGABYTES = 10
"""Of attached files, before base64 makes a third more of them: what many receivers take of one message."""
MEDIA_TYPES = {
    "pdf": "application/pdf", "html": "text/html", "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "parquet": "application/vnd.apache.parquet",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Webhook:
    """JSON by POST.  `attach` are patterns of the names of files that go with it, whole or not at all.

    `page` is the address of the page of months, '' where who reads it cannot open it; the file `token_file`
    holds what the receiver knows the sender by.
    """

    name: str
    to: Receiver
    team: str = ""
    page: str = ""
    attach: tuple[str, ...] = ()
    most_megabytes: int = MOST_MEGABYTES
    token_file: Path | None = None
    again: bool = True

    def files(self, parcel: Parcel) -> Mapping[str, bytes]:
        return parcel.chosen(self.team)

    def hand(self, parcel: Parcel, key: str) -> str:
        """OSError too where what is to be attached is not there or too large: nothing is left out."""
        chosen, said = self.files(parcel), parcel.summary(self.team)
        attached = self._attached(chosen)
        message = {
            "month": parcel.month, "key": key, "team": self.team,
            "hash": said.hash if said else "",
            **(said.plain if said else {"in_all": {}, "charged": {}}),
            "page": f"{self.page}?month={parcel.month}" if self.page else "",
            "files": [_file(name, content, name in attached) for name, content in chosen.items()],
        }  # fmt: skip
        body = json.dumps(message, sort_keys=True).encode()
        try:
            post(self.to, self.to.path, body, {"Idempotency-Key": key, **self._authorization()})
        except Undelivered as error:
            raise OSError(str(error)) from error
        with_it = f", {len(attached)} of them attached" if attached else ""
        return f"the digests of {len(chosen)} files{with_it}"

    def _attached(self, chosen: Mapping[str, bytes]) -> set[str]:
        named: set[str] = set()
        for pattern in self.attach if chosen else ():
            found = {name for name in chosen if fnmatchcase(name, pattern)}
            if not found:
                raise OSError(f"attach: {pattern} is the name of none of its {len(chosen)} files")
            named |= found
        size = sum(len(chosen[name]) for name in named)
        if size > self.most_megabytes * MEGABYTE:
            raise OSError(
                f"the {len(named)} files to attach have {size / MEGABYTE:.1f} MB, more than attach_megabytes "
                f"({self.most_megabytes}): attach fewer, or raise it"
            )
        return named

    def _authorization(self) -> dict[str, str]:
        if self.token_file is None:
            return {}
        try:
            token = self.token_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise OSError(f"the token file {self.token_file} cannot be read: {error}") from error
        if not token or not token.isascii() or not token.isprintable():
            raise OSError(f"the token file {self.token_file} must hold one line of ASCII letters")
        return {"Authorization": f"Bearer {token}"}


def _file(name: str, content: bytes, attached: bool) -> dict[str, Any]:
    own = {
        "name": name, "bytes": len(content), "sha256": sha256(content).hexdigest(),
        "media_type": MEDIA_TYPES[name.rpartition(".")[2]],
    }  # fmt: skip
    return own | ({"content_base64": b64encode(content).decode()} if attached else {})
