"""From the chat to its dialogs: conversations, models, the first model, long messages, files, links, the editor."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import TextArea

from tale_tui.domain.conversation import Author, MessageState, Session, Transcript
from tale_tui.domain.errors import FetchFailed
from tale_tui.domain.models import ModelRef, Progress, Role, RoleState, RoleStatus
from tale_tui.engine.models.scripted import Hold, Say, Script, ScriptedBackend, spoken
from tale_tui.ui.chat.input import kept_in_file, room, trimmed
from tale_tui.ui.chat.models import about_demo, download_banner, model_banner
from tale_tui.ui.chat.sessions import export_path
from tale_tui.ui.dialogs import link
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.link import LinkDialog
from tale_tui.ui.dialogs.models import ModelsDialog
from tale_tui.ui.dialogs.sessions import DeleteSession, NewSession, OpenSession, RenameSession, SessionsDialog
from tale_tui.ui.dialogs.text_entry import TextDialog
from tale_tui.ui.dialogs.welcome import WelcomeScreen
from tale_tui.ui.terminal.editor import NoEditor, edit, editor_command


async def talked(window: Any, *messages: str) -> None:
    """Have these messages answered, in one conversation."""
    await window.ready()
    for count, text in enumerate(messages, 1):
        await window.say(text)
        await window.answered(count)


# conversations


async def test_opening_another_conversation_keeps_the_draft_of_this_one(open_window: Any) -> None:
    async with open_window([spoken("one"), spoken("two")]) as window:
        await talked(window, "first")
        first = window.session.id
        await window.write("half a thought")
        window.chat.run_command("new")
        await window.until(lambda: window.messages == [], "a new conversation")
        assert window.prompt.text == ""
        assert window.chat.title_bar.title == "new conversation"
        await window.say("second")
        await window.answered()
        window.chat.run_command("sessions")
        opened = await window.dialog(SessionsDialog)
        assert len(opened.picks.rows) == 2
        opened.dismiss(OpenSession(first))
        await window.until(lambda: window.texts == ["first", "one"], "the first one is back")
        assert window.prompt.text == "half a thought"


async def test_the_list_stays_while_titles_and_deletions_are_done(open_window: Any) -> None:
    async with open_window() as window:
        await talked(window, "first")
        session = window.session.id
        window.chat.run_command("sessions")
        (await window.dialog(SessionsDialog)).dismiss(RenameSession(session, "Another title"))
        await window.until(lambda: window.chat.title_bar.title == "Another title", "the title is shown")
        (await window.dialog(SessionsDialog)).dismiss(DeleteSession(session))
        await window.until(lambda: window.messages == [], "it is gone")
        (await window.dialog(SessionsDialog)).dismiss(NewSession())
        await window.closed()
        assert await window.engine.sessions.list() == ()


async def test_the_words_of_the_command_are_searched(open_window: Any) -> None:
    async with open_window([spoken("The memoised answer")]) as window:
        await talked(window, "question")
        await window.say("/sessions memoised")
        opened = await window.dialog(SessionsDialog)
        await window.until(lambda: opened.picks.row, "the message is found")
        assert "In the messages" in window.painted
        await window.press("enter")
        await window.closed()
        assert window.chat.view.chosen == window.messages[1].id


async def test_renaming_with_and_without_a_title(open_window: Any) -> None:
    async with open_window() as window:
        await talked(window, "first")
        await window.say("/rename By hand")
        await window.until(lambda: window.chat.title_bar.title == "By hand", "the title")
        await window.say("/rename")
        (await window.dialog(TextDialog)).dismiss("From the dialog")
        await window.until(lambda: window.chat.title_bar.title == "From the dialog", "the other title")
        await window.say("/rename")
        (await window.dialog(TextDialog)).dismiss(None)
        await window.closed()
        assert window.chat.title_bar.title == "From the dialog"


async def test_deleting_asks_first(open_window: Any) -> None:
    async with open_window() as window:
        await talked(window, "first")
        await window.say("/delete")
        (await window.dialog(ConfirmDialog)).dismiss(False)
        await window.closed()
        assert len(await window.engine.sessions.list()) == 1
        await window.say("/delete")
        (await window.dialog(ConfirmDialog)).dismiss(True)
        await window.until(lambda: window.messages == [], "deleted")
        assert await window.engine.sessions.list() == ()


@pytest.mark.parametrize("command", ["/rename x", "/delete", "/export"])
async def test_an_empty_conversation_has_nothing_to_do_that_with(open_window: Any, command: str) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say(command)
        await window.tells("conversation is empty")


async def test_the_system_prompt_holds_from_the_first_message_on(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/system You are a pirate.")
        await window.until(lambda: window.system, "it is set")
        await window.say("hello")
        await window.answered()
        assert window.backend.requests[0].messages[0].text == "You are a pirate."
        await window.say("/system")
        opened = await window.dialog(TextDialog)
        assert opened.query_one(TextArea).text == "You are a pirate."
        opened.dismiss("You are terse.")
        await window.until(lambda: window.session.system == "You are terse.", "another one")


async def test_clear_keeps_the_system_prompt_and_the_old_conversation(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/system You are a pirate.")
        await window.until(lambda: window.system, "it is set")
        await window.say("hello")
        await window.answered()
        await window.say("/clear")
        await window.until(lambda: window.messages == [], "a new conversation")
        assert window.system == "You are a pirate."
        await window.say("/new")
        await window.until(lambda: not window.system, "without one")
        assert len(await window.engine.sessions.list()) == 1


@pytest.mark.parametrize(("name", "begins"), [("talk.md", "# "), ("talk.json", '{"'), ("talk", "# ")])
async def test_exporting(
    open_window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, begins: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_window() as window:
        await talked(window, "hello")
        await window.say(f"/export {name}")
        path = tmp_path / (name if "." in name else f"{name}.md")
        await window.until(path.exists, "the file is there")
        await window.idle()
        assert path.read_text(encoding="utf-8").startswith(begins)


async def test_an_export_replaces_a_file_only_after_asking(
    open_window: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.md").write_text("mine", encoding="utf-8")
    async with open_window() as window:
        await talked(window, "hello")
        await window.say("/export talk.md")
        (await window.dialog(ConfirmDialog)).dismiss(False)
        await window.idle()
        assert (tmp_path / "talk.md").read_text(encoding="utf-8") == "mine"


async def test_a_folder_that_cannot_be_written_is_said(open_window: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    async with open_window() as window:
        await talked(window, "hello")
        await window.say(f"/export {tmp_path / 'file' / 'talk.md'}")
        await window.tells("cannot be written")


@pytest.mark.parametrize(
    ("wanted", "name"),
    [("", "a-b-c.md"), ("x", "x.md"), ("x.json", "x.json"), ("x.txt", "x.txt"), (".", "a-b-c.md")],
)
def test_where_an_export_goes(tmp_path: Path, wanted: str, name: str) -> None:
    session = Session("s", "A/B: c?", 0.0, 0.0)
    assert export_path(wanted, session, tmp_path) == tmp_path / name


def test_an_untitled_export_has_a_name() -> None:
    assert export_path("", Session("s", "???", 0.0, 0.0), Path("/x")).name == "conversation.md"


# models


def role(state: RoleState, *, model: str = "scripted/demo", detail: str = "", demo: bool = False) -> RoleStatus:
    return RoleStatus(Role.UX, state, ModelRef.parse(model) if model else None, detail=detail, demo=demo)


def key_of(name: str) -> str:
    return {"chat.go_on": "ctrl+r", "chat.models": "ctrl+l", "chat.starter": "ctrl+s"}.get(name, "")


@pytest.mark.parametrize("state", [RoleState.READY, RoleState.IDLE, RoleState.LOADING])
def test_a_model_that_can_answer_needs_no_notice(state: RoleState) -> None:
    assert model_banner(role(state), key_of, starter=True) is None


def test_a_model_that_is_away_offers_three_keys() -> None:
    shown = model_banner(role(RoleState.AWAY, detail="It is away."), key_of, starter=True)
    assert shown is not None
    assert shown.text == "It is away."
    assert [hint.label for hint in shown.keys] == ["try again", "choose another", "use the starter"]


@pytest.mark.parametrize(("state", "words"), [(RoleState.AWAY, "answer"), (RoleState.FAILED, "work")])
def test_what_the_reply_says_already_is_not_said_above_the_prompt_as_well(state: RoleState, words: str) -> None:
    status = role(state, detail="Nothing answers.")
    for said, text in (("", "Nothing answers."), ("Nothing answers.", f"demo does not {words}.")):
        shown = model_banner(status, key_of, starter=True, said=said)
        assert shown is not None
        assert shown.text == text


def test_the_starter_is_not_offered_in_its_own_place() -> None:
    shown = model_banner(role(RoleState.FAILED, model="", demo=True), key_of, starter=True)
    assert shown is not None
    assert shown.severity == "error"
    assert [hint.key for hint in shown.keys] == ["ctrl+r", "ctrl+l"]


def test_no_model_offers_ways_to_one() -> None:
    shown = model_banner(role(RoleState.UNSET, model=""), key_of, starter=True)
    assert shown is not None
    assert [hint.key for hint in shown.keys] == ["ctrl+l", "ctrl+s", "ctrl+r"]


def test_a_demo_says_what_it_is() -> None:
    assert "written beforehand" in about_demo(role(RoleState.READY, demo=True))
    assert "ollama pull" in about_demo(role(RoleState.READY, model="embedded/smollm2", demo=True))


def test_a_download_says_how_far_it_is() -> None:
    shown = download_banner(Progress("qwen2.5:7b", 1_200_000_000, 4_700_000_000), "escape")
    assert shown.text == "qwen2.5:7b  1.2 GB of 4.7 GB, 26 %"
    assert shown.share == pytest.approx(0.255, abs=0.001)
    assert download_banner(Progress("x", 10, None), "escape").text == "x  10 B"


async def test_choosing_a_model_by_name_and_from_the_list(open_window: Any) -> None:
    backend = ScriptedBackend([spoken("x")], models=("demo", "other", "third"))
    async with open_window(backend=backend) as window:
        await window.ready()
        await window.say("/model other")
        await window.until(lambda: window.chat.line.model.name == "other", "the other model answers")
        await window.say("/model scripted/third")
        await window.until(lambda: window.chat.line.model.name == "third", "the third model answers")
        await window.say("/model")
        opened = await window.dialog(ModelsDialog)
        from tale_tui.ui.dialogs.models import UseModel

        opened.dismiss(UseModel(Role.UX, ModelRef.parse("scripted/demo")))
        await window.until(lambda: window.chat.line.model.name == "demo", "the first one again")


async def test_a_model_that_is_not_there_is_said_and_nothing_changes(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/model nosuch")
        await window.tells("nosuch")
        assert window.chat.line.model.name == "demo"


async def test_no_model_opens_the_welcome_and_keeps_what_is_sent(open_window: Any) -> None:
    backend = ScriptedBackend([spoken("x")], models=())
    async with open_window(backend=backend, ux="auto") as window:
        opened = await window.dialog(WelcomeScreen)
        opened.dismiss(None)
        await window.closed()
        assert window.chat.line.model.state == "unset"
        assert window.notice is not None
        await window.say("hello")
        await window.until(lambda: not window.busy and window.messages, "it was tried")
        assert window.texts[0] == "hello"
        stored = await window.engine.sessions.transcript(window.messages[0].session_id)
        assert [message.text for message in stored.messages][:1] == ["hello"]


class Fetching:
    """In the place of fetching the starter."""

    def __init__(self, steps: list[Progress], held: asyncio.Event | None = None, *, fails: bool = False) -> None:
        self._steps = steps
        self._held = held
        self._fails = fails
        self.closed = False

    async def __call__(self, *, source: str = "") -> AsyncIterator[Progress]:
        try:
            for step in self._steps:
                yield step
                if self._held is not None:
                    await self._held.wait()
            if self._fails:
                raise FetchFailed("The index does not answer.")
        finally:
            self.closed = True


async def test_fetching_shows_how_far_it_is_and_escape_stops_it(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        fetching = Fetching([Progress("starter", 10, 100)], asyncio.Event())
        window.engine.models.fetch_starter = fetching
        await window.press("ctrl+s")
        await window.until(lambda: window.notice is not None, "the progress is shown")
        assert window.notice.share == 0.1
        await window.press("escape")
        await window.until(lambda: window.notice is None, "it is stopped")
        assert fetching.closed


async def test_what_was_fetched_answers_from_then_on(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        window.engine.models.fetch_starter = Fetching([Progress("starter", 1, 1, finished=True)])
        await window.press("ctrl+s")
        # There is no embedded backend here: that it is asked for is what matters.
        await window.tells("embedded")


async def test_a_download_that_fails_is_said(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        window.engine.models.fetch_starter = Fetching([], fails=True)
        await window.press("ctrl+s")
        await window.until(lambda: "The index does not answer." in window.told, "it is said")
        assert window.notice is None


# long messages


async def test_a_message_longer_than_the_window_stays_in_the_prompt_with_ways_out(open_window: Any) -> None:
    backend = ScriptedBackend([spoken("x")], window=400)
    async with open_window(backend=backend) as window:
        await window.ready()
        long = "many words " * 400
        await window.say(long)
        await window.until(lambda: window.notice is not None, "it is said")
        assert window.prompt.text == long
        assert window.messages == []
        labels = [hint.label for hint in window.notice.keys]
        assert labels == ["cut it to what fits", "keep it in a file", "edit it"]
        await window.press("escape")
        assert window.notice is None
        assert window.prompt.text == long


async def test_cutting_a_long_message_can_be_undone(open_window: Any) -> None:
    backend = ScriptedBackend([spoken("x")], window=400)
    async with open_window(backend=backend) as window:
        await window.ready()
        long = "many words " * 400
        await window.say(long)
        await window.until(lambda: window.notice is not None, "it is said")
        await window.press("ctrl+t")
        assert long.startswith(window.prompt.text)
        assert 0 < len(window.prompt.text) <= room(400)
        await window.press("ctrl+underscore")
        assert window.prompt.text == long


async def test_keeping_a_long_message_in_a_file(open_window: Any, paths: Any) -> None:
    backend = ScriptedBackend([spoken("x")], window=2000)
    async with open_window(backend=backend) as window:
        await window.ready()
        long = "many words " * 2000
        await window.say(long)
        await window.until(lambda: window.notice is not None, "it is said")
        await window.press("f9")
        await window.until(lambda: window.notice is None, "it is in a file")
        (path,) = (paths.data / "messages").iterdir()
        assert path.read_text(encoding="utf-8") == long
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.name in window.prompt.text
        await window.press("enter")
        await window.answered()


def test_what_is_cut_fits_and_ends_between_words() -> None:
    text = "word " * 1000
    cut = trimmed(text, 500)
    assert len(cut) <= room(500)
    assert cut.endswith("word")
    assert len(trimmed("x" * 5000, 500)) == room(500)
    assert trimmed("short text", 500) in "short text"
    assert len(trimmed("short text", None)) < len("short text")


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OSError, match=r".+"):
        kept_in_file("x", tmp_path / "file", None)


# the editor


def script(folder: Path, body: str) -> str:
    path = folder / "an editor"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o700)
    return str(path)


def test_the_editor_comes_from_the_environment(tmp_path: Path) -> None:
    path = script(tmp_path, "true")
    assert editor_command({"VISUAL": f"'{path}' --wait", "EDITOR": "vi", "PATH": ""}) == [path, "--wait"]
    assert editor_command({"EDITOR": f"'{path}'", "PATH": ""}) == [path]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"EDITOR": "'open", "PATH": ""}, "quotation mark"),
        ({"EDITOR": "no-such-editor", "PATH": ""}, "not there"),
        ({"PATH": ""}, "No editor was found"),
    ],
)
def test_an_editor_that_cannot_be_used_is_said(environ: dict[str, str], said: str) -> None:
    with pytest.raises(NoEditor, match=said):
        editor_command(environ)


def test_what_the_editor_saves_comes_back(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    command = [script(tmp_path, f'stat -c %a "$1" > {seen}; cat "$1" >> {seen}; echo "; more" >> "$1"')]
    assert edit("the text", command) == "the text; more"
    assert seen.read_text(encoding="utf-8") == "600\nthe text"


def test_an_editor_that_fails_changes_nothing(tmp_path: Path) -> None:
    with pytest.raises(NoEditor, match="ended with 3"):
        edit("text", [script(tmp_path, "exit 3")])
    with pytest.raises(NoEditor, match="could not be used"):
        edit("text", [str(tmp_path)])


async def test_without_an_editor_the_message_stays(open_window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDITOR", "no-such-editor")
    monkeypatch.delenv("VISUAL", raising=False)
    async with open_window() as window:
        await window.ready()
        await window.write("text")
        await window.press("ctrl+g")
        await window.tells("not there")
        assert window.prompt.text == "text"


# links


@pytest.mark.parametrize(
    ("environ", "platform", "there"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "w"}, "linux", True),
        ({}, "darwin", True),
    ],
)
def test_whether_a_browser_can_be_started(environ: dict[str, str], platform: str, there: bool) -> None:
    assert link.has_desktop(environ, platform) is there


async def test_a_link_is_opened_only_when_the_user_says_so(open_window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    monkeypatch.setattr(link, "has_desktop", lambda: True)
    async with open_window() as window:
        await window.ready()
        view = window.chat.view
        for agreed in (False, True):
            view.post_message(view.LinkChosen("https://example.org/a"))
            (await window.dialog(LinkDialog)).dismiss(agreed)
            await window.idle()
        assert opened == ["https://example.org/a"]


async def test_other_schemes_are_never_opened(open_window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    monkeypatch.setattr(link, "has_desktop", lambda: True)
    async with open_window() as window:
        await window.ready()
        view = window.chat.view
        view.post_message(view.LinkChosen("ssh://-oProxyCommand=x"))
        (await window.dialog(LinkDialog)).dismiss(True)
        await window.idle()
        assert opened == []


async def test_without_a_desktop_a_link_is_copied(open_window: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "has_desktop", lambda: False)
    async with open_window() as window:
        await window.ready()
        view = window.chat.view
        view.post_message(view.LinkChosen("https://example.org/a"))
        (await window.dialog(LinkDialog)).dismiss(True)
        await window.until(lambda: window.app.clipboard == "https://example.org/a", "it is copied")


# other windows


async def test_what_another_window_does_is_shown_at_once(open_window: Any) -> None:
    async with open_window([spoken("one"), spoken("two")]) as window:
        await talked(window, "first")
        session = window.session
        events = [event async for event in window.engine.chat.send(session.id, "from elsewhere", key="k" * 16)]
        assert events
        await window.until(lambda: window.texts == ["first", "one", "from elsewhere", "two"], "it is shown")
        await window.until(lambda: window.chat.title_bar.turns == 2, "and counted")


async def test_the_gauge_counts_a_turn_that_another_window_had(open_window: Any) -> None:
    theirs = Script((Say("two"),), prompt_tokens=500)
    async with open_window([Script((Say("one"),), prompt_tokens=100), theirs]) as window:
        await talked(window, "first")
        assert window.chat.line.window.used == 101
        async for _ in window.engine.chat.send(window.session.id, "from elsewhere", key="k" * 16):
            pass
        await window.until(lambda: window.chat.line.window.used == 501, "it is counted")


async def test_a_session_that_this_window_made_is_not_read_again(open_window: Any) -> None:
    async with open_window([spoken("one")]) as window:
        await window.ready()
        read: list[str] = []
        transcript = window.engine.sessions.transcript

        async def counted(session_id: str) -> Transcript:
            read.append(session_id)
            return await transcript(session_id)

        window.engine.sessions.transcript = counted
        await window.say("first")
        await window.answered()
        await window.until(lambda: window.chat.title_bar.title == "first", "it was heard that the session is there")
        assert read == []


async def test_a_message_waits_for_the_reply_that_another_window_streams(open_window: Any) -> None:
    event = asyncio.Event()
    held = Script((Say("two"), Hold(event)))
    async with open_window([spoken("one"), held, spoken("three")]) as window:
        await talked(window, "first")
        session = window.session

        async def elsewhere() -> None:
            async for _ in window.engine.chat.send(session.id, "from elsewhere", key="k" * 16):
                pass

        other = asyncio.create_task(elsewhere())
        await window.until(lambda: window.busy, "another window streams")
        await window.say("third")
        await window.until(lambda: window.queued, "it waits")
        event.set()
        await other
        await window.answered(3)
        assert window.texts == ["first", "one", "from elsewhere", "two", "third", "three"]


async def test_a_conversation_that_is_deleted_elsewhere_is_left(open_window: Any) -> None:
    async with open_window() as window:
        await talked(window, "first")
        await window.engine.sessions.delete(window.session.id)
        await window.until(lambda: window.messages == [], "it is left")
        assert any("deleted elsewhere" in toast for toast in window.told)


async def test_a_reply_that_broke_off_is_opened_at_the_start_and_goes_on(open_window: Any) -> None:
    event = asyncio.Event()
    async with open_window([Script((Say("The beginning"), Hold(event)))]) as window:
        await window.ready()
        await window.say("tell")
        await window.streams("The beginning")
        # The engine goes away under the turn, as when its process is ended.
        await window.app.bridge.close()
    async with open_window([spoken(" and the end.")]) as window:
        await window.until(lambda: len(window.messages) == 2, "it is opened")
        assert window.messages[-1].state is MessageState.INTERRUPTED
        await window.ready()
        assert any(hint.label == "go on" for hint in window.chat.line.keys)
        await window.press("ctrl+r")
        await window.answered()
        assert window.texts == ["tell", "The beginning and the end."]
        assert window.messages[0].author is Author.USER


async def test_a_session_that_is_asked_for_is_opened_with_its_draft(open_window: Any) -> None:
    async with open_window([spoken("one")]) as window:
        await talked(window, "first")
        session = window.session.id
        await window.write("half a thought")
        await window.press("ctrl+q")
        await window.left()
    async with open_window(session_id=session) as window:
        await window.until(lambda: window.texts == ["first", "one"], "it is opened")
        assert window.prompt.text == "half a thought"


async def test_a_session_that_does_not_exist_is_said(open_window: Any) -> None:
    async with open_window(session_id="zzzz") as window:
        await window.until(lambda: window.told and "zzzz" in " ".join(window.told), "it is said")
        assert window.messages == []
