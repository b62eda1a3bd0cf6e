"""One request to hubble-relay, whose answers a thread gathers until they are taken."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Any

import grpc

from collectors.live.contract import Watch
from collectors.live.hubble.parameters import HubbleSettings
from collectors.live.hubble.relay_messages import MASK, Request
from pipeline.errors import ConfigError

METHOD = "/observer.Observer/GetFlows"
RENEW_SECONDS = 600.0
"""A request ends then and is sent anew: relay drops a node whose agent ended in order, and says nothing."""
MOST_ANSWERS = 20_000
"""Gathered at most; a source that is faster waits, and says what its agents lost meanwhile."""
_MOST_BYTES = 64 * 2**20
"""Of one answer.  One above would end every request anew."""
_SLICE_SECONDS = 0.05


class Stream:
    """`answers` gives what came; after `ended` there is nothing more."""

    def __init__(self, settings: HubbleSettings, since: int, *, masked: bool) -> None:
        """`since` in nanoseconds since 1970, 0 for all that the agents still have."""
        self._queue: queue.Queue[bytes] = queue.Queue(MOST_ANSWERS)
        self._closed = threading.Event()
        self.ended = threading.Event()
        self.error: grpc.RpcError | None = None
        """Why it ended; None where it was this client that ended it."""
        self._channel = channel(settings)
        request = Request(follow=True)
        request.since.seconds, request.since.nanos = divmod(since, 10**9)
        if masked:
            request.field_mask.paths.extend(MASK)
        ask = self._channel.unary_stream(METHOD, request_serializer=Request.SerializeToString)
        self._call = ask(request, timeout=RENEW_SECONDS)
        self._thread = threading.Thread(target=self._gather, daemon=True)
        self._thread.start()

    def _gather(self) -> None:
        try:
            for answer in self._call:
                while not self._closed.is_set():
                    try:
                        self._queue.put(answer, timeout=_SLICE_SECONDS)
                        break
                    except queue.Full:
                        continue
        except grpc.RpcError as error:
            self.error = None if self._closed.is_set() else error
        finally:
            self.ended.set()

    def answers(self, watch: Watch, seconds: float) -> list[bytes]:
        """What came within so many seconds, sooner where it is much, it ended or the runner stops."""
        left = seconds
        while left > 0 and self._queue.qsize() < MOST_ANSWERS // 2 and not self.ended.is_set():
            if watch.wait(min(_SLICE_SECONDS, left)):
                break
            left -= _SLICE_SECONDS
        found: list[bytes] = []
        while len(found) < MOST_ANSWERS:
            try:
                found.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return found

    @property
    def empty(self) -> bool:
        return self._queue.empty()

    def close(self) -> None:
        self._closed.set()
        self._call.cancel()
        self._thread.join()
        self._channel.close()


def channel(settings: HubbleSettings) -> Any:
    """Certificates are read anew for each request: they are renewed.  Raises ConfigError."""
    options: list[tuple[str, Any]] = [("grpc.max_receive_message_length", _MOST_BYTES)]
    if ":" not in settings.relay:
        raise ConfigError("hubble.relay", settings.relay, "write host:port, as hubble-relay.kube-system:80")
    if not settings.relay_tls:
        for name in ("relay_cafile", "relay_certfile", "relay_keyfile", "relay_server_name"):
            if value := getattr(settings, name):
                raise ConfigError(f"hubble.{name}", value, "it is for TLS; set relay_tls: true with it")
        return grpc.insecure_channel(settings.relay, options)
    if settings.relay_server_name:
        options.append(("grpc.ssl_target_name_override", settings.relay_server_name))
    cafile, certfile, keyfile = (
        _pem(f"hubble.{name}", getattr(settings, name))
        for name in ("relay_cafile", "relay_certfile", "relay_keyfile")
    )
    if (certfile is None) != (keyfile is None):
        raise ConfigError("hubble.relay_certfile", settings.relay_certfile, "set relay_keyfile with it")
    return grpc.secure_channel(
        settings.relay, grpc.ssl_channel_credentials(cafile, keyfile, certfile), options
    )


def _pem(key: str, file: str) -> bytes | None:
    if not file:
        return None
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ConfigError(key, file, f"{error.strerror}; name a PEM file that can be read") from error
