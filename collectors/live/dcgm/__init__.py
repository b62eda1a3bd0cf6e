"""GPUs, live: from the Prometheus that scrapes their exporters, or from the exporters themselves."""
