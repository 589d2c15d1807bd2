"""What is known of a message."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from support.calls import new_call
from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.metrics import CallKind, CallOutcome
from tale_tui.domain.models import BackendName, FinishReason, ModelRef, Usage
from tale_tui.domain.tasks import Task, TaskState
from tale_tui.ui.dialogs.calls import CallTable
from tale_tui.ui.dialogs.details import DetailsDialog, message_facts


@pytest.fixture
def reply(now: float) -> Message:
    return Message(
        "k4t9",
        "s3",
        "p1",
        Author.ASSISTANT,
        "hello",
        now,
        MessageState.COMPLETE,
        thinking="hm",
        ref=ModelRef(BackendName.OLLAMA, "qwen2.5:7b"),
        usage=Usage(512, 118, 400, ttft_ms=310.0, total_ms=3400.0, tokens_per_second=38.2),
        finish=FinishReason.LENGTH,
        sibling=2,
        siblings=3,
    )


def test_what_is_known_is_said_and_what_is_not_is_left_out(reply: Message) -> None:
    facts = dict(message_facts(reply))
    assert facts == {
        "written by": "the model",
        "model": "qwen2.5:7b",
        "runs in": "Ollama",
        "written": "Sun 9 Aug 2026, 14:02:00",
        "state": "complete",
        "ended by": "the limit of tokens",
        "first token": "0.31 s",
        "in all": "3.40 s",
        "speed": "38 tok/s",
        "prompt": "512 tokens",
        "of it cached": "400 tokens",
        "answer": "118 tokens",
        "length": "5 characters",
        "thinking": "2 characters",
        "version": "2 of 3",
        "message id": "k4t9",
        "session id": "s3",
    }


def test_why_this_model_and_what_the_message_was_taken_for(reply: Message) -> None:
    facts = dict(message_facts(replace(reply, why="the usual one for talk")))
    assert facts["why this model"] == "the usual one for talk"
    mine = Message("a", "s", None, Author.USER, "x", reply.created)
    taken = [dict(message_facts(replace(mine, p=p)))["taken for"] for p in (0.93, 0.5, 0.04)]
    assert taken == ["a task, .93", "a task, .50", "chat, .96"]


def test_the_card_of_a_task(reply: Message) -> None:
    task = Task(
        "k4t9" * 5, "k4t9", "Fibonacci", TaskState.DONE, 0.0, 0.0, why="the usual one for tasks", worked_s=51.0,
        expected_s=72.0, steps_total=3, steps_done=3, prompt_tokens=1200, completion_tokens=412,
    )  # fmt: skip
    facts = dict(message_facts(replace(reply, usage=None), task))
    assert {label: facts[label] for label in ("why this model", "task", "steps", "worked for", "usually takes")} == {
        "why this model": "the usual one for tasks",
        "task": "k4t9, done",
        "steps": "3 of 3 done",
        "worked for": "0:51",
        "usually takes": "1:12",
    }
    assert (facts["prompt"], facts["answer"], facts["task id"]) == ("1,200 tokens", "412 tokens", "k4t9" * 5)
    queued = Task("k4t9" * 5, "k4t9", "Fibonacci", TaskState.QUEUED, 0.0, 0.0)
    assert "steps" not in dict(message_facts(reply, queued))


def test_a_message_of_the_user(reply: Message) -> None:
    mine = Message("a", "s", None, Author.USER, "x", reply.created)
    assert [label for label, _ in message_facts(mine)] == [
        "written by",
        "written",
        "state",
        "length",
        "message id",
        "session id",
    ]


def test_an_error_is_said(reply: Message) -> None:
    failed = replace(reply, state=MessageState.FAILED, error="It broke off.", finish=FinishReason.STOP)
    facts = dict(message_facts(failed))
    assert facts["error"] == "It broke off."
    assert facts["ended by"] == "its end"


def test_a_sentence_of_ours_was_written_by_no_model(reply: Message) -> None:
    facts = dict(message_facts(replace(reply, ref=None, usage=None, why="from the list of tasks")))
    assert (facts["written by"], facts["why no model"]) == ("tale", "from the list of tasks")
    assert "model" not in facts


async def test_it_is_shown_and_copied(show: Any, reply: Message) -> None:
    async with show(DetailsDialog(reply)) as shown:
        assert "This reply" in shown.text
        assert "qwen2.5:7b" in shown.text
        await shown.window.press("c")
        assert "speed: 38 tok/s" in shown.window.app.copied[0]
        await shown.window.press("escape")
        assert await shown.result() is None


async def test_the_calls_for_it_are_shown(show: Any, reply: Message, now: float) -> None:
    calls = [new_call(ttft_ms=310.0), new_call(kind=CallKind.TITLE, outcome=CallOutcome.FAILED, error="timeout")]
    async with show(DetailsDialog(reply, calls=calls, now=now)) as shown:
        text = "\n".join(str(table.render()) for table in shown.window.app.screen.query(CallTable))
        assert "failed: timeout" in text
        assert [line.split()[0] for line in text.splitlines()] == ["call", "chat", "title"]


async def test_hostile_names_are_only_shown(show: Any, reply: Message, hostile_texts: list[str], harmless: Any) -> None:
    async with show(DetailsDialog(reply), size=(100, 60)) as shown:
        await shown.window.press("escape")
        for text in hostile_texts:
            ref = ModelRef(BackendName.OLLAMA, text)
            await shown.next(DetailsDialog(replace(reply, author=Author.USER, ref=ref, error=text, id=text)))
            await shown.window.press("c")
            assert harmless(shown.text), text
            assert harmless(shown.window.app.copied[-1].replace("\t", " "))
            await shown.window.press("escape")


async def test_it_scrolls_where_there_are_few_lines(show: Any, reply: Message) -> None:
    async with show(DetailsDialog(reply), size=(40, 10)) as shown:
        reader = shown.screen.query_one("#focus-first")
        await shown.window.press("down", "j", "space")
        await shown.window.until(lambda: reader.scroll_y > 2, "scrolled")
        await shown.window.press("up", "k")
        assert "esc back" in shown.text
