"""The workloads of a manifest: how many pods, how long in a month, what each asks for and where it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from pipeline.errors import ConfigError
from pipeline.predict import schedule
from pipeline.predict.devices import Ask, Claims, Resources, of_claims, of_pod
from pipeline.predict.manifest import Json, count, mapping, namespace, sequence

HOURS = 730
"""Of a month, as price lists count it: 8,760 / 12."""

_SETS = ("Deployment", "StatefulSet", "ReplicaSet", "ReplicationController")


@dataclass(frozen=True, slots=True)
class Extents:
    """What the options and settings say where the file does not."""

    resources: Resources
    nodes: int | None = None
    """On which a DaemonSet runs."""
    job_hours: Fraction | None = None
    """That a pod of a job runs."""
    pods: Mapping[str, int] = field(default_factory=dict)
    """Of a kind that is not known, by Kind/name."""


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


def workloads(found: list[Json], default: str, claims: Claims, asked: Extents) -> Iterator[Workload]:
    """Those that ask for something that has a price."""
    for one in found:
        kind, spec = str(one["kind"]), mapping(one, "spec")
        name = f"{kind}/{mapping(one, 'metadata').get('name', '')}"
        template = _template(kind, spec)
        templates = [template] if template is not None else pod_specs(one)
        where = namespace(one, default)
        claimed = [pair for spec in templates for pair in of_claims(spec, where, claims)]
        own = [ask for claim, asks in claimed if not claim for ask in asks]
        asks = (*(ask for spec in templates for ask in of_pod(spec, asked.resources)), *own)
        once = tuple(ask for claim, asks in claimed if claim for ask in asks)
        if asks or once:
            if template is None:
                extent = _stated(name, len(templates), asked)
            else:
                # Helm waits for the end of a hook's pod, such as a test's: it runs once, as a job's.
                hook = kind == "Pod" and "helm.sh/hook" in mapping(one, "metadata", "annotations")
                extent = _extent("Job" if hook else kind, spec, asked)
            labels = _labels(templates[0]) if len(templates) == 1 else {}
            yield Workload(where, name, *extent[:2], asks, once, labels, extent[2])


def _template(kind: str, spec: Json) -> Json | None:
    """None of a kind that is not known: what runs of it is its controller's to say."""
    if kind == "Pod":
        return spec
    if kind == "CronJob":
        return mapping(spec, "jobTemplate", "spec", "template", "spec")
    return mapping(spec, "template", "spec") if kind in (*_SETS, "DaemonSet", "Job") else None


def pod_specs(value: object) -> list[Json]:
    """Every pod of an object of any kind: what has containers, or else resources, as the model of KServe."""
    if isinstance(value, list):
        return [found for item in value for found in pod_specs(item)]
    if not isinstance(value, dict):
        return []
    if sequence(value.get("containers")) or sequence(value.get("resourceClaims")):
        rest = [v for k, v in value.items() if k not in ("containers", "initContainers", "resources")]
        return [value, *pod_specs(rest)]
    if mapping(value, "resources", "limits") or mapping(value, "resources", "requests"):
        return [{"containers": [value]}, *pod_specs([v for k, v in value.items() if k != "resources"])]
    return pod_specs(list(value.values()))


def _stated(name: str, templates: int, asked: Extents) -> tuple[int | None, Fraction | None, str]:
    """The extent of a kind that is not known: as the options state it."""
    if templates == 1 and name in asked.pods:
        return asked.pods[name], Fraction(HOURS), ""
    remedy = f"say it with --pods {name}=N" if templates == 1 else "give the objects that it makes"
    return None, Fraction(HOURS), f"how many pods a {name.partition('/')[0]} runs is not known; {remedy}"


def _extent(kind: str, spec: Json, asked: Extents) -> tuple[int | None, Fraction | None, str]:
    """Pods, hours of each in a month, and why one of them is not known."""
    if kind in _SETS:
        return count(spec.get("replicas"), 1), Fraction(HOURS), ""
    if kind == "DaemonSet":
        problem = "" if asked.nodes is not None else "say on how many nodes it runs with --nodes"
        return asked.nodes, Fraction(HOURS), problem
    if kind == "Pod":
        return 1, Fraction(HOURS), ""
    job = mapping(spec, "jobTemplate", "spec") if kind == "CronJob" else spec
    parallel = count(job.get("parallelism"), 1)
    pods = count(job.get("completions"), parallel)
    seconds = count(job.get("activeDeadlineSeconds"), 0)
    hours = asked.job_hours if asked.job_hours is not None else Fraction(seconds, 3600) if seconds else None
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
