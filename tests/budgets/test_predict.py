"""A change of cost is known before it is deployed: every workload, every share, and the gate."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pipeline.cli import app
from pipeline.errors import ConfigError
from pipeline.predict.devices import classes
from pipeline.predict.manifest import objects
from pipeline.predict.schedule import runs_a_month
from tests.cost_rows import allocation, at, device, ledger

DOCS = (Path(__file__).parents[2] / "docs" / "predict.md").read_text(encoding="utf-8")
L4 = {"nvidia.com/gpu.product": "NVIDIA-L4"}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Deployment/web of `shop` holds one card now."""
    found = tmp_path_factory.mktemp("predict") / "ledger"
    held = [allocation("a", "x", at(0), None, namespace="shop", workload="Deployment/web", time=at(30))]
    ledger(found, devices=[device("a", at(0), time=at(30))], allocations=held).close()
    yield found


def pod(limits: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    spec = {"nodeSelector": L4, "containers": [{"name": "main", "resources": {"limits": limits or {}}}]}
    return {**spec, **more}


def workload(kind: str, spec: dict[str, Any], template: dict[str, Any], name: str = "web") -> dict[str, Any]:
    inner = {"template": {"spec": template}}
    held = {"jobTemplate": {"spec": {**inner, **spec.pop("job", {})}}} if kind == "CronJob" else inner
    body = template if kind == "Pod" else {**spec, **held}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "shop"}, "spec": body}


def asked(
    *documents: dict[str, Any] | str, options: str = "--gpu-hour-price 2", store: Path | None = None
) -> Result:
    text = "\n---\n".join(d if isinstance(d, str) else json.dumps(d) for d in documents)
    words = [
        "predict",
        "-f",
        "-",
        *(["--store", str(store)] if store else []),
        "-o",
        "json",
        *options.split(),
    ]
    return CliRunner().invoke(app.app, words, input=text)


def cost_of(*documents: dict[str, Any] | str, options: str = "--gpu-hour-price 2", code: int = 0) -> Any:
    """The one row's monthly cost."""
    result = asked(*documents, options=options)
    assert result.exit_code == code, result.output
    (row,) = json.loads(result.stdout)["rows"]
    return row["monthly_cost"]


ONE = {"nvidia.com/gpu": 1}


@pytest.mark.parametrize(
    ("kind", "spec", "options", "cost"),
    [
        ("Deployment", {"replicas": 3}, "", "4380"),
        ("StatefulSet", {}, "", "1460"),
        ("ReplicaSet", {"replicas": 0}, "", "0"),
        ("Pod", {}, "", "1460"),
        ("DaemonSet", {}, "--nodes 4", "5840"),
        ("Job", {"completions": 5, "parallelism": 2, "activeDeadlineSeconds": 1800}, "", "5"),
        ("Job", {"parallelism": 2, "activeDeadlineSeconds": 1800}, "--job-hours 1.5", "6"),
        ("CronJob", {"schedule": "0 0 1 * *", "job": {"parallelism": 2}}, "--job-hours 3", "12"),
        ("CronJob", {"schedule": "@daily", "suspend": True}, "--job-hours 3", "0"),
    ],
)
def test_every_kind_of_workload(kind: str, spec: dict[str, Any], options: str, cost: str) -> None:
    """At two dollars an hour, counted by hand."""
    found = cost_of(workload(kind, spec, pod(ONE)), options=f"--gpu-hour-price 2 {options}")
    assert float(found) == float(cost)


@pytest.mark.parametrize(
    ("template", "options", "share"),
    [
        (pod({"nvidia.com/gpu": 2, "cpu": "4"}), "", Fraction(2)),
        (pod({"nvidia.com/gpu.shared": 1}), "--replicas 4", Fraction(1, 4)),
        (
            pod(ONE | {"nvidia.com/gpucores": 25, "nvidia.com/gpumem-percentage": 20}),
            "",
            Fraction(1, 4),
        ),
        (pod(ONE | {"nvidia.com/gpucores": 25}), "", Fraction(1)),
        (
            pod(
                ONE | {"nvidia.com/gpumem": 20480},
                nodeSelector={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"},
            ),
            "",
            Fraction(1, 2),
        ),
        (pod({"aws.amazon.com/neuron": 16}), "", Fraction(16)),
        (
            pod(
                ONE,
                nodeSelector={"nvidia.com/gpu.product": "NVIDIA-L4-SHARED", "nvidia.com/gpu.replicas": "8"},
            ),
            "",
            Fraction(1, 8),
        ),
        (
            pod(
                {"nvidia.com/mig-3g.20gb": 1},
                nodeSelector={"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"},
            ),
            "",
            Fraction(1, 2),
        ),
        (pod(ONE, initContainers=[{"resources": {"limits": {"nvidia.com/gpu": 3}}}]), "", Fraction(3)),
        (
            pod(ONE, initContainers=[{"restartPolicy": "Always", "resources": {"requests": ONE}}]),
            "",
            Fraction(2),
        ),
    ],
)
def test_every_share(template: dict[str, Any], options: str, share: Fraction) -> None:
    """As the ledger will bill it: a quarter of a card is not a card, nor nothing."""
    found = cost_of(workload("Deployment", {}, template), options=f"--gpu-hour-price 2 {options}")
    assert abs(Fraction(found) - share * 1460) < Fraction(1, 10**8)


def claim(kind: str, request: dict[str, Any]) -> dict[str, Any]:
    devices = {"devices": {"requests": [{"name": "gpu", **request}]}}
    spec = {"spec": devices} if kind == "ResourceClaimTemplate" else devices
    return {"kind": kind, "metadata": {"name": "one", "namespace": "shop"}, "spec": spec}


def test_claims_for_devices_count_by_pod_or_once() -> None:
    """One claim that three pods share is one card."""
    own = pod(resourceClaims=[{"name": "gpu", "resourceClaimTemplateName": "one"}])
    shared = pod(resourceClaims=[{"name": "gpu", "resourceClaimName": "one"}])
    whole = {"exactly": {"deviceClassName": "gpu.nvidia.com"}}
    three = {"replicas": 3}
    assert (
        cost_of(workload("Deployment", dict(three), own), claim("ResourceClaimTemplate", whole))
        == "4380.000000000"
    )
    assert (
        cost_of(workload("Deployment", dict(three), shared), claim("ResourceClaim", whole))
        == "1460.000000000"
    )
    small = claim("ResourceClaimTemplate", {"deviceClassName": "small"})
    mapped = ["--set", "predict.device_classes=small=NVIDIA A100-SXM4-40GB/3g.20gb"]
    text = "\n---\n".join(map(json.dumps, [workload("Deployment", {}, own), small]))
    words = ["predict", "-f", "-", "-o", "json", "--gpu-hour-price", "2"]
    result = CliRunner().invoke(app.app, [*mapped, *words], input=text)
    assert json.loads(result.stdout)["rows"][0]["monthly_cost"] == "730.000000000"


@pytest.mark.parametrize(
    ("document", "options", "words"),
    [
        (
            workload("Deployment", {}, pod(ONE, nodeSelector={})),
            "--provider aws --region us-east-1",
            "--gpu-model",
        ),
        (workload("Deployment", {}, pod(ONE)), "", "--provider, --region"),
        (workload("DaemonSet", {}, pod(ONE)), "--gpu-hour-price 2", "--nodes"),
        (workload("Job", {}, pod(ONE)), "--gpu-hour-price 2", "--job-hours"),
        (workload("Deployment", {}, pod({"nvidia.com/gpu.shared": 1})), "--gpu-hour-price 2", "--replicas"),
        (
            workload("CronJob", {"schedule": "often"}, pod(ONE)),
            "--gpu-hour-price 2 --job-hours 1",
            "0 2 * * *",
        ),
        (
            workload("Pod", {}, pod(resourceClaims=[{"name": "g", "resourceClaimTemplateName": "x"}])),
            "--gpu-hour-price 2",
            "ResourceClaimTemplate x is not in the file",
        ),
    ],
)
def test_what_is_not_known_is_unpriced_and_says_what_to_write(
    document: dict[str, Any], options: str, words: str
) -> None:
    """A guess would let an expensive deploy through."""
    result = asked(document, options=options)
    found = json.loads(result.stdout)
    assert result.exit_code == 7
    assert found["rows"][0]["monthly_cost"] is None
    assert any(words in note for note in found["notes"])


def test_what_the_collector_is_told_to_share_is_shared_in_a_prediction() -> None:
    """Two vGPUs of ten are a fifth of a card in the ledger, and so before they are deployed."""
    vgpu = "k8s.amazonaws.com/vgpu"
    words = ["--set", f"allocation.replicas={vgpu}=10", "predict", "-f", "-", "-o", "json"]
    text = json.dumps(workload("Deployment", {}, pod({vgpu: 2})))
    done = CliRunner().invoke(app.app, [*words, "--gpu-hour-price", "2"], input=text)
    assert json.loads(done.stdout)["rows"][0]["monthly_cost"] == "292.000000000", "730 hours at 0.40"


def test_the_price_book_answers_for_the_stated_gpu() -> None:
    """The selector's product and the book's model are one name; affinity says it too."""
    affinity = {"nodeSelectorTerms": [{"matchExpressions": [
        {"key": "nvidia.com/gpu.product", "operator": "In", "values": ["NVIDIA-H100-80GB-HBM3"]},
        {"key": "topology.kubernetes.io/region", "operator": "In", "values": ["us-east-1"]},
    ]}]}  # fmt: skip
    bound = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": affinity}}
    template = pod({"nvidia.com/gpu": 8}, nodeSelector={}, affinity=bound)
    assert cost_of(workload("Deployment", {}, template), options="--provider aws") == "40179.200000000"


def test_the_change_is_against_what_it_costs_now_and_the_budget_is_a_gate(store: Path) -> None:
    """From one card to three is a change of two; a pipeline stops at exit code 6."""
    grown = workload("Deployment", {"replicas": 3}, pod(ONE))
    result = asked(grown, store=store)
    (row,) = json.loads(result.stdout)["rows"]
    assert (row["now_monthly_cost"], row["change"]) == ("1460.000000000", "2920.000000000")
    assert asked(grown, store=store, options="--gpu-hour-price 2 --budget 2919.99").exit_code == 6
    assert asked(grown, store=store, options="--gpu-hour-price 2 --budget 2920").exit_code == 0
    fresh = workload("Deployment", {}, pod(ONE), name="new")
    assert json.loads(asked(fresh, store=store).stdout)["rows"][0]["change"] == "1460.000000000"
    shrunk = workload("Deployment", {"replicas": 0}, pod(ONE))
    assert asked(shrunk, store=store, options="--gpu-hour-price 2 --budget 0").exit_code == 0


def test_several_documents_and_lists_are_read_and_other_objects_left() -> None:
    """As Kustomize and Helm print them, with comments, empty documents and a List."""
    many = {"kind": "List", "items": [workload("Pod", {}, pod(ONE), name="p"), {"kind": "Service"}]}
    result = asked("# Source: chart\n", "", many, workload("Deployment", {}, pod(ONE)), {"kind": "ConfigMap"})
    found = json.loads(result.stdout)
    assert [row["workload"] for row in found["rows"]] == ["Pod/p", "Deployment/web"]
    assert found["total"]["monthly_cost"] == "2920.000000000"
    nothing = json.loads(asked({"kind": "ConfigMap"}).stdout)
    assert "nothing in it asks for a GPU or another device" in nothing["notes"]


def test_what_is_no_manifest_is_an_error_with_its_place(tmp_path: Path) -> None:
    for text, words in (
        ("a: [", "line"),
        ("a: &x 1\nb: *x\n", "aliases are not read"),
        ("a: !!python/name:x\n", "constructor"),
    ):
        with pytest.raises(ConfigError, match=words):
            objects(text)
    with pytest.raises(ConfigError, match="DEVICECLASS"):
        classes("small")
    for wrong in ("many", -1, "0.5"):
        result = asked(workload("Pod", {}, pod({"nvidia.com/gpu": wrong})))
        assert isinstance(result.exception, ConfigError) and "nvidia.com/gpu" in str(result.exception)
    with pytest.raises(ConfigError, match="budget"):
        raise asked("kind: Pod", options="--budget much").exception or AssertionError


@pytest.mark.parametrize(
    ("schedule", "runs"),
    [
        ("@daily", Fraction(365, 12)),
        ("*/15 * * * *", Fraction(365 * 96, 12)),
        ("0 0 1 * *", Fraction(1)),
        ("0 9-17/4 * * mon-fri", Fraction(261 * 3, 12)),
        ("TZ=UTC 0 0 * JAN 7", Fraction(4, 12)),
        ("0 0 1 * 1", Fraction(12 + 52 - 1, 12)),
    ],
)
def test_runs_of_a_schedule(schedule: str, runs: Fraction) -> None:
    """Both days given means either, as cron has it."""
    assert abs(runs_a_month(schedule) - runs) <= Fraction(1, 12)


def test_the_example_of_the_docs_costs_what_they_say() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    (said,) = re.findall(r"= (\d+) USD a month", DOCS)
    assert float(cost_of(example)) == float(said)


@pytest.mark.parametrize("text", ["no manifest", "[1, 2]", "image: a\n---\nkind: Pod\n"])
def test_what_is_no_manifest_passes_no_gate(text: str) -> None:
    """A pipeline whose first half failed hands on a message, and must not be told that it costs nothing."""
    with pytest.raises(ConfigError, match="each with its kind"):
        objects(text)


SERVING = {
    "kind": "InferenceService",
    "metadata": {"name": "llm", "namespace": "shop"},
    "spec": {"predictor": {"minReplicas": 4, "model": {"resources": {"limits": {"nvidia.com/gpu": 8}}}}},
}
WORKERS = {
    "kind": "LeaderWorkerSet",
    "metadata": {"name": "lws", "namespace": "shop"},
    "spec": {"replicas": 4, "leaderWorkerTemplate": {"size": 2, "workerTemplate": {"spec": pod(ONE)}}},
}


@pytest.mark.parametrize("document", [SERVING, WORKERS, {"kind": "List", "items": [SERVING, WORKERS]}])
def test_a_kind_that_is_not_known_passes_no_gate(document: dict[str, Any]) -> None:
    """Eight GPUs behind an operator's object were `within the budget`."""
    result = asked(document, options="--gpu-hour-price 2 --budget 1")
    assert result.exit_code == 7
    notes = " ".join(json.loads(result.stdout)["notes"])
    assert "not known to be within the budget" in notes and "how many pods" in notes


def test_how_many_pods_such_an_object_runs_can_be_said() -> None:
    options = "--gpu-hour-price 2 --gpu-model L4 --pods InferenceService/llm=4"
    assert float(cost_of(SERVING, options=options)) == 4 * 8 * 2 * 730
    with pytest.raises(ConfigError, match="--pods"):
        raise asked(SERVING, options="--pods llm=4").exception or AssertionError


def test_other_vendors_devices_have_their_own_price_and_unknown_ones_none(tmp_path: Path) -> None:
    """A row for an L4 prices no Neuron device; a resource that nobody named may be a device."""
    book = tmp_path / "prices.yaml"
    rows = [
        {"match": {"gpu_model": "L4"}, "gpu_hour": "1", "currency": "USD"},
        {"match": {"gpu_model": "aws.amazon.com/neuron"}, "gpu_hour": "3", "currency": "USD"},
        {"match": {"resource": "cpu"}, "unit_hour": "0.1", "currency": "USD"},
        {"match": {"resource": "memory"}, "unit_hour": "0.01", "currency": "USD"},
    ]
    book.write_text(json.dumps({"version": "own", "prices": rows}), encoding="utf-8")
    priced = f"--prices {book}"
    four = workload("Deployment", {"replicas": 4}, pod({"aws.amazon.com/neuron": 16}))
    assert float(cost_of(four, options=priced)) == 4 * 16 * 3 * 730
    tpu = workload("Deployment", {}, pod({"google.com/tpu": 4}))
    assert cost_of(tpu, options=priced, code=7) is None
    other = workload("Deployment", {}, pod({"vendor.example/npu": 1}))
    assert cost_of(other, options="--gpu-hour-price 2", code=7) is None
    free = workload("Deployment", {}, pod(ONE | {"rdma/hca": 1}))
    assert float(cost_of(free, options="--gpu-hour-price 2")) == 1460
    beside = workload("Deployment", {}, pod(ONE | {"cpu": "500m", "memory": "2Gi"}))
    assert float(cost_of(beside, options=priced)) == pytest.approx(730 * (1 + 0.05 + 0.02))


def test_a_budget_of_the_file_is_a_gate_too(store: Path, tmp_path: Path) -> None:
    """What the namespace costs now counts, and a budget that may be touched is not known to be kept."""
    file = tmp_path / "budgets.yaml"

    def code(match: dict[str, str], amount: int, document: dict[str, Any]) -> int:
        file.write_text(json.dumps({"budgets": [{"name": "b", "match": match, "amount": amount}]}))
        options = ["predict", "-f", "-", "--store", str(store), "--gpu-hour-price", "2"]
        words = ["--set", f"budgets.file={file}", *options]
        return CliRunner().invoke(app.app, words, input=json.dumps(document)).exit_code

    grown = workload("Deployment", {"replicas": 3}, pod(ONE))
    assert code({"namespace": "shop"}, 4380, grown) == 0
    assert code({"namespace": "shop"}, 4379, grown) == 6
    assert code({"namespace": "other"}, 1, grown) == 0
    # What was spent before is no fault of a change that adds nothing to it, or that takes some away.
    assert code({"namespace": "shop"}, 1, workload("Deployment", {"replicas": 1}, pod(ONE))) == 0
    fresh = workload("Deployment", {}, pod(ONE), name="new")
    assert code({"workload": "Deployment/new"}, 1459, fresh) == 6
    elsewhere = {**fresh, "metadata": {"name": "new", "namespace": "fresh"}}
    assert code({"team": "red"}, 10_000, elsewhere) == 7


def test_a_budget_of_workloads_without_a_price_is_not_known_to_be_kept(tmp_path: Path) -> None:
    """An H100 that no row prices counted as nothing, and the pipeline went on."""
    cards = [device("a", at(0), time=at(30)), device("b", at(0), time=at(30), gpu_model="NVIDIA H100")]
    held = [
        allocation("a", "x", at(0), None, namespace="shop", workload="Deployment/web", time=at(30)),
        allocation("b", "y", at(0), None, namespace="shop", workload="Job/train", time=at(30)),
    ]
    ledger(tmp_path / "ledger", devices=cards, allocations=held).close()
    (tmp_path / "prices.yaml").write_text("version: x\nprices: [{match: {gpu_model: L4}, gpu_hour: 2}]\n")
    file = tmp_path / "budgets.yaml"
    budgets = [
        {"name": "all", "match": {"namespace": "shop"}, "amount": 10_000},
        {"name": "web", "match": {"workload": "Deployment/web"}, "amount": 10_000},
        {"name": "euros", "match": {"namespace": "shop"}, "amount": 1, "currency": "EUR"},
    ]
    file.write_text(json.dumps({"budgets": budgets}))
    words = ["--set", f"budgets.file={file}", "predict", "-f", "-", "--store", str(tmp_path / "ledger")]
    words += ["--prices", str(tmp_path / "prices.yaml"), "-o", "json"]
    result = CliRunner().invoke(app.app, words, input=json.dumps(workload("Deployment", {}, pod(ONE))))
    of = {
        note.split()[1].rstrip(":"): note for note in json.loads(result.stdout)["notes"] if "budget " in note
    }
    assert result.exit_code == 7 and "without shop Job/train, whose price" in of["all"]
    assert "without" not in of["web"]
    assert of["web"].endswith(" of 10,000.00 USD a month, 1,460.00 before")
    assert "is in EUR; it was not looked at: ask with --currency EUR" in of["euros"]


def test_what_kustomize_prints_is_priced_and_what_it_hides_passes_no_gate() -> None:
    """As `kubectl kustomize` v5.5 printed an overlay: three pods of two cards, and an InferenceService."""
    printed = (Path(__file__).parent / "kustomized.yaml").read_text(encoding="utf-8")
    result = asked(printed, options="--gpu-hour-price 2 --budget 1000000")
    rows = {row["workload"]: row["monthly_cost"] for row in json.loads(result.stdout)["rows"]}
    assert result.exit_code == 7 and rows["InferenceService/prod-llm"] is None
    assert float(rows["Deployment/prod-web"]) == 3 * 2 * 2 * 730
    said = "--gpu-hour-price 2 --pods InferenceService/prod-llm=2 --budget"
    assert asked(printed, options=f"{said} 20440").exit_code == 0, "6 and 8 cards at 2 dollars an hour"
    assert asked(printed, options=f"{said} 20439").exit_code == 6


def test_what_helm_prints_is_priced_and_a_pod_of_a_hook_ends() -> None:
    """As `helm template` v3.20 printed a chart: two pods of two cards, a hook's job, and a test's pod.

    Counted all month, the pod of a test alone would be 1,460 dollars, and its chart passed no gate.
    """
    printed = (Path(__file__).parent / "helmed.yaml").read_text(encoding="utf-8")
    result = asked(printed, options="--gpu-hour-price 2 -n shop --budget 1000000")
    assert result.exit_code == 7 and "Pod/prod-asks: say how long a pod of it runs" in result.stdout
    options = "--gpu-hour-price 2 -n shop --job-hours 0.25 --budget"
    rows = json.loads(asked(printed, options=f"{options} 5841").stdout)["rows"]
    assert {(row["namespace"], row["workload"]): float(row["monthly_cost"]) for row in rows} == {
        ("shop", "Deployment/prod-web"): 2 * 2 * 2 * 730, ("shop", "Pod/prod-asks"): 0.5,
        ("shop", "Job/prod-warm"): 0.5,
    }  # fmt: skip
    assert asked(printed, options=f"{options} 5841").exit_code == 0, "a quarter of an hour each, at 2 dollars"
    assert asked(printed, options=f"{options} 5840.99").exit_code == 6
