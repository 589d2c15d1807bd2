"""The stories of a conversation and of a task on a model server that somebody runs.

`TALE_TEST_OLLAMA` and `TALE_TEST_OPENAI` are its address; `TALE_TEST_OLLAMA_MODEL` and `TALE_TEST_OPENAI_MODEL` are a
model of it, else the smallest that it lists. Without an address the tests are shown as skipped. What a model says is
its own affair: what is held is that it is asked, counted, stopped, gone on with, and that nothing is lost.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from support.waiting import until
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.errors import ModelError
from tale_tui.domain.events import StepDelta, TextDelta, TurnCancelled, TurnDone, TurnEvent, TurnFailed
from tale_tui.domain.models import Role, RoleState
from tale_tui.domain.tasks import ENDED, TaskState
from tale_tui.engine.engine import Engine

pytestmark = [pytest.mark.process, pytest.mark.timeout(900)]

ANSWER_S = 300.0
"""The longest that a model may take for one answer, its loading included."""
SHORT = 60
"""Tokens of an answer where its end is waited for."""
LONG = "Count from one to three hundred in words, one number on each line."


@dataclass(frozen=True)
class Server:
    """A model server.

    Attributes:
        name: of its backend.
        setting: the environment variable of tale-tui that names its address.
        address: of this one.
        model: of it, or "" for the smallest that it lists.
    """

    name: str
    setting: str
    address: str
    model: str

    @property
    def env(self) -> dict[str, str]:
        """What a command is given beside the model."""
        return {self.setting: self.address, "TALE_CHAT__MAX_TOKENS": str(SHORT), "TALE_TASKS__MAX_TOKENS": str(SHORT)}


SETTINGS = {"ollama": "TALE_OLLAMA__HOST", "openai": "TALE_OPENAI__BASE_URL"}


@pytest.fixture(params=[pytest.param(name, marks=getattr(pytest.mark, name)) for name in SETTINGS])
def server(request: pytest.FixtureRequest, commands: Any) -> Server:
    variable = f"TALE_TEST_{request.param.upper()}"
    address = os.environ.get(variable)
    if not address:
        pytest.skip(f"{variable} names no server")
    found = Server(request.param, SETTINGS[request.param], address, os.environ.get(f"{variable}_MODEL", ""))
    if not found.model:
        listed = json.loads(run(commands, "models", "list", "--json", **found.env).out)["models"]
        ours = [model for model in listed if model["backend"] == found.name]
        assert ours, f"{address} lists no model: {listed}"
        smallest = min(ours, key=lambda model: model.get("size_bytes") or 0)
        found = Server(found.name, found.setting, address, smallest["model"])
    return found


@dataclass(frozen=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str


def run(commands: Any, *args: str, stdin: str = "", **env: str) -> Ran:
    process: subprocess.Popen[str] = commands.start(*args, **env)
    try:
        out, err = process.communicate(stdin, timeout=ANSWER_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise AssertionError(f"it did not end: {args}\n{process.communicate()}") from None
    return Ran(process.returncode, out, err)


@pytest.fixture
def tale(commands: Any, server: Server) -> Callable[..., Ran]:
    """Runs a command with the server's model in both roles."""
    ref = f"{server.name}/{server.model}"

    def ran(*args: str, stdin: str = "", **env: str) -> Ran:
        return run(commands, *args, stdin=stdin, **server.env, TALE_UX=ref, TALE_TASK=ref, **env)

    return ran


@pytest.fixture
def engine_of(server: Server, paths: Paths) -> Callable[..., Any]:
    """Opens engines in this process with the server's model in both roles and the true clock."""

    @asynccontextmanager
    async def opened(max_tokens: int = SHORT) -> AsyncIterator[Engine]:
        ref = f"{server.name}/{server.model}"
        group = {"ollama": {"host": server.address}, "openai": {"base_url": server.address}}[server.name]
        settings = Settings(
            ux=ref,
            task=ref,
            detect={"enabled": False},
            chat={"max_tokens": max_tokens},
            tasks={"max_tokens": max_tokens},
            **{server.name: group},
        )
        engine = await Engine.start(paths, settings, Clock())
        try:
            await until(lambda: is_ready(engine), lambda: f"{ref} is ready", limit_s=ANSWER_S)
            yield engine
        finally:
            await engine.stop()

    return opened


async def is_ready(engine: Engine) -> bool:
    return all(status.state is RoleState.READY for status in await engine.models.roles() if status.role is Role.UX)


async def end_of(events: AsyncGenerator[TurnEvent, None]) -> TurnDone | TurnFailed | TurnCancelled:
    async with aclosing(events):
        *_, end = [event async for event in events]
    assert isinstance(end, TurnDone | TurnFailed | TurnCancelled)
    return end


def test_it_is_there_and_lists_its_model(tale: Callable[..., Ran], server: Server) -> None:
    listed = tale("models", "list", "--json")
    assert server.model in [model["model"] for model in json.loads(listed.out)["models"]]
    found = json.loads(tale("doctor", "--json").out)
    assert found, "doctor says something of each of its points"


def test_an_answer_is_printed_and_counted(tale: Callable[..., Ran], server: Server) -> None:
    said = tale("chat", "-m", "Hello, how are you?", "--json")
    assert said.code == 0, said.err
    answer = json.loads(said.out)
    assert (answer["backend"], answer["model"]) == (server.name, server.model)
    assert answer["reply"].strip()
    assert answer["prompt_tokens"] > 0
    assert 0 < answer["completion_tokens"] <= SHORT
    assert answer["ttft_ms"] > 0


def test_a_conversation_goes_on_with_what_was_said(tale: Callable[..., Ran]) -> None:
    first = json.loads(tale("chat", "-m", "My name is Ada. Say hello.", "--json").out)
    second = json.loads(tale("chat", "--session", first["session"], "-m", "What is my name?", "--json").out)
    assert second["session"] == first["session"]
    assert second["prompt_tokens"] > first["prompt_tokens"], "it was sent what was said before"


def test_a_conversation_in_line_mode_prints_only_answers(tale: Callable[..., Ran]) -> None:
    said = tale("chat", "--plain", stdin="Say one word.\nSay another word.\nexit\n")
    assert said.code == 0, said.err
    assert len(said.out.strip().splitlines()) >= 2


def test_a_task_is_carried_out_listed_and_counted(tale: Callable[..., Ran]) -> None:
    done = tale("submit", "Name three colours.", "--json")
    assert done.code == 0, done.err
    task = json.loads(done.out)
    assert task["state"] == "done"
    [listed] = json.loads(tale("list", "--json").out)["tasks"]
    assert (listed["id"], listed["state"]) == (task["id"], "done")


def test_what_does_not_exist_there_is_one_sentence(tale: Callable[..., Ran], server: Server) -> None:
    if server.name == "openai":
        pytest.skip("a server of one model may answer with it whatever it is asked for")
    said = tale("chat", "--backend", server.name, "--model", "no-such-model:1b", "-m", "Hello")
    assert (said.code != 0, said.out) == (True, "")
    assert "no-such-model:1b" in said.err
    assert "Traceback" not in said.err


def test_the_window_answers_and_leaves(window: Callable[..., Any], server: Server) -> None:
    ref = f"{server.name}/{server.model}"
    one = window("chat", size=(120, 40), **server.env, TALE_UX=ref, TALE_TASK=ref)
    one.wait_for(f"● {server.model}"[:20], wait_s=ANSWER_S)
    one.press("Say one word.\r")
    one.wait_for("1 turn", wait_s=ANSWER_S)
    one.press("\x11")
    assert one.wait_end() == 0


async def test_a_reply_that_was_stopped_is_kept_and_gone_on_with_or_asked_again(
    engine_of: Callable[..., Any],
) -> None:
    async with engine_of(2 * SHORT) as engine:
        session = await engine.sessions.create()
        events = engine.chat.send(session.id, LONG, key="q")
        text = ""
        async with aclosing(events):
            async for event in events:
                text += event.text if isinstance(event, TextDelta) else ""
                if len(text) > 20:
                    break
        kept = (await engine.sessions.transcript(session.id)).messages[-1]
        assert kept.state in (MessageState.STOPPED, MessageState.INTERRUPTED)
        assert kept.text
        end = await end_of(engine.chat.resume(session.id, kept.id))
        if isinstance(end, TurnFailed):
            assert isinstance(end.error, ModelError), end.error
            end = await end_of(engine.chat.regenerate(session.id, kept.id))
            assert end.reply.text.strip()
        else:
            assert end.reply.text.startswith(kept.text)
        assert isinstance(end, TurnDone)


async def test_two_conversations_at_once_do_not_disturb_each_other(engine_of: Callable[..., Any]) -> None:
    async with engine_of() as engine:
        sessions = [await engine.sessions.create() for _ in range(2)]
        ends = await asyncio.gather(
            *(end_of(engine.chat.send(one.id, f"Say the number {n}.", key=f"q{n}")) for n, one in enumerate(sessions))
        )
        assert [type(end) for end in ends] == [TurnDone, TurnDone]
        for one in sessions:
            assert len((await engine.sessions.transcript(one.id)).messages) == 2


async def test_a_task_that_was_cut_off_goes_on_and_ends_once(engine_of: Callable[..., Any]) -> None:
    async with engine_of(2 * SHORT) as engine:
        task = await engine.tasks.submit(LONG, key="t")
        async with aclosing(engine.tasks.follow(task.id)) as events:
            async for event in events:
                if isinstance(event, StepDelta):
                    break
    async with engine_of(2 * SHORT) as engine:
        left = await engine.tasks.get(task.id)
        assert left.task.state not in ENDED
        await engine.tasks.resume(task.id)
        async with aclosing(engine.tasks.follow(task.id)) as events:
            async for _ in events:
                pass
        detail = await engine.tasks.get(task.id)
        assert detail.task.state is TaskState.DONE
        assert detail.result.strip()
