"""What a turn says, as it grows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tale_tui.ui.text import plain

if TYPE_CHECKING:
    from tale_tui.engine.types import Message
    from tale_tui.ui.widgets.transcript_header import Live


class Said:
    """A message and what has come of it since.

    Attributes:
        message: as it was given last.
        live: how far it is, while it is made.
        thinking: what the model thought; safe text.
        edition: another number when the text is not the old one with more at its end.
        thoughts_edition: the same for `thinking`.
        line_feeds: in the text.
        whole: whether all of it is set on lines; who changes anything takes it back.
    """

    __slots__ = (
        "_fresh",
        "_text",
        "_thought_from",
        "_thought_tokens",
        "_thought_until",
        "edition",
        "line_feeds",
        "live",
        "message",
        "thinking",
        "thoughts_edition",
        "whole",
    )

    def __init__(self, message: Message) -> None:
        self.message = message
        self.live: Live | None = None
        self.thinking = message.thinking
        self.edition = self.thoughts_edition = 0
        self.line_feeds = message.text.count("\n")
        self.whole = False
        self._text = message.text
        self._fresh: list[str] = []
        self._thought_from = self._thought_until = 0.0
        self._thought_tokens = 0

    @property
    def text(self) -> str:
        """All of it so far; a reply as Markdown."""
        if self._fresh:
            self._text += "".join(self._fresh)
            self._fresh.clear()
        return self._text

    @property
    def length(self) -> int:
        """Characters of the text."""
        return len(self._text) + sum(map(len, self._fresh))

    @property
    def growing(self) -> bool:
        """Whether more may come."""
        return self.message.state == "streaming"

    @property
    def thought_took(self) -> tuple[float, int] | None:
        """Seconds and tokens that were thought, where that was seen."""
        if not self._thought_from:
            return None
        return self._thought_until - self._thought_from, self._thought_tokens

    def append(self, text: str) -> None:
        """More of the answer."""
        self._fresh.append(plain(text).plain)
        self.line_feeds += text.count("\n")
        self.whole = False

    def think(self, text: str, monotonic: float) -> None:
        """More of what the model thinks, at `monotonic`."""
        if not self._thought_from:
            self._thought_from = monotonic
        self._thought_until = monotonic
        self.thinking += plain(text).plain
        self.whole = False

    def set_live(self, live: Live | None) -> None:
        """How far the reply is; how many tokens were thought is remembered."""
        if live is not None and live.phase == "thinking":
            self._thought_tokens = live.tokens
        self.live = live
        self.whole = False

    def replace(self, message: Message) -> None:
        """The message as it is now."""
        if not message.text.startswith(self.text):
            self.edition += 1
        if not message.thinking.startswith(self.thinking):
            self.thoughts_edition += 1
        self._text, self.thinking = message.text, message.thinking
        self.line_feeds = message.text.count("\n")
        self.message = message
        self.whole = False
