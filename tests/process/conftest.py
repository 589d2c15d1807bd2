"""Tests of processes use the terminals and commands of `support.processes`."""

from support.processes import commands, home, window

__all__ = ["commands", "home", "window"]
