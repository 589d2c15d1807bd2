"""What the window of a model is filled with, in words: for the window, the commands and line mode."""

from __future__ import annotations

from dataclasses import dataclass

from tale_tui.domain.context import ContextPart, ContextReport, PartName
from tale_tui.formatting.units import count, moment, plural

PART_NAMES = {
    PartName.SYSTEM: "system prompt",
    PartName.RULES: "your rules",
    PartName.DIGEST: "summary of older turns",
    PartName.TURNS: "newest turns",
    PartName.RECALL: "remembered",
    PartName.QUESTION: "next message",
    PartName.ANSWER: "room for the answer",
}
"""As lists name them."""
_ALWAYS = (PartName.SYSTEM, PartName.TURNS, PartName.ANSWER)
"""Parts that are listed where they are empty too."""


@dataclass(frozen=True, slots=True)
class PartLine:
    """A part of the window, or what is free."""

    label: str
    tokens: int
    share: float
    """Of the window."""
    note: str = ""
    """What limits it."""


def part_lines(report: ContextReport) -> tuple[PartLine, ...]:
    """The parts that there are, in the order in which a model is shown them, and what is free."""
    shown = [part for part in report.parts if part.tokens or part.name in _ALWAYS]
    window = max(report.window, 1)
    free = max(0, window - sum(part.tokens for part in report.parts))
    lines = [PartLine(PART_NAMES[part.name], part.tokens, part.tokens / window, _note(part)) for part in shown]
    lost = f"{plural(report.turns_lost, 'turn')} left out" if report.turns_lost else ""
    return (*lines, PartLine("not used" if lost else "free", free, free / window, lost))


def window_words(report: ContextReport) -> str:
    """How full the window is, in one line."""
    model = report.ref.model if report.ref is not None else "no model"
    return f"{count(report.used)} of {count(report.window)} tokens, {model}"


def turns_words(report: ContextReport) -> str:
    """Which turns a model is shown, and what becomes of the others, in a sentence or two."""
    if not report.turns:
        return "Nothing was said yet."
    if report.turns_shown >= report.turns:
        said = f"All {plural(report.turns, 'turn')} are shown as they were written."
    else:
        said = f"Of {plural(report.turns, 'turn')} the newest {report.turns_shown} are shown as they were written."
        if report.turns_lost:
            said += f" {plural(report.turns_lost, 'older one')} {'is' if report.turns_lost == 1 else 'are'} left out."
    return said


def digest_words(report: ContextReport) -> str:
    """Of what and when the summary is, or why there is none, in a sentence."""
    if report.digest is not None:
        by = (
            f" by {report.digest.ref.model}" if report.digest.ref is not None else " by the beginnings of your messages"
        )
        when = moment(report.digest.created)
        later = ""
        if not report.digest_shown:
            all_shown = report.turns_shown >= report.turns
            later = " It is used once not all turns have room." if all_shown else " There is no room for it now."
        return f"{plural(report.digest.turns, 'older turn')}, summed up{by}, {when}.{later}"
    if not report.summaries:
        return "Older turns are not summed up (context.summaries is off)."
    if report.why_none:
        return f"No summary yet: {report.why_none} It is tried again when the conversation goes on."
    if report.turns_lost:
        return "No summary yet: older turns are summed up while nobody writes."
    return "No summary yet: older turns are summed up before there is no room for them."


def _note(part: ContextPart) -> str:
    return f"{count(part.limit)} at most" if part.limit else ""
