import asyncio
from collections.abc import Callable

import pytest

from tale_tui.domain.errors import DiskFull, TaleError
from tale_tui.domain.models import FinishReason, Usage
from tale_tui.engine import streaming as streaming_module
from tale_tui.engine.models.backend import Finished, TextPiece
from tale_tui.engine.streaming import AutoSaver, DeltaBuffer, PartialReply


class Watch:
    def __init__(self) -> None:
        self.time = 10.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def watch() -> Watch:
    return Watch()


def reply_of(watch: Watch, text: str = "", thinking: str = "") -> PartialReply:
    return PartialReply(text, thinking, watch.time, watch)


def test_pieces_become_text_and_thinking(watch: Watch) -> None:
    reply = reply_of(watch, "So ")
    reply.add(TextPiece("hm", thinking=True))
    reply.add(TextPiece("it ", tokens=2))
    assert reply.text == "So it "
    reply.add(TextPiece("is"))
    assert reply.text == "So it is"
    assert reply.thinking == "hm"
    assert reply.tokens == 4


def test_time_to_the_first_text_is_without_loading_and_with_thinking(watch: Watch) -> None:
    reply = reply_of(watch)
    watch.time += 2.0
    reply.load_s = 1.5
    reply.add(TextPiece("hm", thinking=True))
    watch.time += 0.25
    reply.add(TextPiece("a"))
    watch.time += 1.0
    reply.add(TextPiece("b"))
    usage = reply.usage(Finished(FinishReason.STOP, 20, 3, 5, load_ms=100.0, generation_ms=2000.0))
    assert usage == Usage(
        prompt_tokens=20,
        completion_tokens=3,
        cached_tokens=5,
        ttft_ms=pytest.approx(650.0),
        load_ms=1600.0,
        total_ms=pytest.approx(3250.0),
        tokens_per_second=pytest.approx(1.5),
    )


@pytest.mark.parametrize("late_ms", [None, 1.2, 49.0, 9000.0], ids=["unsaid", "usual", "short", "impossible"])
def test_what_a_server_says_of_loading_a_loaded_model_is_not_taken(watch: Watch, late_ms: float | None) -> None:
    reply = reply_of(watch)
    watch.time += 0.4
    reply.load_s = 0.0
    reply.add(TextPiece("a"))
    usage = reply.usage(Finished(FinishReason.STOP, load_ms=late_ms))
    assert (usage.ttft_ms, usage.load_ms) == (pytest.approx(400.0), 0.0)


def test_a_reply_without_text_has_no_time_to_it(watch: Watch) -> None:
    reply = reply_of(watch)
    reply.add(TextPiece("hm", thinking=True))
    usage = reply.usage(None)
    assert usage.ttft_ms is None
    assert usage.load_ms is None


def test_what_is_unknown_is_none_and_not_zero(watch: Watch) -> None:
    usage = reply_of(watch).usage(None)
    assert usage == Usage(total_ms=0.0)


def test_a_reply_that_broke_off_has_the_pieces_that_came(watch: Watch) -> None:
    reply = reply_of(watch)
    for _ in range(11):
        reply.add(TextPiece("a"))
        watch.time += 0.1
    usage = reply.usage(None)
    assert usage.completion_tokens == 11
    assert usage.prompt_tokens is None
    assert usage.tokens_per_second == pytest.approx(10.0)


def test_without_a_time_of_the_server_our_clock_is_taken(watch: Watch) -> None:
    reply = reply_of(watch)
    watch.time += 5.0
    reply.add(TextPiece("a", tokens=2))
    watch.time += 0.5
    reply.add(TextPiece("b", tokens=2))
    end = Finished(FinishReason.STOP, completion_tokens=12)
    assert reply.usage(end).tokens_per_second == pytest.approx(20.0)


@pytest.mark.parametrize(
    "end",
    [
        Finished(FinishReason.STOP, completion_tokens=2000),
        Finished(FinishReason.STOP, completion_tokens=2000, generation_ms=0.3),
        Finished(FinishReason.STOP, completion_tokens=2000, generation_ms=15.0),
        Finished(FinishReason.STOP, completion_tokens=0, generation_ms=500.0),
    ],
    ids=["a burst on our clock", "a burst on the server's clock", "too fast", "no tokens"],
)
def test_a_burst_has_no_rate(watch: Watch, end: Finished) -> None:
    reply = reply_of(watch)
    for _ in range(2000):
        reply.add(TextPiece("a"))
        watch.time += 0.00001
    assert reply.usage(end).tokens_per_second is None


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming_module, "PARTIAL_SAVE_INTERVAL_S", 0.001)


def never(error: TaleError) -> None:
    raise AssertionError(error)


async def test_nothing_is_stored_before_something_came() -> None:
    await AutoSaver(_fail, never).close()


async def _fail() -> None:
    raise AssertionError("nothing to store")


async def test_closing_before_it_is_due_stores_nothing_more() -> None:
    saver = AutoSaver(_fail, never)
    saver.touch()
    await saver.close()


@pytest.mark.usefixtures("soon")
async def test_what_comes_is_stored_again_and_again() -> None:
    stored: list[int] = []
    told = asyncio.Condition()
    value = 0

    async def save() -> None:
        stored.append(value)
        async with told:
            told.notify_all()

    saver = AutoSaver(save, never)
    for value in (1, 2, 3):
        saver.touch()
        async with told:
            await told.wait_for(lambda: stored[-1:] == [value])  # noqa: B023 - awaited at once
    await saver.close()
    assert stored == [1, 2, 3]


@pytest.mark.usefixtures("soon")
async def test_what_comes_while_it_is_stored_is_stored_next() -> None:
    stored: list[str] = []
    begun, go, again = asyncio.Event(), asyncio.Event(), asyncio.Event()
    text = "one"

    async def save() -> None:
        taken = text
        begun.set()
        await go.wait()
        stored.append(taken)
        if len(stored) == 2:
            again.set()

    saver = AutoSaver(save, never)
    saver.touch()
    await begun.wait()
    text = "two"
    saver.touch()
    go.set()
    await again.wait()
    await saver.close()
    assert stored == ["one", "two"]


@pytest.mark.usefixtures("soon")
async def test_closing_waits_for_what_is_being_stored() -> None:
    begun, go = asyncio.Event(), asyncio.Event()
    done: list[bool] = []

    async def save() -> None:
        begun.set()
        await go.wait()
        done.append(True)

    saver = AutoSaver(save, never)
    saver.touch()
    await begun.wait()
    closing = asyncio.create_task(saver.close())
    await asyncio.sleep(0)
    assert not closing.done()
    go.set()
    await closing
    assert done == [True]


@pytest.mark.usefixtures("soon")
async def test_a_full_disk_is_said_once_and_tried_again() -> None:
    complaints: list[TaleError] = []
    tries = 0
    enough = asyncio.Event()

    async def save() -> None:
        nonlocal tries
        tries += 1
        if tries == 3:
            enough.set()
        else:
            touch()
        raise DiskFull("The disk is full.")

    saver = AutoSaver(save, complaints.append)
    touch: Callable[[], None] = saver.touch
    saver.touch()
    await enough.wait()
    await saver.close()
    assert [error.sentence for error in complaints] == ["The disk is full."]


@pytest.mark.usefixtures("soon")
async def test_what_nobody_foresaw_is_said_and_closing_ends(caplog: pytest.LogCaptureFixture) -> None:
    complaints: list[TaleError] = []
    broke = asyncio.Event()

    async def save() -> None:
        broke.set()
        raise ZeroDivisionError("a bug")

    saver = AutoSaver(save, complaints.append)
    saver.touch()
    await broke.wait()
    async with asyncio.timeout(5):
        await saver.close()
    assert [error.sentence.partition(" broke off")[0] for error in complaints] == ["Keeping what comes"]
    assert "ZeroDivisionError: a bug" in caplog.text


def test_pieces_of_one_kind_that_follow_each_other_are_joined() -> None:
    buffer = DeltaBuffer[str]()
    for kind, text in (("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")):
        assert buffer.add(kind, text, int(text))
    assert buffer.take() == [("a", "12", 2), ("b", "3", 3), ("a", "4", 4)]
    assert buffer.take() == []


def test_beyond_its_limit_a_buffer_drops_what_waited_and_says_so() -> None:
    buffer = DeltaBuffer[str](limit=4)
    assert buffer.add("a", "1234", 1)
    assert not buffer.add("a", "5", 2)
    assert buffer.take() == []
    assert buffer.add("a", "6", 3)
    assert buffer.take() == [("a", "6", 3)]


def test_what_is_discarded_is_written_again_from_the_beginning() -> None:
    reply = PartialReply("", "", 0.0, lambda: 5.0)
    reply.add(TextPiece("hm", thinking=True, tokens=3))
    reply.discard()
    assert (reply.text, reply.thinking, reply.tokens) == ("", "", 0)
    reply.add(TextPiece("Yes."))
    assert (reply.text, reply.tokens) == ("Yes.", 1)


def test_what_was_waited_for_a_server_is_no_time_of_the_reply(watch: Watch) -> None:
    reply = reply_of(watch)
    watch.time += 15
    reply.begin_again()
    watch.time += 0.5
    reply.add(TextPiece("Yes."))
    assert (reply.usage(None).ttft_ms, reply.usage(None).total_ms) == (500.0, 500.0)
