"""The signs of the screen and of the command line, each with an ASCII version for terminals that have no other.

`signs()` is what this process shows; `UNICODE` and `ASCII` are there for tests and for text that goes elsewhere.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Signs:
    """One set of signs. Each is one cell wide, unless it says otherwise."""

    resident: str
    """In memory, ready."""
    working: str
    """Loading or at work."""
    absent: str
    """Not loaded, not there."""
    failed: str
    """Failed; always with a word."""
    done: str
    wrong: str
    waiting: str
    asks: str
    """Waits for the user."""
    again: str
    """Is tried again."""
    paused: str
    away: str
    """Waits for a server that is away."""
    bar: str
    """The bar at the left of a turn, and of the chosen row."""
    full: str
    """A filled cell of a gauge."""
    empty: str
    """An empty cell of a gauge."""
    dot: str
    """Between two things that stand in one line."""
    ellipsis: str
    """Where text was cut."""
    dash: str
    """In place of a number that is not known."""
    arrow: str
    prompt: str
    below: str
    """Between a screen and one that belongs to it."""
    caret: str
    """Where the next word of a reply will come."""
    folded: str
    unfolded: str
    rule: str
    """A cell of a horizontal line."""
    bullets: tuple[str, ...]
    """Of lists in running text, by depth."""
    quote: str
    """At the left of quoted text."""
    continued: str
    """At the left of a line of code that goes on the one above."""
    remote: str
    """Text leaves this machine."""
    spinner: tuple[str, ...]
    """Frames of the one thing that spins, `ANIMATION_INTERVAL_S` each."""
    border: str
    """The name of the CSS border of a dialog and of the prompt."""
    fills: tuple[str, ...]
    """A cell of a bar in a plot, another one for each of its series."""
    heights: tuple[str, ...]
    """The top cell of a bar of the first series, from an eighth of its height to the whole."""
    quadrants: str
    """A cell of a line in a plot by which of its quarters are drawn: 1 upper left, 2 upper right, 4 and 8 below."""
    scale: str
    """At the left of a plot, beside a number."""
    origin: str
    """Where its two axes meet."""
    tick: str
    """On its axis of time, above a moment."""
    promise: str
    """A cell of the line that a plot is held against."""
    idle: str
    """A cell of its axis of time where nothing happened."""


UNICODE = Signs(
    resident="●",
    working="◐",
    absent="○",
    failed="!",
    done="✓",
    wrong="✗",
    waiting="·",
    asks="?",
    again="↻",
    paused="‖",
    away="∿",
    bar="▎",
    full="▰",
    empty="▱",
    dot="·",
    ellipsis="…",
    dash="–",
    arrow="→",
    prompt="›",
    below="›",
    caret="▌",
    folded="▸",
    unfolded="▾",
    rule="─",
    bullets=("•", "◦", "▪"),
    quote="│",
    continued="↪",
    remote="↗",
    spinner=("⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"),
    border="round",
    fills=("█", "▒", "░"),
    heights=("▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"),
    quadrants=" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█",
    scale="┤",
    origin="┼",
    tick="┬",
    promise="┈",
    idle="┈",
)

ASCII = Signs(
    resident="*",
    working="%",
    absent="o",
    failed="!",
    done="+",
    wrong="x",
    waiting=".",
    asks="?",
    again="@",
    paused="=",
    away="~",
    bar="|",
    full="#",
    empty="-",
    dot="-",
    ellipsis="~",
    dash="-",
    arrow=">",
    prompt=">",
    below=">",
    caret="_",
    folded=">",
    unfolded="v",
    rule="-",
    bullets=("*", "-", "+"),
    quote="|",
    continued="\\",
    remote="^",
    spinner=("|", "/", "-", "\\"),
    border="ascii",
    fills=("#", ":", "."),
    heights=("_", "_", "_", "_", "#", "#", "#", "#"),
    quadrants=" '''.:::.:::.:::",
    scale="|",
    origin="+",
    tick="+",
    promise="-",
    idle=".",
)


def choose_signs(ascii_setting: str, encoding: str) -> Signs:
    """Which set a terminal gets.

    Args:
        ascii_setting: the value of TALE_ASCII; anything but an empty text and `0` asks for ASCII.
        encoding: of the stream that the signs are written to, as Python names it.
    """
    plain = ascii_setting not in ("", "0") or encoding.lower().replace("-", "").replace("_", "") != "utf8"
    return ASCII if plain else UNICODE


@cache
def signs() -> Signs:
    """The signs of this process: ASCII where TALE_ASCII asks for it or standard output is not UTF-8."""
    encoding = getattr(sys.__stdout__, "encoding", None) or "utf-8"
    return choose_signs(os.environ.get("TALE_ASCII", ""), encoding)
