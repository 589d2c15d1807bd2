"""The chip: judged when the typing rests, overridden by a key, taken along when the message is sent."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from support.scripted_engine import FORECAST
from tale_tui.domain.errors import EngineLost
from tale_tui.domain.forecasts import TaskForecast
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import Classification, DetectBand
from tale_tui.ui.chat.detection import JUDGED_MAX, DetectionPreview, is_message

BIG = ModelRef.parse("ollama/qwen3:14b")


class Room:
    """The chat and the screen, with a judge that a test makes."""

    def __init__(self) -> None:
        self.verdict = Classification(0.93, DetectBand.TASK, (), BIG, 70.0)
        self.error: Exception | None = None
        self.asked: list[str] = []
        self.timer: Any = None
        self.work: list[Coroutine[Any, Any, None]] = []
        self.engine = self.chat = self.learning = self
        self.foreseen: list[str] = []
        self.session = None
        self.chip: Any = None
        self.preview = DetectionPreview(self, self, self)  # type: ignore[arg-type]

    def changed(self) -> None: ...

    def key_of(self, binding_id: str) -> str:
        return "f8"

    async def classify(self, text: str, *, session_id: str = "") -> Classification:
        self.asked.append(text)
        if self.error is not None:
            raise self.error
        return self.verdict

    async def forecast(self, text: str, *, model: str = "") -> TaskForecast:
        self.foreseen.append(text)
        return FORECAST

    def set_timer(self, delay: float, callback: Any) -> Any:
        self.timer = callback
        return SimpleNamespace(stop=self._stop)

    def _stop(self) -> None:
        self.timer = None

    def spawn(self, function: Any, *args: Any, group: str, exclusive: bool = False) -> None:
        self.work.append(function(*args))

    async def rest(self) -> None:
        """The typing rests."""
        timer, self.timer = self.timer, None
        if timer is not None:
            timer()
        for work in self.work:
            await work
        self.work.clear()

    async def write(self, text: str) -> None:
        self.preview.typed(text)
        await self.rest()


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.mark.parametrize("text", ["hello", "/etc/hosts is a file", "//help", " a /help"])
def test_messages_are_judged(text: str) -> None:
    assert is_message(text)


@pytest.mark.parametrize("text", ["", "  \n", "/", "/he", "/help", "/task write it"])
def test_commands_and_nothing_are_not(text: str) -> None:
    assert not is_message(text)


async def test_it_looks_once_when_the_typing_rests(room: Room) -> None:
    for text in ("W", "Wr", "Wri", "Write it"):
        room.preview.typed(text)
    assert room.chip is None
    await room.rest()
    assert room.asked == ["Write it"]
    assert (room.chip.kind, room.chip.share, room.chip.model) == ("task", 0.93, "qwen3:14b")
    assert room.preview.other == "just talk"


async def test_a_task_is_foreseen_once_and_talk_never(room: Room) -> None:
    for text in ("Write", "Write it"):
        room.preview.typed(text)
    await room.rest()
    assert room.foreseen == ["Write it"]
    assert room.chip.forecast == FORECAST.summary
    room.preview.typed("")
    room.verdict = Classification(0.03, DetectBand.CHAT, ())
    await room.write("Hello")
    assert room.foreseen == ["Write it"]
    assert room.chip.forecast is None


async def test_talk_that_the_key_makes_a_task_is_foreseen(room: Room) -> None:
    room.verdict = Classification(0.03, DetectBand.CHAT, ())
    await room.write("Hello")
    assert room.preview.flip()
    assert (room.chip.kind, room.chip.forecast) == ("task", None)  # the key does not wait for it
    await room.rest()
    assert room.foreseen == ["Hello"]
    assert (room.chip.kind, room.chip.forecast) == ("task", FORECAST.summary)


async def test_what_was_foreseen_late_is_not_shown_for_another_text(room: Room) -> None:
    room.preview.typed("Write it")
    room.timer()
    room.preview.typed("Hello")
    for work in room.work:
        await work
    assert room.foreseen == []


async def test_what_was_judged_late_is_not_shown_for_another_text(room: Room) -> None:
    room.preview.typed("Write it")
    room.timer()
    room.preview.typed("Write it not")
    for work in room.work:
        await work
    assert room.chip is None


async def test_commands_take_it_away(room: Room) -> None:
    await room.write("Write it")
    await room.write("/help")
    assert room.chip is None
    assert room.preview.other == ""


@pytest.mark.parametrize(
    ("verdict", "kind", "share", "other"),
    [
        (Classification(0.52, DetectBand.UNSURE), "ask", 0.52, "a task"),
        (Classification(0.25, DetectBand.CHAT), "chat", 0.75, "a task"),
    ],
)
async def test_the_other_bands(room: Room, verdict: Classification, kind: str, share: float, other: str) -> None:
    room.verdict = verdict
    await room.write("What is it?")
    assert (room.chip.kind, room.chip.share) == (kind, share)
    assert room.preview.other == other


async def test_the_key_turns_it_and_back(room: Room) -> None:
    await room.write("Write it")
    assert room.preview.flip()
    assert (room.chip.kind, room.chip.chosen) == ("chat", True)
    assert room.preview.flip()
    assert (room.chip.kind, room.chip.chosen) == ("task", False)
    assert room.preview.take() is None
    room.preview.flip()
    assert room.preview.take() is False
    assert room.preview.take() is None


async def test_what_was_said_goes_with_the_message_and_no_further(room: Room) -> None:
    await room.write("What is it?")
    room.preview.flip()
    await room.write("")
    assert room.preview.take() is False
    await room.write("Another one")
    assert room.preview.take() is None


async def test_what_was_said_is_forgotten_with_the_text(room: Room) -> None:
    await room.write("What is it?")
    room.preview.flip()
    await room.write("")
    await room.write("Another one")
    assert room.preview.take() is None


async def test_without_a_message_the_key_does_nothing_here(room: Room) -> None:
    assert not room.preview.flip()
    await room.write("/help")
    assert not room.preview.flip()


async def test_where_detection_is_off_there_is_no_chip_until_the_user_says_so(room: Room) -> None:
    room.verdict = Classification(0.0, DetectBand.CHAT, enabled=False)
    await room.write("Write it")
    assert room.chip is None
    room.preview.typed("Write it all")
    assert room.chip is None
    assert room.preview.flip()
    assert room.preview.take() is True


async def test_an_engine_that_is_lost_makes_no_noise(room: Room) -> None:
    room.error = EngineLost("It is gone.")
    await room.write("Write it")
    assert room.chip is None


async def test_of_a_long_text_the_ends_are_judged(room: Room) -> None:
    await room.write("a" * 30_000 + "b" * 30_000)
    assert len(room.asked[0]) == JUDGED_MAX + 1
    assert room.asked[0].startswith("aaa")
    assert room.asked[0].endswith("bbb")
    await asyncio.sleep(0)
