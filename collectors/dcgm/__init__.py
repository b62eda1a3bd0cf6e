"""What dcgm-exporter, the AMD exporter and the device plugins tell of GPUs, as events."""
