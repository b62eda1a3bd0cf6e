"""The inference collector: what servers, gateways and labellers post; what comes together is one turn."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from collectors.live.clocks import Clocks
from collectors.live.contract import Cursor, Turn, Watch
from collectors.live.inference import assembly, bodies, rules
from collectors.live.inference.bodies import Context
from collectors.live.inference.found import Found
from collectors.live.inference.memory import Memory
from collectors.live.inference.pairs import Pairs, unpaired
from collectors.live.inference.parameters import InferenceSettings
from collectors.live.inference.receiver import Post, Receiver
from collectors.parsed import Parsed
from pipeline.wire.limits import MAX_CELLS, MAX_FEATURES

log = logging.getLogger("driftledger.collect")

_LOOK_SECONDS = 0.5
"""How late a stop is seen while nothing comes."""
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_SHOWN = 20
"""Refusals that an answer lists; all are in the ledger."""


class Inference:
    """`receiver` listens from the first turn on."""

    def __init__(self, settings: InferenceSettings, cluster: str) -> None:
        self.name = cluster
        self._settings = settings
        self._rules = rules.load(settings.rules_file)
        self._folder = Path()
        self._began = monotonic()
        self._clocks = Clocks("inference", "model", "inference")
        self.receiver = Receiver(settings, bodies.PATHS)

    def keep_in(self, folder: Path) -> None:
        self._folder = folder

    def turns(self, cursor: Cursor | None, watch: Watch) -> Iterator[Turn]:
        """A sender is answered when its turn is safe; who was not answered sends again, and counts once."""
        chosen = self._settings
        pairs = Pairs(chosen.pair_wait_seconds, chosen.pair_bytes)
        memory = Memory(self._folder, cursor, pairs, chosen.remembered_ids, watch.now())
        self.receiver.start()
        if not chosen.token and chosen.host not in _THIS_MACHINE:
            watch.notes(
                "token", f"whoever reaches port {self.receiver.port} is believed; set inference.token"
            )
        scheme = "https" if chosen.cert_file else "http"
        log.info("inference events are taken on %s://%s:%d", scheme, chosen.host, self.receiver.port)
        try:
            yield Turn(Parsed(0, 0), memory.save(), watch.now())
            while not watch.wait(0):
                yield from self._turns(memory, watch)
        finally:
            self.receiver.stop()
            memory.close()

    def _turns(self, memory: Memory, watch: Watch) -> Iterator[Turn]:
        # What came while the last turn was kept has waited long enough.
        rest = self._began + self._settings.gather_seconds - monotonic()
        posts = self.receiver.gathered(_LOOK_SECONDS, rest)
        self._began = monotonic()
        while posts or memory.pairs.overdue(watch.now()):
            now = watch.now()
            together, answers = self._together(posts, memory, now)
            try:
                for half in memory.pairs.late(now):
                    memory.gone(half)
                    together.take(unpaired(half, self._rules))
                parts = [found for _, found in answers]
                parsed = assembly.parsed(together, self._rules, self.name, now, parts)
                self._clocks.told(parsed.events, now, watch)
                yield Turn(parsed, memory.save(), now)
            except GeneratorExit:
                for post, _ in answers:
                    post.answer(503, {"error": "stopping; what is known already counts once"})
                for post in posts:
                    post.answer(503, {"error": "stopping"})
                raise
            for post, found in answers:
                post.answer(*_account(found))

    def _together(
        self, posts: list[Post], memory: Memory, now: int
    ) -> tuple[Found, list[tuple[Post, Found]]]:
        """As many of `posts`, which are taken from it, as fit one message's features."""
        together, answers, names = Found(), [], set()
        context = Context(self._rules, now)
        while posts:
            post = posts.pop(0)
            body = post.body()
            if body is None:
                continue
            found = bodies.parse(post.path, post.headers, body, context, memory)
            answers.append((post, found))
            names |= _features(found)
            together.take(found)
            if len(names) > MAX_FEATURES // 2 or len(names) * together.used > MAX_CELLS // 4:
                break
        return together, answers


def _features(found: Found) -> set[str]:
    named = {name for row in found.rows.get("inference", ()) for name in row.get("features", ())}
    for _, table in found.tables:
        if "features" in table.column_names:
            named.update(f.name for f in table.schema.field("features").type)
    return named


def _account(found: Found) -> tuple[int, dict[str, object]]:
    """Status and content: 400 where nothing could be taken, which is in the ledger nevertheless."""
    refused = [
        {"reason": r.reason, "detail": r.detail} | ({} if r.row is None else {"row": r.row})
        for r in found.rejected[:_SHOWN]
    ]
    status = 400 if found.rejected and len(found.rejected) == found.read else 200
    counts = {"taken": found.used, "excluded": dict(found.excluded), "refused": len(found.rejected)}
    return status, {**counts, "refusals": refused}


def collector(settings: InferenceSettings, cluster: str) -> Inference:
    """Raises ConfigError for wrong rules, PreflightFailed where the port is taken."""
    return Inference(settings, cluster)
