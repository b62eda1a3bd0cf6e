"""What Cilium Hubble saw of the network, as events."""
