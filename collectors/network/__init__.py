"""Bytes that pods sent, by the counters that a Prometheus has of them."""
