"""One Apache Kafka broker (KRaft), from its published jars; the data stays across restarts."""

from __future__ import annotations

import base64
import secrets
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from pipeline.rig import cache
from pipeline.rig.processes import HOST, Process, kept_port
from pipeline.rig.tls import certificates

_JAVA = ("java", "default-jre-headless")
_CLASSES = "classes.jsa"
_POM = files("pipeline.rig") / "pom.xml"

USER = "driftledger"
GUEST = "guest"
"""A user that may log in and has no right to anything."""


def _fetch(folder: Path) -> None:
    maven = cache.tool("mvn", "maven")
    cache.tool(*_JAVA)
    (folder / "pom.xml").write_bytes(_POM.read_bytes())
    cache.run([maven, "-B", "-q", "dependency:copy-dependencies", f"-DoutputDirectory={folder}"], cwd=folder)


JARS = cache.Artifact("kafka", _POM.read_bytes(), _fetch)


def _archive(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="driftledger-kafka-") as name:
        once = Kafka(Path(name), java=(f"-XX:ArchiveClassesAtExit={folder / _CLASSES}",))
        once.start()
        once.stop()


def classes() -> cache.Artifact:
    """The broker's classes as this Java keeps them in memory: a start then takes half the processor time."""
    version = cache.run([cache.tool(*_JAVA), "-version"], cwd=Path("/"))
    return cache.Artifact("kafka-classes", _POM.read_bytes() + version.encode(), _archive)


def prepare() -> Path:
    """Fetch the jars and make the archive of classes, where they are not there yet."""
    jars = JARS.built()
    classes().built()
    return jars


class Secure(NamedTuple):
    """The listener that wants TLS and a SCRAM-SHA-512 password."""

    bootstrap: str
    cafile: Path
    username: str
    password: str
    guest_password: str


class Kafka:
    """A broker on `bootstrap`; with `secure` also one that demands TLS and a password, and access rights.

    `folder` keeps its data, settings and log.  `settings` are broker properties over ours, `java` options of
    the virtual machine.
    """

    def __init__(
        self,
        folder: Path,
        *,
        secure: bool = False,
        settings: Mapping[str, str] | None = None,
        java: Sequence[str] | None = None,
    ) -> None:
        small = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        if java is None:
            small.append(f"-XX:SharedArchiveFile={classes().found() / _CLASSES}")
        self._java = [cache.tool(*_JAVA), *small, "-cp", f"{JARS.found()}/*"]
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        plain, controller = kept_port(folder, "kafka"), kept_port(folder, "controller")
        self.bootstrap = f"{HOST}:{plain}"
        self.secure = self._make_secure() if secure else None
        properties = _properties(folder, plain, controller)
        if self.secure is not None:
            properties |= _secured(properties, self.secure, folder)
        properties |= settings or {}
        self._file = folder / "server.properties"
        self._file.write_text("".join(f"{key}={value}\n" for key, value in properties.items()))
        self._file.chmod(0o600)
        logging = "-Dorg.apache.logging.log4j.level=INFO"
        self.process = Process(
            [*self._java, *(java or ()), logging, "kafka.Kafka", str(self._file)],
            log=folder / "kafka.log", port=plain, ready="Kafka Server started",
        )  # fmt: skip

    def start(self) -> None:
        """From the data that is there; the first time with none."""
        if not (self.folder / "data" / "meta.properties").is_file():
            self._format()
        self.process.start()

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        """kill -9; the data on disk stays as it is."""
        self.process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _format(self) -> None:
        shutil.rmtree(self.folder / "data", ignore_errors=True)
        cluster = base64.urlsafe_b64encode(secrets.token_bytes(16)).decode().rstrip("=")
        # A leading dash would be read as an option.
        cluster = "k" + cluster[1:]
        users = []
        if self.secure is not None:
            for name, word in ((USER, self.secure.password), (GUEST, self.secure.guest_password)):
                users += ["--add-scram", f"SCRAM-SHA-512=[name={name},password={word}]"]
        command = [*self._java, "kafka.tools.StorageTool", "format", "--standalone", "-t", cluster]
        cache.run([*command, "-c", str(self._file), *users], cwd=self.folder)

    def _make_secure(self) -> Secure:
        made = certificates(self.folder)
        words = secrets.token_hex(12), secrets.token_hex(12)
        return Secure(f"{HOST}:{kept_port(self.folder, 'secure')}", made.cafile, USER, *words)


def _properties(folder: Path, plain: int, controller: int) -> dict[str, str]:
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.bootstrap.servers": f"{HOST}:{controller}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{HOST}:{plain},CONTROLLER://{HOST}:{controller}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL",
        "inter.broker.listener.name": "PLAINTEXT",
        "log.dirs": str(folder / "data"),
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "1",
        "group.initial.rebalance.delay.ms": "100",
        "group.min.session.timeout.ms": "1000",
        # With the defaults a broker that was killed is refused as a duplicate for nine seconds.
        "controlled.shutdown.enable": "true",
        "broker.session.timeout.ms": "2000",
        "broker.heartbeat.interval.ms": "500",
    }


def _secured(properties: Mapping[str, str], secure: Secure, folder: Path) -> dict[str, str]:
    return {
        "listeners": f"{properties['listeners']},SECURE://{secure.bootstrap}",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.secure.scram-sha-512.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(folder / "server.pem"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # The broker and its controller speak over the plaintext listeners, without a name.
        "super.users": f"User:ANONYMOUS;User:{USER}",
    }
