"""Whole stories on the screen, with the engine behind it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from support.folders import texts_in
from tale_tui.config.paths import Paths
from tale_tui.domain.conversation import MessageState
from tale_tui.domain.errors import Unreachable
from tale_tui.engine.models.scripted import Fail, Hold, Say, Script, spoken
from tale_tui.ui.chat.autosave import Drafts
from tale_tui.ui.dialogs.sessions import OpenSession, SessionsDialog

GONE = 2**22 + 1
"""No process has this id: it is above what Linux gives."""


async def test_a_first_evening(open_window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Talk, interrupt, change one's mind, look at both versions, fork, write it to a file, come back the next day."""
    monkeypatch.chdir(tmp_path)
    hold = asyncio.Event()
    replies = [
        spoken("Memoisation ", "keeps results."),
        Script((Say("It costs"), Hold(hold), Say(" memory."))),
        spoken(" some memory."),
        spoken("As a pirate: arr."),
        spoken("In the fork."),
    ]
    async with open_window(replies) as window:
        await window.ready()
        await window.say("What is memoisation?")
        await window.answered()

        await window.say("And what does it cost?")
        await window.streams()
        await window.press("escape")
        await window.idle()
        assert window.messages[-1].state is MessageState.STOPPED
        await window.press("ctrl+r")
        await window.answered(2)
        assert window.texts[-1] == "It costs some memory."

        await window.press("shift+tab", "up")
        question = window.messages[2]
        view = window.chat.view
        view.post_message(view.ActionRequested("edit", question.id))
        await window.until(lambda: window.prompt.text == question.text, "the question is in the prompt")
        window.prompt.fill("What does it cost, pirate?")
        await window.press("enter")
        await window.until(lambda: window.texts[-1] == "As a pirate: arr.", "the other question is answered")
        await window.until(lambda: not window.busy, "the turn has ended")
        view.post_message(view.ActionRequested("previous", window.messages[2].id))
        await window.until(lambda: window.texts[-1] == "It costs some memory.", "the version before, with its reply")

        first = window.session.id
        view.post_message(view.ActionRequested("fork", window.messages[1].id))
        await window.until(lambda: len(window.messages) == 2, "the fork")
        await window.say("Go on here.")
        await window.answered(2)
        await window.say("/export evening.json")
        await window.until((tmp_path / "evening.json").exists, "it is in a file")
        await window.write("tomorrow I ask")
        await window.press("ctrl+q")
        await window.left()

    async with open_window() as window:
        await window.ready()
        assert window.messages == []
        await window.say("/sessions")
        await window.dialog(SessionsDialog)
        assert len(window.app.screen.picks.rows) == 2
        window.app.screen.dismiss(OpenSession(first))
        await window.until(lambda: len(window.messages) == 4, "the first conversation")
        assert window.texts[-1] == "It costs some memory."
        assert window.prompt.text == ""


async def test_what_waits_survives_a_restart(open_window: Any) -> None:
    """What was sent while a reply streamed is there again after the process was ended, and is not sent by itself."""
    hold = asyncio.Event()
    async with open_window([Script((Say("one"), Hold(hold)))]) as window:
        await window.ready()
        await window.say("first")
        await window.streams()
        await window.say("second")
        await window.until(lambda: window.queued, "it waits")
        await window.app.bridge.close()
    async with open_window([spoken("two")]) as window:
        await window.until(lambda: window.queued, "it waits again")
        assert window.texts == ["first", "one"]
        assert "enter send" in window.chat.composer.queue.hint
        await window.ready()
        await window.press("enter")
        await window.answered()
        assert window.texts == ["first", "one", "second", "two"]


async def test_what_waits_behind_a_stopped_reply_goes_only_when_the_user_says_so(open_window: Any) -> None:
    """Neither a change made elsewhere nor the next window sends it; a reply that fails keeps what is behind it."""
    stopped = Script((Say("one"), Hold(asyncio.Event())))
    async with open_window([stopped]) as window:
        await window.ready()
        await window.say("first")
        await window.streams("one")
        await window.say("second")
        await window.say("third")
        await window.until(lambda: len(window.queued) == 2, "they wait")
        await window.press("escape")
        await window.rest()
        await window.engine.sessions.rename(window.session.id, "named elsewhere")
        await window.shows("named elsewhere")
        await window.rest()
        assert len(window.backend.requests) == 1
        await window.press("ctrl+q")
        await window.left()

    fails = Script((Fail(Unreachable("Nothing answers.")),))
    async with open_window([fails, spoken("two"), spoken("three")]) as window:
        await window.shows("named elsewhere", "queued", "second", "third")
        await window.ready()
        assert window.backend.requests == []
        await window.press("enter")
        await window.until(lambda: "second" in window.texts, "it goes")
        await window.rest()
        assert [waiting.text for waiting in window.queued] == ["third"]
        await window.press("ctrl+r")
        await window.answered(2)
        assert window.texts == ["first", "one", "second", "two", "third", "three"]
        assert window.queued == ()


async def test_a_draft_is_kept_while_it_is_written(open_window: Any) -> None:
    async with open_window([spoken("one")]) as window:
        await window.ready()
        await window.say("first")
        await window.answered()
        session = window.session.id
        await window.write("half a thought")

        async def kept() -> bool:
            return bool((await window.engine.sessions.transcript(session)).view.draft == "half a thought")

        await window.until(kept, "it is in the store")


@pytest.mark.parametrize(("draft", "there"), [("first", ""), ("half a thought", "half a thought")])
async def test_what_began_the_last_conversation_is_no_draft(
    open_window: Any, paths: Paths, draft: str, there: str
) -> None:
    """The window ended between sending the first message and forgetting that it was a draft."""
    async with open_window([spoken("one")]) as window:
        await window.ready()
        await window.say("first")
        await window.answered()
    drafts = Drafts(paths.data / "drafts", GONE)
    drafts.keep(draft)
    drafts.close()
    async with open_window() as window:
        await window.ready()
        await window.idle()
        assert window.prompt.text == there
        await window.chat.leave()
        assert [*texts_in(paths.data / "drafts", "*.txt").values()] == ([there] if there else [])


async def test_the_history_of_the_prompt_is_that_of_all_runs(open_window: Any) -> None:
    async with open_window([spoken("one")]) as window:
        await window.ready()
        await window.say("from yesterday")
        await window.answered()
    async with open_window() as window:
        await window.ready()
        await window.press("up")
        assert window.prompt.text == "from yesterday"
