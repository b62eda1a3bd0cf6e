"""An API server of a few resources over real HTTP: pages, watches, bookmarks, 410, 403, and falling away."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.waiting import until

Json = dict[str, Any]


class FakeCluster:
    """Objects by the path of their resource; every change has a version and stays in the log."""

    def __init__(self, *, skew_seconds: float = 0.0, bookmark_seconds: float = 0.1) -> None:
        self.changed = threading.Condition()
        self.version = 100
        self.objects: dict[str, dict[str, Json]] = {}
        self.log: list[tuple[int, str, str, Json]] = []
        self.compacted = 0
        self.at_page: dict[str, Callable[[], None]] = {}
        """Of a resource's path: what happens once, before the second page of a list of it is asked for."""
        self.limits: list[tuple[str, str]] = []
        """Of every list: its path, and how many objects a page may have."""
        self.denied: set[tuple[str, str]] = set()
        self.absent: set[str] = set()
        self.kinds: dict[str, str] = {}
        """Of a resource's path: what discovery calls its objects."""
        self.asked: list[tuple[str, str]] = []
        self.bookmarked: dict[str, int] = {}
        """Of a resource's path: the version that its watch was told last, by a bookmark."""
        self.skew_seconds, self.bookmark_seconds = skew_seconds, bookmark_seconds
        self.generation = 0
        self.port = 0
        self.start()

    def start(self) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", self.port), partial(_Handler, self))
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        self.up = True
        threading.Thread(target=partial(self._http.serve_forever, 0.02), daemon=True).start()

    def stop(self) -> None:
        """Nobody listens any more, and every watch ends."""
        self.up = False
        self.cut()
        self._http.shutdown()
        self._http.server_close()

    def cut(self) -> None:
        """Every watch ends, in the middle of a line where one is written."""
        with self.changed:
            self.generation += 1
            self.changed.notify_all()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, path: str, one: Json) -> Json:
        with self.changed:
            self.version += 1
            one = copy.deepcopy(one)
            one["metadata"]["resourceVersion"] = str(self.version)
            held = self.objects.setdefault(path, {})
            event = "MODIFIED" if one["metadata"]["uid"] in held else "ADDED"
            held[one["metadata"]["uid"]] = one
            self.log.append((self.version, path, event, one))
            self.changed.notify_all()
        return one

    def delete(self, path: str, uid: str, **metadata: Any) -> None:
        with self.changed:
            self.version += 1
            one = copy.deepcopy(self.objects[path].pop(uid))
            one["metadata"] |= {"resourceVersion": str(self.version), **metadata}
            self.log.append((self.version, path, "DELETED", one))
            self.changed.notify_all()

    def compact(self) -> None:
        """Whoever is behind now must list anew."""
        with self.changed:
            self.compacted = self.version
            self.version += 1

    def await_asked(self, verb: str, path: str, times: int = 1, seconds: float = 10.0) -> None:
        until(
            lambda: self.asked.count((verb, path)) >= times, f"{verb} {path} asked {times} times", seconds,
            lambda: self.asked,
        )  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, cluster: FakeCluster, *arguments: Any) -> None:
        self.cluster = cluster
        super().__init__(*arguments)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(time.time() + self.cluster.skew_seconds, usegmt=True)

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {k: v[0] for k, v in parse_qs(parts.query).items()}
        cluster = self.cluster
        verb = "watch" if "watch" in query else "list" if "limit" in query else "get"
        if not cluster.up:
            self.close_connection = True
            return
        cluster.asked.append((verb, parts.path))
        *above, resource = parts.path.split("/")
        resource = above[-1] if verb == "get" and "namespaces" in above else resource
        if (verb, resource) in cluster.denied:
            self._answer(403, _status(403, f'{resource} is forbidden: cannot {verb} resource "{resource}"'))
        elif any(parts.path.startswith(prefix) for prefix in cluster.absent):
            self._answer(404, _status(404, "the server could not find the requested resource"))
        elif verb == "watch":
            bookmarks = query.get("allowWatchBookmarks") == "true"
            self._watch(
                parts.path, int(query["resourceVersion"]), float(query["timeoutSeconds"]), bookmarks=bookmarks
            )
        elif verb == "get":
            self._get(parts.path)
        else:
            self._list(parts.path, int(query["limit"]), query.get("continue", ""))

    def _get(self, path: str) -> None:
        root, _, rest = path.partition("/namespaces/")
        if not rest:
            known = {
                p.rsplit("/", 1)[1]: kind
                for p, kind in self.cluster.kinds.items()
                if p.startswith(f"{path}/")
            }
            named = [{"name": name, "kind": kind, "namespaced": True} for name, kind in known.items()]
            return self._answer(200, {"kind": "APIResourceList", "resources": named})
        if "as=PartialObjectMetadataList" in self.headers.get("Accept", ""):
            return self._answer(406, _status(406, "the requested object is not a list"))
        namespace, resource, name = rest.split("/")
        for one in self.cluster.objects.get(f"{root}/{resource}", {}).values():
            if (one["metadata"].get("namespace"), one["metadata"]["name"]) == (namespace, name):
                return self._answer(200, one)
        return self._answer(404, _status(404, f"{name} not found"))

    def _list(self, path: str, limit: int, token: str) -> None:
        """A page of a state that is compacted is none; the token of that answer is of another state."""
        self.cluster.limits.append((path, str(limit)))
        if token and (happens := self.cluster.at_page.pop(path, None)) is not None:
            happens()
        with self.cluster.changed:
            start, _, version = token.partition("@")
            if version and int(version) < self.cluster.compacted:
                gone = _status(410, "The provided continue parameter is too old")
                return self._answer(410, gone | {"metadata": {"continue": f"{start}@{self.cluster.version}"}})
            at, first = int(version or self.cluster.version), int(start or 0)
            items = list(self.cluster.objects.get(path, {}).values())
        meta = {"resourceVersion": str(at)}
        limit = limit or len(items)  # 0 is no limit
        if first + limit < len(items):
            meta["continue"] = f"{first + limit}@{at}"
        return self._answer(200, {"kind": "List", "metadata": meta, "items": items[first : first + limit]})

    def _watch(self, path: str, version: int, seconds: float, *, bookmarks: bool) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        cluster = self.cluster
        generation, until = cluster.generation, time.monotonic() + seconds
        if version < cluster.compacted:
            self._line({"type": "ERROR", "object": _status(410, "too old resource version")})
            version = 1 << 60
        if "as=PartialObjectMetadataList" in self.headers.get("Accept", ""):
            until = 0.0  # no object has the form of a list
        while time.monotonic() < until and cluster.generation == generation:
            with cluster.changed:
                news = [e for e in cluster.log if e[0] > version and e[1] == path]
                if not news and version < 1 << 60:
                    cluster.changed.wait(cluster.bookmark_seconds)
                bookmark = {"kind": "X", "metadata": {"resourceVersion": str(max(version, cluster.version))}}
                fresh = [e for e in cluster.log if e[0] > version and e[1] == path]
            if version == 1 << 60 or cluster.generation != generation or not cluster.up:
                break  # what happened once it was cut is not for this watch
            try:
                for at, _, event, one in fresh:
                    self._line({"type": event, "object": one})
                    version = at
                if bookmarks and not fresh and cluster.generation == generation:
                    self._line({"type": "BOOKMARK", "object": bookmark})
                    version = cluster.bookmarked[path] = int(bookmark["metadata"]["resourceVersion"])
            except OSError:
                break
        self.close_connection = True
        if cluster.generation != generation:
            half = b'{"type":"MODIFIED","obj'
            self.wfile.write(b"%x\r\n%s\r\n" % (len(half), half))
            return
        self.wfile.write(b"0\r\n\r\n")

    def _line(self, event: Json) -> None:
        line = json.dumps(event).encode() + b"\n"
        self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))

    def _answer(self, code: int, body: Json) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _status(code: int, message: str) -> Json:
    return {"kind": "Status", "status": "Failure", "code": code, "message": message}
