"""The settings of the allocation collector: which API server, which labels and resources mean what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pipeline.bounds import Bound


@dataclass(frozen=True, slots=True)
class AllocationSettings:
    server: str = ""
    """URL of the API server; empty: this pod's service account, or the usual kubeconfig."""
    token_file: str = ""
    """File of the bearer token, with a server; it is read anew for each request."""
    ca: str = ""
    """PEM file of the authorities that the server's certificate comes from; empty: those of the system."""
    kubeconfig: str = ""
    """A kubeconfig whose current context is used, instead of a server."""
    team_labels: str = "team,app.kubernetes.io/team,driftledger.io/team"
    """Labels that name the owner, the first that is there; of the pod, else of its namespace."""
    model_labels: str = "driftledger.io/model,serving.kserve.io/inferenceservice"
    """Labels that name the model served; of the pod, else of its namespace."""
    version_labels: str = "driftledger.io/model-version"
    """Labels of the pod that name the model's version."""
    labels: str = ""
    """Other labels that are told of each holder, of the pod, else of its namespace: costs, owners and budgets
    can go by them as label.NAME."""
    annotations: str = ""
    """The same of annotations, as annotation.NAME."""
    resources: str = (
        "nvidia.com/gpu,nvidia.com/gpu.shared,nvidia.com/mig-*,amd.com/gpu,gpu.intel.com/i915,"
        "gpu.intel.com/xe,habana.ai/gaudi,google.com/tpu,aws.amazon.com/neuron*,microsoft.com/directx"
    )
    """Extended resources that are devices, as patterns; whatever DRA allocates needs no entry."""
    replicas: str = ""
    """Resources whose devices are shared and no label says so, with commas between, each with how many of it
    are a card: k8s.amazonaws.com/vgpu=10."""
    beside: str = ""
    """What is told beside devices, with commas between: cpu, memory, volume, load_balancer."""
    prometheus_url: str = ""
    """Of a Prometheus that scrapes dcgm-exporter: names the devices of pods where the kubelet does not."""
    nodes_file: str = ""
    """File that the nodes' zones, addresses and pod ranges are kept in, for hubble.nodes; empty: none."""
    exporters: str = ""
    """URLs of dcgm-exporters' metrics with commas between, to be read straight for those names."""
    prometheus_token_file: str = ""
    """File of its, or their, bearer token; it is read anew for each question."""
    prometheus_ca_file: str = ""
    """PEM file of the authorities that its certificate comes from."""
    turn_seconds: Annotated[float, Bound(0.05, 60)] = 2.0
    """Pause in which changes gather before they are handed over together."""
    beat_seconds: Annotated[float, Bound(1, 3_600)] = 30.0
    """How often it is said that nothing changed: the longest time that a crash leaves unknown."""
