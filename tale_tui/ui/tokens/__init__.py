"""The tokens screen: what was spent, on what, and what is being spent now."""
