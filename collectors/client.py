"""Three lines in a model server: predictions and labels to the inference receiver, in the background.

    log = PredictionLog("http://driftledger-inference:9466", model="fraud", version="7")
    id = log.predicted("fraud", features={"amount": 812.5}, score=0.93, latency_seconds=0.021)
    log.labelled(id, "honest")

Nothing here raises into the caller or makes it wait: what cannot be sent is dropped, and counted.  It needs
only the standard library, and one `PredictionLog` may be used by all threads and by processes forked later.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
import time
import uuid
import weakref
from collections import Counter
from collections.abc import Mapping
from typing import Any

from collectors.client_request import Away, Batch, Receiver
from collectors.client_values import class_name, id_text, now, plain
from collectors.client_waiting import BATCH_BYTES, Waiting

log = logging.getLogger("driftledger.client")

_MOST_PAUSE_SECONDS = 30.0


class PredictionLog:
    """`url` is the receiver's, `token` its bearer token; `model` and `version` are those of each prediction.

    At most `most_bytes` wait in memory; what comes while they are full is dropped.  A batch is sent every
    `every_seconds`, with one identity however often it is tried, so that it counts once.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str,
        version: str,
        namespace: str | None = None,
        workload: str | None = None,
        token: str | None = None,
        most_bytes: int = 8_000_000,
        every_seconds: float = 1.0,
    ) -> None:
        self._receiver = Receiver(url, token)
        self._named = {"model": model, "model_version": version, "namespace": namespace, "workload": workload}
        self._most, self._every = most_bytes, every_seconds
        self._begin()
        _living.add(self)

    def _begin(self) -> None:
        """As new: also in a forked child, whose parent sends what waited before."""
        self._source = f"client/{uuid.uuid4().hex}"
        self._changed = threading.Condition()
        self._waiting = Waiting()
        self._batches = 0
        self._idle, self._hurry, self._closed = True, False, False
        self._away = False
        self._thread: threading.Thread | None = None
        self.sent = 0
        """Events that the receiver has kept."""
        self.dropped: Counter[str] = Counter()
        """Events that were given up, by reason: full, unreadable, refused, closed."""

    def predicted(
        self,
        prediction: object = None,
        *,
        features: Mapping[str, Any] | None = None,
        score: float | None = None,
        confidence: float | None = None,
        latency_seconds: float | None = None,
        prediction_id: str | None = None,
        version: str | None = None,
        status: str | None = None,
        **columns: Any,
    ) -> str:
        """Log one prediction; gives back its id, which a label will name.

        A class as text, bool or int, or a number as float; features are numbers, texts or None, numpy's
        scalars too, and NaN is a missing one.  `columns` are others of the inference event: tokens_in.
        """
        row = {**self._named, **columns, "prediction_id": prediction_id, "time": now(), "status": status}
        row |= {"score": score, "confidence": confidence, "latency_seconds": latency_seconds}
        fresh = uuid.uuid4().hex
        return self._put(
            "inference", row, prediction, "prediction", "predicted_value", features, version, fresh
        )

    def labelled(
        self,
        prediction_id: str,
        label: object = None,
        *,
        score: float | None = None,
        evaluator: str | None = None,
    ) -> None:
        """Log what a prediction should have been: a class, a number as float, or an evaluation's score."""
        row = {"model": self._named["model"], "prediction_id": prediction_id, "time": now()}
        self._put("label", row | {"score": score, "evaluator": evaluator}, label, "label", "value")

    def _put(
        self, kind: str, row: dict[str, Any], said: object, class_column: str, number_column: str,
        features: Mapping[str, Any] | None = None, version: str | None = None, fresh: str = "",
    ) -> str:  # fmt: skip
        """Take one event; gives back the id that it has, `fresh` where the caller has none that is one."""
        known = fresh
        try:
            known = row["prediction_id"] = id_text(row["prediction_id"]) or fresh
            said = plain(said)
            row[number_column if isinstance(said, float) else class_column] = class_name(said)
            if version:
                row["model_version"] = version
            row = {name: plain(value) for name, value in row.items()}
            if features:
                row["features"] = {str(name): plain(value) for name, value in features.items()}
            content = json.dumps(row).encode()
        except Exception:  # a value of the caller's own class may raise anything when it is asked what it is
            self._drop("unreadable", 1)
        else:
            self._append(kind, content)
        return known

    def _append(self, kind: str, content: bytes) -> None:
        with self._changed:
            if self._closed or self._waiting.bytes + len(content) > self._most:
                self.dropped["closed" if self._closed else "full"] += 1
                return
            self._waiting.append(kind, content)
            self._start()

    def _start(self) -> None:
        """The thread that sends.  Where none can be had (a limit, the process's end) what is logged waits."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
            try:
                thread.start()
            except (RuntimeError, MemoryError) as error:
                return log.debug("no thread to send from: %s", error)
            self._thread = thread

    def _drop(self, reason: str, events: int) -> None:
        with self._changed:
            first = not self.dropped[reason]
            self.dropped[reason] += events
        if first:
            log.warning("predictions are dropped (%s); see PredictionLog.dropped for how many", reason)

    def _is_away(self, error: Away) -> None:
        """Said once an outage: a wrong address would else be silent for ever."""
        if not self._away:
            log.warning("%s takes no predictions now, so they wait: %s", self._receiver.url, error)
        self._away = True

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until all is sent or given up; False where the time was too short."""
        until = time.monotonic() + seconds
        with self._changed:
            self._hurry = True
            if self._waiting:
                self._start()
            self._changed.notify_all()
            while (self._waiting or not self._idle) and self._thread is not None:
                if not self._changed.wait(max(until - time.monotonic(), 0)) and time.monotonic() >= until:
                    break
            return not self._waiting and self._idle

    def close(self, seconds: float = 5.0) -> None:
        """Send what waits, for so long, then take nothing more; it is called at the end of the process."""
        self.flush(seconds)
        with self._changed:
            self._closed = True
            if self._waiting:
                self._drop("closed", len(self._waiting))
            self._waiting.clear()
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._is_due, self._every)
                if self._closed:
                    return
                kind, events = self._waiting.cut()
                self._idle = not events
            if events:
                self._batches += 1
                self._send(Batch(kind, self._source, self._batches, events))
            with self._changed:
                self._idle = not self._waiting
                self._hurry = self._hurry and not self._idle
                self._changed.notify_all()

    def _is_due(self) -> bool:
        return self._hurry or self._closed or self._waiting.bytes >= BATCH_BYTES

    def _send(self, batch: Batch) -> None:
        pause = min(self._every, 1.0)
        while not self._closed:
            try:
                refused = self._receiver.refused(batch)
            except Away as error:
                self._is_away(error)
            else:
                self._away = False
                self.sent += len(batch.events) - refused
                return self._drop("refused", refused) if refused else None
            with self._changed:
                self._changed.wait_for(lambda: self._closed, pause)
            pause = min(pause * 2, _MOST_PAUSE_SECONDS)
        return self._drop("closed", len(batch.events))


_living: weakref.WeakSet[PredictionLog] = weakref.WeakSet()


def _forked() -> None:
    for each in list(_living):
        each._begin()


def _ended() -> None:
    for each in list(_living):
        each.close(2.0)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
atexit.register(_ended)
