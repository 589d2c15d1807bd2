"""Hostile text in the whole application, through every door it has, down to the bytes that a terminal gets."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
import webbrowser
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from typing import Any

import pytest

from tale_tui.config.paths import Paths
from tale_tui.domain.errors import Refused
from tale_tui.domain.events import Notice
from tale_tui.domain.text import clean, clean_line
from tale_tui.engine.models.backend import ChatRequest
from tale_tui.engine.models.scripted import Fail, Hold, Say, Script, spoken
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.details import DetailsDialog
from tale_tui.ui.dialogs.link import LinkDialog
from tale_tui.ui.dialogs.models import ModelsDialog
from tale_tui.ui.dialogs.notices import NoticesDialog
from tale_tui.ui.dialogs.sessions import SessionsDialog
from tale_tui.ui.dialogs.text_entry import TextDialog

pytestmark = pytest.mark.long

ADDRESS = re.compile(r"\]\(([^)]*\)?)\)$")
"""Of the links of the corpus."""


Open = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture
def texts(corpus: dict[str, dict[str, str]]) -> list[str]:
    """Every text of the corpus."""
    return [text for group in corpus.values() for text in group.values()]


@pytest.fixture
def portions(corpus: dict[str, dict[str, str]]) -> list[str]:
    """The corpus in a few texts: a group each, what is worst alone, so that nothing hides behind a neighbour, and what
    is harmless alone."""
    groups = {name: list(group.values()) for name, group in corpus.items()}
    *_, harmless = groups
    alone = [corpus["terminal"][name] for name in ("OSC52", "DCS", "C1 OSC", "surrogate")]
    alone += [corpus["markup"][name] for name in ("closing tag", "action link")]
    return ["\n\n".join(group) for name, group in groups.items() if name != harmless] + alone + groups[harmless]


def squeezed(text: str) -> str:
    """Without what lines are broken at."""
    return "".join(text.split())


def answers_with(texts: list[str], script: Callable[[str], Script]) -> Callable[[ChatRequest], Script]:
    """Replies to a number with the text of that number."""
    return lambda request: script(texts[int(request.messages[-1].text)])


@pytest.mark.parametrize("cut", [lambda text: [text], list], ids=["whole", "letter by letter"])
async def test_what_a_model_says_and_thinks(
    open_app: Open, portions: list[str], corpus: dict[str, dict[str, str]], cut: Callable[[str], list[str]]
) -> None:
    """Said by a backend that lets everything through: the window alone is safe."""

    def script(request: ChatRequest) -> Script:
        pieces = cut(portions[int(request.messages[-1].text)])
        return Script((*(Say(piece, thinking=True) for piece in pieces), *(Say(piece) for piece in pieces)))

    async with open_app(script) as (window, terminal):
        for number in range(len(portions)):
            await terminal.say(str(number))
        view = window.chat.view
        for turn in view.turn_layout.turns:
            if turn.content.thinking:
                view.unfold(turn, "thinking")
        shown = squeezed(await terminal.read())
        terminal.unharmed()
        literal = [squeezed(text) for text in corpus["markup"].values() if not text.startswith("\\")]
        assert [text for text in literal if shown.count(text) < 2] == []
        harmless = [view.source(turn.content.message.id) for turn in view.turn_layout.turns][-5::2]
        assert harmless == portions[-3:]


async def test_what_a_user_pastes_sends_and_takes_from_the_history(
    open_app: Open, texts: list[str], portions: list[str], corpus: dict[str, dict[str, str]]
) -> None:
    async with open_app() as (window, terminal):
        for text in texts:
            await terminal.paste(text)
        for text in portions:
            await terminal.paste_and_send(text)
        window.app.clear_notifications()
        shown = squeezed(await terminal.read())
        lines = [line for text in [*corpus["markup"].values(), *portions[-3:]] for line in text.split("\n")]
        assert [line for line in lines if squeezed(line) not in shown] == []
        window.prompt.focus()
        for text in reversed(portions[-3:]):
            await window.press("ctrl+home", "up")
            assert window.prompt.text == text
        terminal.unharmed()


async def test_what_waits_in_the_queue(open_app: Open, portions: list[str]) -> None:
    def held(request: ChatRequest) -> Script:
        return Script((Say("So far"), Hold(asyncio.Event())))

    async with open_app(held) as (window, terminal):
        window.prompt.fill("go")
        await window.press("enter")
        await window.until(lambda: "So far" in window.painted, "the reply has begun")
        session = window.session.id
        for number, text in enumerate(portions):
            # As another window does it.
            await window.engine.chat.enqueue(session, text, key=f"waits{number}")
        await window.until(lambda: len(window.queued) == len(portions), "all of them wait")
        await window.press("escape")
        await terminal.rest()
        for number in range(len(portions)):
            window.prompt.fill("")
            await window.press("escape")
            await window.until(lambda: window.prompt.text, f"message {number} is taken back")
            await terminal.rest()
            if number < 3:
                assert window.prompt.text == portions[-1 - number]
        terminal.unharmed()


def exported(texts: list[str]) -> str:
    """Every text as a message, a reply, thoughts, an error, a model, a title and a system prompt."""
    messages: list[dict[str, object]] = []
    for number, text in enumerate(texts):
        common = {"created": 1.0, "text": f"{text} words"}
        messages.append({"id": f"u{number}", "author": "user", "state": "complete", **common})
        if number:
            messages[-1]["parent"] = f"r{number - 1}"
        messages.append(
            {
                "id": f"r{number}",
                "parent": f"u{number}",
                "author": "assistant",
                "state": "failed",
                "error": text,
                "thinking": text,
                "model": f"ollama/{text}",
                **common,
            }
        )
    every = " ".join(texts)
    session = {"id": "imported", "created": 1.0, "updated": 1.0, "title": every, "system": every, "first_words": every}
    form = {"format": "tale-tui-session", "version": 1, "session": session, "messages": messages}
    return json.dumps(form)


async def look_everywhere(window: Any, terminal: Any) -> str:
    """Read a conversation, and open every dialog that shows something of it."""
    shown = await terminal.read()
    view = window.chat.view
    for turn in view.turn_layout.turns[1::2][:4]:
        view.unfold(turn, "thinking")
        view.post_message(view.ActionRequested("details", turn.content.message.id))
        await window.dialog(DetailsDialog)
        await window.press("pagedown")
        await terminal.leave()
    for command, screen in (
        ("sessions words", SessionsDialog),
        ("rename", TextDialog),
        ("delete", ConfirmDialog),
    ):
        await terminal.run(command, screen)
        if screen is SessionsDialog:
            await window.until(lambda: "In the messages" in window.painted, "messages were found")
        await window.press("down")
        await terminal.leave()
    await terminal.run("system", TextDialog)
    await terminal.leave()
    await window.press("up", "up")
    return shown


async def test_an_imported_conversation(open_app: Open, portions: list[str], corpus: dict[str, dict[str, str]]) -> None:
    async with open_app() as (window, terminal):
        (session,) = await window.engine.sessions.import_(exported(portions))
        await window.open_session(session.id)
        shown = squeezed(await look_everywhere(window, terminal))
        terminal.unharmed()
        assert [text for text in corpus["markup"].values() if squeezed(text) not in shown] == []


async def test_a_database_that_was_tampered_with(open_app: Open, paths: Paths, portions: list[str]) -> None:
    """Restored text passes the border as well: the file may come from anywhere."""
    async with open_app() as (window, terminal):
        await window.engine.sessions.import_(exported([str(number) for number in range(len(portions))]))
    with closing(sqlite3.connect(paths.database)) as database, database:
        for number, text in enumerate(portions):
            # What no encoding has cannot be in the file.
            stored = text.encode("utf-8", "replace").decode()
            sql = "UPDATE message SET text = :t || ' words', error = :t, thinking = :t, model = :t WHERE id LIKE :id"
            database.execute(sql, {"t": stored, "id": f"_{number}"})
        every = " ".join(portions).encode("utf-8", "replace").decode()
        database.execute("UPDATE session SET title = :t, first_words = :t, system = :t, draft = :t", {"t": every})
        database.execute("INSERT INTO queued (id, session_n, text, created) SELECT 'q', n, ?, 1 FROM session", (every,))
        database.execute("INSERT INTO role_choice VALUES ('task', 'ollama', ?)", (every,))
    async with open_app(session="imported") as (window, terminal):
        await look_everywhere(window, terminal)
        terminal.unharmed()


async def test_what_the_models_and_their_errors_are_called(open_app: Open, portions: list[str]) -> None:
    def fails(request: ChatRequest) -> Script:
        return Script((Fail(Refused(portions[int(request.messages[-1].text)])),))

    # No name that a backend or a setting gives holds what no encoding has.
    names = [text.encode("utf-8", "replace").decode() for text in (" ".join(portions[:5]), *portions)]
    async with open_app(fails, models=tuple(names)) as (window, terminal):
        for number in range(len(portions)):
            await terminal.say(str(number))
        await terminal.read()
        await terminal.run("model", ModelsDialog)
        await window.until(lambda: "Scripted" in window.painted, "the models are shown")
        await window.press(*["down"] * len(portions))
        await terminal.leave()
        for text in portions:
            await terminal.paste_and_send(f"/model {text}")
        await terminal.run("notices", NoticesDialog)
        await terminal.leave()
        terminal.unharmed()


async def test_what_is_told(open_app: Open, portions: list[str]) -> None:
    """Notices, commands that do not exist, themes that are not there, files that cannot be written."""
    async with open_app() as (window, terminal):
        await terminal.say("hello")
        for text in portions:
            window.hear(Notice(clean_line(text), clean(text), "warning"))
            for words in ("/theme ", "/rename ", "/export /dev/null/", "/nothing"):
                await terminal.paste_and_send(words + text)
            window.app.clear_notifications()
        await terminal.run("notices", NoticesDialog)
        await window.press("pagedown", "end")
        await terminal.leave()
        terminal.unharmed()


@pytest.fixture
def visited(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Addresses that a browser was asked to open."""
    addresses: list[str] = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda url, *more: addresses.append(url) or True)
    return addresses


async def test_links_open_nothing_but_the_web_and_mail(
    open_app: Open, visited: list[str], corpus: dict[str, dict[str, str]]
) -> None:
    targets = ["HTTPS://a.example/", "mailto:a@b.example", "JavaScript:alert(1)", " javascript:x", "//evil.example", ""]
    targets += ["https://a.example/\x1b]52;c;x\x07", "https://bank.example\u202e/"]
    targets += [ADDRESS.search(text)[1] for text in corpus["links"].values()]  # type: ignore[index]
    said = "\n\n".join([*corpus["links"].values(), "[mail](mailto:a@b.example) <ftp://evil.example/x>"])
    async with open_app(lambda request: spoken(said)) as (window, terminal):
        await terminal.say("links")
        view = window.chat.view

        async def agree() -> None:
            await window.dialog(LinkDialog)
            await window.pilot.pause()
            # The verb that opens it, where there is one; Enter on the other one goes back.
            await window.press("tab", "enter")
            await window.closed()
            await terminal.rest()

        await window.press("shift+tab")
        for _ in range(len(corpus["links"])):
            await window.press("o", "enter")
            await agree()
        assert set(visited) == {"https://evil.example", "https://evil.example/x.png", "mailto:a@b.example"}
        visited.clear()
        for target in targets:
            view.post_message(view.LinkChosen(target))
            await agree()
        allowed = {"HTTPS://a.example/", "mailto:a@b.example", "https://evil.example", "https://evil.example/x.png"}
        assert set(visited) == allowed
        terminal.unharmed()
