"""What a GPU-hour costs: effective-dated price books."""

from pipeline.prices.book import PriceBook

__all__ = ["PriceBook"]
