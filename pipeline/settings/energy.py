"""How much carbon dioxide a kilowatt-hour stands for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EnergySettings:
    intensity: str = ""
    """YAML file of gCO2e a kWh by region, dated, each with its source; empty: energy only."""
