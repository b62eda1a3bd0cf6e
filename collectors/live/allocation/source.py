"""The allocation collector: follows the API server's resources on threads, folds their news in turns."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from collectors.live.allocation import beside, claims, exported, meta, nodes, owners, pods
from collectors.live.allocation.context import Names
from collectors.live.allocation.fold import Fold, parse
from collectors.live.allocation.meta import Owner
from collectors.live.allocation.named import KIND
from collectors.live.allocation.nodes_file import NodesFile
from collectors.live.allocation.packed import Packing, unpacked
from collectors.live.allocation.parameters import AllocationSettings
from collectors.live.allocation.patterns import matches, replicas, words
from collectors.live.contract import Cursor, Turn, Watch
from collectors.live.kube.answers import GATHER_SECONDS, Server
from collectors.live.kube.news import News
from collectors.live.kube.watch import Follower, Kind
from collectors.parsed import Parsed, together
from pipeline.errors import ConfigError
from pipeline.kube.connection import Connection, ambient, from_kubeconfig

_WAITING_NEWS = 4_000
"""News between the threads and the fold; a follower waits when there are more."""
_TURN_NEWS = 5_000
_MANY_NEWS = _WAITING_NEWS // 2
"""So many are taken before the turn is over, that no follower need wait."""
_LONGEST_SKEW_SECONDS = 5.0
_GATHERING_MICROSECONDS = round(GATHER_SECONDS * 1e6)
"""What came within so long may not be read yet."""


def collector(parameters: AllocationSettings, cluster: str) -> Allocation:
    """Raises ConfigError or NotFound where no API server is named or found."""
    file = NodesFile(parameters.nodes_file) if parameters.nodes_file else None
    return Allocation(parameters, cluster, _connection(parameters), exported.source(parameters), file)


def _connection(parameters: AllocationSettings) -> Connection:
    if parameters.kubeconfig and parameters.server:
        raise ConfigError("allocation.kubeconfig", parameters.kubeconfig, "give either it or a server")
    if parameters.kubeconfig:
        return from_kubeconfig(Path(parameters.kubeconfig))
    if not parameters.server:
        return ambient()
    token, ca = parameters.token_file, parameters.ca
    return Connection(
        parameters.server, token_file=Path(token) if token else None, ca=Path(ca) if ca else None
    )


@dataclass(frozen=True, slots=True)
class Allocation:
    settings: AllocationSettings
    cluster: str
    connection: Connection
    names: exported.Reads | None = None
    nodes_file: NodesFile | None = None
    name: str = "allocation"

    def turns(self, cursor: Cursor | None, watch: Watch) -> Iterator[Turn]:
        followed = kinds(self.settings)
        fold = Fold(
            self.cluster, _names(self.settings), unpacked(cursor), tuple(kind.name for kind in followed)
        )
        following = _Following(self.connection, followed, self.names, watch)
        try:
            yield from self._turns(fold, following, watch)
        finally:
            following.end()

    def _turns(self, fold: Fold, following: _Following, watch: Watch) -> Iterator[Turn]:
        beat = time.monotonic()
        untold, packing = Parsed(0, 0), Packing()
        while not watch.wait(0):
            news = list(following.gathered(self.settings.turn_seconds))
            now = following.now()
            parsed = parse(news, fold, now)
            following.ask(fold.context.unknown)
            following.tell_skew(watch)
            if not fold.changes.complete:
                continue
            said = bool(parsed.events or parsed.rejected or parsed.gaps.num_rows)
            due = time.monotonic() - beat > self.settings.beat_seconds and following.sees_all
            if not said and due:
                parsed = together(parsed, fold.beat(now))
            if self.nodes_file is not None and "nodes" in fold.changes.caught_up:
                _write(self.nodes_file, fold.context.nodes.values(), watch)
            if not said and not due:
                untold = together(untold, parsed)  # what is of no concern is counted with the next turn
                continue
            beat = time.monotonic()
            parsed, untold = together(untold, parsed) if untold.read else parsed, Parsed(0, 0)
            yield Turn(parsed, packing.packed(fold.kept(following.seen())), watch.now())


def _write(file: NodesFile, there: Iterable[nodes.Node], watch: Watch) -> None:
    """A disk that is full or away must not end what is billed."""
    try:
        file.write(there)
    except OSError as error:
        watch.notes("file of nodes", f"it cannot be written ({error}), and is as it was")
    else:
        watch.goes_on("file of nodes")


class _Following:
    """One thread a resource; they end when `end` is called, and the process need not wait for them.

    What ends one of them before ends the collector: without it a resource would be seen no more, and nobody
    would say so.
    """

    def __init__(
        self, connection: Connection, all_kinds: list[Kind], names: exported.Reads | None, watch: Watch
    ) -> None:
        self._news: queue.Queue[News] = queue.Queue(_WAITING_NEWS)
        self._many = threading.Event()
        self._servers = [Server(connection, watch) for _ in all_kinds]
        self._followers = [
            Follower(kind, server, self._put(server), watch)
            for kind, server in zip(all_kinds, self._servers, strict=True)
        ]
        self._read_until = self.now()
        self._servers.append(Server(connection, watch))
        put = self._put(self._servers[-1])
        self._asker = owners.Asker(self._servers[-1], put, watch)
        runs = [(f.kind.name, f.run) for f in self._followers] + [(owners.KIND, self._asker.run)]
        if names is not None:
            runs.append((KIND, exported.Namer(names, self._servers[-1], put, watch).run))
        self._failures: list[BaseException] = []
        self._threads = [
            threading.Thread(target=self._told(run), name=name, daemon=True) for name, run in runs
        ]
        for thread in self._threads:
            thread.start()

    def _told(self, run: Callable[[], None]) -> Callable[[], None]:
        def told() -> None:
            try:
                run()
            except BaseException as error:
                self._failures.append(error)

        return told

    def _put(self, server: Server) -> Callable[[News], None]:
        def put(news: News) -> None:
            while not server.closed:
                try:
                    self._news.put(news, timeout=0.2)
                except queue.Full:
                    continue
                if self._news.qsize() >= _MANY_NEWS:
                    self._many.set()
                return

        return put

    def gathered(self, seconds: float) -> Iterator[News]:
        """What comes within so many seconds, or so much that it is enough for a turn.  Raises what ended a
        thread.

        It looks when there are many, and at the end: to be woken for each costs more than to take it.
        """
        if self._failures:
            raise self._failures[0]
        until = time.monotonic() + seconds
        for _ in range(_TURN_NEWS):
            while self._news.empty():
                left = until - time.monotonic()
                if left <= 0:
                    self._read_until = self.now() - _GATHERING_MICROSECONDS
                    return
                self._many.wait(left)
                self._many.clear()
            yield self._news.get()

    def ask(self, unknown: dict[str, tuple[str, Owner]]) -> None:
        """Each owner is asked for once."""
        self._asker.ask(unknown)
        unknown.clear()

    def now(self) -> int:
        """The API server's clock: what is observed and what it writes are then of one clock."""
        return self._servers[0].now()

    def tell_skew(self, watch: Watch) -> None:
        skew = self._servers[0].skew_seconds
        if abs(skew) > _LONGEST_SKEW_SECONDS:
            watch.notes("same clock as the API server", f"it is {skew:+.0f} s from ours; its clock is used")
        else:
            watch.goes_on("same clock as the API server")

    @property
    def sees_all(self) -> bool:
        return all(f.blind_since is None for f in self._followers)

    def seen(self) -> int:
        """Until when everything was seen and taken: what is still in the queue came later."""
        blind = [f.blind_since for f in self._followers if f.blind_since is not None]
        return min([self._read_until, *blind])

    def end(self) -> None:
        for server in self._servers:
            server.close()
        for thread in self._threads:
            thread.join(2.0)
        for server, thread in zip(self._servers, self._threads, strict=False):  # no server is the namer's own
            if not thread.is_alive():
                server.end()


def kinds(settings: AllocationSettings) -> list[Kind]:
    """What is followed, and what is kept of it."""
    names = _names(settings)
    shared = replicas(settings.replicas)
    is_device = matches(",".join((settings.resources, *shared)))
    also = beside.words(settings.beside)
    dra = [f"/apis/resource.k8s.io/{version}/" for version in ("v1", "v1beta2", "v1beta1")]

    def of_dra(plural: str) -> tuple[str, ...]:
        return tuple(root + plural for root in dra)

    partial = (meta.PARTIAL_LIST, meta.PARTIAL_ONE)
    others = {
        beside.VOLUME: Kind(
            beside.FOLLOWED[beside.VOLUME], ("/api/v1/persistentvolumeclaims",), beside.volumes(names.all)
        ),
        beside.LOAD_BALANCER: Kind(
            beside.FOLLOWED[beside.LOAD_BALANCER], ("/api/v1/services",), beside.load_balancers(names.all)
        ),
    }
    return [
        Kind("namespaces", ("/api/v1/namespaces",), meta.namespaces(names.all), *partial),
        Kind("nodes", ("/api/v1/nodes",), nodes.reducer(is_device, also, shared)),
        Kind("resourceslices", of_dra("resourceslices"), claims.slice_),
        Kind("deviceclasses", of_dra("deviceclasses"), claims.class_),
        Kind("replicasets", ("/apis/apps/v1/replicasets",), meta.owning, *partial),
        Kind("jobs", ("/apis/batch/v1/jobs",), meta.owning, *partial),
        Kind("pods", ("/api/v1/pods",), pods.reducer(is_device, names.all, also)),
        Kind("resourceclaims", of_dra("resourceclaims"), claims.claim),
        *(one for resource, one in others.items() if resource in also),
    ]  # fmt: skip


def _names(settings: AllocationSettings) -> Names:
    told = (settings.labels, settings.annotations)
    return Names(*map(words, (settings.team_labels, settings.model_labels, settings.version_labels, *told)))
