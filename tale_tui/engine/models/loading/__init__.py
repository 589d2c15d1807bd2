"""Loading: what is in memory, what may be, and what failed."""
