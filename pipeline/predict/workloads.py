"""The workloads of a manifest: how many pods, how long in a month, what each asks for and where it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from pipeline.errors import ConfigError
from pipeline.predict import schedule
from pipeline.predict.devices import Ask, Claims, of_claims, of_pod
from pipeline.predict.manifest import Json, count, mapping, namespace, sequence

HOURS = 730
"""Of a month, as price lists count it: 8,760 / 12."""

_SETS = ("Deployment", "StatefulSet", "ReplicaSet")


@dataclass(frozen=True, slots=True)
class Workload:
    """`pods` and `hours` are None where the file does not say; `hours` are of each pod in a month."""

    namespace: str
    name: str
    """As the ledger has it: Kind/name."""
    pods: int | None
    hours: Fraction | None
    asks: tuple[Ask, ...]
    """Of each pod."""
    once: tuple[Ask, ...]
    """Claims that all its pods share."""
    labels: dict[str, str] = field(default_factory=dict)
    """What the nodes must have."""
    problem: str = ""


def workloads(
    found: list[Json], default: str, claims: Claims, nodes: int | None, job_hours: Fraction | None
) -> Iterator[Workload]:
    """Those that ask for GPUs; `nodes` is how many a DaemonSet runs on, `job_hours` how long a job runs."""
    for one in found:
        kind, spec = str(one["kind"]), mapping(one, "spec")
        pods, hours, problem = _extent(kind, spec, nodes, job_hours)
        template = _template(kind, spec)
        where = namespace(one, default)
        claimed = list(of_claims(template, where, claims))
        own = [ask for name, asks in claimed if not name for ask in asks]
        asks = (*of_pod(template), *own)
        once = tuple(ask for name, asks in claimed if name for ask in asks)
        if asks or once:
            name = f"{kind}/{mapping(one, 'metadata').get('name', '')}"
            yield Workload(where, name, pods, hours, asks, once, _labels(template), problem)


def _template(kind: str, spec: Json) -> Json:
    if kind == "Pod":
        return spec
    if kind == "CronJob":
        return mapping(spec, "jobTemplate", "spec", "template", "spec")
    return mapping(spec, "template", "spec") if kind in (*_SETS, "DaemonSet", "Job") else {}


def _extent(
    kind: str, spec: Json, nodes: int | None, job_hours: Fraction | None
) -> tuple[int | None, Fraction | None, str]:
    """Pods, hours of each in a month, and why one of them is not known."""
    if kind in _SETS:
        return count(spec.get("replicas"), 1), Fraction(HOURS), ""
    if kind == "DaemonSet":
        problem = "" if nodes is not None else "say on how many nodes it runs with --nodes"
        return nodes, Fraction(HOURS), problem
    if kind not in ("Job", "CronJob"):
        return 1, Fraction(HOURS), ""
    job = mapping(spec, "jobTemplate", "spec") if kind == "CronJob" else spec
    parallel = count(job.get("parallelism"), 1)
    pods = count(job.get("completions"), parallel)
    seconds = count(job.get("activeDeadlineSeconds"), 0)
    hours = job_hours if job_hours is not None else Fraction(seconds, 3600) if seconds else None
    if hours is None:
        return pods, None, "say how long a pod of it runs with --job-hours, or set activeDeadlineSeconds"
    if kind == "Job" or spec.get("suspend") is True:
        return (0 if spec.get("suspend") is True else pods), hours, ""
    try:
        return pods, hours * schedule.runs_a_month(str(spec.get("schedule", ""))), ""
    except ConfigError as error:
        return pods, None, str(error)


def _labels(spec: Json) -> dict[str, str]:
    """Of the node selector, and of a required affinity that leaves one value."""
    required = mapping(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = sequence(required.get("nodeSelectorTerms"))
    found = {}
    for expression in sequence(terms[0].get("matchExpressions")) if len(terms) == 1 else []:
        values = expression.get("values")
        if expression.get("operator") == "In" and isinstance(values, list) and len(values) == 1:
            found[str(expression.get("key"))] = str(values[0])
    return found | {str(name): str(text) for name, text in mapping(spec, "nodeSelector").items()}
