"""What was measured at moments, and the roll-ups of it and of calls."""
