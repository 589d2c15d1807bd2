"""What the window of the model is filled with: its gauge with a summary of older turns, and its parts."""

from __future__ import annotations

from typing import Any

import pytest

from support.looks import SIZES, THEMES
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.models.scripted import Pause, Say, Script

TURNS, SUMMED_UP = 60, 45
SAID = "The fish in the pond is red, and it is older than the house. " * 5
SUMMARY = (
    "The user keeps a pond behind the house in Ulm, four metres by three and one metre deep. In it lives one red fish, "
    "older than the house, called Walter. It was decided to dig it half a metre deeper before the winter and to plant "
    "water lilies at the north side. Open: who feeds Walter in August, and whether the pump (24 watts) runs at night."
)


@pytest.fixture
def long_talk() -> dict[str, Any]:
    """A conversation that has no room in the window any more."""

    async def before(engine: Any, clock: Any) -> None:
        store, session = engine.store, await engine.sessions.create(title="The pond")
        for number in range(TURNS):
            turn = await store.begin_turn(session.id, user_id=f"u{number}", text=f"{number}. {SAID}")
            await store.finish_reply(turn.reply.id, state=MessageState.COMPLETE, text=f"So it is. {SAID}")
            if number + 1 == SUMMED_UP:
                ref = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")
                await store.add_digest(turn.reply.id, SUMMARY, turns=SUMMED_UP, ref=ref)

    script = Script((Pause(0.31), Say("Red, "), Pause(1), Say("as ever.")), prompt_tokens=6_100)
    return {"before": before, "session": "id01", "answers": [script]}


async def asked(window: Any) -> None:
    await window.shows("So it is")
    await window.say("What colour is it?")
    await window.shows("as ever", "6.1k")
    await window.rest()


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_gauge_shows_the_summary_of_older_turns(
    looks_as_before: Any, long_talk: dict[str, Any], size: tuple[int, int], theme: str
) -> None:
    assert looks_as_before(**long_talk, act=asked, size=size, theme=theme)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_the_parts_of_the_window(
    looks_as_before: Any, long_talk: dict[str, Any], size: tuple[int, int], theme: str
) -> None:
    async def act(window: Any) -> None:
        await asked(window)
        await window.say("/context")
        await window.shows("room for the answer", "45 older turns")

    assert looks_as_before(**long_talk, act=act, size=size, theme=theme)
