"""One Prometheus server from the operating system's package, which scrapes what a test serves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pipeline.rig import cache
from pipeline.rig.processes import HOST, Process, Server, kept_port


def program() -> str:
    """Path of the server; raises PreflightFailed where there is none."""
    return cache.tool("prometheus", "prometheus")


class Prometheus(Server):
    """A server on `url` with one job `gpu`; `folder` keeps its data, settings and log across restarts.

    `targets` are host:port by the value of their label `pod`, '' for none: the label that a ServiceMonitor
    gives to the exporter's own pod.  `interval` is that of the scrapes, in seconds.  `web` is the content of
    a web configuration file: TLS and users.
    """

    def __init__(
        self,
        folder: Path,
        targets: Mapping[str, str],
        *,
        interval: float = 1.0,
        web: Mapping[str, object] | None = None,
        arguments: tuple[str, ...] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        port = kept_port(folder, "prometheus")
        self.url = f"{'https' if web and 'tls_server_config' in web else 'http'}://{HOST}:{port}"
        every = f"{round(interval * 1000)}ms"
        scraped = [
            {"targets": [target], "labels": {"pod": pod, "namespace": "monitoring"} if pod else {}}
            for pod, target in targets.items()
        ]
        job = {"job_name": "gpu", "honor_labels": False, "static_configs": scraped}
        settings = {"global": {"scrape_interval": every, "scrape_timeout": every}, "scrape_configs": [job]}
        # JSON is YAML.
        (folder / "prometheus.yml").write_text(json.dumps(settings))
        (folder / "web.yml").write_text(json.dumps(web or {}))
        self.process = Process(
            [
                program(),
                f"--config.file={folder / 'prometheus.yml'}", f"--web.config.file={folder / 'web.yml'}",
                f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={HOST}:{port}", *arguments,
            ],
            log=folder / "prometheus.log", port=port, ready="Server is ready to receive web requests",
        )  # fmt: skip

    def kill(self) -> None:
        """kill -9; what it had scraped is in its write-ahead log."""
        self.process.kill()
