"""Choosing turns, their keys, what is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tale_tui.domain.conversation import MessageState
from tale_tui.domain.models import FinishReason

CODE = "Text\n\n```py\nfirst\n```\n\nmore\n\n```py\nsecond\n```\n"


def barred(scene: Any) -> list[str]:
    """The lines of the chosen turn."""
    return [line[3:] for line in scene.lines if line.startswith(" ▌")]


async def test_the_focus_chooses_the_last_turn_and_tells_its_keys(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "one"), make.reply(1, "two")) as scene:
        assert barred(scene) == []
        scene.view.focus()
        await scene.window.pilot.pause()
        assert scene.view.chosen == "a1"
        assert barred(scene)[1:] == ["two", "c copy   r ask again   f fork   d details"]
        scene.window.app.query_one("Input").focus()
        await scene.window.pilot.pause()
        assert scene.view.chosen is None
        assert barred(scene) == []


async def test_a_turn_that_is_asked_again_stays_chosen(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "one"), make.reply(1, "two"), focus=True) as scene:
        scene.view.drop_after("u1")
        scene.view.add(make.reply(2, "three"))
        assert scene.view.chosen == "a2"
        scene.hurry()
        assert "three" in barred(scene)
        scene.window.app.query_one("Input").focus()
        await scene.window.pilot.pause()
        scene.view.add(make.reply(3, "four"))
        assert scene.view.chosen is None


async def test_up_and_down(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "one"), make.reply(1, "two"), make.user(2, "three"), focus=True) as scene:
        height = len([line for line in scene.lines if line])
        chosen = [scene.view.chosen]
        for key in ("up", "k", "up", "down", "j", "down"):
            await scene.window.press(key)
            chosen.append(scene.view.chosen)
        assert chosen == ["u2", "a1", "u1", "u1", "a1", "u2", "u2"]
        assert scene.heard == ["left"]
        assert len([line for line in scene.lines if line]) == height


async def test_a_high_turn_is_scrolled_before_it_is_left(stage: Any, make: Any) -> None:
    lines = "\n\n".join(f"line {number}" for number in range(40))
    async with stage(make.user(1, "one"), make.reply(1, lines), make.user(2, "three"), focus=True) as scene:
        await scene.window.press("up")
        assert scene.view.chosen == "a1"
        assert "line 39" in scene.text
        await scene.window.press("up")
        assert scene.view.chosen == "a1"
        assert "line 39" not in scene.text
        for _ in range(8):
            await scene.window.press("up")
        assert scene.view.chosen == "u1"
        for _ in range(2):
            await scene.window.press("down")
        assert scene.view.chosen == "a1"
        assert scene.lines[-1].startswith(" ▌ c copy")


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("c", "copy"),
        ("r", "regenerate"),
        ("f", "fork"),
        ("d", "details"),
        ("g", "continue"),
        ("left", "previous"),
        ("right", "next"),
    ],
)
async def test_keys_of_a_reply(stage: Any, make: Any, key: str, kind: str) -> None:
    message = make.reply(1, "two", sibling=1, siblings=2, finish=FinishReason.LENGTH)
    async with stage(make.user(1, "one"), message, focus=True) as scene:
        await scene.window.press(key)
        assert scene.heard == [(kind, "a1", "")]


async def test_keys_that_do_not_fit_a_turn_do_nothing(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "one"), make.reply(1, "two"), focus=True) as scene:
        await scene.window.press("e", "g", "left", "right", "b", "x", "o", "enter", "t")
        assert scene.heard == []
        await scene.window.press("up", "r", "e")
        assert scene.heard == [("edit", "u1", "")]


async def test_keys_are_told_as_the_turn_becomes_other(stage: Any, make: Any) -> None:
    async with stage(make.growing(1, "half"), focus=True, size=(120, 20)) as scene:
        assert barred(scene)[-1] == "c copy"
        text = CODE + "[a](http://e.x)"
        scene.view.update(make.reply(1, text, state=MessageState.STOPPED, sibling=2, siblings=2, thinking="t"))
        assert barred(scene)[-1] == (
            "c copy   b copy code   r ask again   g go on   ←→ versions   f fork   d details   t thoughts"
        )
        await scene.window.pilot.resize_terminal(60, 20)
        await scene.window.pilot.pause()
        assert barred(scene)[-1] == "c copy   b copy code   r ask again   g go on   f fork"


async def test_keys_that_the_user_set_are_told(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "two", thinking="hm")) as scene:
        scene.window.app.set_keymap({"transcript.copy": "y", "transcript.thinking": "ctrl+t"})
        scene.view.focus()
        await scene.window.pilot.pause()
        assert barred(scene)[-1].startswith("y copy")
        assert "ctrl+t thoughts" in barred(scene)[-1]
        await scene.window.press("y")
        assert scene.heard == [("copy", "a1", "")]


async def test_the_keys_of_a_high_turn_stand_on_the_last_line(stage: Any, make: Any) -> None:
    lines = "\n\n".join(f"line {number}" for number in range(40))
    async with stage(make.user(1, "one"), make.reply(1, lines), focus=True) as scene:
        scene.view.scroll_lines(-20)
        assert scene.lines[-1].startswith(" ▌ c copy")
        assert scene.lines[-2].startswith(" ▌ line")


async def test_the_code_in_view_is_copied(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, CODE), focus=True, size=(60, 9)) as scene:
        assert scene.view.code_block_at("a1") == "second"
        assert "b copy" in scene.lines[scene.line_of("second") - 1]
        await scene.window.press("b")
        scene.view.action_home()
        assert scene.view.code_block_at("a1") == "first"
        assert "b copy" in scene.lines[scene.line_of("first") - 1]
        await scene.window.press("b")
        assert scene.heard == [("copy_code", "a1", "second"), ("copy_code", "a1", "first")]


async def test_code_of_a_turn_far_away(stage: Any, make: Any) -> None:
    talk = [make.reply(1, CODE), *[make.reply(n, "words\n\n" * 30) for n in range(2, 12)]]
    async with stage(*talk) as scene:
        assert scene.view.code_block_at("a1") == "second"
        assert scene.view.code_block_at("a5") is None


async def test_a_message_is_shown_and_chosen(stage: Any, make: Any) -> None:
    talk = [make.reply(number, f"answer {number}\n\n" + "words\n\n" * 9) for number in range(50)]
    async with stage(*talk) as scene:
        scene.view.show_message("a20")
        assert scene.view.chosen == "a20"
        assert scene.line_of("answer 20") == 3
        assert scene.lines[2].startswith(" ▌ qwen2.5:7b")
        scene.view.show_message("a49")
        assert "answer 49" in scene.text


async def test_links_by_key(stage: Any, make: Any) -> None:
    text = "[one](http://one.example) and [two](http://two.example/path) and [one](http://one.example)"
    async with stage(make.reply(1, text), focus=True) as scene:
        await scene.window.press("o")
        assert barred(scene)[-1] == "enter opens http://one.example"
        await scene.window.press("o")
        assert barred(scene)[-1] == "enter opens http://two.example/path"
        await scene.window.press("enter")
        await scene.window.press("o")
        assert barred(scene)[-1] == "enter opens http://one.example"
        assert scene.heard == ["http://two.example/path"]


async def test_a_single_link_opens_at_once(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "[one](http://one.example)"), focus=True) as scene:
        await scene.window.press("o")
        assert scene.heard == ["http://one.example"]


@pytest.mark.parametrize("how", ["key", "mouse"])
async def test_what_is_left_out_is_shown_and_nothing_jumps(stage: Any, make: Any, how: str) -> None:
    code = "```\n" + "\n".join(f"line {number}" for number in range(500)) + "\n```"
    async with stage(make.reply(1, code), focus=True) as scene:
        note = scene.line_of("100 more lines")
        above = scene.lines[:note]
        if how == "key":
            await scene.window.press("enter")
        else:
            await scene.click("100 more lines")
        assert scene.lines[:note] == above
        assert "line 400" in scene.lines[note]
        await scene.window.press("end")
        assert "line 499" in scene.text


# the mouse


async def test_a_click_chooses(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "one"), make.reply(1, "two")) as scene:
        await scene.click("one")
        assert scene.view.chosen == "u1"
        assert scene.view.has_focus
        await scene.window.pilot.click(scene.view, offset=(10, 20))
        assert scene.view.chosen == "u1"
        assert scene.heard == []


async def test_clicks_on_what_can_be_clicked(stage: Any, make: Any) -> None:
    text = "[words](http://e.x/y)\n\n```py\na\n```\n\n```py\nb\n```"
    async with stage(make.reply(1, text, sibling=2, siblings=3)) as scene:
        await scene.click("words")
        await scene.click("copy")
        await scene.click("‹")
        await scene.click("2/3")
        await scene.click("›")
        assert scene.heard == [
            "http://e.x/y",
            ("copy_code", "a1", "a"),
            ("previous", "a1", ""),
            ("next", "a1", ""),
            ("next", "a1", ""),
        ]


async def test_the_pointer_tells_where_a_link_leads(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "see [words](http://e.x/y) here")) as scene:
        await scene.window.pilot.hover(scene.view, offset=(scene.column_of("words"), 1))
        assert str(scene.view.tooltip) == "http://e.x/y"
        await scene.window.pilot.hover(scene.view, offset=(scene.column_of("here"), 1))
        assert scene.view.tooltip is None


async def test_no_click_beside_a_link_opens_it(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "[words](http://e.x/y)")) as scene:
        await scene.window.pilot.click(scene.view, offset=(2, 1))
        await scene.window.pilot.click(scene.view, offset=(60, 1))
        assert scene.heard == []
