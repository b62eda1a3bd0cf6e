"""DRA objects: real slices and claims, skeletons of three API versions, every way of sharing a device."""

import copy
import json
from datetime import datetime
from fractions import Fraction

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from collectors.dra.objects import parse
from collectors.quantity import quantity
from tests.samples import sample

SEEN = datetime(2026, 7, 7)


def read(*objects, **files):
    """The rows of objects, all in one file, or of named files."""
    contents = files or {"f": b"\n".join(json.dumps(o).encode() for o in objects)}
    parsed = parse(contents, cluster="c", observed=dict.fromkeys(contents, SEEN))
    assert all(p.balanced for p in parsed.values()), "an entry went missing from the account"
    return parsed


def allocations(*objects):
    parsed = read(*objects)[("f",)]
    return parsed, parsed.events["allocation"].to_pylist() if "allocation" in parsed.events else []


def real(*names):
    files = {n: sample("dra", n).read_bytes() for n in names}
    return read(**files)


def test_real_slices_give_the_gpus_and_leave_compute_domains_out():
    """Channels between nodes are no GPUs: billed, they would double the inventory."""
    name = "v1.35_vks_dra_support_01_ResourceSlice.json"
    parsed = real(name)[(name,)]
    assert (parsed.read, parsed.used, dict(parsed.excluded)) == (12, 4, {"compute_domain": 8})
    devices = parsed.events["device"].to_pylist()
    assert sorted(d["gpu_model"] for d in devices) == ["GRID A100-40C"] + ["GRID A100-4C"] * 3
    first = next(d for d in devices if d["gpu_model"] == "GRID A100-40C")
    assert first["device"] == first["uuid"] == "GPU-b65409f1-9131-4932-bbf9-065400000000"
    assert first["memory_bytes"] == 40 * 2**30 and first["revision"] == 23258
    assert first["start"].replace(tzinfo=None) == datetime(2026, 3, 16, 10, 40, 54)


@pytest.mark.parametrize(
    ("driver", "why"),
    [
        ("mrdma.google.com", "no_accelerator"),
        ("dra.net", "no_accelerator"),
        ("dra.cpu", "no_accelerator"),
        ("guaranteed-cni.dra.networking.x-k8s.io", "no_accelerator"),
        ("sriovnetwork.k8snetworkplumbingwg.io", "no_accelerator"),
        ("qat.intel.com", "no_accelerator"),
        ("compute-domain.nvidia.com", "compute_domain"),
        ("tpu.google.com", None),
        ("neuron.aws.com", None),
        ("accelerators.example.net", None),
        ("gpu.network.example.com", None),
    ],
)
def test_network_cards_and_cores_are_no_gpus(driver, why):
    """Clouds give out the network cards of their GPU nodes by DRA: each would be billed as a GPU."""
    parsed, rows = allocations(slice_(device(), driver=driver), claim({"driver": driver}))
    assert dict(parsed.excluded) == ({why: 2} if why else {})
    assert len(rows) == (0 if why else 1)


def test_a_real_claim_meets_the_uuid_of_its_device_across_files():
    """DCGM knows the UUID, the claim only driver, pool and name: without the join usage has no owner."""
    slices, claim = (
        "v1.36_vks_dra_support_01_ResourceSlice.json",
        "v1.36_vks_dra_support_02_ResourceClaim.json",
    )
    parsed = real(slices, claim)
    assert parsed[(slices,)].events["device"].num_rows == 2
    [row] = parsed[(claim,)].events["allocation"].to_pylist()
    assert row["device"] == "GPU-44d2411e-1604-478f-aa96-5a3c00000000"
    assert row["node"] == "conformance-test-np1-qcqc8-bpdtl-wv2gs"
    assert (row["pod"], row["namespace"]) == ("dra-gpu-example-798fccd4d-sfl2p", "gpu-test1")
    assert row["consumer_uid"] == "d36ca24f-9949-4c33-9d47-c06846f775b1"
    assert row["start"].replace(tzinfo=None) == datetime(2026, 7, 6, 13, 16, 19)
    assert (row["start_quality"], row["end"], row["admin_access"]) == ("exact", None, False)
    assert (row["method"], row["share_units"], row["device_units"]) == ("whole", 1, 1)


def test_a_claim_without_its_slices_is_known_by_driver_pool_and_device():
    name = "v1.36_vks_secure_accelerator_access_01_ResourceClaim.json"
    [row] = real(name)[(name,)].events["allocation"].to_pylist()
    assert row["device"] == "gpu.nvidia.com/conformance-test-np1-qcqc8-bpdtl-wv2gs/gpu-0"
    assert row["node"] == "conformance-test-np1-qcqc8-bpdtl-wv2gs", "from the claim's node selector"


@pytest.mark.parametrize("version", ["v1.34.0", "v1.36.0", "HEAD"])
def test_objects_with_every_field_set_are_read(version):
    """A field added by a new Kubernetes must not break an old ledger."""
    names = [
        f"{version}.resource.k8s.io.v1.{kind}.json"
        for kind in ("DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice")
    ]
    parsed = read(**{n: sample("k8s-api-testdata", n).read_bytes() for n in names})
    excluded = {n.split(".")[-2]: dict(parsed[(n,)].excluded) for n in names}
    assert excluded == {
        "DeviceClass": {"not_an_allocation": 1},
        "ResourceClaim": {},
        "ResourceClaimTemplate": {"not_an_allocation": 1},
        "ResourceSlice": {"pool_incomplete": 1},
    }
    [row] = parsed[(names[1],)].events["allocation"].to_pylist()
    assert row["admin_access"] and row["share_units"] is None and row["share_id"] == "shareIDValue"
    assert row["device"] == "driverValue/poolValue/deviceValue"
    assert row["end"].year == 2009 and row["end_quality"] == "observed" and row["revision"] == 7


def device(name="gpu-0", **fields):
    attributes = {k: {"string": v} for k, v in fields.pop("attributes", {"uuid": "GPU-1"}).items()}
    return {"name": name, "attributes": attributes, "capacity": {"memory": {"value": "80Gi"}}, **fields}


def slice_(*devices, count=1, generation=1, name="s1", **fields):
    pool = {"name": "n1", "generation": generation, "resourceSliceCount": count}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": name, "creationTimestamp": "2026-07-01T00:00:00Z"},
        "spec": {
            "driver": "gpu.nvidia.com",
            "nodeName": "n1",
            "pool": pool,
            "devices": list(devices),
            **fields,
        },
    }


def claim(*results, pods=("p1",), config=(), **metadata):
    base = {"driver": "gpu.nvidia.com", "pool": "n1", "device": "gpu-0", "request": "gpu"}
    reserved = [
        p if isinstance(p, dict) else {"resource": "pods", "name": p, "uid": f"uid-{p}"} for p in pods
    ]
    allocation = {"devices": {"results": [base | r for r in results or ({},)], "config": list(config)}}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {
            "name": "c1",
            "namespace": "ml",
            "uid": "claim-1",
            "resourceVersion": "77",
            "creationTimestamp": "2026-07-02T00:00:00Z",
            **metadata,
        },
        "status": {"allocation": allocation, "reservedFor": reserved},
    }


def raw_list(item):
    """As the API server's own answer, whose items do not name their kind."""
    bare = {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
    return {"kind": f"{item['kind']}List", "apiVersion": item["apiVersion"], "items": [bare]}


@pytest.mark.parametrize(
    "written",
    [
        lambda *found: b"\n".join(json.dumps(raw_list(o)).encode() for o in found),
        lambda *found: json.dumps(found).encode(),
        lambda *found: b"\n".join(json.dumps({"type": "ADDED", "object": o}).encode() for o in found),
    ],
    ids=["kubectl get --raw", "jq .items", "kubectl get -w --output-watch-events"],
)
def test_the_ways_in_which_the_same_objects_are_written_down_mean_the_same(written):
    found = (slice_(device()), claim())
    parsed = read(f=written(*found))[("f",)]
    assert (parsed.read, parsed.used, parsed.rejected) == (2, 2, ())
    assert parsed.events["allocation"].to_pylist() == allocations(*found)[1]


def test_an_allocation_that_names_no_device_is_not_called_free():
    """Before Kubernetes 1.31 a driver kept what it allocated in words of its own."""
    old = claim() | {"apiVersion": "resource.k8s.io/v1alpha2"}
    old["status"] = {"allocation": {"resourceHandles": [{"driverName": "d", "data": "{}"}]}}
    free = claim() | {"status": {}}
    assert allocations(old, free)[0].excluded == {"allocation_without_devices": 1, "claim_not_allocated": 1}


def test_a_watch_that_tells_of_a_deletion_is_refused_since_it_has_no_time():
    parsed = read(f=json.dumps({"type": "DELETED", "object": claim()}).encode())[("f",)]
    [rejected] = parsed.rejected
    assert (rejected.reason, rejected.detail) == (
        "missing_field",
        "no kind; DELETED of a watch tells no time",
    )


def test_a_claim_of_several_pods_is_shared_out_between_them():
    """Three pods on one GPU are one GPU: the shares must sum to it."""
    _, rows = allocations(slice_(device()), claim(pods=("a", "b", "c")))
    assert [r["pod"] for r in rows] == ["a", "b", "c"]
    assert sum(Fraction(r["share_units"], r["device_units"]) for r in rows) == 1
    assert {r["start_quality"] for r in rows} == {"observed"} and {r["revision"] for r in rows} == {77}


def test_an_allocated_claim_that_nobody_reserved_is_held_by_itself():
    """It still keeps the GPU from everybody else: that cost needs an owner."""
    owners = [{"kind": "Deployment", "name": "train", "uid": "d", "controller": True}]
    _, [row] = allocations(slice_(device()), claim(pods=(), ownerReferences=owners))
    assert (row["consumer_uid"], row["pod"], row["workload"]) == ("claim-1", None, "Deployment/train")


def test_an_unallocated_claim_is_left_out_by_name():
    waiting = claim()
    del waiting["status"]
    parsed, rows = allocations(waiting)
    assert not rows and parsed.excluded == {"claim_not_allocated": 1}


def test_consumed_capacity_is_a_share_in_bytes():
    shared = {"shareID": "s-1", "consumedCapacity": {"memory": "10Gi", "shares": "1"}}
    _, [row] = allocations(slice_(device(allowMultipleAllocations=True)), claim(shared))
    assert (row["share_units"], row["device_units"]) == (10 * 2**30, 80 * 2**30)
    assert (row["method"], row["share_id"]) == ("dra-shared", "s-1")


def test_the_dominant_capacity_makes_the_share():
    """Half of the shares with little memory still keeps half of the device from others."""
    gpu = device(capacity={"memory": {"value": "80Gi"}, "gpu.nvidia.com/shares": {"value": "2"}})
    taken = {"shareID": "s", "consumedCapacity": {"memory": "1Gi", "shares": "1"}}
    _, [row] = allocations(slice_(gpu), claim(taken))
    assert (row["share_units"], row["device_units"]) == (1, 2)


def test_a_share_of_an_unknown_device_is_left_out_not_billed_whole():
    taken = {"shareID": "s", "consumedCapacity": {"memory": "1Gi"}}
    parsed, rows = allocations(claim(taken))
    assert not rows and parsed.excluded == {"shared_capacity_unknown": 1}


def test_more_than_the_device_has_is_refused():
    taken = {"shareID": "s", "consumedCapacity": {"memory": "81Gi"}}
    parsed, rows = allocations(slice_(device()), claim(taken))
    assert not rows and [r.reason for r in parsed.rejected] == ["out_of_range"]


def test_partitions_are_shares_of_the_counters_they_consume():
    """A dynamic MIG device has no UUID and holds numbered memory slices of its GPU's counter set."""
    whole = {f"memory-slice-{i}": {"value": "1"} for i in range(8)} | {"multiprocessors": {"value": "98"}}
    part = {f"memory-slice-{i}": {"value": "1"} for i in (0, 1)} | {"multiprocessors": {"value": "28"}}
    consumes = [{"counterSet": "gpu-0-counter-set", "counters": part}]
    mig = device(
        "gpu-0-mig-2g20gb-0-0", attributes={"type": "mig", "profile": "2g.20gb"}, consumesCounters=consumes
    )
    sets = [{"name": "gpu-0-counter-set", "counters": whole}]
    _, [row] = allocations(slice_(mig, sharedCounters=sets), claim({"device": "gpu-0-mig-2g20gb-0-0"}))
    assert Fraction(row["share_units"], row["device_units"]) == Fraction(28, 98)
    assert (row["method"], row["device"]) == ("mig", "gpu.nvidia.com/n1/gpu-0-mig-2g20gb-0-0")


@pytest.mark.parametrize(
    ("model", "profile", "share"),
    [
        ("NVIDIA A100-SXM4-80GB", "2g.20gb", (2, 7)),
        ("NVIDIA A100-SXM4-80GB", "3g.40gb", (1, 2)),
        ("NVIDIA A30", "2g.12gb", (1, 2)),
    ],
)
def test_static_mig_devices_are_the_dominant_share_of_their_model(model, profile, share):
    attributes = {
        "type": "mig",
        "profile": profile,
        "uuid": "MIG-1",
        "parentUUID": "GPU-1",
        "productName": model,
    }
    parsed, [row] = allocations(slice_(device(attributes=attributes)), claim())
    assert (row["share_units"], row["device_units"], row["method"]) == (*share, "mig")
    [found] = parsed.events["device"].to_pylist()
    assert (found["parent_device"], found["mig_profile"]) == ("GPU-1", profile)


def amd(name, kind, profile, place):
    attributes = {
        "type": kind, "partitionProfile": profile, "productName": "AMD_Instinct_MI300X_OAM",
        "resource.kubernetes.io/pciBusID": place,
    }  # fmt: skip
    return device(name, attributes=attributes)


def test_a_whole_amd_card_is_whole_though_its_driver_names_a_partition_profile():
    """spx_nps1 says that the card is not cut: taken for a profile, it would cost a seventh of itself."""
    parsed, [row] = allocations(slice_(amd("gpu-0", "amdgpu", "spx_nps1", "0003:00:02.0")), claim())
    assert (row["method"], row["share_units"], row["device_units"]) == ("whole", 1, 1)
    [found] = parsed.events["device"].to_pylist()
    assert (found["mig_profile"], found["parent_device"]) == (None, None)


def test_amd_partitions_are_parts_of_the_card_at_their_place_on_the_bus():
    """Billed as cards of their own, the eight partitions of a card in CPX would cost eight cards."""
    parts = [amd(f"gpu-{n}", "amdgpu-partition", "cpx_nps4", "0003:00:03.0") for n in range(8)]
    older = device("gpu-8", attributes={
        "type": "amdgpu-partition", "partitionProfile": "dpx_nps2", "parentPciAddr": "0003:00:04.0",
        "productName": "AMD_Instinct_MI300X_OAM",
    })  # fmt: skip
    parsed, [row] = allocations(slice_(*parts, older), claim())
    assert (row["method"], row["share_units"], row["device_units"]) == ("dra-partition", 1, 8)
    cards = [d["parent_device"] for d in parsed.events["device"].to_pylist()]
    assert cards == ["gpu.nvidia.com/n1/0003:00:03.0"] * 8 + ["gpu.nvidia.com/n1/0003:00:04.0"]


@pytest.mark.parametrize(
    ("attributes", "model"),
    [
        ({"tpuGen": "v5e"}, "v5e"),
        ({"tpuGen": "v5e", "accelerator": "tpu-v5-lite-podslice"}, "tpu-v5-lite-podslice"),
    ],
)
def test_chips_that_share_a_uuid_are_not_one_chip(attributes, model):
    """Google's TPU driver made the UUID of the node's name alone: four chips would cost one."""
    chips = [device(str(n), attributes={"uuid": "of-the-node", **attributes}) for n in range(4)]
    parsed, [row] = allocations(slice_(*chips), claim({"device": "2"}))
    found = parsed.events["device"].to_pylist()
    assert [d["device"] for d in found] == [f"gpu.nvidia.com/n1/{n}" for n in range(4)]
    assert {(d["uuid"], d["gpu_model"]) for d in found} == {(None, model)}
    assert row["device"] == "gpu.nvidia.com/n1/2"


def test_amd_cards_of_two_nodes_are_two_though_the_driver_gives_them_one_uuid():
    card = device(
        attributes={"uuid": "0f2ad3c1-77b5-5c10-8e0b-64c1f2a9d7e3", "productName": "AMD_Instinct_MI300X_OAM"}
    )
    pools = [{"name": n, "generation": 1, "resourceSliceCount": 1} for n in ("n1", "n2")]
    parsed, _ = allocations(*(slice_(card, driver="gpu.amd.com", pool=p, nodeName=p["name"]) for p in pools))
    found = [d["device"] for d in parsed.events["device"].to_pylist()]
    assert found == ["gpu.amd.com/n1/gpu-0", "gpu.amd.com/n2/gpu-0"]


@pytest.mark.parametrize("place", ["resource.kubernetes.io/pciBusID", "pcieBusID"])
def test_a_gpu_that_is_offered_for_passing_through_as_well_is_one_gpu(place):
    """NVIDIA's driver makes the UUID of the second of its place: the cards of all nodes would be one."""
    where = {place: "0000:41:00.0"}
    gpu = device("gpu-0", attributes={"uuid": "GPU-0", "type": "gpu", **where})
    through = device(
        "gpu-vfio-0", attributes={"uuid": "6b1a36d2-2a8c-5d4e-9c5f-0d7c9a3f1e42", "type": "vfio", **where}
    )
    parsed, [row] = allocations(slice_(gpu, through), claim({"device": "gpu-vfio-0"}))
    found = [(d["device"], d["parent_device"], d["uuid"]) for d in parsed.events["device"].to_pylist()]
    assert found == [("GPU-0", None, "GPU-0"), ("gpu.nvidia.com/n1/gpu-vfio-0", "GPU-0", None)]
    assert (row["device"], row["method"]) == ("gpu.nvidia.com/n1/gpu-vfio-0", "whole")
    alone, _ = allocations(slice_(through))
    assert alone.events["device"].to_pylist()[0]["parent_device"] is None


def counted(name, card, held, **fields):
    consumes = [{"counterSet": f"{card}-counters", "counters": {"memory": {"value": held}}}]
    return device(name, consumesCounters=consumes, **fields)


def test_every_way_to_cut_a_card_is_one_card():
    """A driver offers a card and all its parts at once: each as a card would multiply the price."""
    sets = [{"name": f"gpu-{n}-counters", "counters": {"memory": {"value": "80Gi"}}} for n in (0, 1)]
    offered = [
        counted("gpu-0", "gpu-0", "80Gi", attributes={"uuid": "GPU-0"}),
        counted("gpu-0-half", "gpu-0", "40Gi", attributes={}),
        counted("gpu-0-other-half", "gpu-0", "40Gi", attributes={}),
        counted("gpu-1-spx", "gpu-1", "80Gi", attributes={}),
        counted("gpu-1-cpx", "gpu-1", "80Gi", attributes={}),
    ]
    parsed, [row] = allocations(
        slice_(count=2, name="sets", sharedCounters=sets),
        slice_(*offered, count=2, name="devices"),
        claim({"device": "gpu-0-half"}),
    )
    cards = [d["parent_device"] for d in parsed.events["device"].to_pylist()]
    assert cards == [None, "GPU-0", "GPU-0", *["gpu.nvidia.com/n1/gpu-1-counters"] * 2]
    assert Fraction(row["share_units"], row["device_units"]) == Fraction(1, 2)


@pytest.mark.parametrize(("strategy", "method"), [("TimeSlicing", "time-slicing"), ("MPS", "mps")])
def test_the_sharing_strategy_is_read_from_the_driver_configuration(strategy, method):
    opaque = {
        "driver": "gpu.nvidia.com",
        "parameters": {"kind": "GpuConfig", "sharing": {"strategy": strategy}},
    }
    _, rows = allocations(
        slice_(device()), claim(pods=("a", "b"), config=[{"requests": ["gpu"], "opaque": opaque}])
    )
    assert {r["method"] for r in rows} == {method} and {r["device_units"] for r in rows} == {2}


@pytest.mark.parametrize(
    ("configs", "method"),
    [
        ([("TimeSlicing", ["gpu/small"], "nvidia")], "whole"),
        ([("TimeSlicing", ["gpu/large"], "nvidia")], "time-slicing"),
        ([("TimeSlicing", ["gpu"], "nvidia"), ("MPS", [], "nvidia")], "mps"),
        ([("TimeSlicing", ["gpu"], "nvidia"), ("MPS", ["gpu/small"], "nvidia")], "time-slicing"),
        ([("MPS", [], "example")], "whole"),
    ],
)
def test_a_configuration_speaks_of_the_alternatives_and_the_driver_that_it_names(configs, method):
    """The scheduler keeps one that names several alternatives whole, and the class's before the claim's."""
    told = [
        {"requests": r, "opaque": {"driver": f"gpu.{d}.com", "parameters": {"sharing": {"strategy": s}}}}
        for s, r, d in configs
    ]
    _, [row] = allocations(slice_(device()), claim({"request": "gpu/large"}, config=told))
    assert row["method"] == method


def test_the_v1beta1_form_means_the_same():
    """Kubernetes 1.32 and 1.33 wrap the attributes in `basic`."""
    modern, old = slice_(device()), slice_(device())
    old["apiVersion"] = "resource.k8s.io/v1beta1"
    entry = old["spec"]["devices"][0]
    old["spec"]["devices"] = [{"name": entry.pop("name"), "basic": entry}]
    assert read(modern)[("f",)].events["device"].equals(read(old)[("f",)].events["device"])


def test_attributes_may_carry_the_drivers_domain():
    qualified = slice_(device(attributes={"gpu.nvidia.com/uuid": "GPU-1"}))
    [row] = read(qualified)[("f",)].events["device"].to_pylist()
    assert row["uuid"] == "GPU-1"


def test_a_pool_counts_only_when_all_its_slices_are_seen():
    """Half a pool would look like lost GPUs."""
    one = slice_(device(), count=2, name="s1")
    two = slice_(device("gpu-1", attributes={"uuid": "GPU-2"}), count=2, name="s2")
    assert read(one)[("f",)].excluded == {"pool_incomplete": 1}
    assert read(one, one)[("f",)].excluded == {"pool_incomplete": 2}, "the same slice twice is one slice"
    both = read(a=json.dumps(one).encode(), b=json.dumps(two).encode())
    assert [p.used for p in both.values()] == [1, 1]


def test_an_older_generation_of_a_pool_is_left_out():
    old = slice_(device(), device("gpu-9", attributes={"uuid": "GPU-9"}), generation=1, name="s1")
    new = slice_(device(), generation=2, name="s2")
    parsed = read(old, new)[("f",)]
    assert parsed.excluded == {"pool_generation_superseded": 2} and parsed.used == 1


def test_a_pod_group_holds_its_claim_as_one_consumer():
    group = {"apiGroup": "scheduling.k8s.io", "resource": "podgroups", "name": "g", "uid": "u-g"}
    _, [row] = allocations(slice_(device()), claim(pods=(group,)))
    assert (row["consumer_uid"], row["pod"], row["workload"]) == ("u-g", None, "PodGroup/g")


def test_the_workload_is_found_along_the_owners_at_hand():
    """Costs belong to the Deployment, not to a pod's name that changes with every rollout."""

    def owned(kind, name, uid, above=None):
        metadata = {"name": name, "uid": uid}
        if above:
            metadata["ownerReferences"] = [
                dict(zip(("kind", "name", "uid"), above, strict=True), controller=True)
            ]
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata}

    pod = owned("Pod", "p1", "uid-p1", ("ReplicaSet", "web-5f", "uid-rs"))
    replicas = owned("ReplicaSet", "web-5f", "uid-rs", ("Deployment", "web", "uid-d"))
    parsed, [row] = allocations(slice_(device()), claim(), pod, replicas)
    assert row["workload"] == "Deployment/web" and parsed.excluded == {"owner_context": 2}
    _, [row] = allocations(slice_(device()), claim(), pod)
    assert row["workload"] == "ReplicaSet/web-5f"
    _, [row] = allocations(slice_(device()), claim())
    assert row["workload"] == "Pod/p1"


def test_monitoring_access_is_marked():
    _, [row] = allocations(slice_(device()), claim({"adminAccess": True}))
    assert row["admin_access"] is True


def test_a_claim_without_any_time_is_refused():
    late = claim()
    del late["metadata"]["creationTimestamp"]
    parsed, rows = allocations(late)
    assert not rows and [r.reason for r in parsed.rejected] == ["missing_field"]


def test_a_list_a_stream_and_a_broken_tail():
    """`kubectl get -w` writes documents one after the other; a cut-off last one costs only itself."""
    listed = json.dumps({"apiVersion": "v1", "kind": "List", "items": [slice_(device()), claim()]})
    parsed = read(f=f"{listed}\n{json.dumps(claim())}\n{{'cut".encode())[("f",)]
    assert parsed.used == 3 and [r.reason for r in parsed.rejected] == ["malformed"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10Gi", 10 * 2**30),
        ("500m", Fraction(1, 2)),
        ("1k", 1000),
        ("1e3", 1000),
        ("1.5Gi", 3 * 2**29),
        ("0", 0),
        (4, 4),
        ("2E", 2 * 10**18),
        ("1E3", 1000),
        ("x", None),
        ("", None),
        (True, None),
        (None, None),
        ("1ki", None),
    ],
)
def test_quantities(text, value):
    assert quantity(text) == value


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)


def _paths(value, at=()):
    yield at
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from _paths(inner, (*at, key))


SHARED = {"shareID": "s", "consumedCapacity": {"memory": "1Gi"}}
WORLD = [
    slice_(device(), sharedCounters=[{"name": "x", "counters": {"c": {"value": "1"}}}]),
    claim(SHARED, {}),
]
PLACES = [path for path in _paths(WORLD) if path]


@given(st.lists(st.tuples(st.sampled_from(PLACES), ANYTHING), min_size=1, max_size=3))
def test_no_value_anywhere_makes_it_raise(changes):
    """Whatever a driver publishes, the collector goes on."""
    world = copy.deepcopy(WORLD)
    for path, value in changes:
        target = world
        for step in path[:-1]:
            try:
                target = target[step]
            except (KeyError, IndexError, TypeError):
                break
        else:
            if isinstance(target, dict) or isinstance(target, list) and path[-1] in range(len(target)):
                target[path[-1]] = value
    read(*world)


@given(st.binary(max_size=200))
def test_random_bytes_do_not_make_it_raise(data):
    read(f=data)


@pytest.mark.parametrize("version", ["v1.34.0", "v1.36.0", "HEAD"])
def test_yaml_says_what_json_says(version):
    """`kubectl get -o yaml` is what people save: times and numbers in it are those of the JSON."""
    kinds = ("ResourceSlice", "ResourceClaim", "DeviceClass")
    texts = [
        sample("k8s-api-testdata", f"{version}.resource.k8s.io.v1.{kind}.json").read_bytes() for kind in kinds
    ]
    dumped = "---\n".join(yaml.safe_dump(json.loads(text)) for text in texts)
    unquoted = dumped.replace("'2004-01-01T01:01:01Z'", "2004-01-01T01:01:01Z")
    whole = read(f=b"\n".join(texts))[("f",)]
    assert whole.used
    for text in (dumped, "---\n" + unquoted, "# saved\n" + dumped):
        parsed = read(f=text.encode())[("f",)]
        assert (parsed.events, parsed.excluded, parsed.rejected) == (
            whole.events,
            whole.excluded,
            whole.rejected,
        )


def test_an_alias_in_yaml_is_refused_and_what_stood_in_other_files_is_kept():
    """Nine lines of aliases unfold to gigabytes; a file from elsewhere must not end the command."""
    bomb = "a: &a [x, x]\nb: &b [*a, *a]\n"
    parsed = read(f=bomb.encode(), g=b"kind: Pod\nmetadata: {name: p}\n", h=b"kind: [\n")
    assert [r.detail for r in parsed[("f",)].rejected] == ["line 2: *a: aliases are not read"]
    assert not parsed[("g",)].rejected and parsed[("g",)].read == 1
    assert [r.reason for r in parsed[("h",)].rejected] == ["malformed"]
