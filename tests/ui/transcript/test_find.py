"""Words are found in the conversation: marked, gone through, and fast however long it is."""

from __future__ import annotations

import time
from typing import Any

from tale_tui.ui.transcript.find import Found
from tale_tui.ui.transcript.layout import TOP

STEP_S = 0.5
"""For a step through ten thousand turns: several times what it takes where nothing else runs."""


def marked(scene: Any, component: str) -> list[str]:
    """The words on the screen in the colours of a component."""
    style = scene.view.get_component_rich_style(f"transcript--{component}")
    wanted = (style.bgcolor, True) if component == "marked" else (style.color, False)
    return [
        segment.text
        for strip in scene.strips
        for segment in list(strip)[1:]
        if segment.style and wanted in ((segment.style.bgcolor, True), (segment.style.color, False))
    ]


async def test_words_are_marked_and_gone_through_round_the_ends(stage: Any, make: Any) -> None:
    messages = (make.user(1, "Where is the Cache?"), make.reply(2, "The cache is here.\n\nOne cache more."))
    async with stage(*messages, make.user(3, "Thanks")) as scene:
        view = scene.view
        assert view.find("cache", TOP) == Found(1, 2)
        assert marked(scene, "marked") == ["Cache"], "whatever its letters"
        assert marked(scene, "accent") == ["cache", "cache"]
        assert [view.find_step(1) for _ in range(3)] == [Found(2, 2), Found(2, 2), Found(1, 2)]
        assert view.find_step(-1) == Found(2, 2)
        assert view.finder.place.start == len("One ")
        assert view.find("nowhere", TOP) == Found(0, 0)
        assert marked(scene, "marked") == []
        assert "The cache is here." in scene.text
        view.find("cache", TOP)
        view.find("", TOP)
        assert not view.finder.active
        assert marked(scene, "accent") == []


async def test_what_is_found_is_brought_into_sight_and_the_reader_stays_there(stage: Any, make: Any) -> None:
    messages = [make.reply(number, f"Answer {number}. " + "Some more words. " * 40) for number in range(60)]
    async with stage(*messages) as scene:
        assert "Answer 3." not in scene.text
        assert scene.view.find("Answer 3.", scene.view.top) == Found(1, 1)
        assert "Answer 3." in scene.text
        assert 0 < scene.line_of("Answer 3.") < scene.view.size.height - 1
        scene.view.add(make.growing(99))
        scene.view.stream_text("a99", "More.")
        scene.hurry()
        assert "Answer 3." in scene.text


async def test_it_begins_at_what_is_being_read(stage: Any, make: Any) -> None:
    messages = [make.reply(number, f"Answer {number}. The word.") for number in range(60)]
    async with stage(*messages) as scene:
        found = scene.view.find("the word", scene.view.top)
        assert found.turns == 60
        assert found.number == scene.view.top.turn + 1


async def test_words_across_a_wrapped_line_and_in_code(stage: Any, make: Any) -> None:
    text = "word " * 18 + "a needle here\n\n```python\nneedle = 1\n```"
    async with stage(make.reply(1, text), size=(60, 30)) as scene:
        assert scene.view.find("needle", TOP) == Found(1, 1)
        assert marked(scene, "marked") == ["needle"]
        scene.view.find_step(1)
        assert marked(scene, "marked") == ["needle"]
        assert scene.view.find("[(.*", TOP) == Found(0, 0), "words are no pattern"


async def test_a_turn_that_has_the_words_where_no_row_shows_them_is_shown(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "See [this](https://example.org/needle)."), make.reply(2, "Needle.")) as scene:
        assert scene.view.find("needle", TOP) == Found(1, 2)
        assert scene.view.find_step(1) == Found(2, 2)
        assert scene.view.find_step(1) == Found(1, 2)


async def test_a_turn_that_is_gone_is_not_gone_back_to(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "A needle."), make.reply(2, "A needle.")) as scene:
        scene.view.find("needle", TOP)
        scene.view.find_step(1)
        scene.view.drop_after("a1")
        assert scene.view.find_step(1) == Found(1, 1)


async def test_ten_thousand_turns_are_gone_through_at_once(stage: Any, make: Any) -> None:
    messages = [
        make.reply(number, f"Answer {number}. " + "Some more words of no importance. " * 30) for number in range(10_000)
    ]
    async with stage(*messages) as scene:
        started = time.perf_counter()
        assert scene.view.find("answer 77.", TOP) == Found(1, 1)
        scene.view.find("importance", TOP)
        for _ in range(3):
            assert scene.view.find_step(-1).turns == 10_000
        assert (time.perf_counter() - started) / 5 < STEP_S
