"""The promises as lights: each with a word, a sign and a value, never a colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from tale_tui.formatting.symbols import signs
from tale_tui.ui.text import fitted

ONE_LINE_BELOW = 120
"""Cells below which there is no room for what is said of all promises in two lines."""
_LEFT = 2
_SIGN, _GAP = 2, 2
_LEAST = len("0.31  p95 0.62")
"""Cells of the words of a light at least."""
_SPARE_MAX = 10
"""Cells that a wide window adds to a light at most: what belongs together stays together."""


class LightState(StrEnum):
    """How a promise is."""

    KEPT = "kept"
    BROKEN = "broken"
    OPEN = "open"
    """Too little is known to say so."""


_SIGNS = {LightState.KEPT: "done", LightState.BROKEN: "wrong", LightState.OPEN: "waiting"}
_COLOURS = {LightState.KEPT: "$success", LightState.BROKEN: "$error", LightState.OPEN: "$muted"}


@dataclass(frozen=True, slots=True)
class Light:
    """A promise as it is shown. Its texts are safe."""

    state: LightState
    promise: str
    """`chat < 1 s`."""
    value: str = ""
    """What is so, in a few cells; empty where nothing is known."""
    note: str = ""
    """How it was judged: `p95 0.62 s`, `3 of 5 calls`."""
    short: str = ""
    """All of it but the sign where there is one line: `chat 0.31 s`; empty leaves it out there."""


class PromiseLights(Widget):
    """Data comes in by attribute; always as high, so that nothing below it moves."""

    ALLOW_SELECT = False
    auto_links = False

    lights: reactive[tuple[Light, ...]] = reactive(())

    def get_content_height(self, container: object, viewport: object, width: int) -> int:
        """One line where there is little room, else two."""
        return 1 if width < ONE_LINE_BELOW else 2

    def render(self) -> Content:
        width = self.size.width
        return light_line(self.lights, width) if width < ONE_LINE_BELOW else light_columns(self.lights, width)


def light_columns(lights: Sequence[Light], width: int) -> Content:
    """Two lines: the promises, and below each what is so."""
    above, below = [Content(" " * _LEFT)], [Content(" " * _LEFT)]
    for light, cells in zip(lights, _columns(lights, width - _LEFT), strict=True):
        quiet = light.state is LightState.OPEN
        name = fitted(light.promise, cells)
        value = fitted(light.value, cells)
        gap = " " * _GAP if value and light.note else ""
        note = fitted(light.note, cells - cell_len(value + gap))
        sign = Content.assemble((_sign(light), _COLOURS[light.state]), " ")
        above += [sign, Content.assemble((_padded(name, cells), "$muted" if quiet else ""))]
        below += [Content("  "), Content.assemble((value, "bold"), gap, (note, "$muted"))]
        below.append(Content(" " * (cells + _GAP - cell_len(value + gap + note))))
        above.append(Content(" " * _GAP))
    return Content("\n").join([Content.assemble(*above), Content.assemble(*below)])


def _columns(lights: Sequence[Light], width: int) -> list[int]:
    """Cells of the words of each light: what is left over is given to all alike, what is missing taken from the
    longest. They change only where a promise is called otherwise or its value has no room, so that nothing jumps."""
    cells = [max(cell_len(light.promise), _LEAST, _value_cells(light)) for light in lights]
    room = width - len(lights) * (_SIGN + _GAP)
    while sum(cells) > room and max(cells) > 1:
        cells[cells.index(max(cells))] -= 1
    spare = min((room - sum(cells)) // max(len(lights), 1), _SPARE_MAX)
    return [one + spare for one in cells]


def _value_cells(light: Light) -> int:
    return cell_len(light.value) + (_GAP if light.value and light.note else 0) + cell_len(light.note)


def _padded(text: str, cells: int) -> str:
    return text + " " * (cells - cell_len(text))


def light_line(lights: Sequence[Light], width: int) -> Content:
    """One line; where not all of them fit, those that are kept give way, from the end."""
    shown = [light for light in lights if light.short]
    while shown and _line_cells(shown) > width:
        kept = [light for light in shown if light.state is not LightState.BROKEN]
        shown.remove((kept or shown)[-1])
    words = [
        Content.assemble(
            (_sign(light), _COLOURS[light.state]),
            " ",
            (light.short, "$muted" if light.state is LightState.OPEN else ""),
        )
        for light in shown
    ]
    return Content(" ") + Content(" " * _GAP).join(words)


def _line_cells(lights: Sequence[Light]) -> int:
    return 1 + sum(2 + cell_len(light.short) for light in lights) + _GAP * (len(lights) - 1)


def _sign(light: Light) -> str:
    """Its sign, one cell."""
    return str(getattr(signs(), _SIGNS[light.state]))
