"""One PostgreSQL server from the operating system's binaries, never run as root."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
from pathlib import Path
from urllib.parse import quote

from pipeline.rig import cache
from pipeline.rig.processes import HOST, Process, kept_port

_PACKAGE = "postgresql"
_DEBIAN = Path("/usr/lib/postgresql")
USER = "driftledger"


def programs() -> Path:
    """Folder of the newest initdb, postgres and psql; raises PreflightFailed where there are none."""
    folders = sorted(_DEBIAN.glob("*/bin"), key=lambda p: float(p.parent.name), reverse=True)
    for folder in folders:
        if (folder / "initdb").is_file():
            return folder
    return Path(cache.tool("initdb", _PACKAGE)).parent


class Postgres:
    """A server on a port of 127.0.0.1 with a password; `folder` keeps its data and log.

    Started by root it runs as the user `postgres`, or as `nobody` where that is missing, and gives
    that user the folder.
    """

    def __init__(self, folder: Path) -> None:
        self._bin, self._user = programs(), _unprivileged()
        self.folder, self._port = folder, kept_port(folder, "postgres")
        self._word = folder / "password"
        if not self._word.is_file():
            self._word.write_text(secrets.token_hex(12))
            self._word.chmod(0o600)
        self.password = self._word.read_text().strip()
        if self._user is not None:
            for owned in (folder, self._word):
                shutil.chown(owned, self._user)
        settings = {
            "port": str(self._port), "listen_addresses": HOST, "unix_socket_directories": "",
            "max_connections": "200",
            # Segments in /dev/shm would outlive a kill -9.
            "dynamic_shared_memory_type": "mmap",
        }  # fmt: skip
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        self.process = Process(
            [str(self._bin / "postgres"), "-D", str(folder / "data"), *options],
            log=folder / "postgres.log", port=self._port, user=self._user,
            ready="database system is ready to accept connections", stop_signal=signal.SIGINT,
        )  # fmt: skip

    def url(self, database: str | None = None) -> str:
        """postgresql:// URL of that database, made where it is not there; without a name a new one."""
        name = database or f"rig_{secrets.token_hex(6)}"
        if name not in self._sql("SELECT datname FROM pg_database").split():
            self._sql(f'CREATE DATABASE "{name}"')
        return f"postgresql://{USER}:{quote(self.password)}@{HOST}:{self._port}/{name}"

    def start(self) -> None:
        """From the data that is there; the first time with none."""
        if not (self.folder / "data" / "PG_VERSION").is_file():
            self._initialise()
        self.process.start()

    def stop(self) -> None:
        """Ends open transactions and connections, then the server."""
        self.process.stop()

    def kill(self) -> None:
        """kill -9 to every process of the server."""
        self.process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _initialise(self) -> None:
        data, word = str(self.folder / "data"), str(self._word)
        access = ["-U", USER, "--pwfile", word, "-A", "scram-sha-256"]
        command = [str(self._bin / "initdb"), "-D", data, *access, "-E", "UTF8", "--locale", "C", "--no-sync"]
        cache.run(command, cwd=self.folder, user=self._user)

    def _sql(self, statement: str) -> str:
        psql = str(self._bin / "psql")
        url = f"postgresql://{USER}@{HOST}:{self._port}/postgres"
        return cache.run(
            [psql, "-qAtX", url, "-c", statement], cwd=Path("/"), extra={"PGPASSWORD": self.password}
        )


def _unprivileged() -> str | None:
    """Whom root lets the server run as; None where this process is not root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
