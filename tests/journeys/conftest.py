"""Journeys on the screen use the same window as the tests of the screen."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_SPEC = spec_from_file_location("tale_tui_test_window", Path(__file__).parents[1] / "ui" / "conftest.py")
assert _SPEC is not None
assert _SPEC.loader is not None
_WINDOW = module_from_spec(_SPEC)
sys.modules[_SPEC.name] = _WINDOW
_SPEC.loader.exec_module(_WINDOW)

open_window = _WINDOW.open_window
