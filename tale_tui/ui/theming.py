"""Colour themes: TOML files, one theme a file, found in the folder that is shipped and in the user's own.

Reading one is cheap (tomllib and a few colours), so that the theme of the first frame is there before it is painted.
docs/themes.md says what stands in a file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from textual.color import Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

from tale_tui.domain.text import clean_line, reason_of

DEFAULT_DARK, DEFAULT_LIGHT = "tale-dark", "tale-light"
LAST_RESORT = "textual-dark"
"""Always there: Textual brings it along."""

VARIABLE_DEFAULTS = {
    "ux": "#2f86a8",
    "task": "#9a6cbe",
    "user": "#7f848c",
    "muted": "#7b8088",
    "code-theme": "monokai",
}
"""What our style sheets ask of a theme besides Textual's own variables, with values for themes that do not have them.

$ux is the colour of the small model, $task of the big one, $user of the person, $muted of what is said quietly (times,
counts, ids, keys). Each is of middle brightness, so that it can be read on dark and on light. `code-theme` is the
Pygments style for code.
"""

_COLOURS = (
    "primary", "secondary", "background", "surface", "panel", "foreground", "accent", "success", "warning", "error",
    "boost",
)  # fmt: skip
_PLAIN_COLOURS = ("ux", "task", "user", "muted")
"""Variables that widgets read as colours: no `auto`, no share of opacity."""
_TOP_KEYS = ("dark", "ansi", "colours", "variables")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_VARIABLE = re.compile(r"[a-z][a-z0-9-]{0,59}")
_PYGMENTS_STYLE = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_OPACITY = re.compile(r" +(100|\d{1,2})%$")
_TEXT_STYLES = {"none", "not", "bold", "b", "italic", "i", "underline", "u", "dim", "d", "reverse", "r", "strike", "s"}
_ANSI_VARIABLES = {"ansi-background": "ansi_black", "ansi-foreground": "ansi_white"}
"""Textual's own style sheets ask for these, but makes them for themes of full colour only."""
_LARGEST_FILE = 100_000
"""Bytes; a theme has two thousand."""


class ThemeError(Exception):
    """A theme cannot be used.

    Args:
        sentence: for the user: which file, what is wrong, what would be right.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class _Wrong(Exception):
    """What is wrong with a file, without its name."""


def theme_folders(user_folder: Path | None = None) -> tuple[Path, ...]:
    """Where themes are, the shipped ones first; a later folder wins where both have a theme of the same name.

    Args:
        user_folder: the user's own themes (`Paths.user_themes`); it need not exist.
    """
    package = Path(__file__).resolve().parents[1]
    # An installed package has them inside; an editable install has them beside the package, in the checkout.
    shipped = next((folder for folder in (package / "themes", package.parent / "themes") if folder.is_dir()), None)
    return tuple(folder for folder in (shipped, user_folder) if folder is not None)


def load_theme(name: str, folders: tuple[Path, ...]) -> Theme:
    """One theme by its name: the user's own, the shipped one or Textual's.

    Args:
        name: the name of its file without `.toml`.
        folders: as `theme_folders` gives them.
    Raises:
        ThemeError: there is none of that name, or it is broken.
    """
    if _NAME.fullmatch(name):
        for folder in reversed(folders):
            if (file := folder / f"{name}.toml").is_file():
                return _read(file)
        if name in BUILTIN_THEMES:
            return BUILTIN_THEMES[name]
    raise ThemeError(f"There is no theme {clean_line(name, 40)!r}; /theme shows all that there are.")


def first_theme(name: str, folders: tuple[Path, ...]) -> tuple[Theme, str]:
    """The theme of the first frame, whatever is wrong with the files.

    Args:
        name: the wanted one.
        folders: as `theme_folders` gives them.
    Returns:
        The wanted theme and an empty text, else another one and the sentence that says why.
    """
    complaint = ""
    for candidate in (name, DEFAULT_DARK, LAST_RESORT):
        try:
            return load_theme(candidate, folders), complaint
        except ThemeError as error:
            complaint = complaint or error.sentence
    return BUILTIN_THEMES[LAST_RESORT], complaint


def load_themes(folders: tuple[Path, ...]) -> tuple[tuple[Theme, ...], tuple[str, ...]]:
    """All themes of the folders, the defaults first, then by name, and a sentence for each file that is broken."""
    found: dict[str, Theme] = {}
    complaints: list[str] = []
    for file in _files(folders):
        try:
            theme = _read(file)
        except ThemeError as error:
            complaints.append(error.sentence)
        else:
            found[theme.name] = theme
    defaults = (DEFAULT_DARK, DEFAULT_LIGHT)
    return tuple(found[name] for name in sorted(found, key=lambda name: (name not in defaults, name))), tuple(
        complaints
    )


def _files(folders: tuple[Path, ...]) -> Iterator[Path]:
    for folder in folders:
        if folder.is_dir():
            yield from sorted(folder.glob("*.toml"))


def _read(file: Path) -> Theme:
    """The theme of a file; every way in which it can be broken becomes a ThemeError that names the file."""
    try:
        return _build(file.stem, _table(file))
    except OSError as error:
        what = f"it cannot be read ({reason_of(error)})"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        what = f"it is not valid TOML ({clean_line(str(error), 100)})"
    except RecursionError:
        what = "lists lie too deep in each other"
    except _Wrong as error:
        what = clean_line(str(error), 160)
    raise ThemeError(f"The theme {clean_line(file.name, 60)!r} is left out: {what}.")


def _table(file: Path) -> dict[str, Any]:
    with file.open("rb") as stream:
        data = stream.read(_LARGEST_FILE + 1)
    if len(data) > _LARGEST_FILE:
        raise _Wrong(f"it is longer than {_LARGEST_FILE:,} bytes")
    return tomllib.loads(data.decode())


def _build(name: str, table: dict[str, Any]) -> Theme:
    """A theme from what stands in its file.

    Raises:
        _Wrong: says what, to stand after a colon.
    """
    if not _NAME.fullmatch(name):
        raise _Wrong("its name may have small letters, digits, - and _ only")
    _only_known(table, _TOP_KEYS, "")
    colours, variables = _texts(table, "colours"), _texts(table, "variables")
    _only_known(colours, _COLOURS, "colours.")
    if "primary" not in colours:
        raise _Wrong("colours.primary is missing")
    for key, value in colours.items():
        _colour(f"colours.{key}", value)
    for key, value in variables.items():
        _check_variable(key, value)
    ansi = _flag(table, "ansi", False)
    return Theme(
        name=name,
        dark=_flag(table, "dark", True),
        ansi=ansi,
        primary=colours["primary"],
        secondary=colours.get("secondary"),
        background=colours.get("background"),
        surface=colours.get("surface"),
        panel=colours.get("panel"),
        boost=colours.get("boost"),
        foreground=colours.get("foreground"),
        accent=colours.get("accent"),
        success=colours.get("success"),
        warning=colours.get("warning"),
        error=colours.get("error"),
        variables={**_ANSI_VARIABLES, **variables} if ansi else variables,
    )


def _only_known(table: dict[str, Any], known: tuple[str, ...], prefix: str) -> None:
    for key in table:
        if key not in known:
            raise _Wrong(f"{prefix}{key} is not known here; there are {', '.join(known)}")


def _flag(table: dict[str, Any], key: str, default: bool) -> bool:
    value = table.get(key, default)
    if not isinstance(value, bool):
        raise _Wrong(f"{key} is {value!r}; it can be true or false")
    return value


def _texts(table: dict[str, Any], key: str) -> dict[str, str]:
    inner = table.get(key, {})
    if not isinstance(inner, dict):
        raise _Wrong(f"[{key}] is not a table")
    for name, value in inner.items():
        if not isinstance(value, str):
            raise _Wrong(f"{key}.{name} is {value!r}; it must stand in quotation marks")
    return inner


def _colour(place: str, value: str) -> None:
    try:
        Color.parse(value)
    except ColorParseError:
        raise _Wrong(f"{place} is {value!r}, which is not a colour; one looks like #7cc3d4") from None


def _check_variable(key: str, value: str) -> None:
    """A style sheet that is given nonsense ends the application, so nothing but what it can take gets through."""
    place = f"variables.{key}"
    if not _VARIABLE.fullmatch(key):
        raise _Wrong(f"{place} is not a name of a variable")
    if key == "code-theme":
        if not _PYGMENTS_STYLE.fullmatch(value):
            raise _Wrong(f"{place} is {value!r}, which is not the name of a Pygments style")
    elif "style" in key.split("-"):
        if not value or not set(value.split()) <= _TEXT_STYLES:
            raise _Wrong(f"{place} is {value!r}; it can be none, bold, italic, underline, reverse, dim")
    elif key in _PLAIN_COLOURS:
        _colour(place, value)
    elif (colour := _OPACITY.sub("", value)) != "auto":
        _colour(place, colour)
