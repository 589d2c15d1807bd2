"""The load of `tale-tui stress-test`: tasks and conversations at once, processes that are killed, what it showed."""
