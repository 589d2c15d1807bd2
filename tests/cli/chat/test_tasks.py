"""`chat -m` with a message that is a task: carried out and printed, only queued, or never made one."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from support.scripted_groups import new_task
from tale_tui.domain.conversation import Author, Message, MessageState
from tale_tui.domain.errors import OutOfMemory
from tale_tui.domain.events import TaskStarted, TurnDone, TurnStarted
from tale_tui.domain.tasks import DetectBand

NOON = 1_794_139_200.0


@pytest.fixture
def detected(engine: Any) -> Any:
    """The next message becomes a task."""
    detail = new_task("abcd2222", p=0.93, worked_s=1.5)
    engine.work["abcd2222"] = detail
    user = Message("u1", "new0aaaa", None, Author.USER, "Write a haiku", NOON, p=0.93)
    card = Message("r1", "new0aaaa", "u1", Author.ASSISTANT, "", NOON, MessageState.COMPLETE, task_id="abcd2222")
    engine.events = (TurnStarted(user, card), TaskStarted(detail.task), TurnDone(card))
    return engine


def test_a_task_is_carried_out_and_its_result_printed(cli: Any, connection: Any, detected: Any) -> None:
    result = cli("chat", "-m", "Write a haiku")
    assert (result.code, result.out) == (0, "Rain on the window.\n")
    assert result.err == "abcd task .93: qwen2.5:7b works on it\nabcd  queued\nabcd  working  qwen2.5:7b\n"
    assert detected.as_task is None
    assert connection.works_queue is False


def test_json_says_that_it_was_a_task(cli: Any, detected: Any) -> None:
    data = json.loads(cli("chat", "-m", "Write a haiku", "--json").out)
    assert (data["task_detected"], data["confidence"], data["task_id"]) == (True, 0.93, "abcd2222")
    assert (data["reply"], data["model"], data["backend"]) == ("Rain on the window.", "qwen2.5:7b", "ollama")
    assert (data["prompt_tokens"], data["completion_tokens"], data["total_ms"]) == (40, 3, 42_000.0)
    assert data["ttft_ms"] is None


def test_without_waiting_it_is_only_queued(cli: Any, detected: Any) -> None:
    result = cli("chat", "-m", "Write a haiku", "--no-wait")
    assert (result.code, result.out) == (0, "abcd2222\n")
    assert "qwen2.5:7b will do it" in result.err
    result = cli("chat", "-m", "Write a haiku", "--no-wait", "--json")
    data = json.loads(result.out)
    assert (data["task_id"], data["reply"], data["total_ms"], result.err) == ("abcd2222", "", None, "")


def test_a_task_that_fails_ends_with_1(cli: Any, detected: Any) -> None:
    detected.fails = OutOfMemory("It needs 12 GB and 8 are free.")
    result = cli("chat", "-m", "Write a haiku", "--json")
    assert result.code == 1
    assert json.loads(result.out)["task_id"] == "abcd2222"
    assert "abcd failed: It needs 12 GB" in result.err


def test_no_tasks_is_handed_on(cli: Any, engine: Any) -> None:
    cli("chat", "-m", "Write a haiku", "--no-tasks")
    assert engine.as_task is False


@pytest.mark.parametrize("command", [["--plain"], ["chat", "--plain"]])
def test_line_mode_takes_both_with_or_without_its_command(cli: Any, detected: Any, command: list[str]) -> None:
    queued = cli(*command, "--no-wait", stdin="Write a haiku\n")
    assert (queued.code, queued.out) == (0, "")
    first, then = queued.err.splitlines()
    assert first == "abcd task .93: qwen2.5:7b works on it"
    assert then.startswith("abcd is queued. qwen2.5:7b will do it")
    cli(*command, "--no-tasks", stdin="Write a haiku\n")
    assert detected.as_task is False


def test_what_is_for_a_conversation_goes_behind_the_command(cli: Any) -> None:
    result = cli("--no-tasks", "sessions")
    assert (result.code, "chat --plain" in result.err) == (2, True)


@pytest.mark.parametrize(
    ("band", "options", "offered"),
    [(DetectBand.UNSURE, (), True), (DetectBand.CHAT, (), False), (DetectBand.UNSURE, ("--no-tasks",), False)],
)
def test_where_nobody_is_sure_a_task_is_offered(
    cli: Any, engine: Any, monkeypatch: pytest.MonkeyPatch, band: DetectBand, options: tuple[str, ...], offered: bool
) -> None:
    engine.band = band
    assert "tale-tui submit" not in cli("chat", "-m", "Memoisation", *options).err, "a script has no use for it"
    monkeypatch.setattr("tale_tui.cli.chat.chat.is_terminal", lambda stream: True)
    assert ("tale-tui submit TEXT" in cli("chat", "-m", "Memoisation", *options).err) is offered


def test_what_was_judged_chat_says_how_sure_that_is(cli: Any, engine: Any) -> None:
    events = list(engine.answer("s", "Hello", "k", None))
    events[0] = TurnStarted(dataclasses.replace(events[0].user, p=0.02), events[0].reply)
    engine.events = tuple(events)
    data = json.loads(cli("chat", "-m", "Hello", "--json").out)
    assert (data["task_detected"], data["confidence"], data["task_id"]) == (False, 0.98, None)
