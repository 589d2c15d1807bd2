"""Messages that become tasks, questions about them, and what the user says that a message is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from support.waiting import until
from tale_tui.domain.constants import CORRECTIONS_MIN
from tale_tui.domain.conversation import Message, MessageState
from tale_tui.domain.errors import BadInput, EmptyMessage, NoSuchMessage, NoSuchSession, TaskTooLong, TurnRunning
from tale_tui.domain.events import (
    Routed,
    SessionChanged,
    TaskChanged,
    TaskStarted,
    TextDelta,
    TurnCancelled,
    TurnDone,
    TurnStarted,
)
from tale_tui.domain.learning import LearningReport
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.domain.tasks import DetectBand, TaskState
from tale_tui.engine.chat.start import IS_A_TASK
from tale_tui.engine.detect import learning
from tale_tui.engine.fitting.learner import Learner
from tale_tui.engine.learning import wiring
from tale_tui.engine.models.scripted import Hold, Say, Script, ScriptedBackend, spoken

WORK = "Can you write a Python function to calculate the Fibonacci sequence?"
CHAT = "Hello! How are you today?"
UNSURE = "more formal"
ON = {"detect": {"enabled": True}}

Begin = Callable[..., Awaitable[Any]]


class Models(ScriptedBackend):
    """Talk is answered at once; work waits for the gate."""

    def __init__(self, *, open_gate: bool = True) -> None:
        self.gate = asyncio.Event()
        if open_gate:
            self.gate.set()
        super().__init__(self.answer_to)

    @property
    def talked(self) -> Any:
        """What was last asked for a reply; a task may ask at any moment."""
        return [request for request in self.requests if request.role is Role.UX][-1]

    def answer_to(self, request: Any) -> Script:
        if request.role is Role.TASK:
            return Script((Say("def "), Hold(self.gate), Say("fib()")))
        return spoken("talk")


def of_kind(events: list[Any], kind: type) -> Any:
    (found,) = [event for event in events if isinstance(event, kind)]
    return found


def words(events: list[Any]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


# sending


async def test_work_becomes_a_task_and_the_turn_ends_at_once(talk: Begin) -> None:
    chat = await talk(Models(open_gate=False), **ON)
    events = await chat.ask(WORK, key="k1")
    assert [type(event) for event in events] == [TurnStarted, TaskStarted, TurnDone]
    started, task = events[0], events[1].task
    assert (started.user.id, started.user.text) == ("k1", WORK)
    assert started.user.p is not None
    assert started.user.p >= 0.7
    card = started.reply
    assert (card.task_id, card.text, card.state) == (task.id, "", MessageState.COMPLETE)
    assert events[-1].reply == card
    assert (task.session_id, task.message_id, task.p) == (chat.session_id, card.id, started.user.p)
    assert [message.id for message in (await chat.stored()).messages] == ["k1", card.id]


async def test_the_task_goes_on_and_its_result_is_in_the_card(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    task = of_kind(await chat.ask(WORK), TaskStarted).task
    assert (await chat.ended(task.id)).task.state is TaskState.DONE
    card = await chat.reply()
    assert (card.text, card.task_id) == ("def fib()", task.id)


async def test_talk_goes_on_while_a_task_runs(talk: Begin) -> None:
    chat = await talk(Models(open_gate=False), **ON)
    await chat.ask(WORK)
    events = await chat.ask(CHAT)
    assert words(events) == "talk"
    assert of_kind(events, TurnStarted).user.p <= 0.3
    (task,) = await chat.tasks()
    assert task.state in (TaskState.QUEUED, TaskState.RUNNING)


async def test_everybody_hears_of_it(talk: Begin) -> None:
    chat = await talk(Models(open_gate=False), **ON)
    facts = chat.engine.control.watch()
    await anext(facts)
    await chat.ask(WORK, key="k1")
    await chat.engine.stop()
    facts_seen = [fact async for fact in facts]
    assert SessionChanged(chat.session_id, source="k1") in facts_seen
    assert any(isinstance(fact, TaskChanged) for fact in facts_seen)


async def test_an_unsure_message_is_answered_and_keeps_how_sure(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    events = await chat.ask(UNSURE)
    assert 0.3 < of_kind(events, TurnStarted).user.p < 0.7
    assert words(events) == "talk"
    assert await chat.tasks() == ()


async def test_the_bands_are_those_of_the_settings(talk: Begin) -> None:
    chat = await talk(Models(), detect={"enabled": True, "task_from": 1.0})
    assert words(await chat.ask(WORK)) == "talk"
    assert await chat.tasks() == ()


async def test_a_chosen_model_makes_it_chat(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    events = await chat.ask(WORK, ref=ModelRef(BackendName.SCRIPTED, "demo"))
    assert words(events) == "talk"
    assert await chat.tasks() == ()


async def test_turned_off_everything_is_chat_and_nothing_is_classified(talk: Begin) -> None:
    chat = await talk(Models())
    events = await chat.ask(WORK)
    assert words(events) == "talk"
    assert of_kind(events, TurnStarted).user.p is None
    found = await chat.engine.chat.classify(WORK, session_id=chat.session_id)
    assert (found.enabled, found.band) == (False, DetectBand.CHAT)


async def test_turned_off_the_user_may_still_say_that_it_is_a_task(talk: Begin) -> None:
    chat = await talk(Models())
    task = of_kind(await chat.ask(WORK, as_task=True), TaskStarted).task
    assert task.p is None
    assert await chat.engine.store.labels() == ()


async def test_a_repeated_call_makes_no_second_task(talk: Begin) -> None:
    chat = await talk(Models(open_gate=False), **ON)
    first = await chat.ask(WORK, key="k1")
    again = await chat.ask(WORK, key="k1")
    assert [type(event) for event in again] == [TurnStarted, TaskStarted, TurnDone]
    assert again[1].task.id == first[1].task.id
    assert len(await chat.tasks()) == 1
    other = await chat.ask(CHAT, key="k2")
    assert (await chat.ask(WORK, key="k2"))[-1].reply == other[-1].reply
    assert len(await chat.tasks()) == 1


async def test_what_may_not_be_a_task_stores_nothing(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    with pytest.raises(TaskTooLong, match="20,0"):
        await chat.ask(f"{WORK} {'x' * 20_000}")
    with pytest.raises(EmptyMessage):
        await chat.ask(" \n ", as_task=True)
    with pytest.raises(EmptyMessage):
        await chat.ask("")
    assert (await chat.stored()).messages == ()
    with pytest.raises(NoSuchSession):
        await chat.collect(chat.engine.chat.send("nowhere", WORK, key="k"))


# what the user says that it is


async def test_what_the_user_says_is_done_and_learned(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    assert words(await chat.ask(WORK, as_task=False)) == "talk"
    task = of_kind(await chat.ask(CHAT, as_task=True), TaskStarted).task
    assert task.p is None
    labels = await chat.engine.store.labels()
    assert [(label.text, label.is_task) for label in labels] == [(WORK, False), (CHAT, True)]
    assert labels[0].p >= 0.7


async def test_what_was_detected_so_anyway_is_no_news(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    await chat.ask(WORK, as_task=True)
    await chat.ask(CHAT, as_task=False)
    assert await chat.engine.store.labels() == ()


async def test_talk_is_made_a_task(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    await chat.ask(UNSURE, key="k1")
    events = await chat.reclassify("k1", as_task=True)
    assert [type(event) for event in events] == [TurnStarted, TaskStarted, TurnDone]
    assert events[0].user is None
    card = events[-1].reply
    assert (card.parent_id, card.sibling, card.siblings) == ("k1", 2, 2)
    assert (await chat.reply()).id == card.id
    assert [(each.text, each.is_task) for each in await chat.engine.store.labels()] == [(UNSURE, True)]
    with pytest.raises(NoSuchMessage, match="a task already"):
        await chat.reclassify("k1", as_task=True)


async def test_a_task_is_made_talk_and_cancelled(talk: Begin) -> None:
    chat = await talk(Models(open_gate=False), **ON)
    task = of_kind(await chat.ask(WORK, key="k1"), TaskStarted).task
    events = await chat.reclassify("k1", as_task=False)
    assert words(events) == "talk"
    assert events[-1].reply.siblings == 2
    assert (await chat.engine.tasks.get(task.id)).task.state is TaskState.CANCELLED
    assert [(each.text, each.is_task) for each in await chat.engine.store.labels()] == [(WORK, False)]
    with pytest.raises(NoSuchMessage, match="talk already"):
        await chat.reclassify("k1", as_task=False)


async def test_a_task_that_is_done_stays_done(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    task = of_kind(await chat.ask(WORK, key="k1"), TaskStarted).task
    await chat.ended(task.id)
    assert words(await chat.reclassify("k1", as_task=False)) == "talk"
    assert (await chat.engine.tasks.get(task.id)).task.state is TaskState.DONE


async def test_a_reply_that_streams_is_stopped_when_it_is_made_a_task(talk: Begin) -> None:
    gate = asyncio.Event()
    chat = await talk([Script((Say("half"), Hold(gate), Say("whole")))], **ON)
    stream = chat.send(UNSURE, key="k1")
    await chat.until_text(stream)
    rest = asyncio.create_task(chat.collect(stream))
    events = await chat.reclassify("k1", as_task=True)
    assert isinstance(events[-1], TurnDone)
    stopped = (await rest)[-1]
    assert isinstance(stopped, TurnCancelled)
    assert (stopped.reply.text, stopped.reply.state) == ("half", MessageState.STOPPED)


async def test_a_reply_to_another_message_is_left_alone(talk: Begin) -> None:
    gate = asyncio.Event()
    chat = await talk([spoken("one"), Script((Say("half"), Hold(gate), Say("whole")))], **ON)
    await chat.ask(UNSURE, key="k1")
    stream = chat.send(CHAT, key="k2")
    await chat.until_text(stream)
    with pytest.raises(TurnRunning):
        await chat.reclassify("k1", as_task=True)
    gate.set()
    assert isinstance((await chat.collect(stream))[-1], TurnDone)


async def test_only_messages_of_the_user_are_made_something_else(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    reply = (await chat.ask(CHAT, key="k1"))[-1].reply
    for message_id in (reply.id, "nothing"):
        with pytest.raises(NoSuchMessage):
            await chat.reclassify(message_id, as_task=True)
    other = (await chat.engine.sessions.create()).id
    with pytest.raises(NoSuchMessage):
        await chat.collect(chat.engine.chat.reclassify(other, "k1", as_task=True))


# cards


async def test_a_card_is_retried_and_not_asked_again(talk: Begin) -> None:
    chat = await talk(Models(open_gate=False), **ON)
    card: Message = (await chat.ask(WORK, key="k1"))[-1].reply
    for message_id in (card.id, "k1"):
        with pytest.raises(BadInput) as refused:
            await chat.regenerate(message_id)
        assert refused.value.sentence == IS_A_TASK
    with pytest.raises(BadInput):
        await chat.resume(card.id)


async def test_an_edited_message_is_classified_anew(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    await chat.ask(CHAT, key="k1")
    events = await chat.edit("k1", WORK, "k2")
    assert [type(event) for event in events] == [TurnStarted, TaskStarted, TurnDone]
    assert events[0].user.siblings == 2
    assert (await chat.edit("k1", WORK, "k2"))[1].task.id == events[1].task.id
    events = await chat.edit("k2", CHAT, "k3")
    assert words(events) == "talk"
    assert events[0].user.p <= 0.3


async def test_the_model_is_shown_a_digest_of_what_the_task_made(talk: Begin) -> None:
    backend = Models(open_gate=False)
    chat = await talk(backend, **ON)
    task = of_kind(await chat.ask(WORK), TaskStarted).task
    await chat.ask(CHAT)
    shown = [message.text for message in backend.talked.messages if message.role == "assistant"]
    assert len(shown) == 1
    assert shown[0].startswith(f"The task “{task.title}”")
    backend.gate.set()
    await chat.ended(task.id)
    await chat.ask(CHAT)
    assert "def fib()" in [message.text for message in backend.talked.messages]


# questions about tasks


async def test_a_question_about_a_task_is_answered_without_a_model(talk: Begin) -> None:
    backend = Models(open_gate=False)
    chat = await talk(backend, **ON)
    task = of_kind(await chat.ask(WORK), TaskStarted).task
    for text in ("How is my task doing?", "What's the status of my task?", "what was my last request?"):
        events = await chat.ask(text)
        assert [type(event) for event in events] == [TurnStarted, TextDelta, TurnDone]
        reply = events[-1].reply
        assert task.shown in reply.text or WORK in reply.text or "last request" in reply.text
        assert (reply.ref, reply.why, reply.state) == (None, "from the list of tasks", MessageState.COMPLETE)
        assert await chat.reply() == reply
    assert all(request.role is Role.TASK for request in backend.requests)


async def test_cancel_that_cancels_the_latest_and_says_so(talk: Begin) -> None:
    chat = await talk(Models(open_gate=False), **ON)
    task = of_kind(await chat.ask(WORK), TaskStarted).task
    events = await chat.ask("cancel that")
    assert "is cancelled" in words(events)
    assert (await chat.engine.tasks.get(task.id)).task.state is TaskState.CANCELLED
    assert "No task of this conversation is open." in words(await chat.ask("cancel my task"))


async def test_a_task_that_has_ended_is_not_cancelled(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    task = of_kind(await chat.ask(WORK), TaskStarted).task
    await chat.ended(task.id)
    said = words(await chat.ask(f"cancel {task.shown}"))
    assert said.startswith("It had ended already. ")
    assert "is done" in said


async def test_the_last_request_is_told(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    await chat.ask(CHAT)
    assert f"“{CHAT}”" in words(await chat.ask("what was my last request?"))


async def test_the_last_request_is_never_a_question_about_tasks(talk: Begin) -> None:
    chat = await talk(Models(open_gate=False), **ON)
    task = of_kind(await chat.ask(WORK), TaskStarted).task
    for _ in range(2):
        await chat.ask("How is my task doing?")
        said = words(await chat.ask("what was my last request?"))
        assert f"“{WORK}”" in said
        assert task.shown in said, "it says what became of it"


async def test_without_a_task_the_small_model_answers(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    events = await chat.ask("How is my task doing?")
    assert words(events) == "talk"
    assert of_kind(events, Routed).why.startswith("answers in conversations")


# classifying while it is typed


async def test_what_is_typed_is_classified_and_nothing_is_stored(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    found = await chat.engine.chat.classify(WORK, session_id=chat.session_id)
    assert (found.band, found.enabled, found.expected_s) == (DetectBand.TASK, True, None)
    assert found.ref == (await chat.engine.models.roles())[1].ref
    assert found.evidence
    talk_ = await chat.engine.chat.classify(CHAT)
    assert (talk_.band, talk_.ref) == (DetectBand.CHAT, (await chat.engine.models.roles())[0].ref)
    assert (await chat.engine.chat.classify(UNSURE)).band is DetectBand.UNSURE
    assert (await chat.stored()).messages == ()


async def test_after_some_tasks_it_says_how_long_they_take(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    for _ in range(3):
        task = of_kind(await chat.ask(WORK), TaskStarted).task
        await chat.ended(task.id)
    assert (await chat.engine.chat.classify(WORK, session_id=chat.session_id)).expected_s is not None


async def test_the_situation_is_evidence(talk: Begin) -> None:
    chat = await talk(Models(), **ON)
    before = await chat.engine.chat.classify(UNSURE, session_id=chat.session_id)
    task = of_kind(await chat.ask(WORK), TaskStarted).task
    await chat.ended(task.id)
    after = await chat.engine.chat.classify(UNSURE, session_id=chat.session_id)
    assert after.p > before.p
    assert "task: changes the result before it" in after.evidence


async def test_a_question_about_tasks_is_classified_as_one(talk: Begin) -> None:
    chat = await talk(Models(open_gate=False), **ON)
    await chat.ask(WORK)
    found = await chat.engine.chat.classify("cancel that", session_id=chat.session_id)
    assert (found.band, found.evidence) == (DetectBand.CHAT, ("chat: a question about tasks",))


async def test_corrections_are_learned_from_when_nobody_works(talk: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[tuple[str, bool]] = []
    looks: list[bool] = []

    def learner(*, busy: Callable[[], bool], **more: Any) -> Learner:
        def look() -> bool:
            looks.append(busy())
            return looks[-1]

        return Learner(busy=look, idle_s=0.0, **more)

    async def refit(path: Path, corrections: Any) -> LearningReport:
        learned.extend((each.text, each.is_task) for each in corrections)
        return LearningReport(False, 1.0, 0.9)

    monkeypatch.setattr(learning, "refit", refit)
    monkeypatch.setattr(wiring, "Learner", learner)
    backend = Models(open_gate=False)
    chat = await talk(backend, **ON)
    for number in range(CORRECTIONS_MIN):
        await chat.ask(f"{CHAT} {number}", as_task=True)
    looks.clear()
    await until(lambda: looks, "it is looked whether somebody works")
    assert all(looks)
    assert learned == []
    backend.gate.set()
    for task in await chat.tasks():
        await chat.ended(task.id)
    await until(lambda: learned, "it is learned from them")
    assert learned == [(f"{CHAT} {number}", True) for number in range(CORRECTIONS_MIN)]
