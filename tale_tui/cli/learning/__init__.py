"""Commands on what was learned."""
