"""Who serves the two roles, chosen and known."""
