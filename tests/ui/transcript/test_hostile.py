"""Text that wants more than to be read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console
from textual.geometry import Region

from tale_tui.domain.conversation import MessageState
from tale_tui.domain.models import BackendName, ModelRef

CORPUS = json.loads((Path(__file__).parents[2] / "data" / "hostile-text.json").read_text(encoding="utf-8"))
CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def sent(scene: Any) -> str:
    """What goes to the terminal for the lines of the transcript, without colours."""
    console = Console(force_terminal=True, color_system="truecolor", width=120)
    view = scene.view
    return COLOURS.sub("", "".join(strip.render(console) for strip in view.render_lines(Region(0, 0, *view.size))))


@pytest.mark.parametrize("group", ["terminal", "control tokens"])
async def test_no_control_reaches_the_terminal(stage: Any, make: Any, group: str) -> None:
    async with stage(make.user(0, "x"), size=(100, 40)) as scene:
        for name, text in CORPUS[group].items():
            ref = ModelRef(BackendName.OLLAMA, text)
            scene.view.load(
                make.conversation(
                    make.user(1, text),
                    make.reply(1, f"{text}\n\n```{text}\n{text}\n```\n\n| {text} |\n|---|\n| {text} |", ref=ref),
                    make.reply(2, "", state=MessageState.FAILED, error=text, thinking=text),
                    make.growing(3),
                )
            )
            scene.view.unfold(scene.view.turn_layout.turns[2], "thinking")
            for character in text:
                scene.view.stream_text("a3", character)
                scene.view.stream_thinking("a3", character)
            scene.hurry()
            assert CONTROLS.search(sent(scene)) is None, name


async def test_markup_is_words(stage: Any, make: Any) -> None:
    async with stage(make.user(0, "x"), size=(100, 20)) as scene:
        for text in CORPUS["markup"].values():
            scene.view.load(make.conversation(make.user(1, text), make.reply(1, f"```\n{text}\n```")))
            assert scene.lines[1][3:] == text
            assert scene.lines[5][5:] == text
            await scene.window.pilot.click(scene.view, offset=(4, 1))
            await scene.window.pilot.click(scene.view, offset=(6, 5))
        assert scene.window.app.is_running
        assert scene.heard == []


async def test_links_lead_to_the_web_or_nowhere(stage: Any, make: Any) -> None:
    async with stage(make.user(0, "x"), focus=True) as scene:
        for text in CORPUS["links"].values():
            scene.view.load(make.conversation(make.reply(1, text)))
            scene.view.chosen = "a1"
            await scene.window.pilot.click(scene.view, offset=(4, 1))
            await scene.window.press("o")
        assert set(scene.heard) == {"https://evil.example", "https://evil.example/x.png"}


async def test_what_people_write_is_shown_unchanged(stage: Any, make: Any) -> None:
    async with stage(make.user(0, "x"), size=(120, 40)) as scene:
        for name, text in CORPUS["harmless, must survive unchanged"].items():
            scene.view.load(make.conversation(make.user(1, text)))
            rows = [row for row in scene.view.turn_layout.turns[0].sheets[2].rows if row is not None]
            assert "\n".join(rows) == text.replace("\t", "    "), name


ATTACKS = {
    "line": "word " * 40_000,
    "line without spaces": "x" * 200_000,
    "line in a fence": "```\n" + "x y " * 50_000,
    "python": "```python\n" + "def f(a):\n    return 'x' + str(a)  # c\n" * 5000,
    "table": "|" + "h|" * 10 + "\n|" + "---|" * 10 + "\n" + ("|" + "cell|" * 10 + "\n") * 300,
    "code": "```python\n" + "x = 1\n" * 20_000,
    "headings": "# heading\n\n" * 1000,
    "quotes": ">" * 5000 + " a\n",
    "lists": "".join("  " * depth + "- a\n" for depth in range(300)),
    "accents": "e" + "\u0301" * 100_000,
    "brackets": "[" * 100_000,
    "stars": "*a " * 40_000,
    "pipes": "|" * 100_000,
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_size_alone_breaks_nothing(stage: Any, make: Any, name: str) -> None:
    async with stage(make.user(1, "x"), make.reply(1, ATTACKS[name]), size=(100, 30)) as scene:
        await scene.window.until(lambda: scene.view.turn_layout.turns[1].whole, "all of it is set")
        rows = scene.view.render_lines(Region(0, 0, *scene.view.size))
        assert all(cell_len(strip.text) == 100 for strip in rows)
        scene.view.action_home()
        assert scene.lines[0].startswith(" ▎ You")
        assert scene.view.source("a1") == ATTACKS[name]
