"""Toasts put away so that nothing is left of them."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen

HOLDER = "ToastHolder"
"""Textual's private widget around a toast."""


def clear_toasts(screen: Screen[Any]) -> None:
    """Take all toasts from a screen."""
    # Textual leaves the holder of a toast behind, which takes the room of the next one.
    screen.query(HOLDER).remove()
    screen.app.clear_notifications()
