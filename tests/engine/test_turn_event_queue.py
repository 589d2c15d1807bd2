import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.events import (
    ModelLoading,
    PromptProgress,
    Routed,
    TextDelta,
    ThinkingDelta,
    TurnEvent,
    TurnStarted,
)
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine import streaming
from tale_tui.engine.streaming import TurnEventQueue

MODEL = ModelRef(BackendName.SCRIPTED, "m")
LOADING = ModelLoading(MODEL)
ROUTED = Routed(MODEL, "it answers")
STARTED = TurnStarted(None, Message("r", "s", "u", Author.ASSISTANT, "", 0.0, MessageState.STREAMING))


async def read_all(queue: TurnEventQueue) -> list[TurnEvent]:
    events: list[TurnEvent] = []
    while batch := await queue.read():
        events += batch
    return events


@pytest.fixture
def no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Joined pieces are due when something else is, or never: what is due by time would fail by the time-out."""
    monkeypatch.setattr(streaming, "DELTA_INTERVAL_S", 3600)


@pytest.mark.usefixtures("no_timer")
async def test_the_first_piece_is_due_at_once() -> None:
    queue = TurnEventQueue()
    queue.piece("a", False, 1)
    assert await queue.read() == [TextDelta("a", 1)]


@pytest.mark.usefixtures("no_timer")
async def test_the_first_piece_of_the_answer_is_due_at_once_after_thinking() -> None:
    queue = TurnEventQueue()
    queue.piece("hm", True, 1)
    assert await queue.read() == [ThinkingDelta("hm", 1)]
    queue.piece("hm", True, 2)
    queue.piece("a", False, 3)
    assert await queue.read() == [ThinkingDelta("hm", 2), TextDelta("a", 3)]


@pytest.mark.usefixtures("no_timer")
async def test_later_pieces_wait_and_go_with_the_next_event() -> None:
    queue = TurnEventQueue()
    queue.piece("a", False, 1)
    await queue.read()
    queue.piece("b", False, 2)
    queue.piece("c", False, 3)
    reading = asyncio.ensure_future(queue.read())
    await asyncio.sleep(0)
    assert not reading.done()
    queue.put(LOADING)
    assert await reading == [TextDelta("bc", 3), LOADING]


async def test_later_pieces_come_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "DELTA_INTERVAL_S", 0.001)
    queue = TurnEventQueue()
    queue.piece("a", False, 1)
    await queue.read()
    queue.piece("b", False, 2)
    queue.piece("c", False, 3)
    assert await queue.read() == [TextDelta("bc", 3)]


@pytest.mark.usefixtures("no_timer")
async def test_the_newest_progress_replaces_one_that_nobody_has_seen() -> None:
    queue = TurnEventQueue()
    queue.put(LOADING)
    queue.progress(1, 9)
    queue.progress(5, 9)
    assert await queue.read() == [LOADING, PromptProgress(5, 9)]
    queue.progress(9, 9)
    assert await queue.read() == [PromptProgress(9, 9)]


@pytest.mark.usefixtures("no_timer")
async def test_closing_hands_out_what_is_left_and_ends() -> None:
    queue = TurnEventQueue()
    queue.piece("a", False, 1)
    await queue.read()
    queue.piece("b", False, 2)
    queue.close()
    assert await queue.read() == [TextDelta("b", 2)]
    assert await queue.read() == []


@pytest.mark.usefixtures("no_timer")
async def test_a_reader_that_waits_wakes_when_it_is_closed() -> None:
    queue = TurnEventQueue()
    reading = asyncio.ensure_future(queue.read())
    await asyncio.sleep(0)
    queue.close()
    assert await reading == []


async def test_a_burst_makes_one_delta() -> None:
    queue = TurnEventQueue()
    for number in range(2000):
        queue.piece("x ", False, number + 1)
    queue.close()
    assert await read_all(queue) == [TextDelta("x " * 2000, 2000)]


@pytest.mark.usefixtures("no_timer")
async def test_who_follows_begins_with_all_there_is_and_reads_at_a_pace_of_its_own() -> None:
    queue = TurnEventQueue()
    queue.put(ROUTED)
    queue.put(LOADING)
    queue.progress(1, 9)
    queue.progress(5, 9)
    waits = queue.follow(STARTED)
    assert await waits.read() == [STARTED, ROUTED, LOADING, PromptProgress(5, 9)]
    queue.piece("a", False, 1)
    reads = queue.follow(STARTED)
    assert await reads.read() == [STARTED, ROUTED], "what it waited for is over"
    for number in range(2, 2000):
        queue.piece("b", False, number)
    assert await queue.read() == [ROUTED, LOADING, PromptProgress(5, 9), TextDelta("a" + "b" * 1998, 1999)]
    queue.unfollow(reads)
    queue.close()
    assert await read_all(waits) == [TextDelta("a" + "b" * 1998, 1999)]


pieces = st.lists(st.tuples(st.text(min_size=1, max_size=5), st.booleans()), max_size=30)


@given(pieces, st.lists(st.integers(0, 30), max_size=5))
def test_whatever_is_read_when_nothing_is_lost_and_runs_stay_in_order(
    given_pieces: list[tuple[str, bool]], pauses: list[int]
) -> None:
    async def run() -> list[TurnEvent]:
        queue = TurnEventQueue()
        reading = asyncio.ensure_future(read_all(queue))
        for number, (text, thinking) in enumerate(given_pieces):
            queue.piece(text, thinking, number + 1)
            if number in pauses:
                await asyncio.sleep(0)
        queue.close()
        return await reading

    events = asyncio.run(run())
    text = "".join(event.text for event in events if isinstance(event, TextDelta))
    thought = "".join(event.text for event in events if isinstance(event, ThinkingDelta))
    assert text == "".join(piece for piece, thinking in given_pieces if not thinking)
    assert thought == "".join(piece for piece, thinking in given_pieces if thinking)
    merged = "".join(event.text for event in events if isinstance(event, TextDelta | ThinkingDelta))
    assert merged == "".join(piece for piece, _ in given_pieces)
    counts = [event.tokens for event in events if isinstance(event, TextDelta | ThinkingDelta)]
    assert counts == sorted(counts)
    assert counts[-1:] == ([len(given_pieces)] if given_pieces else [])
