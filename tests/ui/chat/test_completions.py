"""Completions above the prompt, as the pointer takes them."""

from __future__ import annotations

import re
from typing import Any

from support.window import Window

ROW = re.compile(r"^ [^/] (?P<command>/\w+) .*  \S")
"""A line that offers a command; the chosen one has a sign before it."""


def offered(window: Window) -> dict[int, str]:
    """The commands on the screen, by line."""
    lines = enumerate(window.painted.splitlines())
    return {y: found["command"] for y, line in lines if (found := ROW.match(line)) is not None}


async def test_a_click_into_a_list_that_has_scrolled_takes_the_row_under_the_pointer(open_window: Any) -> None:
    async with open_window() as window:
        await window.ready()
        await window.write("/")
        await window.until(lambda: len(offered(window)) > 1, "commands are offered")
        first = offered(window)
        await window.press(*["down"] * (len(first) + 1))
        await window.until(lambda: set(offered(window).values()) - set(first.values()), "the list has scrolled")
        y = min(offered(window))
        wanted = offered(window)[y]
        assert wanted != first[y]
        await window.pilot.click(offset=(4, y))
        await window.until(lambda: window.prompt.text.strip() == wanted, f"{wanted} is in the prompt")
