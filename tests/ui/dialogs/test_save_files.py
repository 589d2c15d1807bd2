"""The dialog for the files of a result, and what is saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.screen import ModalScreen

from tale_tui.engine.result_files import result_files
from tale_tui.ui.dialogs.save_files import FileRow, FilesChosen, SaveFilesDialog, save_files
from tale_tui.ui.widgets.line_input import LineInput

TWO = "Save as `a.py`:\n\n```python\na = 1\n```\n\nand\n\n```rust\nfn main() {}\n```\n"


def dialog(folder: Path) -> SaveFilesDialog:
    return SaveFilesDialog("Letter [b]", result_files(TWO), folder)


def rename(shown: Any, number: int, name: str) -> None:
    list(shown.screen.query(FileRow))[number].query_one(LineInput).value = name


async def test_names_come_from_the_text_or_are_suggested(show: Any, tmp_path: Path) -> None:
    async with show(dialog(tmp_path)) as shown:
        assert 'Save the code of "Letter [b]"' in shown.text
        assert "enter save" in shown.text
        await shown.window.press("enter")
        chosen = await shown.result()
        assert chosen == FilesChosen(tmp_path, (("a.py", "a = 1\n"), ("result-2.rs", "fn main() {}\n")))


async def test_an_empty_name_leaves_a_file_out(show: Any, tmp_path: Path) -> None:
    async with show(dialog(tmp_path)) as shown:
        rename(shown, 1, "")
        await shown.window.press("enter")
        assert (await shown.result()).files == (("a.py", "a = 1\n"),)


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("../a.py", "b.rs"), "leads out of the folder"),
        (("a.py", "a.py"), "Two files cannot both be a.py."),
        (("", ""), "nothing would be saved"),
    ],
)
async def test_what_is_wrong_with_a_name_is_told_and_nothing_is_closed(
    show: Any, tmp_path: Path, names: tuple[str, str], sentence: str
) -> None:
    async with show(dialog(tmp_path)) as shown:
        for number, name in enumerate(names):
            rename(shown, number, name)
        await shown.window.press("enter")
        await shown.window.until(lambda: sentence in shown.text, "a sentence")
        assert shown.results == []


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (40, 12)])
async def test_what_is_wrong_and_the_keys_are_seen_beside_many_files(
    show: Any, tmp_path: Path, size: tuple[int, int]
) -> None:
    ten = "\n\n".join(f"```python\nx = {number}\n```" for number in range(10))
    many = SaveFilesDialog("A long title " * 10, result_files(ten), tmp_path)
    async with show(many, size=size) as shown:
        rename(shown, 0, "../away.py")
        await shown.window.press("enter")
        await shown.window.until(lambda: "../away.py leads out" in shown.text and "enter save" in shown.text, "both")


async def test_another_folder_can_be_written(show: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with show(dialog(tmp_path / "x")) as shown:
        assert "~/x" in shown.text
        shown.screen.query_one("#folder", LineInput).value = "~/new"
        await shown.window.press("enter")
        assert (await shown.result()).folder == tmp_path / "new"


async def test_escape_saves_nothing(show: Any, tmp_path: Path) -> None:
    async with show(dialog(tmp_path)) as shown:
        await shown.window.press("escape")
        assert await shown.result() is None


class Answers:
    """Answers the dialogs of a test and keeps what was told."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.told: list[str] = []

    async def ask(self, dialog: ModalScreen[Any]) -> Any:
        return self.answers.pop(0)

    def say(self, sentence: str, *, title: str = "", severity: str = "information") -> None:
        self.told.append(sentence)


@pytest.fixture
def saving(tmp_path: Path) -> Callable[..., Any]:
    async def save(markdown: str, *answers: Any) -> Answers:
        user = Answers(*answers)
        await save_files("Title", markdown, tmp_path, user.ask, user.say)
        return user

    return save


async def test_a_result_without_code_is_told(saving: Any) -> None:
    assert (await saving("Only text.")).told == ["There is no code in it: nothing to save as a file."]


async def test_files_that_are_there_are_kept_unless_the_user_says_so(saving: Any, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("mine")
    chosen = FilesChosen(tmp_path, (("a.py", "new"), ("b.py", "b")))
    kept = await saving(TWO, chosen, None)
    assert (tmp_path / "a.py").read_text() == "mine"
    assert kept.told == [f"b.py in {tmp_path}"]
    await saving(TWO, chosen, True)
    assert (tmp_path / "a.py").read_text() == "new"


async def test_what_cannot_be_written_is_told_beside_what_was_typed(
    show: Any, saving: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    again: list[SaveFilesDialog] = []
    chosen = FilesChosen(tmp_path / "file", (("b.py", "x"),), ("b.py", ""))

    async def ask(user: Answers, dialog: SaveFilesDialog) -> Any:
        again.append(dialog)
        return user.answers.pop(0) if user.answers else None

    monkeypatch.setattr(Answers, "ask", ask)
    assert (await saving(TWO, chosen)).told == []
    assert len(again) == 2
    async with show(again[1]) as shown:
        assert "cannot be written" in shown.text
        folder = shown.screen.query_one("#folder", LineInput)
        assert folder.has_focus
        assert folder.value == str(tmp_path / "file")
        assert [row.wanted for row in shown.screen.query(FileRow)] == ["b.py", ""]
