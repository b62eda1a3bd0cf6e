"""Month end: what a month charges, its close, and all that comes after it."""
