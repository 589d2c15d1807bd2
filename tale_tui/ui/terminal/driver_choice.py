"""Which driver reads and writes the terminal: ours, or Textual's own where it lacks a private name that ours needs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.driver import Driver

LINUX = "textual.drivers.linux_driver"
"""The module of Textual's driver for Linux and macOS."""
_LOG = logging.getLogger(__name__)


def best_driver(textuals: type[Driver]) -> type[Driver]:
    """The driver to be used.

    Args:
        textuals: the one that Textual would use.
    Returns:
        Ours in the place of the one for Linux and macOS; every other one as it is.
    """
    if textuals.__module__ != LINUX:
        return textuals
    try:
        from tale_tui.ui.terminal.driver import TaleDriver, missing_names
    except ImportError as error:
        _LOG.warning("Textual's own driver is used: %s", error)
        return textuals
    if missing := missing_names():
        _LOG.warning("Textual's own driver is used: this Textual lacks %s", ", ".join(missing))
        return textuals
    return TaleDriver
