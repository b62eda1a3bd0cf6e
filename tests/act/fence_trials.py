"""What somebody who has the actuator's name would ask for, and the sentence of the fence that refuses it."""

from __future__ import annotations

from typing import Any

from tests.rig import cluster_objects as objects

MARK = {"op": "add", "path": "/metadata/annotations/driftledger.io~1action-id", "value": "b"}
POD = "/spec/template/spec"
GROUP = {"app": "a"}
DEPLOYMENT, NOTED = "/apis/apps/v1/namespaces/NS/deployments/d", "/apis/apps/v1/namespaces/NS"
ONE = {
    "deployment": (f"{NOTED}/deployments", "apps/v1", "Deployment", "d", {
        "replicas": 0, "selector": {"matchLabels": GROUP},
        "template": {"metadata": {"labels": GROUP}, "spec": objects.pod_spec()},
    }),
    "job": ("/apis/batch/v1/namespaces/NS/jobs", "batch/v1", "Job", "j", {
        "suspend": True, "template": {"spec": objects.pod_spec() | {"restartPolicy": "Never"}},
    }),
    "autoscaler": ("/apis/autoscaling/v2/namespaces/NS/horizontalpodautoscalers", "autoscaling/v2",
        "HorizontalPodAutoscaler", "h", {
            "maxReplicas": 9, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"},
        }),
    "quota": ("/api/v1/namespaces/NS/resourcequotas", "v1", "ResourceQuota", "theirs",
        {"hard": {"pods": "9"}}),
    "workload": ("/apis/kueue.x-k8s.io/v1beta2/namespaces/NS/workloads", "kueue.x-k8s.io/v1beta2", "Workload",
        "w", {"podSets": [{"count": 1, "template": {}}], "queueName": "q"}),
    "check": ("/apis/kueue.x-k8s.io/v1beta2/admissionchecks", "kueue.x-k8s.io/v1beta2", "AdmissionCheck",
        "of-others", {"controllerName": "else.example/check"}),
    "application": ("/apis/argoproj.io/v1alpha1/namespaces/NS/applications", "argoproj.io/v1alpha1",
        "Application", "a", {"project": "p", "source": {"repoURL": "https://git.example/x"},
            "destination": {"namespace": "x"}, "syncPolicy": {"automated": {}}}),
}  # fmt: skip
"""Objects that it is tried on: where, of which API, and their specs."""


def add(path: str, value: Any, *, marked: bool = True) -> list[Any]:
    return [*([MARK] if marked else []), {"op": "add", "path": path, "value": value}]


def on(one: str, sub: str = "") -> str:
    root, _, _, name, _ = ONE[one]
    return f"{root}/{name}{sub}"


CSI = {"name": "c", "csi": {"driver": "x.example"}}
COPY = {
    "name": "c",
    "ephemeral": {"volumeClaimTemplate": {"spec": {
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}},
        "dataSource": {"kind": "PersistentVolumeClaim", "name": "theirs"},
    }}},
}  # fmt: skip
"""A claim of its own with what is in another's."""
ROUTE = "/apis/gateway.networking.k8s.io/v1/namespaces/NS/httproutes/r"
EVIL = {"name": "s", "secret": {"secretName": "theirs"}}
FOREIGN_CHECK = [{"name": "x", "state": "Ready", "message": "", "lastTransitionTime": "2026-11-24T12:00:00Z"}]
NOTHING_ELSE = (
    "the actuator changes workloads, their scale, its own quota and revisions, limits of batch and scaling, "
    "lets GitOps owners wait, and evicts; nothing else"
)
HOST = "no state with the host's network, processes or paths, or a privileged container"
BASELINE = (
    "no capability beyond the Pod Security baseline that the present pods do not have, no process of the host"
)
VOLUMES = "no volume of a secret or claim that the present pods do not have, unless data.secrets is any"
WEIGHTS = "of a route only weights change"
OWN_QUOTA = "the actuator's quotas are named driftledger-freeze and driftledger-freeze-claims"
FREEZE = {"metadata": {"name": "mine"}, "spec": {"hard": {"pods": "0"}}}
REVISION = {"metadata": {"name": "mine"}, "revision": 1, "data": {}}
EVENT = {
    "metadata": {"name": "x"}, "eventTime": "2026-11-24T12:00:00.000000Z", "reportingController": "kubelet",
    "reportingInstance": "x", "action": "a", "reason": "r", "type": "Normal",
    "regarding": {"kind": "Job", "name": "j", "namespace": "NS"},
}  # fmt: skip
ROLE = {
    "metadata": {"name": "mine"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
}
OF = on("deployment")
PODS = "/api/v1/namespaces/NS/pods"
TRIED = [
    (NOTHING_ELSE, "POST", "/api/v1/namespaces/NS/secrets", {"metadata": {"name": "x"}}),
    (NOTHING_ELSE, "POST", PODS, {"metadata": {"name": "x"}, "spec": objects.pod_spec()}),
    (NOTHING_ELSE, "POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", ROLE),
    (NOTHING_ELSE, "DELETE", "/api/v1/namespaces/NS", None),
    (NOTHING_ELSE, "PATCH", "/api/v1/namespaces/driftledger/configmaps/driftledger-fence",
     [{"op": "add", "path": "/data/mostReplicas", "value": "9999"}]),
    (NOTHING_ELSE, "POST", f"{PODS}/x/exec?command=sh", None),
    ("of autoscalers, jobs, queues and GitOps owners the actuator changes one field", "PATCH", on("job"),
     add("/spec/parallelism", 9)),
    ("of an Application's syncPolicy only automated changes", "PATCH", on("application"),
     add("/spec/syncPolicy/syncOptions", ["Replace=true"])),
    ("the actuator scales to zero, and from zero to at most data.mostReplicas of ConfigMap "
     "driftledger/driftledger-fence", "PATCH", f"{OF}/scale",
     [{"op": "add", "path": "/spec/replicas", "value": 101}]),
    ("the actuator lowers the limits of autoscalers, and raises them as it takes its mark away, to at most "
     "data.mostReplicas", "PATCH", on("autoscaler"), add("/spec/maxReplicas", 10)),
    ("each change of a limit carries an action of its own, or takes its mark away", "PATCH", on("job"),
     add("/spec/suspend", False, marked=False)),
    ("the labels stay", "PATCH", on("job"), add("/metadata/labels/x", "y")),
    ("of a workload's checks the actuator answers those named driftledger", "PATCH",
     on("workload", "/status"), [{"op": "add", "path": "/status/admissionChecks/0/state", "value": "Ready"}]),
    ("the actuator reports on checks that name it", "PATCH", on("check", "/status"),
     [{"op": "add", "path": "/status", "value": {"conditions": []}}]),
    ("the actuator's events are its own", "POST", "/apis/events.k8s.io/v1/namespaces/NS/events", EVENT),
    ("the actuator's lease is driftledger/driftledger-actuator", "POST",
     "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases", {"metadata": {"name": "x"}, "spec": {}}),
    ("the actuator deletes its own quota and revisions only", "DELETE", OF, None),
    ("of autoscalers, jobs, queues and GitOps owners the actuator changes one field", "DELETE", on("job"),
     None),
    ("the actuator's revisions are named driftledger-, are of an object, and never change", "POST",
     f"{NOTED}/controllerrevisions", REVISION),
    (OWN_QUOTA, "POST", "/api/v1/namespaces/NS/resourcequotas", FREEZE),
    (OWN_QUOTA, "DELETE", on("quota"), None),
    ("each change of a workload carries an action of its own", "PATCH", OF,
     add("/spec/minReadySeconds", 1, marked=False)),
    ("replicas change through the scale subresource only", "PATCH", OF, add("/spec/replicas", 3)),
    ("the labels of a workload stay", "PATCH", OF, add("/metadata/labels/x", "y")),
    ("the service account of a workload stays", "PATCH", OF, add(f"{POD}/serviceAccountName", "x")),
    *((HOST, "PATCH", OF, add(f"{POD}/{field}", True))
      for field in ("hostNetwork", "hostPID", "hostIPC")),
    (HOST, "PATCH", OF, add(f"{POD}/volumes", [{"name": "h", "hostPath": {"path": "/"}}])),
    (HOST, "PATCH", OF, add(f"{POD}/containers/0/securityContext", {"privileged": True})),
    (BASELINE, "PATCH", OF,
     add(f"{POD}/containers/0/securityContext", {"capabilities": {"add": ["SYS_ADMIN"]}})),
    (BASELINE, "PATCH", OF,
     [*add(f"{POD}/containers/0/securityContext", {"procMount": "Unmasked"}),
      *add(f"{POD}/hostUsers", False)]),
    (VOLUMES, "PATCH", OF, add(f"{POD}/volumes", [EVIL])),
    (VOLUMES, "PATCH", OF, add(f"{POD}/volumes", [CSI])),
    (VOLUMES, "PATCH", OF, add(f"{POD}/volumes", [COPY])),
    (VOLUMES, "PATCH", OF, add(f"{POD}/imagePullSecrets", [{"name": "theirs"}])),
    ("no environment of a secret that the present pods do not use, unless data.secrets is any", "PATCH",
     OF, add(f"{POD}/containers/0/envFrom", [{"secretRef": {"name": "theirs"}}])),
    (WEIGHTS, "PATCH", ROUTE, add("/spec/hostnames", ["evil.example"])),
    (WEIGHTS, "PATCH", ROUTE, add("/spec/rules/0/backendRefs/0/name", "evil")),
]  # fmt: skip
"""The sentence that refuses it, and what is asked."""
