"""The ledger's costs in OpenCost's HTTP shape, so that its clients and dashboards read them unchanged."""
