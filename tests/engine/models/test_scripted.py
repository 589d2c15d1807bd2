import asyncio
from contextlib import aclosing

import pytest

from tale_tui.domain.errors import BrokenStream, ModelNotFound, Unreachable
from tale_tui.domain.metrics import CallKind, CallLabels
from tale_tui.domain.models import BackendName, FinishReason, LoadedModel, ModelRef
from tale_tui.engine.models.backend import BackendEvent, ChatMessage, ChatRequest, Finished, PromptRead, TextPiece
from tale_tui.engine.models.demo import DEMO_DIGEST, DEMO_MODEL, demo_answer, demo_pieces
from tale_tui.engine.models.scripted import (
    SCRIPTED_WINDOW,
    Fail,
    Hold,
    Pause,
    Read,
    Say,
    Script,
    ScriptedBackend,
    demo_script,
    spoken,
)


def asked(text: str = "hi", *, model: str = DEMO_MODEL, continue_text: str = "") -> ChatRequest:
    return ChatRequest(model, (ChatMessage("user", text),), 4096, 100, continue_text=continue_text)


async def played(backend: ScriptedBackend, request: ChatRequest) -> list[BackendEvent]:
    async with aclosing(backend.chat(request)) as events:
        return [event async for event in events]


class Slept:
    """A clock that does not wait and keeps what it was asked."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def test_the_demo_sums_up_older_turns_in_a_sentence() -> None:
    request = ChatRequest("demo", (ChatMessage("user", "Sum it up"),), None, 100, labels=CallLabels(CallKind.DIGEST))
    assert demo_script(request).steps == (Say(DEMO_DIGEST),)


async def test_a_script_is_played_in_order() -> None:
    slept = Slept()
    script = Script((Read(5, 9), Pause(1.0), Say("hm", thinking=True), Pause(0.5), Say("a"), Pause(0.25), Say("b")))
    backend = ScriptedBackend([script], sleep=slept)
    assert await played(backend, asked("hello")) == [
        PromptRead(5, 9),
        TextPiece("hm", thinking=True),
        TextPiece("a"),
        TextPiece("b"),
        Finished(FinishReason.STOP, prompt_tokens=6, completion_tokens=3, generation_ms=750.0),
    ]
    assert slept.seconds == [1.0, 0.5, 0.25]


async def test_what_a_script_says_of_its_end_is_taken() -> None:
    script = Script((Say("a"),), FinishReason.LENGTH, prompt_tokens=7, completion_tokens=9, generation_ms=11.0)
    *_, end = await played(ScriptedBackend([script]), asked())
    assert end == Finished(FinishReason.LENGTH, 7, 9, generation_ms=11.0)


async def test_scripts_come_in_order_and_the_last_one_again() -> None:
    backend = ScriptedBackend([spoken("one"), spoken("two")])
    replies = [(await played(backend, asked(str(number))))[0] for number in range(3)]
    assert replies == [TextPiece("one"), TextPiece("two"), TextPiece("two")]
    assert [request.messages[0].text for request in backend.requests] == ["0", "1", "2"]


async def test_a_reply_can_be_held_and_closed() -> None:
    gate = asyncio.Event()
    backend = ScriptedBackend([Script((Say("a"), Hold(gate), Say("b")))])
    events = backend.chat(asked())
    assert await anext(events) == TextPiece("a")
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert backend.open_streams == 1
    gate.set()
    assert await waiting == TextPiece("b")
    await events.aclose()
    assert backend.open_streams == 0


async def test_a_reply_can_break_off() -> None:
    backend = ScriptedBackend([Script((Say("a"), Fail(BrokenStream("cut"))))])
    events = backend.chat(asked())
    assert await anext(events) == TextPiece("a")
    with pytest.raises(BrokenStream, match="cut"):
        await anext(events)
    assert backend.open_streams == 0


async def test_models_are_loaded_listed_and_unloaded() -> None:
    backend = ScriptedBackend([spoken("a")], models=("small", "big"), window=2048)
    loaded = LoadedModel(ModelRef(BackendName.SCRIPTED, "big"), 2048)
    assert await backend.load("big", 8192) == loaded
    report = await backend.report(1.0)
    assert [info.ref.model for info in report.models] == ["small", "big"]
    assert report.loaded == (loaded,)
    assert await backend.default_window("small") == 2048
    await backend.unload("big")
    assert await backend.loaded() == ()
    with pytest.raises(ModelNotFound, match="small, big"):
        await backend.load("huge", None)


async def test_it_can_be_away() -> None:
    backend = ScriptedBackend([spoken("a")], away=Unreachable("gone"))
    report = await backend.report(1.0)
    assert (report.available, report.detail) == (False, "gone")
    with pytest.raises(Unreachable):
        await played(backend, asked())
    backend.away = None
    assert await played(backend, asked())


async def test_it_counts_by_a_fixed_rule_or_not_at_all() -> None:
    messages = (ChatMessage("user", "12345"), ChatMessage("assistant", ""))
    assert await ScriptedBackend().count_tokens(DEMO_MODEL, messages) == 10
    assert await ScriptedBackend(counts=False).count_tokens(DEMO_MODEL, messages) is None


async def test_pulling_adds_a_model() -> None:
    backend = ScriptedBackend()
    steps = [step async for step in backend.pull("more")]
    assert steps[-1].finished
    assert backend.models == (DEMO_MODEL, "more")


async def test_a_rate_is_kept_by_pauses() -> None:
    assert spoken("a", "b", rate=50).steps == (Pause(0.02), Say("a"), Pause(0.02), Say("b"))


# the demo


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("Can you write a Python function?", "```python"),
        ("Compare SQLite and a file", "|---|"),
        ("a checklist please", "\n- "),
        ("User: write code\n\n---\n\nCompare two files", "|---|"),
        ("Tell me everything", "## 3. "),
        ("What is this?", "This is **tale-tui**"),
    ],
)
def test_the_demo_answers_by_the_words_of_the_message(message: str, wanted: str) -> None:
    answer = demo_answer(message)
    assert wanted in answer
    assert "no model was asked" in answer


def test_the_pieces_of_the_demo_are_the_answer() -> None:
    answer = demo_answer("code")
    assert "".join(demo_pieces(answer)) == answer
    assert len(demo_pieces(answer)) > 100


async def test_the_demo_goes_on_where_it_was_stopped() -> None:
    slept = Slept()
    whole = "".join(e.text for e in await played(ScriptedBackend(sleep=slept), asked()) if isinstance(e, TextPiece))
    rest = "".join(
        event.text
        for event in await played(ScriptedBackend(sleep=slept), asked(continue_text=whole[:40]))
        if isinstance(event, TextPiece)
    )
    assert whole[:40] + rest == whole
    assert await ScriptedBackend().default_window(DEMO_MODEL) == SCRIPTED_WINDOW
