"""What was never sent is found again by the next window."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tale_tui.config.paths import Paths
from tale_tui.engine.models.scripted import spoken
from tale_tui.ui.chat.autosave import Drafts

GONE = 2**22 + 1
"""No process has this id: it is above what Linux gives."""


def test_the_next_window_finds_what_the_last_one_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "drafts"
    Drafts(folder, GONE).keep("half a thought")
    mine = Drafts(folder, os.getpid())
    assert mine.take() == "half a thought"
    assert [path.name for path in folder.iterdir()] == [f"{os.getpid()}.txt"]


def test_a_draft_that_was_sent_is_gone(tmp_path: Path) -> None:
    mine = Drafts(tmp_path, os.getpid())
    mine.keep("half a thought")
    mine.keep(" \n")
    assert list(tmp_path.iterdir()) == []
    assert mine.take() == ""


def test_no_folder_is_made_for_nothing(tmp_path: Path) -> None:
    mine = Drafts(tmp_path / "drafts", os.getpid())
    assert mine.take() == ""
    mine.keep("")
    assert not (tmp_path / "drafts").exists()


def test_the_newest_of_several_comes_first(tmp_path: Path) -> None:
    for age, (pid, text) in enumerate([(GONE, "newest"), (GONE + 1, "older")]):
        Drafts(tmp_path, pid).keep(text)
        os.utime(tmp_path / f"{pid}.txt", (1000 - age, 1000 - age))
    mine = Drafts(tmp_path, os.getpid())
    assert mine.take() == "newest"
    mine.keep("")
    assert mine.take() == "older"


@pytest.mark.skipif(os.name == "nt", reason="there is no process 1")
def test_a_window_that_is_there_keeps_its_own(tmp_path: Path) -> None:
    Drafts(tmp_path, 1).keep("somebody writes this now")
    assert Drafts(tmp_path, os.getpid()).take() == ""


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    Drafts(tmp_path / "drafts", GONE).keep("private")
    assert (tmp_path / "drafts" / f"{GONE}.txt").stat().st_mode & 0o077 == 0
    assert (tmp_path / "drafts").stat().st_mode & 0o077 == 0


def test_other_files_and_bytes_that_are_no_text_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("not ours")
    (tmp_path / f"{GONE}.txt").write_bytes(b"caf\xff\x1b[31m")
    assert Drafts(tmp_path, os.getpid()).take() == "caf\ufffd\x1b[31m"


@pytest.mark.parametrize("sent", [True, False], ids=["sent", "erased"])
async def test_a_draft_that_was_sent_or_erased_does_not_come_back_in_a_later_window(
    open_window: Any, paths: Paths, sent: bool
) -> None:
    folder = paths.data / "drafts"

    def kept() -> list[str]:
        return [path.read_text() for path in folder.iterdir()] if folder.is_dir() else []

    async with open_window([spoken("one"), spoken("two")]) as window:
        await window.ready()
        await window.write("half a thought")
        await window.until(lambda: kept() == ["half a thought"], "it is kept")
        await window.press("enter" if sent else "ctrl+c")
        await window.until(lambda: kept() == [], "it is forgotten")
        if sent:
            # What began the last conversation is no draft anyway, so another one comes after it.
            await window.answered()
            await window.say("/new")
            await window.until(lambda: window.messages == [], "a new conversation")
            await window.say("another matter")
            await window.answered()
    async with open_window() as window:
        await window.ready()
        await window.idle()
        assert window.prompt.text == ""
        assert kept() == []
