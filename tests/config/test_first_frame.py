"""What the first frame needs: found without the library that checks settings, and never an error."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tale_tui.config.first_frame import FirstFrameSettings, read_first_frame_settings
from tale_tui.config.load import load_settings
from tale_tui.config.paths import Paths, below
from tale_tui.config.settings import Settings


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    folders = below(tmp_path)
    folders.make()
    return folders


def test_the_defaults_are_those_of_the_settings(paths: Paths) -> None:
    assert (
        read_first_frame_settings(paths, {})
        == FirstFrameSettings()
        == FirstFrameSettings(Settings().look.theme, Settings().keys)
    )


@pytest.mark.parametrize(
    ("text", "environ", "flags"),
    [
        ('[look]\ntheme = "file"\n[keys]\n"chat.stop" = "f2"\nchat.send = "f3"\n', {}, {}),
        ('[look]\ntheme = "file"\n', {"TALE_LOOK__THEME": "environment"}, {}),
        ('[look]\ntheme = "file"\n', {"TALE_LOOK__THEME": ""}, {}),
        ("", {"TALE_LOOK__THEME": "environment"}, {"look.theme": "flag"}),
        ("\ufeff[look]\ntheme = 'file'\n", {}, {}),
    ],
)
def test_it_agrees_with_the_settings(
    paths: Paths, text: str, environ: dict[str, str], flags: dict[str, object]
) -> None:
    paths.settings_file.write_text(text, encoding="utf-8")
    settings = load_settings(paths, flags, environ)
    assert read_first_frame_settings(paths, environ, flags) == FirstFrameSettings(settings.look.theme, settings.keys)


@pytest.mark.parametrize(
    "content", [b"[look\n", b"\xff\xfe", b"look = 3\nkeys = 4\n", b"[look]\ntheme = 3\n[keys]\na = 1\n"]
)
def test_what_cannot_be_used_is_left_out(paths: Paths, content: bytes) -> None:
    paths.settings_file.write_bytes(content)
    assert read_first_frame_settings(paths, {}) == FirstFrameSettings()


def test_a_folder_in_the_place_of_the_file_does_not_matter(paths: Paths) -> None:
    paths.settings_file.mkdir()
    assert read_first_frame_settings(paths, {}) == FirstFrameSettings()


@pytest.mark.process
def test_it_needs_the_standard_library_alone() -> None:
    code = (
        "import sys, tale_tui.config.first_frame\n"
        "print([name for name in ('pydantic', 'pydantic_settings', 'asyncio', 'textual') if name in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
