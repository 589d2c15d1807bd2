"""In which sizes and themes pictures are taken. Those in the light theme differ in their colours alone: the long run
has them."""

from __future__ import annotations

import pytest

SIZES = {"80x24": (80, 24), "120x40": (120, 40)}
THEMES = ("tale-dark", pytest.param("tale-light", marks=pytest.mark.long))
