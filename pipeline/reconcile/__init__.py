"""The ledger against a provider's bill: what is equal, and every part of the rest by its name."""
