"""Hostile text in every field of every dialog, down to the bytes that a terminal gets."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest
from textual.app import App
from textual.screen import Screen

from tale_tui.domain.conversation import Author, Message, MessageState, SearchHit, Session
from tale_tui.domain.errors import FetchFailed
from tale_tui.domain.events import Notice
from tale_tui.domain.models import (
    BackendName,
    BackendReport,
    ModelInfo,
    ModelRef,
    Progress,
    Role,
    RoleState,
    RoleStatus,
)
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.details import DetailsDialog
from tale_tui.ui.dialogs.help import HelpGroup, HelpScreen
from tale_tui.ui.dialogs.link import LinkDialog
from tale_tui.ui.dialogs.models import ModelsDialog
from tale_tui.ui.dialogs.notices import NoticesDialog
from tale_tui.ui.dialogs.sessions import SessionsDialog
from tale_tui.ui.dialogs.text_entry import TextDialog
from tale_tui.ui.dialogs.welcome import WelcomeScreen
from tale_tui.ui.theming import VARIABLE_DEFAULTS

pytestmark = pytest.mark.long

NOW = 1_786_284_120.0


def sessions(text: str) -> Screen[Any]:
    async def search(words: str) -> tuple[SearchHit, ...]:
        return (SearchHit("s1", text, "m1", Author.USER, NOW, f"\ue000{text}\ue001{text}"),)

    return SessionsDialog([Session("s1", text, NOW, NOW)], search, now=NOW, words=text)


def models(text: str) -> Screen[Any]:
    ref = ModelRef(BackendName.OLLAMA, text)
    model = ModelInfo(ref, 1, text, text, note=text)
    reports = (
        BackendReport(BackendName.OLLAMA, True, text, text, text, (model,)),
        BackendReport(BackendName.OPENAI, False, detail=text),
    )
    return ModelsDialog(reports, (RoleStatus(Role.UX, RoleState.FAILED, ref, detail=text),))


def welcome(text: str) -> Screen[Any]:
    async def fetch(source: str) -> AsyncGenerator[Progress, None]:
        yield Progress(text, 1, 2)
        raise FetchFailed(text)

    return WelcomeScreen(fetch, problem=text)


def details(text: str) -> Screen[Any]:
    ref = ModelRef(BackendName.OLLAMA, text)
    return DetailsDialog(
        Message(text, text, None, Author.ASSISTANT, text, NOW, MessageState.FAILED, ref=ref, error=text)
    )


DIALOGS: dict[str, Callable[[str], Screen[Any]]] = {
    "confirm": lambda text: ConfirmDialog(text, text, text, detail=text),
    "line": lambda text: TextDialog(text, text, hint=text),
    "lines": lambda text: TextDialog(text, text, hint=text, lines=True),
    "link": lambda text: LinkDialog(f"https://a.example/{text}"),
    "notices": lambda text: NoticesDialog([(NOW, Notice(text, text, text))], NOW),
    "help": lambda text: HelpScreen([HelpGroup("Here", (("x", "y"),))], [("/x", text)]),
    "details": details,
    "sessions": sessions,
    "models": models,
    "welcome": welcome,
}


class Host(App[None]):
    """Nothing but what is pushed on it."""

    ENABLE_COMMAND_PALETTE = False

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return dict(VARIABLE_DEFAULTS)


@pytest.mark.parametrize("make", DIALOGS.values(), ids=DIALOGS)
async def test_no_byte_is_the_texts_own(
    make: Callable[[str], Screen[Any]],
    run_captured: Callable[..., Any],
    corpus: dict[str, dict[str, str]],
    foreign_in: Callable[[list[str]], str],
) -> None:
    everything = "\n".join(text for group in corpus.values() for text in group.values())
    texts = [everything, corpus["terminal"]["OSC52"], "x" * 200_000]
    async with run_captured(Host()) as (pilot, written):
        for text in texts:
            # In the task of the application: a screen finds it by its context.
            pilot.app.call_later(lambda text=text: pilot.app.push_screen(make(text)))
            await pilot.pause()
            assert len(pilot.app.screen_stack) == 2
            await pilot.press("enter" if make is welcome else "down")
            await pilot.pause()
            pilot.app.call_later(pilot.app.pop_screen)
            await pilot.pause()
        assert len("".join(written)) > 1000
        assert foreign_in(written) == ""
