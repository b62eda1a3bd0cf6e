"""What part of a card a MIG profile is, as the vendor's guide cuts its cards."""

from __future__ import annotations

from fractions import Fraction

import pytest

from pipeline.wire.mig import share

A100, H100, H200 = "NVIDIA A100-SXM4-40GB", "NVIDIA H100 80GB HBM3", "NVIDIA H200"


@pytest.mark.parametrize(
    ("profile", "gpu_model", "part"),
    [
        ("1g.5gb", A100, (1, 7)),
        ("1g.5gb+me", A100, (1, 7)),
        ("1g.10gb", A100, (1, 4)),
        ("2g.10gb", A100, (2, 7)),
        ("3g.20gb", A100, (1, 2)),
        ("4g.20gb", A100, (4, 7)),
        ("7g.40gb", A100, (1, 1)),
        ("1g.10gb", H100, (1, 7)),
        ("1c.3g.40gb", H100, (1, 2)),
        ("1g.35gb", H200, (1, 4)),
        ("3g.71gb", H200, (1, 2)),
        ("1g.6gb", "NVIDIA A30", (1, 4)),
        ("3g.20gb", "", (1, 2)),
        ("1g.10gb", "NVIDIA-H100-MIG-1g.10gb", (1, 7)),
        ("1g.24gb", "NVIDIA GH200 480GB", (1, 4)),
        ("3g.48gb", "NVIDIA-GH200-480GB", (1, 2)),
        ("3g.72gb", "NVIDIA GH200 144G HBM3e", (1, 2)),
        ("3g.47gb", "NVIDIA-H100-NVL", (1, 2)),
        ("3g.71gb", "NVIDIA H20-3e", (1, 2)),
        ("1g.67gb", "NVIDIA B300 SXM6 AC", (1, 4)),
        ("3g.93gb", "NVIDIA GB200", (1, 2)),
        ("1g.24gb", "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition", (1, 4)),
        ("1g.24gb", "NVIDIA RTX PRO 5000 Blackwell", (1, 2)),
        ("spx_nps1", "AMD_Instinct_MI300X_OAM", (1, 1)),
        ("DPX-NPS2", "AMD_Instinct_MI300X_OAM", (1, 2)),
        ("cpx_nps4", "AMD_Instinct_MI300X_OAM", (1, 8)),
        ("cpx_nps1", "AMD Instinct MI300A", (1, 6)),
    ],
)
def test_a_profile_is_the_larger_of_its_parts(profile: str, gpu_model: str, part: tuple[int, int]) -> None:
    """A slice with a quarter of the memory leaves three quarters to others, however little it computes."""
    assert share(profile, gpu_model) == Fraction(*part)
