"""Themes: what is shipped can be read by everyone, what a user writes can break nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.app import App, ComposeResult
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme
from textual.widgets import Static

from tale_tui.ui import theming
from tale_tui.ui.theming import (
    DEFAULT_DARK,
    DEFAULT_LIGHT,
    LAST_RESORT,
    VARIABLE_DEFAULTS,
    ThemeError,
    first_theme,
    load_theme,
    load_themes,
    theme_folders,
)

SHIPPED, COMPLAINTS = load_themes(theme_folders())
COLOURED = [theme for theme in SHIPPED if not theme.ansi]
TEXT_CONTRAST = 4.5
"""WCAG 2.2, 1.4.3: text."""
SIGN_CONTRAST = 3.0
"""WCAG 2.2, 1.4.11: signs, and text that is said twice."""


def luminance(colour: str) -> float:
    """Relative luminance as WCAG defines it, 0 to 1."""

    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(channel) for channel in Color.parse(colour).rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """1 to 21, as WCAG defines it."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def grounds(theme: Theme) -> list[str]:
    assert theme.background
    assert theme.surface
    return [theme.background, theme.surface]


def named(theme: Theme) -> str:
    return theme.name


def test_at_least_eight_themes_are_shipped_and_none_is_broken() -> None:
    assert COMPLAINTS == ()
    assert len(SHIPPED) >= 8
    assert {DEFAULT_DARK, DEFAULT_LIGHT} <= {theme.name for theme in SHIPPED}
    assert {theme.dark for theme in SHIPPED} == {True, False}


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", COLOURED, ids=named)
def test_text_can_be_read(theme: Theme) -> None:
    assert theme.foreground
    for ground in [*grounds(theme), theme.panel, theme.variables["block-cursor-background"]]:
        assert ground
        assert contrast(theme.foreground, ground) >= TEXT_CONTRAST, ground


@pytest.mark.parametrize("theme", COLOURED, ids=named)
@pytest.mark.parametrize("name", ["muted", "ux", "task", "user", "accent", "success", "warning", "error"])
def test_what_has_a_meaning_can_be_seen(theme: Theme, name: str) -> None:
    colour = theme.variables.get(name) or getattr(theme, name)
    for ground in [*grounds(theme), theme.variables["block-cursor-background"]]:
        assert contrast(colour, ground) >= SIGN_CONTRAST, ground
    # On the page itself, where most of it stands, it is as easy to read as text.
    assert contrast(colour, grounds(theme)[0]) >= TEXT_CONTRAST


@pytest.mark.parametrize("theme", COLOURED, ids=named)
def test_quiet_text_is_quieter_than_text(theme: Theme) -> None:
    assert theme.foreground
    ground = grounds(theme)[0]
    assert contrast(theme.variables["muted"], ground) < contrast(theme.foreground, ground)


@pytest.mark.parametrize("theme", [theme for theme in COLOURED if "colour-blind" in theme.name], ids=named)
def test_roles_differ_in_brightness_where_colours_are_not_seen(theme: Theme) -> None:
    assert contrast(theme.variables["ux"], theme.variables["task"]) >= 1.8


@pytest.mark.parametrize("theme", COLOURED, ids=named)
def test_code_can_be_read(theme: Theme) -> None:
    from pygments.styles import get_style_by_name
    from pygments.token import Comment, Keyword, Literal, Name, Number, Operator, String

    style = get_style_by_name(theme.variables["code-theme"])
    for token in (Comment, Keyword, Literal, Name, Name.Function, Name.Class, Number, Operator, String):
        if colour := style.style_for_token(token)["color"]:
            for ground in grounds(theme):
                assert contrast(f"#{colour}", ground) >= SIGN_CONTRAST, (token, ground)


def test_the_terminal_theme_has_no_colour_of_its_own() -> None:
    theme = load_theme("terminal", theme_folders())
    assert theme.ansi
    values = [theme.primary, theme.background, theme.foreground, theme.error, *theme.variables.values()]
    assert [value for value in values if value and value.startswith(("#", "rgb"))] == []


@pytest.mark.parametrize("theme", [t for t in BUILTIN_THEMES.values() if not t.ansi], ids=named)
def test_our_colours_can_be_seen_on_the_themes_of_textual(theme: Theme) -> None:
    ground = theme.to_color_system().generate()["background"]
    for name in ("ux", "task", "user", "muted"):
        assert contrast(VARIABLE_DEFAULTS[name], ground) >= 2.5, name


def test_every_shipped_theme_has_every_variable_of_ours() -> None:
    for theme in SHIPPED:
        assert set(VARIABLE_DEFAULTS) <= set(theme.variables), theme.name


class Painted(App[None]):
    """Uses each variable, so that a theme which lacks one or has nonsense in it fails."""

    CSS = """
    #a { color: $ux; background: $surface; border: round $border; }
    #b { color: $task; background: $panel; text-style: $block-cursor-text-style; }
    #c { color: $user; background: $block-cursor-background; }
    #d { color: $muted; background: $input-selection-background; }
    """

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLE_DEFAULTS)

    def compose(self) -> ComposeResult:
        yield from (Static(name, id=name) for name in "abcd")


async def test_all_themes_can_be_shown() -> None:
    app = Painted()
    for theme in SHIPPED:
        app.register_theme(theme)
    async with app.run_test() as pilot:
        for name in [*BUILTIN_THEMES, *(theme.name for theme in SHIPPED)]:
            app.theme = name
            await pilot.pause()
            wanted = app.theme_variables["ux"]
            assert app.query_one("#a").styles.color == Color.parse(wanted), name


def write(folder: Path, text: str, name: str = "mine.toml") -> tuple[Path, ...]:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return theme_folders(folder)


def test_a_users_theme_is_found_and_wins_over_a_shipped_one(tmp_path: Path) -> None:
    folders = write(tmp_path / "themes", '[colours]\nprimary = "#123456"\n[variables]\nux = "red"\n')
    assert load_theme("mine", folders).primary == "#123456"
    write(tmp_path / "themes", 'dark = false\n[colours]\nprimary = "hotpink"\n', "tale-dark.toml")
    assert load_theme("tale-dark", folders).primary == "hotpink"
    themes, complaints = load_themes(folders)
    assert [theme.dark for theme in themes if theme.name == "tale-dark"] == [False]
    assert len(themes) == len(SHIPPED) + 1
    assert complaints == ()


BROKEN = {
    "no TOML": ("[colours", "not valid TOML"),
    "no primary": ('[colours]\naccent = "red"', "colours.primary is missing"),
    "no table": ("colours = 3", "[colours] is not a table"),
    "no colour": ('[colours]\nprimary = "#12"', "colours.primary is '#12'"),
    "a number": ("[colours]\nprimary = 3", "quotation marks"),
    "unknown key": ('[colors]\nprimary = "red"', "colors is not known"),
    "unknown colour": ('[colours]\nprimary = "red"\ntertiary = "red"', "colours.tertiary is not known"),
    "no flag": ('dark = "yes"\n[colours]\nprimary = "red"', "dark is 'yes'"),
    "style sheet": ('[colours]\nprimary = "red"\n[variables]\nborder = "red; } * { display: none"', "not a colour"),
    "variable name": ('[colours]\nprimary = "red"\n[variables]\n"a b" = "red"', "not a name of a variable"),
    "text style": ('[colours]\nprimary = "red"\n[variables]\nlink-style = "loud"', "bold, italic"),
    "code style": ('[colours]\nprimary = "red"\n[variables]\ncode-theme = "a b"', "Pygments"),
    "role by opacity": ('[colours]\nprimary = "red"\n[variables]\nux = "red 50%"', "variables.ux"),
    "too long": ("#" * 200_000, "longer than"),
}


@pytest.mark.parametrize(("text", "said"), BROKEN.values(), ids=BROKEN)
def test_a_broken_theme_is_told_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    folders = write(tmp_path / "themes", text)
    themes, complaints = load_themes(folders)
    assert len(themes) == len(SHIPPED)
    assert len(complaints) == 1
    assert said in complaints[0]
    assert "mine.toml" in complaints[0]
    assert complaints[0].endswith(".")
    assert "\n" not in complaints[0]
    theme, complaint = first_theme("mine", folders)
    assert theme.name == DEFAULT_DARK
    assert complaint == complaints[0]


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "themes"
    (folder / "mine.toml").mkdir(parents=True)
    themes, complaints = load_themes(theme_folders(folder))
    assert len(themes) == len(SHIPPED)
    assert "cannot be read" in complaints[0]


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b'[colours]\nprimary = "\xff\xfe"')
    assert "not valid TOML" in load_themes(theme_folders(tmp_path))[1][0]


def test_hostile_file_names_and_values_reach_nobody(tmp_path: Path) -> None:
    write(tmp_path, '[colours]\nprimary = "\\u001b]52;c;x\\u0007"', "a.toml")
    write(tmp_path, "", "[bold\x1b[2J.toml")
    _, complaints = load_themes(theme_folders(tmp_path))
    assert len(complaints) == 2
    assert not any("\x1b" in complaint for complaint in complaints)


@pytest.mark.parametrize("name", ["nosuch", "../tale-dark", "", "a\x1b[2Jb"])
def test_an_unknown_name_falls_back_with_a_sentence(name: str) -> None:
    with pytest.raises(ThemeError):
        load_theme(name, theme_folders())
    theme, complaint = first_theme(name, theme_folders())
    assert theme.name == DEFAULT_DARK
    assert "There is no theme" in complaint
    assert "\x1b" not in complaint


def test_the_themes_of_textual_can_be_chosen() -> None:
    assert first_theme("nord", theme_folders()) == (BUILTIN_THEMES["nord"], "")


def test_without_any_folder_something_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(theming, "__file__", str(tmp_path / "a" / "ui" / "theming.py"))
    assert theme_folders() == ()
    theme, complaint = first_theme(DEFAULT_DARK, theme_folders())
    assert theme.name == LAST_RESORT
    assert complaint


def test_themes_are_found_inside_an_installed_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "themes").mkdir()
    package = tmp_path / "tale_tui"
    (package / "themes").mkdir(parents=True)
    monkeypatch.setattr(theming, "__file__", str(package / "ui" / "theming.py"))
    assert theme_folders() == (package / "themes",)


def test_the_example_of_the_manual_is_a_theme(tmp_path: Path) -> None:
    manual = Path(__file__).parents[2] / "docs" / "themes.md"
    example = manual.read_text(encoding="utf-8").split("```toml\n")[2].split("```")[0]
    theme = load_theme("mine", write(tmp_path / "themes", example))
    assert theme.primary == "#9cc76d"
    assert set(VARIABLE_DEFAULTS) <= set(theme.variables)


def test_the_manual_names_every_theme_that_is_shipped() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "themes.md").read_text(encoding="utf-8")
    assert [theme.name for theme in SHIPPED if f"`{theme.name}`" not in manual] == []
