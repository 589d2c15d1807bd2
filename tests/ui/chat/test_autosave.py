"""What was never sent is found again by the next window."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.folders import texts_in
from tale_tui.config.paths import Paths
from tale_tui.engine.models.scripted import spoken
from tale_tui.ui.chat.autosave import Drafts

GONE = 2**22 + 1
"""No process has this id: it is above what Linux gives."""


def left(folder: Path, pid: int, text: str) -> None:
    """A window of this process wrote something and is gone."""
    drafts = Drafts(folder, pid)
    drafts.keep(text)
    drafts.close()


def test_the_next_window_finds_what_the_last_one_wrote(tmp_path: Path) -> None:
    folder = tmp_path / "drafts"
    left(folder, GONE, "half a thought")
    mine = Drafts(folder, os.getpid())
    assert mine.take() == "half a thought"
    assert [path.name for path in folder.glob("*.txt")] == [f"{os.getpid()}.txt"]
    mine.keep("")
    assert list(folder.iterdir()) == []


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
        left(tmp_path, pid, text)
        os.utime(tmp_path / f"{pid}.txt", (1000 - age, 1000 - age))
    mine = Drafts(tmp_path, os.getpid())
    assert mine.take() == "newest"
    mine.keep("")
    assert mine.take() == "older"


def test_a_window_that_is_there_keeps_its_own(tmp_path: Path) -> None:
    theirs = Drafts(tmp_path, GONE)
    theirs.keep("somebody writes this now")
    mine = Drafts(tmp_path, os.getpid())
    assert mine.take() == ""
    mine.keep("mine")
    assert sorted(path.read_text() for path in tmp_path.glob("*.txt")) == ["mine", "somebody writes this now"]
    theirs.close()


@pytest.mark.parametrize("number", ["of another program", "of this window"])
def test_a_draft_comes_back_though_its_process_number_is_used_again(tmp_path: Path, number: str) -> None:
    again = os.getppid() if number == "of another program" else os.getpid()
    left(tmp_path, again, "half a thought")
    mine = Drafts(tmp_path, os.getpid())
    assert mine.take() == "half a thought"
    mine.keep("")
    assert list(tmp_path.iterdir()) == []


def test_a_draft_of_an_earlier_process_of_the_same_number_is_not_written_over(tmp_path: Path) -> None:
    left(tmp_path, os.getpid(), "theirs")
    mine = Drafts(tmp_path, os.getpid())
    mine.keep("mine")
    assert sorted(path.read_text() for path in tmp_path.glob("*.txt")) == ["mine", "theirs"]
    mine.keep("")
    assert mine.take() == "theirs"
    mine.keep("")


@pytest.mark.process
def test_a_draft_of_a_window_that_was_killed_comes_back_and_that_of_a_living_one_does_not(tmp_path: Path) -> None:
    program = "import os, sys, time; from pathlib import Path; from tale_tui.ui.chat.autosave import Drafts; "
    program += "d = Drafts(Path(sys.argv[1]), os.getpid()); d.keep('half a thought'); print('kept', flush=True); "
    program += "time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as window:
        assert window.stdout is not None
        assert window.stdout.readline() == b"kept\n"
        mine = Drafts(tmp_path, os.getpid())
        assert mine.take() == ""
        window.kill()
        window.wait()
        assert mine.take() == "half a thought"
        mine.keep("")


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    left(tmp_path / "drafts", GONE, "private")
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
        return [*texts_in(folder, "*.txt").values()]

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
