"""The code of a result as files: which, under which names, into which folder; never over a file without asking."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Input

from tale_tui.domain.errors import BadFileName, FileThere, TaleError
from tale_tui.domain.text import clean_line
from tale_tui.engine.result_files import ResultFile, file_place, result_files, save_file, suggested_name
from tale_tui.formatting.units import plural
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.dialog import FITTED, Dialog
from tale_tui.ui.keys import binding
from tale_tui.ui.text import NoMarkup
from tale_tui.ui.widgets.banner import Severity
from tale_tui.ui.widgets.line_input import LineInput

T = TypeVar("T")
LOW = 18
"""Lines of a terminal below which there is no frame: folder, files and what is wrong need more than other dialogs."""
_NAMES_LISTED = 5
"""Files that a question names; of others it says how many there are."""


class AskDialog(Protocol):
    """Shows a dialog and waits for its result."""

    async def __call__(self, dialog: ModalScreen[T]) -> T | None:
        """None where the user left it."""
        ...


class SaySentence(Protocol):
    """Tells the user something that goes by itself."""

    def __call__(self, sentence: str, *, title: str = "", severity: Severity = "information") -> None:
        """Safe text only."""
        ...


@dataclass(frozen=True, slots=True)
class FilesChosen:
    """What is to be saved."""

    folder: Path
    files: tuple[tuple[str, str], ...]
    """Name and text of each."""
    written: tuple[str, ...] = field(default=(), compare=False)
    """What stood in each line, in the order of the files of the result."""


class FileRow(Horizontal):
    """A file and the name that it gets; an empty name leaves it out.

    Args:
        file: which.
        name: that it may get.
    """

    def __init__(self, file: ResultFile, name: str) -> None:
        super().__init__()
        self.file = file
        self._suggested = name

    def compose(self) -> ComposeResult:
        """The name, and what the file is."""
        yield LineInput(self._suggested, placeholder="left out")
        facts = (self.file.language, plural(self.file.lines, "line"))
        yield NoMarkup(", ".join(fact for fact in facts if fact), classes="quiet")

    @property
    def wanted(self) -> str:
        """The name as it stands there now; empty for a file that is left out."""
        return self.query_one(LineInput).value.strip()


class SaveFilesDialog(Dialog[FilesChosen]):
    """Shows the files of a result with their names, to be changed; the result is what is to be saved."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "save_files.tcss"]
    EXTRA_LINES: ClassVar[int] = 5
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (8, "-low"), (LOW, "-high")]  # noqa: RUF012  (declared so by Textual)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.focus_next", "next", id="files.next", tooltip="To the next line"),
        binding("files.keep", "ctrl+s", "save", "Save", "Save the files"),
    ]

    def __init__(
        self, title: str, files: Sequence[ResultFile], folder: Path, names: Sequence[str] = (), problem: str = ""
    ) -> None:
        """Take the files.

        Args:
            title: of the task or the conversation; foreign text.
            files: at least one.
            folder: where they go unless the user writes another one.
            names: one for each file; none suggests them.
            problem: why they could not be saved the last time; safe text.
        """
        super().__init__(f'Save the code of "{clean_line(title, 60)}"', plural(len(files), "file"), enter="save")
        self._files = files
        self._folder = folder
        self._names = names or [suggested_name(file, number) for number, file in enumerate(files, 1)]
        self._problem = problem

    def body(self) -> Iterable[Widget]:
        """What is wrong, the folder, the files."""
        problem = NoMarkup(self._problem, id="problem", classes="problem")
        problem.display = bool(self._problem)
        yield problem
        yield NoMarkup("Folder", classes="label quiet")
        yield LineInput(_short(self._folder), id="folder")
        yield NoMarkup("Names; empty leaves a file out", classes="label quiet")
        rows = [FileRow(file, name) for file, name in zip(self._files, self._names, strict=True)]
        yield VerticalScroll(*rows, id="files", classes=FITTED, can_focus=False)

    def on_mount(self) -> None:
        """The names are what may have to be changed; the folder, where nothing could be saved in it."""
        if self._problem:
            self.query_one("#folder", LineInput).focus()
            return
        self.query(FileRow).first().query_one(LineInput).focus()

    @on(Input.Submitted)
    def action_save(self) -> None:
        """Take the names, unless something is wrong with one of them."""
        folder = Path(self.query_one("#folder", LineInput).value.strip() or ".")
        # Unlike that of Path, this leaves a user that does not exist as it stands: writing says what is wrong.
        folder = Path.cwd() / os.path.expanduser(folder)  # noqa: PTH111
        chosen: dict[str, str] = {}
        for row in self.query(FileRow):
            if not (name := row.wanted):
                continue
            try:
                file_place(folder, name)
            except (BadFileName, FileThere) as error:
                self._complain(error.sentence, row)
                return
            if name in chosen:
                self._complain(f"Two files cannot both be {name}.", row)
                return
            chosen[name] = row.file.text
        if not chosen:
            self._complain("No file has a name: nothing would be saved.", None)
            return
        self.dismiss(FilesChosen(folder, tuple(chosen.items()), tuple(row.wanted for row in self.query(FileRow))))

    def _complain(self, sentence: str, row: FileRow | None) -> None:
        problem = self.query_one("#problem", NoMarkup)
        problem.update(sentence)
        problem.display = True
        self._fit(self.size.height)
        if row is not None:
            row.query_one(LineInput).focus()


async def save_files(title: str, markdown: str, folder: Path, ask: AskDialog, say: SaySentence) -> None:
    """Let the user save the code of a result; from a worker only.

    Args:
        title: of what it is the result of; foreign text.
        markdown: the result; foreign text.
        folder: where the files go unless the user writes another one.
        ask: shows a dialog and gives its result.
        say: tells what was saved, or why not.
    """
    files = await asyncio.to_thread(result_files, markdown)
    if not files:
        say("There is no code in it: nothing to save as a file.")
        return
    dialog = SaveFilesDialog(title, files, folder)
    while (chosen := await ask(dialog)) is not None:
        try:
            saved = await _save(chosen, ask)
        except TaleError as error:
            dialog = SaveFilesDialog(title, files, chosen.folder, chosen.written, error.sentence)
        else:
            if saved:
                say(f"{_listed(saved)} in {_short(chosen.folder)}", title="Saved")
            return


async def _save(chosen: FilesChosen, ask: AskDialog) -> list[str]:
    """The names of what was saved.

    Raises:
        TaleError: a file could not be written; those before it are.
    """
    there = [name for name, _ in chosen.files if await asyncio.to_thread(file_place(chosen.folder, name).exists)]
    confirmed: bool | None = await ask(_replacing(there, chosen.folder)) if there else None
    replace = bool(confirmed)
    wanted = [(name, text) for name, text in chosen.files if replace or name not in there]
    for name, text in wanted:
        await asyncio.to_thread(save_file, chosen.folder, name, text, replace=name in there)
    return [name for name, _ in wanted]


def _replacing(names: Sequence[str], folder: Path) -> ConfirmDialog:
    what = names[0] if len(names) == 1 else plural(len(names), "file")
    there = "is" if len(names) == 1 else "are"
    detail = f"In {_short(folder)} there {there} already: {_listed(names)}."
    return ConfirmDialog(f"Replace {what}?", f"Replace {what}", "Keep", detail=detail)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(clean_line(name) for name in names[:_NAMES_LISTED])
    more = len(names) - _NAMES_LISTED
    return f"{shown} and {more} more" if more > 0 else shown


def _short(folder: Path) -> str:
    """A folder with `~` for the user's own."""
    home = Path.home()
    return clean_line(str(Path("~") / folder.relative_to(home) if folder.is_relative_to(home) else folder), 300)
