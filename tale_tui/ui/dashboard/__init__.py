"""The dashboard: whether the promises hold, and what the machine and the models do."""
