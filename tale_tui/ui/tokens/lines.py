"""What stands above and below the plot and the table, and what the plot shows. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from tale_tui.domain.budgets import BUDGET_WARNING
from tale_tui.domain.clock import ID_SHOWN
from tale_tui.domain.metrics import CallActivity
from tale_tui.domain.models import Role, RoleStatus
from tale_tui.formatting.alerts import whole_percent
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.tokens import (
    change_words,
    overview_parts,
    pace_words,
    running_words,
    saved_meaning,
    saved_parts,
    saved_short,
    uncounted_short,
    uncounted_words,
)
from tale_tui.formatting.units import bar, count, plural, rate, span
from tale_tui.ui.text import fitted
from tale_tui.ui.tokens.controller import TokensShown, TokensView
from tale_tui.ui.widgets.key_bar import ROLE_COLOURS, roles_by_model
from tale_tui.ui.widgets.plot import PlotData, PlotSeries

if TYPE_CHECKING:
    from tale_tui.domain.budgets import BudgetUse
    from tale_tui.domain.metrics import PeriodChange, TokenOverview, TokenSavings

OTHERS = "others"
EMPTY = "No call yet. What is said and done from here on is counted."
ONE_MODEL = "nothing to compare: one model answers and works, or one is missing"
_GAP = "   "
_SAVED = "saved  "
_BUDGET = "budget  "
_TODAY = {"day": "today"}
_GAUGE_CELLS = 10
_PIECES = {60: "a minute", 3600: "an hour", 86_400: "a day"}


def view_words(view: TokensView, calls: int | None) -> str:
    """What is shown: `last day · by model · 443 calls`."""
    parts = (
        view.span.words,
        view.model.partition("/")[2],
        f"by {view.by.value}",
        "" if calls is None else plural(calls, "call"),
    )
    return f" {signs().dot} ".join(filter(None, parts))


def sums_line(overview: TokenOverview | None, activity: CallActivity, now: float, width: int) -> Content:
    """The sums, and what models do now as far as there is room; what moves stands last."""
    if overview is None:
        return Content("")
    sums = [Content.assemble((f"{name} ", "$muted"), number) for name, number in overview_parts(overview).items()]
    speed, doing = activity.tokens_per_second, running_words(activity, now)
    moving = f"now {rate(speed)}" if speed else "now" if doing else ""
    written = f"{sum(call.tokens for call in activity.running):,} tok so far" if activity.running else ""
    line = Content(_GAP).join(sums)
    pace = pace_words(overview)
    for parts in ((pace, moving, doing), (pace, moving, written), (moving, written), (moving,)):
        shown = [part for part in parts if part]
        if line.cell_length + sum(len(_GAP) + cell_len(part) for part in shown) <= width:
            break
    else:
        shown = []
    styled = [Content.assemble((part, "$accent" if part in (moving, written, doing) else "$muted")) for part in shown]
    return Content(_GAP).join([line, *styled]).truncate(width, ellipsis=True)


def budget_line(budgets: Sequence[BudgetUse], width: int) -> Content | None:
    """`budget  today ▰▰▰▰▰▱▱▱▱▱ 48 % of 380k   month ! ...`, as many as there is room for; None where there is none."""
    if not budgets:
        return None
    line = Content.assemble((_BUDGET, "$muted"))
    for place, use in enumerate(budgets):
        name = _TODAY.get(use.subject, use.subject)
        near = use.share >= BUDGET_WARNING
        sign = f" {signs().failed}" if near else ""
        part = Content.assemble(
            (_GAP if place else "", "$muted"),
            (name, "$muted"),
            (sign, "$warning"),
            (f" {bar(use.share, _GAUGE_CELLS)} ", "$warning" if near else "$muted"),
            whole_percent(use.share),
            (f" of {count(use.limit)}", "$muted"),
        )
        if place and line.cell_length + part.cell_length > width:
            break
        line += part
    return line.truncate(width, ellipsis=True)


def change_line(change: PeriodChange | None, width: int) -> Content | None:
    """What became of the sums since the period before; None where nothing is compared."""
    words = change_words(change) if change is not None else ""
    return Content.assemble((fitted(words, width), "$muted")) if words else None


def saved_lines(saved: TokenSavings | None, width: int, most: int) -> list[Content]:
    """What was saved, in at most so many lines; in few words where that is not enough."""
    if saved is None or not saved_parts(saved):
        words = ONE_MODEL if saved is None else "nothing yet: no reply of these was counted"
        return [Content.assemble((_SAVED, "$muted"), (fitted(words, width - len(_SAVED)), "$muted"))]
    lines = [""]
    for part in saved_parts(saved):
        longer = f"{lines[-1]}; {part}" if lines[-1] else part
        if lines[-1] and cell_len(longer) > width - len(_SAVED):
            lines.append(part)
        else:
            lines[-1] = longer
    if len(lines) > most or any(cell_len(line) > width - len(_SAVED) for line in lines):
        lines = [fitted(saved_short(saved), width - len(_SAVED))]
    heads = [_SAVED, *[" " * len(_SAVED)] * len(lines)]
    return [Content.assemble((head, "$muted"), line) for head, line in zip(heads, lines, strict=False)]


def foot_lines(shown: TokensShown, width: int, *, low: bool) -> list[Content]:
    """What is in no sum, the dearest tasks, and how it is reckoned.

    Args:
        shown: what is known.
        width: cells.
        low: whether there are few lines: then the last one goes, and the empty ones.
    """
    lines = []
    words = uncounted_words(shown.report.total)
    if cell_len(words) > width:
        words = uncounted_short(shown.report.total)
    if words:
        lines.append(Content.assemble((fitted(words, width), "$muted")))
    if dearest := _dearest(shown, width):
        lines += [dearest] if low else [Content(""), dearest]
    if shown.saved is not None and saved_parts(shown.saved) and not low:
        lines.append(Content.assemble((fitted(saved_meaning(shown.saved), width), "$muted")))
    return lines


def _dearest(shown: TokensShown, width: int) -> Content | None:
    if not shown.dearest:
        return None
    line, dot = Content.assemble(("dearest  ", "$muted")), f"  {signs().dot}  "
    first, most = True, max(width // 3, _TITLE_MIN)
    for group in shown.dearest:
        id_, number = group.key[0][:ID_SHOWN], count(group.sums.total_tokens or 0)
        before = "" if first else dot
        room = width - line.cell_length - len(before) - len(id_) - len(number) - 2
        if not first and room < min(cell_len(group.title), _TITLE_MIN):
            break
        title = fitted(group.title, min(room, most))
        line += Content.assemble(
            (before, "$muted"), (f"{id_} ", "$muted"), f"{title} " if title else "", (number, "$task")
        )
        first = False
    return line


_TITLE_MIN = 16
"""Cells of a title below which a task is not named."""


def plot_of(shown: TokensShown, roles: Mapping[Role, RoleStatus], now: float, *, short: bool) -> PlotData:
    """Tokens over time: the models of the two roles in their colours, all others together.

    Args:
        shown: what is known.
        roles: the models that serve.
        now: the present.
        short: whether the heading has little room.
    """
    edges = shown.timeline.edges
    served = roles_by_model(roles)
    by_role: dict[Role | None, list[tuple[str, Sequence[int]]]] = {}
    for model, pieces in shown.timeline.models:
        by_role.setdefault(served.get(model), []).append((model, pieces))
    series = []
    for role, fill in ((Role.UX, 1), (Role.TASK, 0), (None, 2)):
        found = by_role.get(role, [])
        if not found:
            continue
        name = found[0][0].partition("/")[2] if len(found) == 1 else OTHERS
        values = tuple(float(sum(numbers)) for numbers in zip(*(pieces for _, pieces in found), strict=True))
        series.append(PlotSeries(name, values, ROLE_COLOURS[role] if role else "$muted", fill))
    step_s = round(edges[1] - edges[0])
    each = _PIECES.get(step_s) or f"in {span(step_s)}"
    place = next((place for place, edge in enumerate(edges) if edge > now), len(edges) - 1) - 1
    latest = sum(pieces[place] for _, pieces in shown.timeline.models)
    return PlotData(
        f"tokens {each}" if short else f"tokens {each}, by model",
        tuple(map(float, edges)),
        tuple(series),
        bars=True,
        counted=True,
        now=now,
        last=f"{count(latest)} now",
    )
