"""Accelerators of an instance whose price list does not count them; what is not here is skipped.

A size with a part of a card has one device, as its node sees it.  Sources: the pages of GPU sizes in Azure's
and of accelerated instances in AWS's documentation.
"""

from __future__ import annotations

from collections.abc import Mapping

_AZURE = {
    "NC{}as_T4_v3": {4: 1, 8: 1, 16: 1, 64: 4},
    "NC{}s_v2": {6: 1, 12: 2, 24: 4},
    "NC{}s_v3": {6: 1, 12: 2, 24: 4},
    "NC{}rs_v3": {24: 4},
    "NC{}ads_A10_v4": {8: 1, 16: 1, 32: 2},
    "NC{}ads_A100_v4": {24: 1, 48: 2, 96: 4},
    "NC{}ads_H100_v5": {40: 1},
    "NC{}adis_H100_v5": {80: 2},
    "NCC{}ads_H100_v5": {40: 1},
    "NC{}ds_xl_RTXPRO6000BSE_v6": {36: 1, 72: 1, 128: 1, 144: 1, 256: 2, 288: 2, 320: 2},
    "NC{}lds_xl_RTXPRO6000BSE_v6": {24: 1, 36: 1, 72: 1, 128: 1, 144: 1, 256: 2, 288: 2, 320: 2},
    "ND{}rs_v2": {40: 8},
    "ND{}asr_v4": {96: 8},
    "ND{}amsr_A100_v4": {96: 8},
    "ND{}isr_H100_v5": {96: 8},
    "ND{}isr_H200_v5": {96: 8},
    "ND{}isr_MI300X_v5": {96: 8},
    "ND{}isr_NDR_GB200_v6": {128: 4},
    "ND{}isr_GB300_v6": {128: 4},
    "NG{}ads_V620_v1": {8: 1, 16: 1, 32: 1},
    "NG{}adms_V620_v1": {32: 1},
    "NV{}s_v3": {12: 1, 24: 2, 48: 4},
    "NV{}as_v4": {4: 1, 8: 1, 16: 1, 32: 1},
    "NV{}ads_A10_v5": {6: 1, 12: 1, 18: 1, 36: 1, 72: 2},
    "NV{}adms_A10_v5": {36: 1},
    "NV{}ads_V710_v5": {4: 1, 8: 1, 12: 1, 24: 1},
    "NV{}adms_V710_v5": {28: 1},
}
"""By series, whose number is of cores."""

AZURE: Mapping[str, int] = {
    f"Standard_{series.format(cores)}".lower(): gpus
    for series, sizes in _AZURE.items()
    for cores, gpus in sizes.items()
}
AWS: Mapping[str, int] = {
    "trn1.2xlarge": 1, "trn1.32xlarge": 16, "trn1n.32xlarge": 16, "trn2.3xlarge": 1, "trn2.48xlarge": 16,
    "trn2u.48xlarge": 16, "inf1.xlarge": 1, "inf1.2xlarge": 1, "inf1.6xlarge": 4, "inf1.24xlarge": 16,
    "inf2.xlarge": 1, "inf2.8xlarge": 1, "inf2.24xlarge": 6, "inf2.48xlarge": 12, "dl1.24xlarge": 8,
    "dl2q.24xlarge": 8,
}  # fmt: skip
"""Of what the list has no column for: Trainium, Inferentia, Gaudi and Qualcomm devices."""
