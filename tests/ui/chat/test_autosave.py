"""What was never sent is found again by the next window."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

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
