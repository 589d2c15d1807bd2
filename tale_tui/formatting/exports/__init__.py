"""What is written to files as data: tokens, what was learned."""
