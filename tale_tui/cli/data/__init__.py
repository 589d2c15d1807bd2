"""Commands on what is stored."""
