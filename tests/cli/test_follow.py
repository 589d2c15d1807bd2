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
    TextDelta,
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
    assert given == ["waits for Ollama", "loading qwen2.5:7b", (64, 128), "thinking", "a"]
    assert end is done


async def test_a_turn_without_an_end_is_an_error() -> None:
    async def events() -> AsyncGenerator[TurnEvent, None]:
        yield PromptProgress(1, 2)

    with pytest.raises(EngineLost):
        await follow(events(), text=str, waits=str)
