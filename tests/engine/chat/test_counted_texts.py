"""Texts are counted by their model once."""

from __future__ import annotations

from typing import Any

from tale_tui.domain.constants import MESSAGE_COUNTS_MAX
from tale_tui.domain.errors import Unreachable
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.chat.counted_texts import CountedTexts
from tale_tui.engine.models.backend import ChatMessage

REF = ModelRef(BackendName.SCRIPTED, "demo")


class Tokenizer:
    """A model that takes a letter for a token, and adds seven of its own."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away = False
        self.counts = True

    async def count_tokens(self, ref: ModelRef, messages: tuple[ChatMessage, ...]) -> int | None:
        self.asked += [message.text for message in messages]
        if self.away:
            raise Unreachable("It does not answer.")
        return 7 + sum(len(message.text) for message in messages) if self.counts else None


def counted(tokenizer: Any) -> CountedTexts:
    return CountedTexts(tokenizer)


async def test_each_text_is_counted_once_without_what_the_template_adds() -> None:
    tokenizer = Tokenizer()
    texts = counted(tokenizer)
    assert await texts.count(REF, ["fish", "red"])
    assert await texts.count(REF, ["red", "fish", "pond!"])
    assert texts.known(REF) == {"fish": 4, "red": 3, "pond!": 5}
    assert tokenizer.asked == ["", "fish", "red", "pond!"]


async def test_of_many_new_ones_some_are_counted_each_time() -> None:
    tokenizer = Tokenizer()
    texts, many = counted(tokenizer), [f"text {n}" for n in range(MESSAGE_COUNTS_MAX + 2)]
    assert not await texts.count(REF, many)
    assert await texts.count(REF, many)


async def test_without_a_tokenizer_or_a_server_nothing_is_known() -> None:
    tokenizer = Tokenizer()
    tokenizer.counts = False
    assert not await counted(tokenizer).count(REF, ["fish"])
    tokenizer.counts, tokenizer.away = True, True
    texts = counted(tokenizer)
    assert not await texts.count(REF, ["fish"])
    assert texts.known(REF) == {}
