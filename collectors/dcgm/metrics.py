"""Which exposition metrics the ledger uses, what they measure and in which unit they come.

NVIDIA dcgm-exporter has three generations of names (DCGM 4.7 renamed them and changed units); AMD's
device-metrics-exporter and Intel's XPU Manager have their own.  Everything else an exporter writes is left
out by name.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Quantity = Literal[
    "engine_ratio", "util_ratio", "memory_used", "memory_free", "memory_reserved", "memory_total",
    "power", "energy", "xid", "throttle", "ecc_corrected", "ecc_uncorrected", "rows_remapped",
    "xid_total", "xid_recent", "healthy", "watched", "core_busy",
]  # fmt: skip

BY_LABEL: dict[Quantity, str] = {
    "xid_total": "xid", "xid_recent": "xid", "watched": "health_watch", "core_busy": "xcc_index",
}  # fmt: skip
"""Of a device one value for each value of that label: errors by their code since the exporter's start, or in
its window; what DCGM's health checks say, 0 pass, 10 warn, 20 fail; of AMD's each compute core's activity."""

COUNTERS: tuple[Quantity, ...] = ("energy", "ecc_corrected", "ecc_uncorrected", "rows_remapped")
"""Totals since the driver was loaded: only their increase speaks of an interval."""

MIB = 2.0**20


class Metric(NamedTuple):
    quantity: Quantity
    scale: float
    """Multiplies the written value into a ratio, bytes, watts or joules."""


METRICS: dict[str, Metric] = {
    # dcgm-exporter up to 4.8
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": Metric("engine_ratio", 1.0),
    "DCGM_FI_DEV_GPU_UTIL": Metric("util_ratio", 0.01),
    "DCGM_FI_DEV_FB_USED": Metric("memory_used", MIB),
    "DCGM_FI_DEV_FB_FREE": Metric("memory_free", MIB),
    "DCGM_FI_DEV_FB_RESERVED": Metric("memory_reserved", MIB),
    "DCGM_FI_DEV_FB_TOTAL": Metric("memory_total", MIB),
    "DCGM_FI_DEV_POWER_USAGE": Metric("power", 1.0),
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": Metric("energy", 1e-3),
    "DCGM_FI_DEV_XID_ERRORS": Metric("xid", 1.0),
    "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS": Metric("throttle", 1.0),
    "DCGM_FI_DEV_CLOCKS_EVENT_REASONS": Metric("throttle", 1.0),
    "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL": Metric("ecc_corrected", 1.0),
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": Metric("ecc_uncorrected", 1.0),
    "DCGM_EXP_XID_ERRORS_TOTAL": Metric("xid_total", 1.0),
    "DCGM_EXP_XID_ERRORS_COUNT": Metric("xid_recent", 1.0),
    "DCGM_EXP_GPU_HEALTH_STATUS": Metric("watched", 1.0),
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": Metric("rows_remapped", 1.0),
    # dcgm-exporter 1, whose names were those of its own script, and the profile of later versions for them
    "dcgm_fi_prof_gr_engine_active": Metric("engine_ratio", 1.0),
    "dcgm_gpu_utilization": Metric("util_ratio", 0.01),
    "dcgm_fb_used": Metric("memory_used", MIB),
    "dcgm_fb_free": Metric("memory_free", MIB),
    "dcgm_power_usage": Metric("power", 1.0),
    "dcgm_total_energy_consumption": Metric("energy", 1e-3),
    "dcgm_xid_errors": Metric("xid", 1.0),
    "dcgm_ecc_sbe_volatile_total": Metric("ecc_corrected", 1.0),
    "dcgm_ecc_dbe_volatile_total": Metric("ecc_uncorrected", 1.0),
    # dcgm-exporter from 4.9 (DCGM 4.7)
    "DCGM_FI_PROF_GR_ENGINE_UTIL_RATIO": Metric("engine_ratio", 1.0),
    "DCGM_FI_DEV_GPU_UTIL_RATIO": Metric("util_ratio", 1.0),
    "DCGM_FI_DEV_FB_USED_BYTES": Metric("memory_used", 1.0),
    "DCGM_FI_DEV_FB_FREE_BYTES": Metric("memory_free", 1.0),
    "DCGM_FI_DEV_FB_RESERVED_BYTES": Metric("memory_reserved", 1.0),
    "DCGM_FI_DEV_FB_CAPACITY_BYTES": Metric("memory_total", 1.0),
    "DCGM_FI_DEV_BOARD_POWER_WATTS": Metric("power", 1.0),
    "DCGM_FI_DEV_GPU_ENERGY_JOULES_TOTAL": Metric("energy", 1.0),
    "DCGM_FI_DEV_XID_ERROR": Metric("xid", 1.0),
    "DCGM_FI_DEV_ROW_REMAP_UNCORRECTABLE_TOTAL": Metric("rows_remapped", 1.0),
    # AMD device-metrics-exporter; its MB are 2^20 bytes, as amd-smi counts
    "gpu_gfx_activity": Metric("util_ratio", 0.01),
    "gpu_gfx_busy_instantaneous": Metric("core_busy", 0.01),
    "gpu_used_vram": Metric("memory_used", MIB),
    "gpu_free_vram": Metric("memory_free", MIB),
    "gpu_total_vram": Metric("memory_total", MIB),
    "gpu_package_power": Metric("power", 1.0),
    "gpu_average_package_power": Metric("power", 1.0),
    "gpu_power_usage": Metric("power", 1.0),
    "gpu_energy_consumed": Metric("energy", 1e-6),
    "gpu_health": Metric("healthy", 1.0),
    "gpu_ecc_correct_total": Metric("ecc_corrected", 1.0),
    "gpu_ecc_uncorrect_total": Metric("ecc_uncorrected", 1.0),
    # Intel XPU Manager's exporter (rest/prometheus_exporter.py of intel/xpumanager)
    "xpum_engine_ratio": Metric("util_ratio", 1.0),
    "xpum_memory_used_bytes": Metric("memory_used", 1.0),
    "xpum_power_watts": Metric("power", 1.0),
    "xpum_energy_joules_total": Metric("energy", 1.0),
}
"""Exporter metric name to what it is; AMD's optional prefix `amd_` is taken off first."""

# DCGM 4.6 gives this new name to the old percentage, so one value above 1 tells the unit of all of them.
PERCENT_SUSPECTS = frozenset(
    {
        "DCGM_FI_DEV_GPU_UTIL_RATIO",
        "DCGM_FI_DEV_MEMORY_UTIL_RATIO",
        "DCGM_FI_DEV_ENC_UTIL_RATIO",
        "DCGM_FI_DEV_DEC_UTIL_RATIO",
    }
)

MAXIMUM: dict[Quantity, float] = {
    "engine_ratio": 1.5,
    "util_ratio": 1.0,
    "memory_used": 2.0**50,
    "memory_free": 2.0**50,
    "memory_reserved": 2.0**50,
    "memory_total": 2.0**50,
    "power": 1e5,
    "energy": 1e15,
    "xid": 1e6,
    "throttle": 2.0**52,
    "ecc_corrected": 1e15,
    "ecc_uncorrected": 1e15,
    "rows_remapped": 1e15,
    "xid_total": 1e15,
    "xid_recent": 1e15,
    "healthy": 1.0,
    "watched": 20.0,
    "core_busy": 1.0,
}
"""Largest value taken; activity ratios of real devices reach 1.3 by sampling and are cut to 1."""

_BLANKS = ((2.0**31 - 16, 2.0**31 - 1), (2.0**63 - 1024, 2.0**63), (2.0**47, 2.0**47 + 16))


def is_blank(value: float) -> bool:
    """Whether a value is one of DCGM's marks for no value, unsupported or not permitted (dcgm_fields.h)."""
    return any(low <= value <= high for low, high in _BLANKS)
