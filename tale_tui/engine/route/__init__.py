"""Which model answers, and why: signals are gathered here, and a pure function decides."""

from tale_tui.engine.route.complexity import Complexity, complexity
from tale_tui.engine.route.router import Router
from tale_tui.engine.route.rules import Candidate, Route, Signals, left_after, route

__all__ = ["Candidate", "Complexity", "Route", "Router", "Signals", "complexity", "left_after", "route"]
