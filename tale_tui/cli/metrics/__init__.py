"""Commands on what was counted."""
