"""Journeys on the screen use the same window as the tests of the screen."""

from support.opening import open_window

__all__ = ["open_window"]
