"""Replies that are cards of tasks: what they show, when they are open, what their keys ask for."""

from __future__ import annotations

from typing import Any

import pytest
from textual.timer import Timer

from tale_tui.ui.transcript.cards import TICK_S

RESULT = """The function:

```py
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
```

It is slow.

One more paragraph.

And the last.
"""


def body(scene: Any) -> list[str]:
    """The lines of the screen without the bar, empty ones left out."""
    return [line[3:] for line in scene.lines if line[3:]]


async def shown(stage: Any, make: Any, one: Any, text: str = "", **fields: Any) -> list[str]:
    async with stage(make.user(1, "Please"), make.card(one, text), **fields) as scene:
        scene.view.set_tasks([one])
        await scene.window.pilot.pause()
        return body(scene)[2:]


# what a card shows


async def test_a_task_that_runs_is_acknowledged_and_told(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now - 42, expected_s=72.0, steps_total=3, steps_done=1)
    lines = await shown(stage, make, one, size=(120, 24))
    assert lines[0].endswith("task .93    F8 just talk")
    assert lines[1] == "qwen3:14b is working on it. Go on talking; it will show up here."
    assert lines[2].startswith("◐ k4t9  Title of k4t9")
    assert lines[2].endswith("1 of 3 done   ▰▰▰▰▰▱▱▱      0:42, about 0:30 left")
    assert len(lines) == 3


async def test_one_model_for_both_is_not_talked_about(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now - 42)
    async with stage(make.card(one)) as scene:
        scene.view.set_tasks([one])
        scene.view.same_model = True
        await scene.window.pilot.pause()
        assert [line.split()[0] for line in body(scene)] == ["qwen3:14b", "◐"]
        scene.view.same_model = False
        assert "is working on it" in scene.text


@pytest.mark.parametrize(
    ("state", "fields", "first", "last"),
    [
        ("queued", {"waits_for": ("p8c3",)}, "qwen3:14b will work on it", "· k4t9"),
        ("waiting", {"reason": "approval", "steps_total": 14}, "? k4t9", "enter shows what would run"),
        ("paused", {"reason": "interrupted"}, "‖ k4t9", "space goes on"),
        ("cancelled", {}, "– k4t9", "– k4t9"),
        ("failed", {"error": "It does not fit.", "error_code": "out_of_memory"}, "✗ k4t9", "r tries again"),
    ],
)
async def test_every_state(stage: Any, make: Any, state: str, fields: Any, first: str, last: str) -> None:
    lines = await shown(stage, make, make.task(state, **fields))
    assert lines[1].startswith(first)
    assert lines[-1].startswith(last)
    if state == "failed":
        assert "! It does not fit." in lines


async def test_a_result_is_folded_to_its_beginning(stage: Any, make: Any) -> None:
    lines = await shown(stage, make, make.task("done", finished=make.now, worked_s=51.0), RESULT)
    assert lines[0].startswith("qwen3:14b")
    assert "done" in lines[1]
    assert "The function:" in lines
    assert "One more paragraph." not in lines
    assert lines[-1] == "▸ whole result · 13 lines · enter opens"


async def test_a_short_result_is_shown_whole(stage: Any, make: Any) -> None:
    lines = await shown(stage, make, make.task("done", finished=make.now), "42\n")
    assert lines[-1] == "42"


async def test_a_card_has_its_place_before_its_task_was_read(stage: Any, make: Any) -> None:
    one = make.task("cancelled")
    async with stage(make.card(one), focus=True) as scene:
        assert body(scene) == ["Task", "· …"]
        scene.view.set_tasks([one])
        assert "– k4t9" in scene.text


async def test_a_card_whose_task_is_gone_is_a_reply(stage: Any, make: Any) -> None:
    one = make.task("done")
    async with stage(make.card(one, "The result."), make.card(make.task("done", "p8c3"))) as scene:
        scene.view.set_tasks([])
        assert body(scene) == ["qwen3:14b", "The result.", "Model", "no text"]
        scene.view.put_task(one)
        await scene.window.until(lambda: "✓ k4t9" in scene.text, "the card")


async def test_a_card_whose_task_is_gone_keeps_its_text_its_rule_and_a_line_of_keys(stage: Any, make: Any) -> None:
    one = make.task("done", finished=make.now)
    async with stage(make.user(1, "Please"), make.card(one, RESULT), focus=True, size=(120, 40)) as scene:
        scene.view.set_tasks([one])
        scene.view.set_view_from("card k4t9")
        scene.view.set_tasks([])
        assert "And the last." in scene.text
        assert "the model sees from here" in scene.text
        assert body(scene)[-1].startswith("c copy   b copy code   r ask again")
        assert scene.view.card(one.id) is None
        scene.view.put_task(one)
        assert "✓ k4t9" in scene.text
        assert "the model sees from here" in scene.text
        assert body(scene)[-1].startswith("enter whole result")


async def test_a_reply_that_was_a_card_does_not_become_one_again_by_its_old_task(stage: Any, make: Any) -> None:
    one = make.task("queued")
    async with stage(make.reply(1, "", task_id=one.id, usage=None)) as scene:
        scene.view.set_tasks([one])
        scene.view.update(make.reply(1, "Just talk."))
        scene.view.put_task(make.replace(one, state="cancelled"))
        scene.hurry()
        assert body(scene)[-1] == "Just talk."


async def test_tasks_may_be_told_before_the_conversation(stage: Any, make: Any) -> None:
    here, gone = make.task("cancelled"), make.task("done", "p8c3")
    async with stage() as scene:
        scene.view.set_tasks([here])
        scene.view.load(make.conversation(make.card(here), make.card(gone, "A text.")))
        assert "– k4t9" in scene.text
        assert body(scene)[-1] == "A text."


async def test_a_reply_becomes_a_card_and_a_card_a_reply(stage: Any, make: Any) -> None:
    one = make.task("queued")
    async with stage(make.user(1, "Please"), make.growing(1)) as scene:
        scene.view.put_task(one)
        scene.view.update(make.reply(1, "", task_id=one.id, usage=None))
        scene.hurry()
        assert "· k4t9" in scene.text
        assert scene.view.task_of("a1") == one
        scene.view.update(make.reply(1, "Just talk."))
        scene.hurry()
        assert "k4t9" not in scene.text
        assert scene.view.task_of("a1") is None


async def test_only_the_last_turn_can_be_made_talk_of(stage: Any, make: Any) -> None:
    one, two = make.task("queued"), make.task("queued", "p8c3")
    async with stage(make.card(one)) as scene:
        scene.view.set_tasks([one, two])
        assert scene.text.count("F8 just talk") == 1
        scene.view.add(make.user(2, "More"))
        scene.view.add(make.card(two))
        scene.hurry()
        assert scene.text.count("F8 just talk") == 1
        await scene.click("F8 just talk")
        assert scene.heard == [("reclassify", "card p8c3")]
        scene.view.reclassify_key = "F7"
        assert "F7 just talk" in scene.text
        scene.view.drop_after("card k4t9")
        assert scene.text.count("F7 just talk") == 1


async def test_a_state_comes_up_where_the_card_is(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now - 42)
    async with stage(make.user(1, "Please"), make.card(one), make.user(2, "Meanwhile"), focus=True) as scene:
        scene.view.set_tasks([one])
        top, chosen = scene.lines[0], scene.view.chosen
        done = make.replace(one, state="done", running_since=None, worked_s=42.0, finished=make.now)
        scene.view.put_task(done)
        scene.view.update(make.card(done, RESULT))
        scene.hurry()
        assert "✓ k4t9" in scene.text
        assert "The function:" in scene.text
        assert (scene.lines[0], scene.view.chosen) == (top, chosen)


# text that comes


async def test_text_streams_open_under_the_last_card(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now - 5)
    async with stage(make.user(1, "Please"), make.card(one)) as scene:
        scene.view.set_tasks([one])
        scene.view.stream_step(one.id, "Memo", False)
        scene.view.stream_step(one.id, "isation", False)
        scene.view.set_task_live(one.id, make.Live("writing", 0.0, tokens=2, rate=12.0))
        scene.hurry()
        assert scene.view.card(one.id).opened
        assert body(scene)[-1] == "Memoisation▌"
        assert "12 tok/s ·    2 tok   task .93" in scene.text
        assert "writing" in scene.text
        assert scene.view.source("card k4t9") == "Memoisation"


async def test_what_the_model_thinks_is_folded_above_the_text(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now - 5)
    async with stage(make.card(one), focus=True) as scene:
        scene.view.set_tasks([one])
        scene.view.stream_step(one.id, "The user wants", True)
        scene.hurry()
        assert "▸ thinking · t opens" in scene.text
        assert "The user wants" not in scene.text
        await scene.window.press("t")
        assert "The user wants" in scene.text


async def test_it_folds_when_the_user_goes_on_and_does_not_open_again(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now - 5)
    async with stage(make.card(one)) as scene:
        scene.view.set_tasks([one])
        scene.view.stream_step(one.id, "Memoisation", False)
        scene.view.add(make.user(2, "Meanwhile"))
        scene.view.stream_step(one.id, " keeps", False)
        scene.hurry()
        await scene.window.pilot.pause()
        assert "Memoisation" not in scene.text
        assert "▸ text so far · 1 line · enter opens" in scene.text
        assert scene.heard == [("open", one.id, False)]


async def test_it_folds_when_it_is_out_of_sight(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now - 5)
    talk = [make.user(1, "\n".join(map(str, range(60)))), make.card(one)]
    async with stage(*talk) as scene:
        scene.view.set_tasks([one])
        scene.view.stream_step(one.id, "a\n\n" * 4, False)
        scene.hurry()
        scene.view.scroll_lines(-1)
        assert scene.view.card(one.id).opened
        scene.view.action_home()
        assert not scene.view.card(one.id).opened
        scene.view.stream_step(one.id, "b", False)
        assert not scene.view.card(one.id).opened
        await scene.window.pilot.pause()
        assert scene.heard == [("open", one.id, False)]


async def test_one_that_folds_out_of_sight_has_its_height_at_once(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now - 5)
    async with stage(make.card(one), make.user(1, "\n".join(map(str, range(60))))) as scene:
        scene.view.set_tasks([one])
        scene.view.set_task_text(one.id, "a\n\n" * 4)
        scene.view.action_home()
        await scene.window.pilot.pause()
        folded = scene.view.virtual_size.height
        scene.view.open_card(one.id, opened=True)
        scene.view.action_end()
        await scene.window.until(lambda: scene.view.virtual_size.height > folded, "it is open")
        scene.view.open_card(one.id, opened=False)
        await scene.window.until(lambda: scene.view.virtual_size.height == folded, "it is as low as before")


async def test_what_the_reader_opened_stays_open(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now - 5)
    async with stage(make.card(one), make.user(1, "\n".join(map(str, range(60)))), focus=True) as scene:
        scene.view.set_tasks([one])
        scene.view.stream_step(one.id, "Memoisation", False)
        assert not scene.view.card(one.id).opened
        scene.view.chosen = "card k4t9"
        await scene.window.press("home", "enter")
        assert "Memoisation" in scene.text
        scene.view.add(make.user(2, "More"))
        scene.view.action_end()
        assert scene.view.card(one.id).opened
        assert scene.heard == [("open", one.id, True)]


async def test_the_card_stays_open_at_its_end_until_the_user_goes_on(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now - 5)
    async with stage(make.card(one)) as scene:
        scene.view.set_tasks([one])
        scene.view.stream_step(one.id, RESULT[:20], False)
        done = make.replace(one, state="done", running_since=None, worked_s=5.0, finished=make.now)
        scene.view.put_task(done)
        scene.view.update(make.card(done, RESULT))
        scene.hurry()
        assert "And the last." in scene.text
        assert "▾ whole result · enter folds" in scene.text
        scene.view.add(make.user(2, "Thanks"))
        scene.hurry()
        assert "And the last." not in scene.text
        assert "The function:" in scene.text


async def test_all_that_a_task_wrote_takes_the_place_of_what_was_known(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now - 5)
    async with stage(make.card(one)) as scene:
        scene.view.set_tasks([one])
        scene.view.stream_step(one.id, "first step", False)
        scene.view.set_task_text(one.id, "second")
        scene.view.stream_step(one.id, " step", False)
        scene.hurry()
        assert body(scene)[-1] == "second step▌"


async def test_a_conversation_read_again_keeps_what_came(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now - 5)
    talk = make.user(1, "Please"), make.card(one)
    async with stage(*talk) as scene:
        scene.view.set_tasks([one])
        scene.view.stream_step(one.id, "Memoisation", False)
        scene.view.update(make.card(one))
        scene.view.load(make.conversation(*talk))
        assert body(scene)[-1] == "Memoisation▌"
        scene.view.load(make.conversation(make.user(9, "Another talk")))
        scene.view.load(make.conversation(*talk))
        assert "Memoisation" not in scene.text


async def test_a_task_run_again_begins_without_a_text(stage: Any, make: Any) -> None:
    done = make.task("done", finished=make.now)
    async with stage(make.card(done, RESULT)) as scene:
        scene.view.set_tasks([done])
        scene.view.put_task(make.replace(done, state="queued", finished=None))
        scene.hurry()
        assert scene.view.source("card k4t9") == ""
        assert "whole result" not in scene.text


async def test_what_is_told_of_tasks_without_a_card_is_kept_for_later(stage: Any, make: Any) -> None:
    one = make.task("queued")
    async with stage(make.user(1, "Please")) as scene:
        scene.view.put_task(one)
        for call in (scene.view.stream_step, scene.view.set_task_text):
            call(one.id, "text")
        scene.view.set_task_live(one.id, None)
        scene.view.open_card(one.id, opened=True)
        assert scene.view.card(one.id) is None
        scene.view.add(make.card(one))
        scene.hurry()
        assert "· k4t9" in scene.text
        assert scene.view.card(one.id) is not None


# keys and clicks


async def keys_of(stage: Any, make: Any, one: Any, text: str = "") -> str:
    async with stage(make.card(one, text), focus=True, size=(120, 24)) as scene:
        scene.view.set_tasks([one])
        scene.view.tell_keys()
        return body(scene)[-1]


@pytest.mark.parametrize(
    ("state", "text", "told"),
    [
        ("running", "", "enter text   space pause   x cancel   p plan   m other model   d details"),
        ("queued", "", "space pause   x cancel   p plan   m other model   d details"),
        ("waiting", "", "enter plan   x cancel   m other model   d details"),
        ("paused", "", "space go on   r try again   x cancel   p plan   m other model   d details"),
        ("failed", "", "r try again   p plan   f fork   m other model   d details"),
        ("cancelled", "", "r try again   p plan   f fork   m other model   d details"),
        ("done", "42", "c copy   v editor   r again   p plan   f fork   m other model   d details"),
    ],
)
async def test_the_line_below_tells_what_the_keys_do(stage: Any, make: Any, state: str, text: str, told: str) -> None:
    assert await keys_of(stage, make, make.task(state, finished=make.now), text) == told


async def test_a_result_offers_to_be_shown_whole_first(stage: Any, make: Any) -> None:
    line = await keys_of(stage, make, make.task("done", finished=make.now), RESULT)
    assert line.startswith("enter whole result   c copy   b copy code   s save files")


@pytest.mark.parametrize(
    ("state", "wishes"),
    [
        ("running", {"space": "pause", "x": "cancel", "p": "show"}),
        ("queued", {"space": "pause", "x": "cancel", "p": "show", "enter": "show"}),
        ("waiting", {"x": "cancel", "enter": "show"}),
        ("paused", {"space": "resume", "r": "retry", "x": "cancel"}),
        ("failed", {"r": "retry", "p": "show", "enter": "show"}),
        ("done", {"r": "retry", "s": "save", "v": "result"}),
    ],
)
async def test_the_keys_of_a_card(stage: Any, make: Any, state: str, wishes: dict[str, str]) -> None:
    one = make.task(state, finished=make.now)
    async with stage(make.card(one), focus=True) as scene:
        scene.view.set_tasks([one])
        await scene.window.press(*wishes)
        assert scene.heard == [(kind, one.id, False) for kind in wishes.values()]


async def test_what_does_not_fit_the_state_is_not_asked_for(stage: Any, make: Any) -> None:
    one = make.task("running", running_since=make.now)
    async with stage(make.card(one), focus=True) as scene:
        scene.view.set_tasks([one])
        await scene.window.press("r", "s", "v", "g", "e")
        assert scene.heard == []
        scene.view.put_task(make.replace(one, state="done", finished=make.now))
        await scene.window.press("space", "x")
        assert scene.heard == []


async def test_these_keys_do_nothing_with_other_turns(stage: Any, make: Any) -> None:
    async with stage(make.reply(1, "Text."), focus=True) as scene:
        await scene.window.press("space", "s", "v", "p")
        assert scene.heard == []
        await scene.window.press("r")
        assert scene.heard == [("regenerate", "a1", "")]


async def test_enter_opens_a_result_and_folds_it(stage: Any, make: Any) -> None:
    done = make.task("done", finished=make.now)
    async with stage(make.card(done, RESULT), focus=True) as scene:
        scene.view.set_tasks([done])
        await scene.window.press("enter")
        assert "And the last." in scene.text
        assert "enter fold " in scene.text
        await scene.window.press("enter")
        assert "And the last." not in scene.text
        assert scene.heard == [("open", done.id, True), ("open", done.id, False)]


async def test_a_result_is_opened_at_its_beginning_and_folded_to_it(stage: Any, make: Any) -> None:
    done = make.task("done", finished=make.now)
    long = "\n\n".join(f"Paragraph {number}." for number in range(60))
    async with stage(make.user(1, "\n".join("abcdefgh")), make.card(done, long), focus=True) as scene:
        scene.view.set_tasks([done])
        top = scene.lines[0]
        await scene.window.press("enter")
        assert scene.lines[0] == top
        assert "Paragraph 0." in scene.text
        scene.view.scroll_lines(60)
        await scene.window.press("enter")
        assert "✓ k4t9" in scene.text
        assert "▸ whole result" in scene.text


async def test_enter_shows_what_is_left_out_before_it_folds(stage: Any, make: Any) -> None:
    done = make.task("done", finished=make.now)
    long = "```py\n" + "x = 1\n" * 1400 + "```\n"
    async with stage(make.card(done, long), focus=True) as scene:
        scene.view.set_tasks([done])
        await scene.window.press("enter", "enter")
        height = scene.view.turn_layout.height
        assert height > 1400
        await scene.window.press("enter")
        assert scene.view.turn_layout.height < 20


async def test_copying_code_of_a_folded_card_gives_all_of_it(stage: Any, make: Any) -> None:
    done = make.task("done", finished=make.now)
    code = "\n".join(f"line {number}" for number in range(40))
    async with stage(make.card(done, f"```py\n{code}\n```\n"), focus=True) as scene:
        scene.view.set_tasks([done])
        assert "line 39" not in scene.text
        await scene.window.press("b")
        await scene.click("copy")
        assert scene.heard == [("copy_code", "card k4t9", code)] * 2


async def test_clicks_do_what_is_written_there(stage: Any, make: Any) -> None:
    failed = make.task("failed", error="No.", finished=make.now)
    done = make.task("done", "p8c3", finished=make.now)
    async with stage(make.card(failed), make.card(done, RESULT)) as scene:
        scene.view.set_tasks([failed, done])
        await scene.click("r tries again")
        await scene.click("▸ whole result")
        await scene.window.pilot.pause()
        await scene.click("Title of p8c3")
        await scene.window.pilot.pause()
        assert scene.heard == [("retry", failed.id, False), ("open", done.id, True), ("open", done.id, False)]


async def test_a_hit_of_a_search_is_not_hidden_in_a_folded_card(stage: Any, make: Any) -> None:
    done, failed = make.task("done", finished=make.now), make.task("failed", "p8c3", finished=make.now)
    async with stage(make.card(done, RESULT), make.card(failed)) as scene:
        scene.view.set_tasks([done, failed])
        scene.view.show_message("card k4t9")
        assert "And the last." in scene.text
        scene.view.show_message("card p8c3")
        assert not scene.view.card(failed.id).opened


# the offer


async def test_a_reply_may_offer_to_become_a_task(stage: Any, make: Any) -> None:
    async with stage(make.user(1, "Could you"), make.reply(1, "I could."), make.reply(2, "Or so.")) as scene:
        scene.view.set_offer("a1")
        assert body(scene)[4] == "Run this as a task?  F8"
        await scene.click("Run this")
        assert scene.heard == [("reclassify", "a1")]
        scene.view.set_offer("a2")
        assert scene.text.count("Run this") == 1
        scene.view.set_offer("a2")
        scene.view.set_offer("nobody")
        assert "Run this" not in scene.text
        scene.view.set_offer(None)


# time


async def test_time_goes_on_only_while_somebody_sees_it(stage: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one = make.task("running", running_since=make.now - 42)
    now = [make.now]
    async with stage(make.card(one), make.user(1, "\n".join(map(str, range(60))))) as scene:
        view = scene.view
        view.clock = lambda: now[0]
        view.set_tasks([one])
        assert not view.card_timer.running  # the card is above the screen
        asked: list[float] = []
        monkeypatch.setattr(view, "set_interval", lambda seconds, tick: asked.append(seconds) or Timer(view, seconds))
        view.action_home()
        assert view.card_timer.running
        assert asked == [TICK_S]
        now[0] += 2
        view.tick()
        assert "0:44" in scene.text
        view.put_task(make.replace(one, state="paused", running_since=None, worked_s=44.0))
        scene.hurry()
        assert not view.card_timer.running


async def test_a_tick_repaints_the_lines_that_changed_and_nothing_else(stage: Any, make: Any, monkeypatch: Any) -> None:
    one = make.task("running", running_since=make.now - 42)
    now = [make.now]
    async with stage(make.user(1, "Please"), make.card(one)) as scene:
        view = scene.view
        view.clock = lambda: now[0]
        view.set_tasks([one])
        await scene.window.pilot.pause()
        painted: list[Any] = []
        monkeypatch.setattr(view, "refresh", lambda *regions, **_: painted.extend(regions))
        now[0] += 0.5
        view.tick()
        assert painted == []
        now[0] += 1
        view.tick()
        assert [region.y for region in painted] == [scene.line_of("0:43")]


async def test_of_a_thousand_cards_only_those_on_the_screen_are_set(stage: Any, make: Any) -> None:
    tasks = [make.task("done", f"t{number:03}", finished=make.now) for number in range(1000)]
    async with stage(*(make.card(one, RESULT) for one in tasks)) as scene:
        scene.view.set_tasks(tasks)
        assert sum(bool(turn.sheets) for turn in scene.view.turn_layout.turns) < 30
        for _ in range(100):
            scene.view.scroll_lines(-1)
        assert sum(bool(turn.sheets) for turn in scene.view.turn_layout.turns) < 60
