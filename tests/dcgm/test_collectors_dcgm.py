"""GPU exporter text: real files, both generations of names, MIG, time slicing, marks for no value."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.dcgm.metrics import MIB
from collectors.dcgm.scrape import counters, parse
from pipeline.events import TYPES
from tests.samples import sample

NOON = datetime(2026, 9, 1, 12)


def rows(text: str, **options):
    parsed = parse(text.encode(), cluster="c", time=NOON, **options)
    assert parsed.balanced, "a line went missing from the account"
    return parsed, parsed.events["gpu"].to_pylist()


REAL = {
    "v1.35_ericsson-ccd_accelerator_metrics.prom": (
        20,
        5,
        {"metric_not_used": 13, "superseded": 1, "counter_without_previous": 1},
        0,
        ("Tesla T4", "cp-bm14r7", 0.156205, 5120 * MIB, 68.244),
    ),
    "v1.35_kops_tests_TestObservability_AcceleratorMetrics_ViaDCGM_output.prom": (
        46,
        5,
        {"metric_not_used": 30, "device_duplicate": 5, "superseded": 2, "counter_without_previous": 4},
        0,
        ("NVIDIA L4", "i-030791dc5a37cd257", 0.0, 0.0, 16.365),
    ),
    "v1.35_rafay_accelator_metrics.prom": (
        17,
        5,
        {"metric_not_used": 10, "superseded": 1, "counter_without_previous": 1},
        0,
        ("Tesla T4", "ip-10-200-3-41", 0.0, 0.0, 14.512),
    ),
    "v1.35_vks_accelerator_metrics.prom": (
        11,
        4,
        {"metric_not_used": 7},
        0,
        ("GRID A100-40C", "test-ai-1-node-pool-40c-d5ds8-br9r6-9tb2c", 0.0, 0.0, None),
    ),
    "v1.35_viettel-ai-platform_accelerator_metrics.prom": (20, 0, {"metric_not_used": 2}, 18, None),
    "dra_labels_a30_pr664.prom": (2, 0, {"metric_not_used": 2}, 0, None),
}


@pytest.mark.parametrize("name", REAL)
def test_every_line_of_a_real_scrape_is_accounted_for(name):
    """A user who replays a scrape sees where each of its lines went, and the right GPU in the ledger."""
    read, used, excluded, rejected, device = REAL[name]
    parsed = parse(sample("dcgm", name).read_bytes(), cluster="c", time=NOON)
    assert (parsed.read, parsed.used, dict(parsed.excluded), len(parsed.rejected)) == (
        read,
        used,
        excluded,
        rejected,
    )
    found = parsed.events["gpu"].to_pylist()
    assert len(found) == (device is not None)
    for row in found:
        assert (row["gpu_model"], row["node"], row["util_ratio"], row["memory_used_bytes"]) == device[:4]
        assert row["power_watts"] == device[4]
        assert row["device"].startswith("GPU-") and row["confidence"] == "measured"
    assert parsed.events["gpu"].schema == TYPES["gpu"].schema


def test_elided_lines_are_refused_with_the_line_in_the_reason():
    """A truncated paste must not become numbers: every elided line says what is wrong with it."""
    path = sample("dcgm", "v1.35_viettel-ai-platform_accelerator_metrics.prom")
    parsed = parse(path.read_bytes(), cluster="c", time=NOON)
    assert {r.reason for r in parsed.rejected} == {"malformed"}
    assert all("..." in r.detail for r in parsed.rejected)
    assert [r.row for r in parsed.rejected] == list(range(2, 20))


LABELS = 'gpu="0",UUID="GPU-a",device="nvidia0",modelName="NVIDIA H100",{host}="n1",pod="p",namespace="ns"'
LEGACY = """
DCGM_FI_DEV_GPU_UTIL{L} 91
DCGM_FI_DEV_FB_USED{L} 5120
DCGM_FI_DEV_FB_FREE{L} 9791
DCGM_FI_DEV_FB_RESERVED{L} 447
DCGM_FI_DEV_POWER_USAGE{L} 68.244
DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION{L} 15152422938
DCGM_FI_DEV_XID_ERRORS{L} 31
"""
RENAMED = """
DCGM_FI_DEV_GPU_UTIL_RATIO{L} 0.91
DCGM_FI_DEV_FB_USED_BYTES{L} 5368709120
DCGM_FI_DEV_FB_FREE_BYTES{L} 10266607616
DCGM_FI_DEV_FB_RESERVED_BYTES{L} 468713472
DCGM_FI_DEV_BOARD_POWER_WATTS{L} 68.244
DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL{L} 15152422.938
DCGM_FI_DEV_XID_ERROR{L} 31
"""


def scrape(text: str, host: str = "Hostname") -> str:
    return text.replace("{L}", "{" + LABELS.replace("{host}", host) + "}")


def test_both_generations_of_names_and_units_give_equal_events():
    """An exporter upgrade renames metrics and changes units; utilisation and cost must not jump."""
    previous = {"GPU-a": {"energy": 15_150_000.0, "xid": 0.0}}
    _, [old] = rows(scrape(LEGACY), previous=previous)
    _, [new] = rows(scrape(RENAMED, "hostname"), previous=previous)
    for name, value in old.items():
        assert new[name] == (pytest.approx(value) if isinstance(value, float) else value), name
    assert old["util_ratio"] == pytest.approx(0.91)
    assert old["energy_joules"] == pytest.approx(2422.938)
    assert old["memory_total_bytes"] == 15358 * MIB
    assert (old["pod"], old["namespace"], old["xid"], old["xid_errors"]) == ("p", "ns", 31, 1)


def test_the_first_generation_of_names_is_read_after_a_byte_order_mark():
    """dcgm-exporter 1 wrote small names and labels of its own; clusters still run it."""
    holder = '{gpu="0",uuid="GPU-a",pod_name="p",pod_namespace="ml",container_name="c"}'
    values = {"gpu_utilization": 37, "fb_used": 6000, "fb_free": 10000, "power_usage": 31.5, "sm_clock": 135}
    text = "\ufeff# HELP dcgm_gpu_utilization GPU utilization (in %).\n"
    parsed, [row] = rows(text + "".join(f"dcgm_{name}{holder} {v}\n" for name, v in values.items()))
    assert (parsed.rejected, parsed.excluded) == ((), {"metric_not_used": 1})
    assert (row["device"], row["namespace"], row["pod"], row["container"]) == ("GPU-a", "ml", "p", "c")
    assert (row["util_ratio"], row["memory_total_bytes"], row["power_watts"]) == (0.37, 16000 * MIB, 31.5)


def test_the_ratio_that_is_a_percentage_on_dcgm_46_is_divided():
    """DCGM 4.6 writes percent under the new name: read as a ratio, 1 % busy would be 100 %."""
    both = 'DCGM_FI_DEV_GPU_UTIL_RATIO{UUID="GPU-a"} 1\nDCGM_FI_DEV_GPU_UTIL_RATIO{UUID="GPU-b"} 47'
    _, found = rows(both)
    assert {r["device"]: r["util_ratio"] for r in found} == pytest.approx({"GPU-a": 0.01, "GPU-b": 0.47})


def test_the_engine_activity_wins_over_the_coarse_utilisation_and_is_cut_to_one():
    parsed, [row] = rows(scrape("DCGM_FI_DEV_GPU_UTIL{L} 40\nDCGM_FI_PROF_GR_ENGINE_ACTIVE{L} 1.02"))
    assert row["util_ratio"] == 1.0
    assert parsed.excluded["superseded"] == 1


def test_a_device_without_utilisation_still_gives_an_event():
    """vGPUs and busy profilers hide utilisation; the device must still be seen, with utilisation unknown."""
    _, [row] = rows(scrape("DCGM_FI_DEV_FB_USED{L} 10"))
    assert row["util_ratio"] is None and row["memory_used_bytes"] == 10 * MIB


def test_an_energy_counter_gives_the_increase_and_survives_a_driver_reload():
    text = scrape(LEGACY)
    told = {"energy": pytest.approx(15152422.938), "xid": 31.0, "xid_watched": 0.0}
    assert counters(text.encode()) == {"GPU-a": told}
    _, [row] = rows(text, previous={"GPU-a": {"energy": 16e6}})
    assert row["energy_joules"] == pytest.approx(15152422.938), "the counter was reset: all of it is new"
    parsed, [row] = rows(text)
    assert row["energy_joules"] is None and parsed.excluded["counter_without_previous"] == 1


def test_relabelled_pods_are_found_under_their_exported_names():
    """Prometheus with honor_labels off names the exporter's own pod: costs would go to the exporter."""
    _, [row] = rows(
        'DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a",pod="dcgm-exporter-x",namespace="monitoring",container="exporter",'
        'exported_pod="train-0",exported_namespace="ml",exported_container="main"} 50'
    )
    assert (row["namespace"], row["pod"], row["container"]) == ("ml", "train-0", "main")


MIG = 'UUID="GPU-a",modelName="NVIDIA A100",Hostname="n",GPU_I_PROFILE="{p}",GPU_I_ID="{i}"'


def test_board_power_that_repeats_on_every_mig_instance_is_split_by_slices():
    """A board of 300 W with three instances is 300 W, not 900 W."""
    lines = [
        "DCGM_FI_DEV_POWER_USAGE{" + MIG.format(p=p, i=i) + "} 300\n"
        "DCGM_FI_PROF_GR_ENGINE_ACTIVE{" + MIG.format(p=p, i=i) + "} 0.5\n"
        "DCGM_FI_DEV_GPU_UTIL{" + MIG.format(p=p, i=i) + "} 0"
        for p, i in (("1g.5gb", 7), ("2g.10gb", 3), ("3g.20gb", 1))
    ]
    parsed, found = rows("\n".join(lines))
    assert {r["device"]: r["power_watts"] for r in found} == {"GPU-a/7": 50, "GPU-a/3": 100, "GPU-a/1": 150}
    assert {r["parent_device"] for r in found} == {"GPU-a"}
    assert parsed.excluded["not_measured_on_mig"] == 3, "DCGM writes 0 there: an instance is not idle for it"


def test_a_mig_instance_allocated_by_dra_is_known_by_its_own_uuid():
    """Else its samples would not meet its allocation."""
    line = sample("dcgm", "dra_labels_a30_pr664.prom").read_text().splitlines()[-1]
    _, [row] = rows(line.replace("DCGM_FI_DEV_SM_CLOCK", "DCGM_FI_DEV_FB_USED"))
    assert row["device"] == "MIG-c73ab1c4-6cb7-59b6-be7e-21c4ac35c3b6"
    assert row["parent_device"] == "GPU-e04ce2a0-21a4-b68c-854a-f5c0d26bfc0b"
    assert (row["mig_profile"], row["pod"]) == ("1g.6gb", "pod-c98945f5d-dnjs6")


def test_a_time_sliced_device_is_one_sample_and_says_that_it_was_repeated():
    """Every pod on a shared GPU gets a copy of the device's value: summed, one GPU would be three."""
    pods = "\n".join(f'DCGM_FI_DEV_GPU_UTIL{{UUID="GPU-a",pod="p{i}",namespace="n"}} 60' for i in range(3))
    parsed, [row] = rows(pods)
    assert (row["util_ratio"], row["confidence"], row["pod"]) == (0.6, "device-duplicated", None)
    assert parsed.excluded["device_duplicate"] == 2


def test_what_each_pods_processes_did_is_told_beside_the_device():
    """An exporter that measures processes tells who worked on a shared GPU: by share all would look alike."""
    lines = [
        f'{metric}{{UUID="GPU-a",pod="p{i}",namespace="n"}} {value}'
        for metric, values in (("DCGM_FI_DEV_GPU_UTIL", (40, 20, 0)), ("DCGM_FI_DEV_FB_USED", (100, 300, 50)))
        for i, value in enumerate(values)
    ]
    parsed, [device, *processes] = rows("\n".join(lines))
    assert (device["util_ratio"], device["confidence"], device["pod"]) == (
        pytest.approx(0.6),
        "measured",
        None,
    )
    assert device["memory_used_bytes"] == 450 * 2**20
    told = {(row["pod"], row["util_ratio"], row["confidence"]) for row in processes}
    assert told == {("p0", 0.4, "process"), ("p1", 0.2, "process"), ("p2", 0.0, "process")}
    assert not parsed.excluded, "every line is used"


def test_the_device_line_wins_over_per_process_lines():
    _, [row] = rows(
        'DCGM_FI_DEV_FB_USED{UUID="GPU-a"} 900\nDCGM_FI_DEV_FB_USED{UUID="GPU-a",pod="p",namespace="n"} 300\n'
    )
    assert (row["memory_used_bytes"], row["pod"]) == (900 * MIB, "p")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("9223372036854775794", "blank_value"),
        ("2147483632", "blank_value"),
        ("140737488355328", "blank_value"),
        ("NaN", "not_finite"),
        ("+Inf", "not_finite"),
    ],
)
def test_marks_for_no_value_are_refused_with_their_reason(value, name):
    """An unsupported field prints a number near 2^63: as watts it would be a very large bill."""
    parsed, found = rows(scrape("DCGM_FI_DEV_POWER_USAGE{L} " + value))
    assert not found and [(r.reason, r.detail) for r in parsed.rejected] == [
        (name, "DCGM_FI_DEV_POWER_USAGE of GPU-a")
    ]


def test_impossible_values_are_refused():
    parsed, found = rows(scrape("DCGM_FI_DEV_GPU_UTIL{L} 250\nDCGM_FI_DEV_POWER_USAGE{L} -3"))
    assert not found and [r.reason for r in parsed.rejected] == ["out_of_range"] * 2


def test_a_slice_under_the_names_of_the_compatibility_profile_has_its_utilisation() -> None:
    """Of a MIG instance no other name says what it did: a slice would look idle for as long as it is held."""
    labels = (  # as issue 272 of dcgm-exporter shows it
        'gpu="3",uuid="GPU-a",device="nvidia3",modelName="NVIDIA A100 80GB PCIe",GPU_I_PROFILE="4g.40gb",'
        'GPU_I_ID="1",container_name="c",pod_name="p",pod_namespace="ai-1"'
    )
    text = f"dcgm_fi_prof_gr_engine_active{{{labels}}} 0.25\ndcgm_gpu_utilization{{{labels}}} 0\n"
    _, [row] = rows(text)
    assert (row["device"], row["util_ratio"], row["pod"], row["namespace"]) == ("GPU-a/1", 0.25, "p", "ai-1")


def test_amd_names_and_units():
    labels = (
        '{gpu_id="0",serial_number="S1",card_model="MI300X",hostname="n",gpu_compute_partition_type="SPX"}'
    )
    _, [row] = rows(
        f"amd_gpu_gfx_activity{labels} 25\ngpu_used_vram{labels} 100\ngpu_total_vram{labels} 196592\n"
        f"gpu_package_power{labels} 400\ngpu_energy_consumed{labels} 5000000",
        previous={"S1": {"energy": 2.0}},
    )
    assert (row["util_ratio"], row["memory_used_bytes"], row["memory_total_bytes"]) == (
        0.25,
        100 * MIB,
        196592 * MIB,
    )
    assert (row["power_watts"], row["energy_joules"], row["gpu_model"]) == (400, 3.0, "MI300X")


def test_amd_partitions_are_known_by_their_cards_serial_number():
    """Each has a uuid of its own: by it the card's power would be the first partition's alone."""
    labels = (
        '{{gpu_id="{n}",gpu_uuid="u-{n}",serial_number="S1",gpu_partition_id="{n}",hostname="n",'
        'gpu_compute_partition_type="cpx",card_model="102-G30211-0C",card_series="AMD Instinct MI300X OAM"}}'
    )
    text = "".join(f"gpu_used_vram{labels.format(n=n)} {100 + n}\n" for n in range(8))
    _, found = rows(text + f"gpu_package_power{labels.format(n=0)} 800\n")
    assert [(row["device"], row["parent_device"]) for row in found] == [(f"S1/{n}", "S1") for n in range(8)]
    assert [row["power_watts"] for row in found] == [100.0] * 8
    assert {row["gpu_model"] for row in found} == {"AMD Instinct MI300X OAM"}, "not the number of its part"


def test_amd_partitions_tell_what_they_did_by_their_cores() -> None:
    """No other line does since device-metrics-exporter 1.3.1: a busy partition would have no utilisation."""
    of = (
        'gpu_id="{n}",serial_number="S1",gpu_partition_id="{n}",hostname="n",gpu_compute_partition_type="qpx"'
    )
    text = "".join(
        f'gpu_gfx_busy_instantaneous{{xcc_index="{core}",{of.format(n=n)}}} {20 * n + 10 * core}\n'
        for n in range(2)
        for core in range(2)
    )
    parsed, found = rows(text)
    assert [(row["device"], row["util_ratio"]) for row in found] == [
        ("S1/0", pytest.approx(0.05)), ("S1/1", pytest.approx(0.25)),
    ]  # fmt: skip
    whole = 'gpu_id="0",serial_number="S1",hostname="n",gpu_compute_partition_type="spx"'
    both = f'gpu_gfx_activity{{{whole}}} 40\ngpu_gfx_busy_instantaneous{{xcc_index="0",{whole}}} 90\n'
    parsed, [row] = rows(both)
    assert row["util_ratio"] == 0.4 and parsed.excluded == {"superseded": 1} and parsed.balanced


@pytest.mark.parametrize(
    "told",
    [  # as its issues 233 (a virtual machine), 135 (an MI210) and 219 (a host of virtual machines) show it
        'serial_number="",gpu_compute_partition_type="spx",gpu_partition_id="4294967295"',
        'serial_number="N/A",gpu_compute_partition_type="none",gpu_partition_id="NA"',
    ],
)
def test_amd_cards_that_tell_no_name_are_known_by_their_place(told: str) -> None:
    """Eight cards of every node under one uuid of zeros, or one N/A, would be one device."""
    zeros = "00000000-0000-0000-0000-000000000000"
    labels = f'hostname="n",gpu_uuid="{zeros}",{told}'
    _, found = rows("".join(f'amd_gpu_gfx_activity{{gpu_id="{n}",{labels}}} {n}\n' for n in range(8)))
    assert [(row["device"], row["parent_device"]) for row in found] == [(f"n/{n}", None) for n in range(8)]
    _, [row] = rows(f'amd_gpu_gfx_activity{{gpu_id="0",{labels.replace(zeros, "88ff740f-0000")}}} 5\n')
    assert (row["device"], row["parent_device"]) == ("88ff740f-0000", None)


def test_intels_lines_of_a_device_count_and_those_of_its_tiles_and_card_do_not():
    """The exporter tells the same power of the tiles, the device and the card: added, it would be thrice."""
    of = 'uuid="0100",dev_name="Intel(R) Data Center GPU Max 1550",pci_bdf="0000:4d:00.0",node="n"'
    pod = f'{of},kube_pod="p",kube_namespace="ml",kube_container="c"'
    parsed, [row] = rows(
        f'xpum_engine_ratio{{{pod},sub_dev="0"}} 0.9\nxpum_engine_ratio{{{pod}}} 0.7\n'
        f'xpum_power_watts{{{pod}}} 300\nxpum_power_watts{{card="1",node="n"}} 600\n'
        f"xpum_memory_used_bytes{{{pod}}} 2147483648\nxpum_temperature_celsius{{{pod}}} 40\n"
    )
    assert parsed.excluded == {"tile_of_a_device": 1, "card_of_devices": 1, "metric_not_used": 1}
    assert (row["device"], row["node"], row["pod"], row["namespace"]) == ("0100", "n", "p", "ml")
    assert (row["util_ratio"], row["power_watts"], row["memory_used_bytes"]) == (0.7, 300, 2 * 2**30)
    assert row["gpu_model"] == "Intel(R) Data Center GPU Max 1550"


def test_labels_may_hold_braces_quotes_and_newlines():
    _, [row] = rows(
        'DCGM_FI_DEV_GPU_UTIL{UUID="GPU-a",modelName="a}\\"b\\\\c\\nd",pod="p" , } 5 1756728000000'
    )
    assert row["gpu_model"] == 'a}"b\\c\nd'
    assert row["time"].replace(tzinfo=None) == datetime(2025, 9, 1, 12), "a line's own timestamp is taken"


def test_errors_are_the_increase_of_their_counters_once_a_board():
    """A count that repeats on every MIG instance, or since years, must not look like a dying GPU."""
    lines = [
        "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL{" + MIG.format(p="1g.5gb", i=i) + "} 7\n"
        "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS{" + MIG.format(p="1g.5gb", i=i) + "} 68"
        for i in (7, 8)
    ]
    before = {f"GPU-a/{i}": {"ecc_uncorrected": 5.0} for i in (7, 8)}
    parsed, found = rows("\n".join(lines), previous=before)
    assert [(r["ecc_uncorrected"], r["throttle_reasons"]) for r in found] == [(2, 68), (None, 68)]
    assert parsed.excluded == {"device_duplicate": 1}
    parsed, found = rows("\n".join(lines))
    assert [r["ecc_uncorrected"] for r in found] == [None, None]
    assert parsed.excluded == {"counter_without_previous": 2}


def test_a_sticky_xid_is_one_error_when_it_changes():
    """The exporter repeats the last code for ever: each scrape would be a new error."""
    text = scrape("DCGM_FI_DEV_XID_ERRORS{L} 31")
    for before, errors in ((None, None), (0.0, 1), (13.0, 1), (31.0, 0)):
        previous = {} if before is None else {"GPU-a": {"xid": before}}
        _, [row] = rows(text, previous=previous)
        assert (row["xid"], row["xid_errors"]) == (31, errors)


def by_code(name, **codes):
    lines = [f'DCGM_EXP_XID_ERRORS_{name}{{UUID="GPU-a",xid="{c[1:]}"}} {n}\n' for c, n in codes.items()]
    return "".join(lines)


LAST = 'DCGM_FI_DEV_XID_ERRORS{UUID="GPU-a"} 79\n'


@pytest.mark.parametrize(("name", "fewer"), [("TOTAL", 4), ("COUNT", 0)])
def test_the_same_xid_again_is_counted_where_the_exporter_counts_it(name, fewer):
    """A GPU that falls off the bus ten times tells one code for ever, and ten errors."""
    text = LAST + by_code(name, x79=3, x31=1)
    for before, errors in (
        (None, None),
        ({"GPU-a": {"xid": 79.0}}, None),  # of a version that did not look: they may be of last month
        (counters(LAST.encode()), 4),
        (counters((LAST + by_code(name, x79=1, x31=1)).encode()), 2),
        (counters((LAST + by_code(name, x79=9, x31=7)).encode()), fewer),  # began anew, or left the window
    ):
        parsed, [row] = rows(text, previous=before)
        assert (row["xid"], row["xid_errors"]) == (79, errors)
        assert not parsed.excluded
    _, [row] = rows(by_code(name, x79=3, x31=1), previous=counters(by_code(name, x79=1, x31=1).encode()))
    assert (row["xid"], row["xid_errors"]) == (79, 2), "the code that was counted stands for the last one"


@pytest.mark.parametrize(
    ("text", "unhealthy"),
    [
        ('gpu_health{gpu_id="0",serial_number="S"} 0', 1),
        ('amd_gpu_health{gpu_id="0",serial_number="S"} 1', 0),
        ('DCGM_EXP_GPU_HEALTH_STATUS{UUID="S",health_watch="PCIE"} 10', 0),
        ('DCGM_EXP_GPU_HEALTH_STATUS{UUID="S",health_watch="PCIE"} 0\n'
         'DCGM_EXP_GPU_HEALTH_STATUS{UUID="S",health_watch="MEM"} 20', 1),
        ('DCGM_FI_DEV_GPU_UTIL{UUID="S"} 5', None),
    ],
)  # fmt: skip
def test_a_device_that_its_exporter_calls_failed(text, unhealthy):
    """Who pays for a broken card should see since when it was one."""
    parsed, [row] = rows(text)
    assert row["unhealthy"] == unhealthy and not parsed.excluded


@given(st.data())
def test_no_bytes_make_it_raise(data):
    """One broken exporter must not stop the collector."""
    text = bytearray(scrape(LEGACY).encode())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    parsed = parse(bytes(text), cluster="c", time=NOON, previous={"GPU-a": {"energy": 1.0}})
    assert parsed.balanced


@given(st.binary(max_size=300))
def test_random_bytes_do_not_make_it_raise(data):
    assert parse(data, cluster="c", time=NOON).balanced
