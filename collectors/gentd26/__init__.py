"""The GenTD26 trace of a GPU cluster, as events."""
