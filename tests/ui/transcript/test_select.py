"""Selecting with the mouse: what is shown as selected, and what is copied."""

from __future__ import annotations

from typing import Any

from textual.geometry import Region

WORDS = "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau"


def highlighted(scene: Any) -> str:
    """The text that is painted as selected."""
    style = scene.window.app.screen.get_component_rich_style("screen--selection")
    rows = scene.view.render_lines(Region(0, 0, *scene.view.size))
    return " ".join(
        text
        for strip in rows
        if (text := "".join(part.text for part in strip if part.style and part.style.bgcolor == style.bgcolor))
    )


def copied(scene: Any) -> str:
    return scene.window.app.screen.get_selected_text() or ""


async def test_words_of_a_wrapped_paragraph_are_one_line(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, WORDS), size=(40, 20)) as scene:
        await scene.drag("beta", "sigma")
        assert copied(scene) == WORDS[WORDS.index("beta") : WORDS.index("sigma") + 1]
        assert highlighted(scene).startswith("beta gamma")
        assert highlighted(scene).endswith("rho s")


async def test_over_turns_without_bars_and_times(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "First question"), make.reply(1, "An answer\n\n- one\n- two")) as scene:
        await scene.drag("question", "two")
        assert copied(scene) == "question\n\nqwen2.5:7b\nAn answer\n\n- one\n- t"


async def test_backwards_is_the_same(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "First question"), make.reply(1, "An answer here")) as scene:
        await scene.drag("here", "question")
        assert copied(scene) == "question\n\nqwen2.5:7b\nAn answer h"


async def test_code_keeps_its_indentation_and_its_title_is_not_copied(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "Look:\n\n```py\ndef f():\n    return 1\n```\n\nend")) as scene:
        await scene.drag("Look", "end")
        assert copied(scene) == "Look:\n\ndef f():\n    return 1\n\ne"


async def test_a_long_line_of_code_is_one_line(stage: Any, make: Any) -> None:
    line = "value = " + " + ".join(f"part{number}" for number in range(20))
    async with stage(make.reply(1, f"```\n{line}\n```\n\nend"), size=(40, 20)) as scene:
        await scene.drag("value", "end")
        assert copied(scene) == f"{line}\n\ne"


async def test_a_table_is_rows_with_tabs(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "| name | value |\n|---|--:|\n| one | 10 |\n| two | 20 |\n\nend")) as scene:
        await scene.drag("name", "end")
        assert copied(scene) == "name\tvalue\none\t10\ntwo\t20\n\ne"


async def test_from_the_bar_it_begins_with_the_line(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "- one item\n- another")) as scene:
        await scene.window.pilot.mouse_down(scene.view, offset=(0, 1))
        await scene.window.pilot.hover(scene.view, offset=(70, 2))
        await scene.window.pilot.mouse_up(scene.view, offset=(70, 2))
        assert copied(scene) == "- one item\n- another"


async def test_below_the_last_line_it_ends_with_the_text(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "one two")) as scene:
        await scene.window.pilot.mouse_down(scene.view, offset=(scene.column_of("two"), 1))
        await scene.window.pilot.hover(scene.view, offset=(5, 15))
        await scene.window.pilot.mouse_up(scene.view, offset=(5, 15))
        assert copied(scene) == "two"


async def test_wide_characters(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "漢字 and 👨‍👩‍👧 more")) as scene:
        row = scene.lines[1]
        from rich.cells import cell_len

        start = cell_len(row[: row.index("and")])
        await scene.window.pilot.mouse_down(scene.view, offset=(start, 1))
        await scene.window.pilot.hover(scene.view, offset=(start + 2, 1))
        await scene.window.pilot.mouse_up(scene.view, offset=(start + 2, 1))
        assert copied(scene) == "and"


async def test_a_selection_outlives_scrolling_width_and_text(stage: Any, make: Any) -> None:
    talk = [make.reply(number, f"{WORDS} {number}") for number in range(12)]
    async with stage(*talk, make.growing(99, "x"), size=(60, 20)) as scene:
        await scene.drag("beta", "delta")
        wanted = copied(scene)
        assert wanted == "beta gamma d"
        scene.view.stream_text("a99", "more\n\n" * 5)
        scene.hurry()
        assert copied(scene) == wanted
        await scene.window.pilot.resize_terminal(45, 20)
        await scene.window.pilot.pause()
        assert copied(scene) == wanted
        scene.view.scroll_lines(-30)
        assert copied(scene) == wanted


async def test_another_session_has_no_selection(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "one two three")) as scene:
        await scene.drag("one", "three")
        scene.view.load(make.conversation(make.reply(2, "other words")))
        assert copied(scene) == ""


async def test_two_clicks_select_a_word_three_its_paragraph(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, WORDS), size=(40, 20)) as scene:
        await scene.click("gamma", times=2)
        assert copied(scene) == "gamma"
        assert highlighted(scene) == "gamma"
        await scene.click("gamma", times=3)
        assert copied(scene) == WORDS


async def test_two_clicks_where_no_word_is(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "one, two\n\n```py\nx\n```")) as scene:
        await scene.window.pilot.click(scene.view, offset=(scene.column_of(","), 1), times=2)
        assert copied(scene) == ","
        scene.window.app.screen.clear_selection()
        await scene.window.pilot.click(scene.view, offset=(60, 1), times=2)
        await scene.window.pilot.click(scene.view, offset=(20, scene.line_of("py")), times=2)
        await scene.window.pilot.click(scene.view, offset=(5, 20), times=2)
        assert copied(scene) == ""


async def test_all_of_it(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "one"), make.reply(1, "two")) as scene:
        scene.view.text_select_all()
        assert copied(scene) == "You\none\n\nqwen2.5:7b\ntwo"


async def test_an_empty_transcript_has_nothing_to_select(stage: Any) -> None:
    async with stage(empty="Nothing yet") as scene:
        await scene.window.pilot.mouse_down(scene.view, offset=(5, 1))
        await scene.window.pilot.hover(scene.view, offset=(9, 3))
        await scene.window.pilot.mouse_up(scene.view, offset=(9, 3))
        assert copied(scene) == ""
