"""A ledger in which fraud v1 was judged good and v2 errs, beside a cluster that serves v2."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from detectors.parameters import Parameters
from pipeline import judge
from pipeline.act.tick import act
from pipeline.embedded import Embedded
from pipeline.policy.file import parse
from pipeline.registry import register
from pipeline.store import Batch, Store
from tests.act.cluster_scene import cluster
from tests.detect.judged import reference
from tests.ledger import START, Life, rows

GOOD_AT = START + timedelta(minutes=60)
NOW = START + timedelta(minutes=100)
PARAMETERS = Parameters(rate_look_back_minutes=240, drift_look_back_minutes=120)

POLICY = """\
version: "7"
rules:
  - name: fraud-accuracy
    model: fraud
    detectors: [{detectors}]
    mode: {mode}
    min_count: 200
    signals: 1
    target: {{cluster: lab, namespace: ml, kind: Deployment, name: fraud}}
"""


def policy(mode: str = "auto", more: str = "", detectors: str = "accuracy"):
    return parse(POLICY.format(mode=mode, detectors=detectors) + more)


class Scene:
    """`clients` may be exchanged by a test; `tick` judges, records and acts, as the runner does."""

    def __init__(self, store, lab) -> None:
        self.store = store
        self.embedded = Embedded(store)
        self.lab = lab
        self.clients = {"lab": lab.client}

    def judge(self, now):
        """(findings, the snapshot that they were read at), recorded in the ledger."""
        return judge.tick(self.store, now, PARAMETERS)

    def tick(self, now=NOW, *, rules=None, publisher=None):
        findings, at = self.judge(now)
        return act(
            self.store,
            publisher or self.embedded,
            findings,
            rules or policy(),
            self.clients,
            now,
            snapshot=at,
            parameters=PARAMETERS,
        )

    def states(self):
        rows = self.store.query("action_rows", prefix="").to_pylist()
        return [(r["state"], r["detail"].split(":")[0]) for r in rows]


@cache
def life(seed: int, version: str, first: int, minutes: int, error: float, seconds: float = 0.1) -> Batch:
    """Facts of a version's traffic, made once for all tests."""
    facts = Life(seed).serve(version, first, minutes, error=error, seconds=seconds).facts()
    return Batch({name: rows(name, given) for name, given in facts.items()})


def fill(store, seconds: float = 0.1) -> None:
    """An hour of v1 with 10 % errors as in the reference, then 40 minutes of v2 with 45 %.

    A request takes a tenth of a second, of v2 `seconds`; the objective is half a second.
    """
    register(store, reference(), START)
    store.append(life(1, "v1", 0, 60, 0.1))
    judge.tick(store, GOOD_AT, PARAMETERS)
    store.append(life(2, "v2", 60, 40, 0.45, seconds))


@cache
def _filled() -> Path:
    folder = Path(mkdtemp(prefix="driftledger-rollback-"))
    with Store.open(folder) as store:
        fill(store)
    return folder


def filled(folder) -> None:
    """A ledger as `fill` leaves it; copied, since to judge and commit takes longer."""
    shutil.copytree(_filled(), folder, dirs_exist_ok=True)


@contextmanager
def scene(folder, *versions: str, read_seconds: float = 5.0):
    lab = cluster(*(versions or ("v1", "v2")), read_seconds=read_seconds)
    filled(folder)
    with Store.open(folder) as store, lab as running:
        yield Scene(store, running)
