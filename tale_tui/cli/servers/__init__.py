"""Commands that run and end an engine."""
