"""The application: the first frame, themes, notices, crashes, leaving, settings that begin anew."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from textual.binding import Binding

from tale_tui.config import garbage_collector
from tale_tui.config.first_frame import FirstFrameSettings
from tale_tui.domain.errors import StoreError
from tale_tui.domain.events import RoleChanged
from tale_tui.domain.models import Role, RoleState, RoleStatus
from tale_tui.ui import app as app_module
from tale_tui.ui.app import TaleApp
from tale_tui.ui.commands import COMMANDS
from tale_tui.ui.dialogs.notices import NoticesDialog
from tale_tui.ui.dialogs.theme import ThemeDialog
from tale_tui.ui.dialogs.welcome import UseServer, WelcomeScreen
from tale_tui.ui.engine_bridge import Bridge


def test_nothing_heavy_is_imported_before_the_first_frame() -> None:
    code = "import sys, tale_tui.ui.app; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    heavy = {"pydantic", "pydantic_settings", "httpx", "aiosqlite", "markdown_it", "pygments", "ollama"}
    assert loaded & heavy == set()
    assert "tale_tui.engine.engine" not in done.stdout.split()
    assert "tale_tui.domain.conversation" not in done.stdout.split()


@pytest.mark.parametrize("broken", [None, StoreError("It is full.")], ids=["that comes", "that cannot be had"])
async def test_the_collector_of_garbage_rests_until_the_engine(
    open_window: Any, monkeypatch: pytest.MonkeyPatch, broken: StoreError | None
) -> None:
    resumed: list[bool] = []
    monkeypatch.setattr(garbage_collector, "resume", lambda: resumed.append(True))
    gate = asyncio.Event()
    async with open_window(gate=gate, broken=broken) as window:
        await window.pilot.pause()
        assert resumed == []
        gate.set()
        await window.until(lambda: resumed, "it looks again")
    assert resumed == [True]


@pytest.mark.skipif(not hasattr(asyncio, "eager_task_factory"), reason="tasks begin at once from Python 3.12 on")
async def test_the_window_opens_where_tasks_begin_at_once(open_window: Any) -> None:
    """So `App.run` has it on Python 3.12 and later, and what tests open a window with has not."""
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
    try:
        async with open_window() as window:
            await window.ready()
            await window.press("ctrl+f", "w", "o", "r", "d")
            assert window.chat.find_bar.line.value == "word"
            await window.press("f3")
            await window.until(lambda: window.app.current_mode == "tasks", "the other screen")
    finally:
        loop.set_task_factory(None)


async def test_the_theme_of_the_settings_is_worn_from_the_first_frame(open_window: Any) -> None:
    async with open_window(look=FirstFrameSettings(theme="tale-light")) as window:
        assert window.app.theme == "tale-light"
        assert window.app.has_class("-light-mode")
        assert not window.app.has_class("-dark-mode")


async def test_a_theme_that_does_not_exist_is_said_in_a_sentence(open_window: Any) -> None:
    async with open_window(look=FirstFrameSettings(theme="no-such")) as window:
        assert window.app.theme == "tale-dark"
        await window.tells("no-such")


async def test_another_theme_by_name_is_worn_and_kept(open_window: Any, paths: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/theme tale-light")
        await window.until(lambda: window.app.theme == "tale-light", "it is worn")
        await window.until(paths.settings_file.exists, "it is kept")
        assert 'theme = "tale-light"' in paths.settings_file.read_text(encoding="utf-8")
        await window.say("/theme no-such")
        await window.tells("no-such")
        assert window.app.theme == "tale-light"


async def test_a_theme_from_the_list(open_window: Any, paths: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.say("/theme")
        await window.dialog(ThemeDialog)
        await window.press(*"tale-light", "enter")
        await window.closed()
        assert window.app.theme == "tale-light"
        await window.until(paths.settings_file.exists, "it is kept")


async def test_settings_that_cannot_be_written_hold_for_the_window(open_window: Any, paths: Any) -> None:
    paths.settings_file.parent.rmdir()
    paths.settings_file.parent.write_text("in the way", encoding="utf-8")
    async with open_window() as window:
        await window.ready()
        await window.say("/theme tale-light")
        await window.tells("until this window is closed")
        assert window.app.theme == "tale-light"


async def test_notices_with_a_title_are_kept_and_shown(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        window.app.notify("A sentence with [/] and [red]no markup[/].", title="A title")
        window.app.notify("Of no account.")
        assert [notice.title for _, notice in window.app.notices.kept][-1] == "A title"
        await window.say("/notices")
        await window.dialog(NoticesDialog)


async def test_a_screen_that_is_made_while_something_is_told_shows_it_too(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        window.app.notify("It stays for a while.", title="A title", timeout=600)
        await window.press("f5", "C")
        await window.shows("Dashboard › Checkpoints", "A title: It stays for a while.")


async def test_what_is_told_is_clean(open_window: Any) -> None:
    async with open_window() as window:
        window.app.notify("a\x1b[31mb\x1b]0;T\x07c", title="t\x9b1m\u202e")
        await window.until(lambda: "abc" in window.told, "it is told")
        assert "t" in [notice.title for _, notice in window.app.notices.kept]


async def test_help_opens_everywhere_and_once(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.press("f1", "f1")
        assert [type(screen).__name__ for screen in window.app.screen_stack] == ["ChatScreen", "HelpScreen"]
        await window.press("escape", "shift+tab", "question_mark")
        assert type(window.app.screen).__name__ == "HelpScreen"


async def test_a_question_mark_in_the_prompt_is_a_question_mark(open_window: Any) -> None:
    async with open_window() as window:
        await window.press("question_mark")
        assert window.prompt.text == "?"


async def test_a_command_before_the_engine_is_there_stays_in_the_prompt(open_window: Any) -> None:
    async with open_window(gate=asyncio.Event()) as window:
        await window.say("/task Compare three databases")
        await window.until(lambda: window.chat.composer.prompt.text == "/task Compare three databases", "it is there")
        window.chat.run_command("plan")
        await window.pilot.pause()
        assert window.chat.composer.prompt.text == "/task Compare three databases"
        assert any("not there yet" in toast for toast in window.told)


async def test_an_engine_that_crashes_ends_the_application_with_its_error(open_window: Any) -> None:
    opened = []

    async def crash() -> None:
        async with open_window() as window:
            opened.append(window.app)
            await window.ready()
            window.app.post_message(Bridge.Crashed(RuntimeError("a bug")))
            await window.until(lambda: not window.app.is_running, "it ends")

    with pytest.raises(RuntimeError, match="a bug"):
        await crash()
    assert isinstance(opened[0].crash, RuntimeError)


async def use_server(window: Any, address: str) -> None:
    """Say where a server is, as where there is no model."""
    window.hear(RoleChanged(RoleStatus(Role.UX, RoleState.UNSET, None)))
    (await window.dialog(WelcomeScreen)).dismiss(UseServer(address))


async def test_a_server_that_is_set_begins_anew_with_it(open_window: Any, paths: Any) -> None:
    overrides: dict[str, object] = {}
    async with open_window(overrides=overrides) as window:
        await window.ready()
        await window.say("hello")
        await window.answered()
        before = window.controller
        await use_server(window, "example.org:11434/")
        await window.until(lambda: window.controller is not before, "there is another engine")
        await window.until(lambda: len(window.messages) == 2, "with the same conversation")
        assert overrides == {"ollama.host": "http://example.org:11434"}
        assert "example.org" in paths.settings_file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("address", "setting"),
    [("http://h:1/v1", {"openai.base_url": "http://h:1/v1"}), ("h", {"ollama.host": "http://h"})],
)
async def test_which_setting_an_address_is(open_window: Any, address: str, setting: dict[str, object]) -> None:
    overrides: dict[str, object] = {}
    async with open_window(overrides=overrides) as window:
        await window.ready()
        await use_server(window, address)
        await window.until(lambda: overrides, "a setting is changed")
        assert overrides == setting


def test_every_key_of_the_application_has_an_id_a_description_and_a_tooltip(paths: Any) -> None:
    app = TaleApp(Bridge(lambda: None), paths, FirstFrameSettings())  # type: ignore[arg-type, return-value]
    ids = []
    for _, bindings in app.places:
        for binding in bindings:
            assert isinstance(binding, Binding)
            assert binding.id, binding
            assert binding.description, binding
            assert binding.tooltip, binding
            ids.append(binding.id)
    assert len(set(ids)) == len(ids)
    assert {command.binding for command in COMMANDS if command.binding} <= set(ids)


def test_the_window_runs_says_what_was_moved_and_gives_its_exit_code(
    paths: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`run_app` with everything that it brings along, on a terminal that is not there."""
    paths.settings_file.write_text('conversation = "scripted/demo"\n', encoding="utf-8")
    run = TaleApp.run
    told: list[str] = []

    def headless(self: TaleApp, **options: Any) -> Any:
        async def leave(pilot: Any) -> None:
            while self.chat.line.model.state != "ready":
                await pilot.pause()
            told.extend(notice.sentence for _, notice in self.notices.kept if notice.title == "Settings")
            await pilot.press("ctrl+q")

        return run(self, headless=True, auto_pilot=leave)

    monkeypatch.setattr(TaleApp, "run", headless)
    assert app_module.run_app(paths, demo=True) == 0
    assert "called `ux` now" in told[0]
    assert (paths.data / "tale.db").exists()
    assert paths.log_file.exists()


def test_a_wrong_setting_is_raised_when_the_window_is_closed(paths: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    paths.settings_file.write_text("limits = 3\n", encoding="utf-8")
    run = TaleApp.run
    seen: list[str] = []

    def headless(self: TaleApp, **options: Any) -> Any:
        async def leave(pilot: Any) -> None:
            while self.chat.composer.banner.shown is None:
                await pilot.pause()
            seen.append(self.chat.composer.banner.shown.text)
            await pilot.press("ctrl+q")

        return run(self, headless=True, auto_pilot=leave)

    monkeypatch.setattr(TaleApp, "run", headless)
    from tale_tui.config.problems import SettingsError

    with pytest.raises(SettingsError, match="limits"):
        app_module.run_app(paths)
    assert "limits" in seen[0]
