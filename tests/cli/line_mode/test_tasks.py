"""Tasks in line mode: carried out and read out, and the commands on them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from support.scripted_groups import new_task
from support.waiting import until
from tale_tui.cli.line_mode.conversation import TASK_HINT, LineConversation
from tale_tui.domain.alerts import Alert, AlertKind
from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.errors import OutOfMemory
from tale_tui.domain.events import TaskStarted, TurnDone, TurnStarted
from tale_tui.domain.tasks import DetectBand, Plan, PlanApproval, Reason, Step, StepSpec, TaskState

NOON = 1_794_139_200.0

HANDED_OVER = "abcd task .93: qwen2.5:7b works on it"


class Said:
    """A conversation with what was written and told."""

    def __init__(self, engine: Any, *lines: str, interactive: bool = False, **more: Any) -> None:
        self.out = ""
        self.told: list[str] = []

        async def come() -> AsyncIterator[str]:
            for line in lines:
                yield line

        self.talk = LineConversation(
            engine=engine, lines=come(), out=self._write, err=self.told.append, interactive=interactive, **more
        )

    def _write(self, piece: str) -> None:
        self.out += piece


async def said(engine: Any, *lines: str, **more: Any) -> Said:
    conversation = Said(engine, *lines, **more)
    assert await conversation.talk.run()
    return conversation


@pytest.fixture
def detected(engine: Any) -> Any:
    detail = new_task("abcd2222", p=0.93)
    engine.work["abcd2222"] = detail
    user = Message("u1", "new0aaaa", None, Author.USER, "Write a haiku", NOON, p=0.93)
    card = Message("r1", "new0aaaa", "u1", Author.ASSISTANT, "", NOON, MessageState.COMPLETE, task_id="abcd2222")
    engine.events = (TurnStarted(user, card), TaskStarted(detail.task), TurnDone(card))
    return engine


async def test_a_task_that_another_process_works_on_is_waited_for(engine: Any) -> None:
    engine.give(new_task("abcd2222"))
    script = await said(engine, "/wait abcd")
    assert (script.out, script.told) == ("Rain on the window.\n", [])
    engine.change("abcd2222", state=TaskState.QUEUED)
    person = await said(engine, "/wait abcd", interactive=True)
    assert person.told[1:] == ["(queued)", "(running)", "(loading)", "(thinking)", "(writing)", "(done)"]


async def test_a_task_is_carried_out_and_read_out(detected: Any) -> None:
    script = await said(detected, "Write a haiku")
    assert (script.out, script.told) == ("Rain on the window.\n", [HANDED_OVER])
    detected.change("abcd2222", state=TaskState.QUEUED)
    person = await said(detected, "Write a haiku", interactive=True)
    assert person.told[1:3] == [HANDED_OVER, "(queued)"]
    assert "(writing)" in person.told


async def test_where_nobody_is_sure_a_task_is_offered(engine: Any) -> None:
    engine.band = DetectBand.UNSURE
    assert (await said(engine, "Memoisation", interactive=True)).told[-1] == TASK_HINT
    assert (await said(engine, "Memoisation")).told == []
    assert TASK_HINT not in (await said(engine, "Memoisation", interactive=True, tasks=False)).told


async def test_a_task_may_be_only_queued_or_never_made(detected: Any) -> None:
    queued = await said(detected, "Write a haiku", waits=False)
    who = "qwen2.5:7b will do it: the window, process 1, works on the queue."
    assert (queued.out, queued.told) == ("", [HANDED_OVER, f"abcd is queued. {who}"])
    detected.works = False
    assert "Nothing works on the queue now." in (await said(detected, "Write a haiku", waits=False)).told[1]
    detected.works = detected.here = True
    told = (await said(detected, "Write a haiku", waits=False)).told
    assert told == [HANDED_OVER, "abcd is queued. Look at it with /status abcd"]
    assert detected.as_task is None
    await said(detected, "Write a haiku", tasks=False)
    assert detected.as_task is False


async def test_a_task_that_fails_is_told_and_counts_for_a_script(detected: Any) -> None:
    detected.fails = OutOfMemory("It needs 12 GB.")
    conversation = await said(detected, "Write a haiku")
    assert conversation.told == [HANDED_OVER, "abcd failed: It needs 12 GB."]
    assert isinstance(conversation.talk.failed, OutOfMemory)


async def test_ctrl_c_ends_the_waiting_and_not_the_task(detected: Any) -> None:
    detected.works_off = False
    conversation = Said(detected, "Write a haiku")
    running = asyncio.create_task(conversation.talk.run())
    await until(lambda: detected.followed("abcd2222"), "it is waited for")
    conversation.talk.interrupt()
    assert await running
    assert not detected.followed("abcd2222")
    assert conversation.told == [
        HANDED_OVER,
        "abcd goes on. Look at it with /status abcd, end it with /cancel abcd",
    ]
    assert [call[0] for call in detected.calls] == ["send"]


async def test_the_commands_on_tasks(engine: Any) -> None:
    engine.give(new_task("abcd2222", title="Haiku"))
    engine.give(new_task("efgh3333", TaskState.DONE, title="Letter", result="Dear."))
    engine.give(new_task("jkmn4444", TaskState.WAITING, reason=Reason.APPROVAL))
    engine.give(new_task("npqr5555", TaskState.WAITING, reason=Reason.APPROVAL))
    lines = ("/tasks", "/status ab", "/priority ab high", "/pause ab", "/resume ab", "/cancel ab", "/retry ab")
    conversation = await said(engine, *lines, "/approve jk", "/decline np", "/result ef", "/task Write")
    assert conversation.told[0] == "abcd  Haiku, queued"
    assert conversation.told[1].startswith("efgh  Letter, done")
    assert conversation.out == "Dear.\n"
    names = [call[0] for call in engine.calls if call[1] in engine.work]
    assert names == ["set_priority", "pause", "resume", "cancel", "retry", "approve", "approve"]
    assert [call[2] for call in engine.calls if call[0] == "approve"] == [True, False]
    assert engine.handed_in[0]["text"] == "Write"


async def test_without_an_id_it_is_the_one_that_runs_or_the_latest(engine: Any) -> None:
    conversation = await said(engine, "/status", "/tasks")
    assert "There are no tasks yet" in conversation.told[0]
    assert "No tasks yet." in conversation.told[1]
    engine.give(new_task("abcd2222", TaskState.RUNNING))
    engine.give(new_task("efgh3333", TaskState.DONE, result="Dear."))
    assert (await said(engine, "/status")).told[0].startswith("abcd")


async def test_without_an_id_it_is_one_with_which_that_can_be_done(engine: Any) -> None:
    engine.give(new_task("abcd2222", TaskState.PAUSED))
    engine.give(new_task("efgh3333", TaskState.FAILED, created=NOON + 9))
    await said(engine, "/cancel", "/retry")
    assert engine.calls == [("cancel", "abcd2222"), ("retry", "efgh3333", "")]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/result ab", "abcd is queued, so it has no result yet: /status abcd"),
        ("/priority high", "as in /priority k4t9 high"),
        ("/priority ab soon", "There is no priority 'soon': write one of"),
        ("/cancel zz", "No task's id begins with zz."),
    ],
)
async def test_what_cannot_be_done_is_said(engine: Any, line: str, says: str) -> None:
    engine.give(new_task("abcd2222"))
    conversation = await said(engine, line)
    assert says in conversation.told[0]
    assert engine.calls == []


async def test_the_help_has_every_command(engine: Any) -> None:
    from tale_tui.cli.line_mode.tasks import TaskCommands

    conversation = await said(engine, "/help")
    for name in TaskCommands(engine, print, print).table():
        assert f"/{name}" in conversation.told[0]


async def test_alerts_are_listed_and_acknowledged(engine: Any) -> None:
    engine.alerts = [Alert(3, AlertKind.FIRST_TEXT, "", NOON, 1.5, 1.0, "Slow.")]
    listed = await said(engine, "/alerts", "/alerts 3", "/alerts", "/alerts x")
    assert listed.told[0].startswith("3  ")
    assert listed.told[0].endswith("open: Slow.")
    assert listed.told[1:3] == ["Acknowledged: 1.", "No alert waits to be acknowledged."]
    assert "'x' is no alert" in listed.told[3]


async def test_a_plan_is_read_aloud(engine: Any) -> None:
    specs = (
        StepSpec("a", "Outline", "x", files=("a.md",)),
        StepSpec("b", "Send it", "y", ("a",), repeatable=False),
    )
    asks = new_task("abcd2222", TaskState.WAITING, reason=Reason.APPROVAL, title="Letter")
    steps = tuple(Step(spec, allowed=False) for spec in specs)
    engine.give(replace(asks, plan=Plan(specs), steps=steps, approval=PlanApproval("It asks because it is large.")))
    conversation = await said(engine, "/plan")
    assert conversation.told[1:] == [
        "2 steps",
        "It asks because it is large.",
        "1  Outline, gives a.md, wants your yes",
        "2  Send it, after 1, effects outside, wants your yes",
        "0 of 2 done, 2 waiting",
    ]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (
            Reason.APPROVAL,
            "abcd  approve 1 step: /plan abcd shows it, "
            "/approve abcd or /decline abcd answers, and /wait abcd waits for it",
        ),
        (Reason.REPEAT, "abcd  run again?: /approve abcd or /decline abcd answers, and /wait abcd waits for it"),
    ],
)
async def test_a_task_that_waits_for_an_answer_lets_the_next_line_be_read(
    detected: Any, reason: Reason, told: str
) -> None:
    detected.change("abcd2222", state=TaskState.WAITING, reason=reason)
    conversation = await said(detected, "Write a haiku", "/status abcd")
    assert conversation.told[:2] == [HANDED_OVER, told]
    assert len(conversation.told) == 3
