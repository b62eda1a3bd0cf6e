"""Who owns what a workload holds: effective-dated rules over what is known of it."""
