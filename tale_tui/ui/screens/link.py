"""A link of a conversation: where it really leads, before it is opened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.ui.screens.dialog import Dialog
from tale_tui.ui.screens.link_facts import examine
from tale_tui.ui.signs import signs
from tale_tui.ui.text import NoMarkup, plain
from tale_tui.ui.widgets.verb import Verb


class LinkDialog(Dialog[bool]):
    """Shows the real target. True opens it; an address that is never opened offers no verb for it."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "link.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "copy it", id="link.copy", tooltip="Copy the address"),
    ]

    def __init__(self, url: str) -> None:
        """Take the address.

        Args:
            url: foreign text.
        """
        self._facts = examine(url)
        super().__init__("Open this link?" if self._facts.allowed else "This link is not opened")

    def body(self) -> Iterable[Widget]:
        """The address with the server standing out, what may deceive, the verbs."""
        facts = self._facts
        address = Content.assemble(
            plain(facts.before, "$muted"), plain(facts.host, "$accent bold"), plain(facts.after, "$muted")
        )
        yield NoMarkup(address, id="address")
        for warning in facts.warnings:
            yield Horizontal(NoMarkup(signs().failed, classes="sign"), NoMarkup(warning), classes="warning")
        verbs = [Verb("Do not open" if facts.allowed else "Back", id="focus-first")]
        if facts.allowed:
            label = "Write a mail" if facts.before.startswith("mailto") else f"Open {facts.host}"
            verbs.append(Verb(label, id="yes"))
        yield Horizontal(*verbs, id="verbs")

    def action_copy(self) -> None:
        """Copy the address as it is shown."""
        facts = self._facts
        self.app.copy_to_clipboard(facts.before + facts.host + facts.after)
        self.set_note("copied")

    @on(Verb.Pressed)
    def _answer(self, event: Verb.Pressed) -> None:
        self.dismiss(event.verb.id == "yes")
