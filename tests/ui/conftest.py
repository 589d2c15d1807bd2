"""The window, for all tests of what is on the screen."""

from support.opening import open_window

__all__ = ["open_window"]
