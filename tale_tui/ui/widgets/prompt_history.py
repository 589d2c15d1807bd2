"""What was written before, walked through with the arrow keys."""

from __future__ import annotations

from collections.abc import Iterable

HISTORY_MAX = 500
"""Messages that are kept to be walked through."""


class PromptHistory:
    """Earlier messages, oldest first, and the place of the reader among them.

    What stood in the prompt when the walk began is kept and comes back at the end of it.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._at: int | None = None
        self._draft = ""

    @property
    def walking(self) -> bool:
        """Whether the prompt shows an earlier message."""
        return self._at is not None

    def load(self, texts: Iterable[str]) -> None:
        """Put what an earlier run left, oldest first, before what was written in this one."""
        self._texts = [*texts, *self._texts][-HISTORY_MAX:]
        self.leave()

    def add(self, text: str) -> None:
        """Remember a message that was sent; a repeat of the last one is not kept twice."""
        if not self._texts or self._texts[-1] != text:
            self._texts = [*self._texts, text][-HISTORY_MAX:]
        self.leave()

    def leave(self) -> None:
        """End the walk: what is in the prompt is new text from here on."""
        self._at = None
        self._draft = ""

    def keep_draft(self) -> None:
        """End the walk because an earlier message was changed: what stood in the prompt before is the newest now."""
        if self._draft:
            self.add(self._draft)
        self.leave()

    def back(self, current: str) -> str | None:
        """The message before the one that is shown; None at the oldest.

        Args:
            current: what stands in the prompt, kept where a walk begins.
        """
        at = len(self._texts) if self._at is None else self._at
        if at == 0:
            return None
        if self._at is None:
            self._draft = current
        self._at = at - 1
        return self._texts[self._at]

    def forward(self) -> str | None:
        """The message after the one that is shown, at last what stood in the prompt; None where no walk is."""
        if self._at is None:
            return None
        if self._at == len(self._texts) - 1:
            draft = self._draft
            self.leave()
            return draft
        self._at += 1
        return self._texts[self._at]
