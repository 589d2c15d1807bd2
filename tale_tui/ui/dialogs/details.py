"""Everything that is known of a message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.types import CSSPathType
from textual.widget import Widget

from tale_tui.domain.conversation import Author, MessageState
from tale_tui.domain.models import Usage
from tale_tui.domain.tasks import DetectLabel, likelier
from tale_tui.formatting.forecasts import past_words, summary_words
from tale_tui.formatting.recall import source_words
from tale_tui.formatting.symbols import signs
from tale_tui.formatting.units import duration, format_probability, moment, plural, rate
from tale_tui.ui.dialogs.calls import CallTable
from tale_tui.ui.dialogs.dialog import Dialog, Reader
from tale_tui.ui.dialogs.models import BACKEND_WORDS
from tale_tui.ui.text import NoMarkup, plain
from tale_tui.ui.transcript.parts import OURS, is_ours

if TYPE_CHECKING:
    from tale_tui.domain.conversation import Message
    from tale_tui.domain.metrics import CallRecord
    from tale_tui.domain.recall import RecallItem
    from tale_tui.domain.tasks import Task

_STATES = {
    MessageState.COMPLETE: "complete",
    MessageState.STREAMING: "being written",
    MessageState.STOPPED: "stopped by you",
    MessageState.INTERRUPTED: "interrupted",
    MessageState.FAILED: "failed",
}


def message_facts(message: Message, task: Task | None = None) -> tuple[tuple[str, str], ...]:
    """What there is to say of a message: labels and values, in the order of interest. Unknown values are left out.

    Args:
        message: of whom.
        task: the one that the message is the card of.
    """
    ours = is_ours(message)
    by = "you" if message.author is Author.USER else OURS if ours else "the model"
    facts = [("written by", by)]
    if message.ref is not None:
        facts += [("model", message.ref.model), ("runs in", BACKEND_WORDS[message.ref.backend])]
    if why := message.why or (task.why if task is not None else ""):
        facts.append(("why no model" if ours else "why this model", why))
    if message.p is not None:
        facts.append(("taken for", _judged(message.p)))
    facts += [("written", moment(message.created)), ("state", _STATES[message.state])]
    if message.error:
        facts.append(("error", message.error))
    if message.finish is not None:
        facts.append(("ended by", "its end" if message.finish.value == "stop" else "the limit of tokens"))
    usage = message.usage
    if usage is None and task is not None:
        usage = Usage(prompt_tokens=task.prompt_tokens, completion_tokens=task.completion_tokens)
    if usage is not None:
        facts += _usage_facts(usage)
    if task is not None:
        facts += _task_facts(task)
    facts.append(("length", plural(len(message.text), "character")))
    if message.thinking:
        facts.append(("thinking", plural(len(message.thinking), "character")))
    if message.siblings > 1:
        facts.append(("version", f"{message.sibling} of {message.siblings}"))
    return (*facts, ("message id", message.id), ("session id", message.session_id))


def remembered_facts(message: Message, remembered: Sequence[RecallItem]) -> tuple[tuple[str, str], ...]:
    """What a reply was offered of what is remembered."""
    facts = [("remembered", f"{item.text} ({item.kind}, {source_words(item)})") for item in remembered]
    if gone := message.remembered - len(remembered):
        facts.append(("remembered", f"{plural(gone, 'item')} more, forgotten since"))
    return tuple(facts)


def _judged(p: float) -> str:
    """The likelier of the two with its probability."""
    if likelier(p) is DetectLabel.TASK:
        return f"a task, {format_probability(p)}"
    return f"chat, {format_probability(1 - p)}"


def _task_facts(task: Task) -> list[tuple[str, str]]:
    facts = [("task", f"{task.shown}, {task.state.value}")]
    if task.steps_total > 1:
        facts.append(("steps", f"{task.steps_done} of {task.steps_total} done"))
    if task.worked_s:
        facts.append(("worked for", duration(task.worked_s)))
    if task.forecast is not None:
        facts.append(("forecast", summary_words(task.forecast)))
        if past := past_words(task.forecast.past):
            facts.append(("earlier ones", past))
    elif task.expected_s is not None:
        facts.append(("usually takes", duration(task.expected_s)))
    return [*facts, ("task id", task.id)]


def _usage_facts(usage: Usage) -> list[tuple[str, str]]:
    times = (("first token", usage.ttft_ms), ("loading", usage.load_ms), ("in all", usage.total_ms))
    facts = [(label, duration(ms / 1000)) for label, ms in times if ms is not None]
    if usage.tokens_per_second is not None:
        facts.append(("speed", rate(usage.tokens_per_second)))
    tokens = (
        ("prompt", usage.prompt_tokens),
        ("of it cached", usage.cached_tokens),
        ("answer", usage.completion_tokens),
    )
    return facts + [(label, f"{number:,} tokens") for label, number in tokens if number is not None]


class DetailsDialog(Dialog[None]):
    """Shows what is known of a message; `c` copies it."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["dialog.tcss", "details.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy", "copy", id="details.copy", tooltip="Copy what is shown"),
    ]

    def __init__(
        self,
        message: Message,
        task: Task | None = None,
        calls: Sequence[CallRecord] = (),
        now: float = 0.0,
        remembered: Sequence[RecallItem] = (),
        files: str = "",
    ) -> None:
        """Take the message.

        Args:
            message: of whom.
            task: the one that it is the card of.
            calls: of models for it.
            now: the present, in seconds since the epoch.
            remembered: what it was offered and is not forgotten.
            files: the folder of the task as a tree, with what changed.
        """
        super().__init__("This message" if message.author is Author.USER else "This reply")
        self._facts = message_facts(message, task) + remembered_facts(message, remembered)
        self._facts += (("files", files),) * bool(files)
        self._calls = calls
        self._now = now

    def body(self) -> Iterable[Widget]:
        """Labels and values in two columns."""
        facts = [
            (NoMarkup(label, classes="label"), NoMarkup(value or signs().dash, classes="value"))
            for label, value in self._facts
        ]
        calls = [NoMarkup(plural(len(self._calls), "call"), classes="calls label"), CallTable(self._calls, self._now)]
        rows = (Horizontal(*fact, classes="fact") for fact in facts)
        yield Reader(*rows, *(calls if self._calls else ()), id="focus-first")

    def action_copy(self) -> None:
        """Copy labels and values as text."""
        self.app.copy_to_clipboard("\n".join(f"{label}: {plain(value).plain}" for label, value in self._facts))
        self.set_note("copied")
