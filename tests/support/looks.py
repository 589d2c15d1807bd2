"""In which sizes and themes pictures are taken."""

from __future__ import annotations

SIZES = {"80x24": (80, 24), "120x40": (120, 40)}
THEMES = ("tale-dark", "tale-light")
