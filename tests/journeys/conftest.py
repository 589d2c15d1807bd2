"""Journeys use the window of the tests of the screen, and the terminals and commands of those of processes."""

from support.opening import open_window
from support.processes import commands, home, window

__all__ = ["commands", "home", "open_window", "window"]
