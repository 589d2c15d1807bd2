"""The words of a step: its title, what its model is asked, and the files that it gives."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.domain.constants import STEP_PROMPT_CHARACTERS, STEP_TITLE_CHARACTERS
from tale_tui.domain.text import clean, clean_line
from tale_tui.ui.dialogs.dialog import DIALOG_STYLES, FITTED, Dialog
from tale_tui.ui.dialogs.text_entry import LinesInput
from tale_tui.ui.plans.edits import StepTexts
from tale_tui.ui.text import NoMarkup
from tale_tui.ui.widgets.line_input import LineInput

_FILES_HINT = "Files that it gives, with commas between them, as in src/app.py"


class StepTextsDialog(Dialog[StepTexts]):
    """The result is what was written, None for escape."""

    CSS_PATH: ClassVar[CSSPathType | None] = [DIALOG_STYLES, Path(__file__).with_name("plans.tcss")]
    EXTRA_LINES: ClassVar[int] = 8
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "keep", "keep", id="step.keep", tooltip="Take what is written"),
        # Before the field that has the focus, so that what is typed right behind it goes into the next one.
        Binding("tab", "app.focus_next", "next field", id="step.next", tooltip="To the next field", priority=True),
    ]

    def __init__(self, title: str, texts: StepTexts | None = None) -> None:
        """Take the words.

        Args:
            title: of the dialog; may hold foreign text.
            texts: what stands there already; None for a new step.
        """
        super().__init__(title)
        self._texts = texts or StepTexts("", "")
        self._asks = texts is None or bool(texts.prompt.strip())
        """Whether a model is asked at all: a step may only wait for a yes."""

    def body(self) -> Iterable[Widget]:
        """Three fields, each with what it is for."""
        yield NoMarkup("What it is called", classes="quiet")
        yield LineInput(clean_line(self._texts.title), id="focus-first")
        yield NoMarkup("What its model is asked", classes="quiet")
        prompt = LinesInput(clean(self._texts.prompt), placeholder="", id="prompt")
        prompt.add_class(FITTED)
        yield prompt
        yield NoMarkup(_FILES_HINT, classes="quiet")
        yield LineInput(", ".join(self._texts.files), id="files")
        yield NoMarkup("", id="problem", classes="problem")

    def action_keep(self) -> None:
        """Take what is written, where there is something to be asked."""
        title = clean_line(self.query_one("#focus-first", LineInput).value, STEP_TITLE_CHARACTERS)
        prompt = clean(self.query_one("#prompt", LinesInput).text).strip()
        files = (clean_line(name).strip() for name in self.query_one("#files", LineInput).value.split(","))
        if not title or (not prompt and self._asks):
            self._refuse("Give it a title, and say what its model is asked.")
        elif len(prompt) > STEP_PROMPT_CHARACTERS:
            self._refuse(f"The question has {len(prompt):,} characters, and {STEP_PROMPT_CHARACTERS:,} is the limit.")
        else:
            self.dismiss(StepTexts(title, prompt, tuple(dict.fromkeys(name for name in files if name))))

    def on_input_submitted(self) -> None:
        """Enter in a line is done with it."""
        self.action_keep()

    def _refuse(self, sentence: str) -> None:
        self.query_one("#problem", NoMarkup).update(sentence)
