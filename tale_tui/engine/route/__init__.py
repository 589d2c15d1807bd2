"""Which model answers, and why: signals are gathered here, and a pure function decides."""
