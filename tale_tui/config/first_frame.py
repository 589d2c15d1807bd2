"""What the first frame needs of the settings, without checking them. Standard library only, and never an error.

The whole settings (`tale_tui.config.settings`) are read right after the first frame; they name what is wrong.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tale_tui.config.paths import Paths

DEFAULT_THEME = "tale-dark"
THEME_VARIABLE = "TALE_LOOK__THEME"
THEME_KEY = "look.theme"


@dataclass(frozen=True, slots=True)
class FirstFrameSettings:
    """The settings that can be seen in the first frame."""

    theme: str = DEFAULT_THEME
    keys: Mapping[str, str] = field(default_factory=dict)
    """Binding id -> keys, comma separated: the table [keys] of the file."""


def flat_keys(table: Mapping[object, object], before: str = "") -> Iterator[tuple[str, object]]:
    """The entries of [keys] by their whole ids: `chat.stop = ...` without quotes is a table in TOML."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from flat_keys(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def read_first_frame_settings(
    paths: Paths, environ: Mapping[str, str], overrides: Mapping[str, object] | None = None
) -> FirstFrameSettings:
    """The first frame's settings: flag > environment > file > default; what cannot be used is left out.

    Args:
        paths: where the settings file is, or would be.
        environ: the environment.
        overrides: dotted key -> value, from the command line.
    """
    try:
        table = tomllib.loads(paths.settings_file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        table = {}
    look, keys = table.get("look"), table.get("keys")
    themes = (
        (overrides or {}).get(THEME_KEY),
        environ.get(THEME_VARIABLE),
        look.get("theme") if isinstance(look, dict) else None,
    )
    bound = flat_keys(keys) if isinstance(keys, dict) else ()
    return FirstFrameSettings(
        theme=next((name for name in themes if isinstance(name, str) and name), DEFAULT_THEME),
        keys={name: value for name, value in bound if isinstance(value, str)},
    )
