"""Before a link is opened: what its address really is, where it leads, and what about it may deceive a reader."""

from __future__ import annotations

import asyncio
import os
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import SplitResult, urlsplit

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.domain.text import clean, clean_line, reveal
from tale_tui.formatting.symbols import signs
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.dialogs.dialog import Dialog
from tale_tui.ui.text import NoMarkup, plain
from tale_tui.ui.widgets.text_button import TextButton

OPENED = ("http", "https", "mailto")
"""Schemes that are ever opened. Others can start programs."""

SHOWN_LIMIT = 2000
"""Characters of an address that are shown; a longer one is not opened, as nobody would read it to its end."""

_PUNYCODE = "xn--"

# Browsers read some of these as others than a reader does; RFC 3986 allows none of them in an address.
_FORBIDDEN = frozenset('\\<>"^`{|} \t\n')


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """An address in three parts, and what is to be said about it."""

    before: str
    host: str
    """Where it leads: the name of the server, or of the mail server. Empty where there is none."""
    after: str
    allowed: bool
    """Whether it may be opened at all."""
    warnings: tuple[str, ...]
    """Sentences: what may deceive, or why it is not opened."""


def examine(url: str) -> LinkFacts:
    """Look at an address.

    Args:
        url: foreign text.
    Returns:
        Its parts in the strict form of `reveal`, so that nothing in them is hidden.
    """
    shown = reveal(url)
    reason = _refusal(url, shown)
    if reason:
        return LinkFacts(shown[:SHOWN_LIMIT], "", "", allowed=False, warnings=(reason,))
    parts = urlsplit(url)
    host = parts.path.rpartition("@")[2] if parts.scheme == "mailto" else parts.hostname or ""
    start = _host_start(url, parts, host)
    return LinkFacts(
        before=url[:start],
        host=url[start : start + len(host)],
        after=url[start + len(host) :],
        allowed=True,
        warnings=tuple(_warnings(parts, host)),
    )


def _refusal(url: str, shown: str) -> str:
    """Why it is not opened; empty where it may be."""
    if shown != url or clean(url) != url:
        return "It has hidden characters, so it is not opened."
    if len(url) > SHOWN_LIMIT:
        return f"It is longer than {SHOWN_LIMIT:,} characters, so it is not opened."
    if _FORBIDDEN & set(url):
        return "It has characters that an address may not have, so it is not opened."
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "It is not a valid address, so it is not opened."
    if parts.scheme not in OPENED:
        kind = f"{parts.scheme}:" if parts.scheme else "Addresses without a scheme"
        verb = "is" if parts.scheme else "are"
        return f"{kind} {verb} not opened, only http, https and mailto."
    if parts.scheme != "mailto" and not host:
        return "It names no server, so it is not opened."
    return ""


def _host_start(url: str, parts: SplitResult, host: str) -> int:
    if parts.scheme == "mailto":
        return url.index(parts.path) + len(parts.path) - len(host)
    begin = url.index("//") + 2 + parts.netloc.rfind("@") + 1
    return begin + url[begin:].lower().index(host.lower())  # what follows a % keeps its case


def _warnings(parts: SplitResult, host: str) -> list[str]:
    said = []
    if parts.username is not None and parts.scheme != "mailto":
        said.append(f"What stands before the @ is a name for the server. It leads to {host}.")
    labels = [_decoded(label) for label in host.lower().split(".")]
    readable = ".".join(labels)
    if not readable.isascii():
        said += [f"{label} mixes letters of {' and '.join(_scripts(label))}." for label in labels if _is_mixed(label)]
        said.append(f"Its name has letters that can look like others: {readable} is {_encoded(labels)}.")
    if host and (":" in host or host.replace(".", "").isdigit() or host.startswith("0x")):
        said.append("The server has a number instead of a name.")
    if parts.scheme == "http":
        said.append("Others on the way can read what is sent: http is not encrypted.")
    return said


def _decoded(label: str) -> str:
    """A part of a name as a browser may show it."""
    if not label.startswith(_PUNYCODE):
        return label
    try:
        return clean(label.removeprefix(_PUNYCODE).encode().decode("punycode")) or label
    except UnicodeError:
        return label


def _encoded(labels: list[str]) -> str:
    """A name as it is asked for."""
    return ".".join(label if label.isascii() else _PUNYCODE + label.encode("punycode").decode() for label in labels)


def _scripts(label: str) -> list[str]:
    """The scripts of the letters, as Unicode names them, each once."""
    names = (unicodedata.name(char, "UNKNOWN").split()[0].capitalize() for char in label if char.isalpha())
    return sorted(set(names))


def _is_mixed(label: str) -> bool:
    # Japanese and Korean are written in several scripts at once; with none of them is Latin, Greek or Cyrillic mixed.
    return len({name for name in _scripts(label) if name in {"Latin", "Greek", "Cyrillic", "Armenian", "Cherokee"}}) > 1


class LinkDialog(Dialog[bool]):
    """Shows the real target. True opens it; an address that is never opened has no button for it."""

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
        """The address with the server standing out, what may deceive, the buttons."""
        facts = self._facts
        address = Content.assemble(
            plain(facts.before, "$muted"), plain(facts.host, "$accent bold"), plain(facts.after, "$muted")
        )
        yield NoMarkup(address, id="address")
        for warning in facts.warnings:
            yield Horizontal(NoMarkup(signs().failed, classes="sign"), NoMarkup(warning), classes="warning")
        buttons = [TextButton("Do not open" if facts.allowed else "Back", id="focus-first")]
        if facts.allowed:
            label = "Write a mail" if facts.before.startswith("mailto") else f"Open {facts.host}"
            buttons.append(TextButton(label, id="yes"))
        yield Horizontal(*buttons, id="buttons")

    def action_copy(self) -> None:
        """Copy the address as it is shown."""
        facts = self._facts
        self.app.copy_to_clipboard(facts.before + facts.host + facts.after)
        self.set_note("copied")

    @on(TextButton.Pressed)
    def _answer(self, event: TextButton.Pressed) -> None:
        self.dismiss(event.button.id == "yes")


def has_desktop(environ: dict[str, str] | None = None, platform: str = sys.platform) -> bool:
    """Whether a browser with a window of its own can be started; one in this terminal would ruin the screen."""
    values = os.environ if environ is None else environ
    return platform in ("darwin", "win32") or bool(values.get("DISPLAY") or values.get("WAYLAND_DISPLAY"))


async def follow(screen: BaseScreen, url: str) -> None:
    """Show where a link leads, and open it where the user says so; from a worker only.

    Args:
        screen: where it was clicked.
        url: any address.
    """
    agreed = await screen.ask(LinkDialog(url))
    if not agreed or urlsplit(url).scheme.lower() not in OPENED:
        return
    if not has_desktop():
        screen.copy(clean_line(url, len(url)), "No browser can be started here; the address")
        return
    import webbrowser

    if not await asyncio.to_thread(webbrowser.open, url):
        screen.copy(clean_line(url, len(url)), "No browser was found; the address")
