"""A turn as it is handed out while it goes on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from tale_tui.cli.follow import follow
from tale_tui.domain.errors import EngineLost
from tale_tui.domain.events import (
    ModelLoading,
    PromptProgress,
    Routed,
    ServerAway,
    TaskAhead,
    TextDelta,
    TextSortedAnew,
    ThinkingDelta,
    TurnEvent,
)
from tale_tui.domain.models import BackendName, ModelRef

REF = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")


async def test_a_turn_is_handed_out_as_it_happens(engine: Any) -> None:
    started, *_, done = engine.answer("s", "t", "k", None)

    async def events() -> AsyncGenerator[TurnEvent, None]:
        for event in (
            started,
            Routed(REF, "the role's"),
            ServerAway(BackendName.OLLAMA, 1.0),
            TaskAhead(REF),
            ModelLoading(REF),
            PromptProgress(64, 128),
            ThinkingDelta("hm", 1),
            ThinkingDelta("hm", 2),
            TextDelta("a", 3),
            done,
        ):
            yield event

    given: list[Any] = []
    end = await follow(
        events(), text=given.append, waits=given.append, reads=lambda ready, total: given.append((ready, total))
    )
    assert given == [
        "waits for Ollama",
        "waits for a task of qwen2.5:7b",
        "loading qwen2.5:7b",
        (64, 128),
        "thinking",
        "a",
    ]
    assert end is done


async def test_a_turn_without_an_end_is_an_error() -> None:
    async def events() -> AsyncGenerator[TurnEvent, None]:
        yield PromptProgress(1, 2)

    with pytest.raises(EngineLost):
        await follow(events(), text=str, waits=str)


UNSURE = Routed(REF, "the role's", certain=False)
CAME = (TextDelta("two and ", 1), TextDelta("two", 2))
TAG = TextSortedAnew("", "two and two")


@pytest.mark.parametrize(
    ("events", "piped", "shown"),
    [
        ((UNSURE, *CAME), ["two and two"], ["two and ", "two"]),
        (
            (UNSURE, *CAME, TAG, TextDelta("Four", 3), TextDelta(".", 4)),
            ["Four", "."],
            ["two and ", "two", "-", "Four", "."],
        ),
        ((Routed(REF, "the role's"), *CAME), ["two and ", "two"], ["two and ", "two"]),
        ((UNSURE, ThinkingDelta("hm", 1), *CAME), ["two and ", "two"], ["two and ", "two"]),
        ((ThinkingDelta("Six.", 1), TextSortedAnew("Six.", "")), ["Six."], ["Six."]),
        ((ThinkingDelta("hm", 1), TextSortedAnew("", "hm"), TextDelta("Six.", 2)), ["Six."], ["Six."]),
    ],
    ids=["no tag", "tag", "known", "told apart", "held back", "held back, tag"],
)
async def test_what_cannot_be_taken_back_is_given_when_it_is_certain(
    events: tuple[TurnEvent, ...], piped: list[str], shown: list[str], engine: Any
) -> None:
    started, *_, done = engine.answer("s", "t", "k", None)

    async def turn() -> AsyncGenerator[TurnEvent, None]:
        for event in (started, *events, done):
            yield event

    given: list[str] = []
    await follow(turn(), text=given.append, waits=lambda _: None)
    assert given == piped
    given.clear()
    await follow(turn(), text=given.append, waits=lambda _: None, takes_back=lambda: given.append("-"))
    assert given == shown
