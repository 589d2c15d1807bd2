"""The tasks of the conversation on the screen: their cards, kept in step with what becomes of them."""

from __future__ import annotations

from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import assert_never

from tale_tui.domain.errors import NoSuchTask
from tale_tui.domain.events import StepDelta, StepReading, TaskEvent, TaskSeen
from tale_tui.domain.models import Role, RoleStatus, Usage
from tale_tui.domain.tasks import ENDED, StepState, Task, TaskDetail, TaskState
from tale_tui.formatting.plans import being_planned, drafted_list, numbered
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.conversation import Conversation
from tale_tui.ui.chat.turn_presenter import StreamMeter
from tale_tui.ui.transcript.view import TranscriptView

_AT_WORK = frozenset({TaskState.QUEUED, TaskState.RUNNING})


class TaskCards:
    """Shows what a task writes while its card is open, and what came of it when it has ended.

    Args:
        screen: runs what waits for a task.
        conversation: what is on the screen.
        view: the transcript.
    """

    def __init__(self, screen: BaseScreen, conversation: Conversation, view: TranscriptView) -> None:
        self._screen = screen
        self._conversation = conversation
        self._view = view
        self._engine = conversation.engine
        self._followed: set[str] = set()
        self._steps: dict[str, ShownStep] = {}
        """The step whose text a card has, by the id of its task."""
        self._drafts: dict[str, _PlanDraft] = {}
        """The plan that is being made, by the id of its task."""
        self._titles: dict[str, dict[str, str]] = {}
        """What the steps of a task are called, by their keys, by its id."""
        self._models: dict[Role, RoleStatus] = {}

    def watched(self, task_id: str) -> bool:
        """Whether what the task writes stands on the screen."""
        return task_id in self._followed

    def started(self, task: Task) -> None:
        """A message of this window became a task: its text comes under its card, like a reply."""
        if task.id not in self._conversation.tasks:  # else more may be known of it than when its turn began
            self._conversation.put_task(task)
            self._conversation.changed()
        self.follow(task.id)

    def fold(self) -> None:
        """Another turn begins: cards that opened by themselves fold, and nobody reads what they write."""
        for task_id in tuple(self._followed):
            if not self._kept_open(task_id):
                self.leave(task_id)

    def _kept_open(self, task_id: str) -> bool:
        card = self._view.card(task_id)
        return card is not None and card.held and card.opened

    def show(self, task_id: str) -> None:
        """Show all of a card's text, as it comes where it still comes."""
        self._view.open_card(task_id, True)
        self.follow(task_id)

    def follow(self, task_id: str) -> None:
        """Bring what a task writes to its card from now on."""
        task = self._conversation.tasks.get(task_id)
        if task is not None and task.state not in ENDED and task_id not in self._followed:
            self._followed.add(task_id)
            self._screen.spawn(self._follow, task_id, group=_group(task_id), exclusive=True)

    def follow_last(self) -> None:
        """Bring what the task of the last turn writes and wrote, unless it has ended or the user folded its card."""
        tip = self._conversation.branch.tip
        task = self._conversation.tasks.get(tip.task_id or "") if tip is not None else None
        card = self._view.card(task.id) if task is not None else None
        if task is None or card is None or (card.held and not card.opened):
            return
        if task.state in _AT_WORK:
            self.follow(task.id)
        elif task.state not in ENDED:
            self._screen.spawn(self._show_written, task.id, group=_group(task.id), exclusive=True)

    def leave(self, task_id: str) -> None:
        """Let a task write without being read."""
        self._followed.discard(task_id)
        self._screen.workers.cancel_group(self._screen, _group(task_id))
        self._view.set_task_live(task_id, None)

    def leave_all(self) -> None:
        """Another conversation is shown."""
        for task_id in tuple(self._followed):
            self.leave(task_id)

    def on_task(self, task: Task) -> None:
        """A task changed; one with a card here is shown as it is now."""
        conversation = self._conversation
        before = conversation.tasks.get(task.id)
        if not conversation.put_task(task):
            return
        conversation.changed()
        was_over = before is not None and before.state in ENDED
        if task.state in ENDED and (before is None or not was_over or before.finished != task.finished):
            self._screen.spawn(self._ended, task, group=f"end of {task.id}", exclusive=True)
        elif was_over and task.state not in ENDED:
            self._put_text(task, "")
            self.follow(task.id)
        elif before is not None and before.state not in _AT_WORK:
            self.follow_last()

    def on_model(self, status: RoleStatus) -> None:
        """Where one model does both, nobody has to be told who works."""
        self._models[status.role] = status
        refs = {one.ref for one in self._models.values()}
        self._view.same_model = len(self._models) == len(Role) and len(refs) == 1 and None not in refs

    async def refresh(self) -> None:
        """Read again how the tasks with cards are."""
        conversation = self._conversation
        if conversation.tasks and conversation.session is not None:
            for task in await conversation.read_tasks(conversation.session.id):
                self.on_task(task)

    async def _follow(self, task_id: str) -> None:
        paces: dict[str, StreamMeter] = {}
        try:
            async with aclosing(self._engine.tasks.follow(task_id)) as events:
                async for event in events:
                    self._show_event(task_id, event, paces)
        finally:
            self._followed.discard(task_id)
            self._steps.pop(task_id, None)
            self._drafts.pop(task_id, None)
            self._titles.pop(task_id, None)
            self._view.set_task_live(task_id, None)

    def _show_event(self, task_id: str, event: TaskEvent, paces: dict[str, StreamMeter]) -> None:
        view = self._view
        match event:
            case TaskSeen(detail) if (maker := being_planned(detail)) is not None:
                self._drafts[task_id] = _PlanDraft(maker.spec.key, maker.text)
                self._name_step(task_id, "")
                self._bring(task_id, drafted_list(maker.text), maker.thinking)
            case TaskSeen(detail):
                self._drafts.pop(task_id, None)
                shown = self._steps[task_id] = shown_step(detail, self._steps.get(task_id))
                self._titles[task_id] = step_titles(detail)
                self._name_step(task_id, shown.key)
                self._bring(task_id, *written(detail, shown.key))
            case StepDelta(key, text, thinking, tokens):
                pace = paces.setdefault(key, StreamMeter(self._conversation.clock.monotonic))
                if not thinking and (draft := self._drafts.get(task_id)) is not None and draft.key == key:
                    self._stream_plan(task_id, draft, text)
                    view.set_task_live(task_id, pace.writing("writing", tokens))
                    return
                shown = self._steps.setdefault(task_id, ShownStep(key, runs=True))
                if shown.key != key:
                    if shown.runs:  # several write at once: the card has the text of one, and the other ones go on
                        return
                    self._steps[task_id] = ShownStep(key, runs=True)
                    view.set_task_text(task_id, "", "")
                    self._name_step(task_id, key)
                view.stream_step(task_id, text, thinking)
                view.set_task_live(task_id, pace.writing("thinking" if thinking else "writing", tokens))
            case StepReading(key, done, total):
                pace = paces.setdefault(key, StreamMeter(self._conversation.clock.monotonic))
                view.set_task_live(task_id, pace.reading(done, total) if total else pace.loading())
            case _ as never:
                assert_never(never)

    def _stream_plan(self, task_id: str, draft: _PlanDraft, text: str) -> None:
        """More of a plan came: the card has the steps that are in it so far."""
        before = drafted_list(draft.text)
        draft.text += text
        now = drafted_list(draft.text)
        if not now.startswith(before):  # what was a plan so far was only thought
            self._view.set_task_text(task_id, now)
        elif now != before:
            self._view.stream_step(task_id, now[len(before) :])

    async def _show_written(self, task_id: str) -> None:
        """Show what a task wrote that does not go on by itself."""
        detail = await self._engine.tasks.get(task_id)
        if detail.task.state not in ENDED:
            self._view.set_task_step(task_id, step_titles(detail).get(shown_step(detail).key, ""))
            self._bring(task_id, *written(detail))

    def _name_step(self, task_id: str, key: str) -> None:
        """Say on a card which step its text is of."""
        self._view.set_task_step(task_id, self._titles.get(task_id, {}).get(key, ""))

    def _bring(self, task_id: str, text: str, thinking: str) -> None:
        """Give a card all that was written; the first text comes like any other, so that the card opens for it."""
        card = self._view.card(task_id)
        first = card is not None and not card.content.text
        self._view.set_task_text(task_id, "" if first else text, thinking)
        if first:
            self._view.stream_step(task_id, text)

    async def _ended(self, task: Task) -> None:
        """The result is the text of the card from now on."""
        with suppress(NoSuchTask):  # deleted right after it had ended
            detail = await self._engine.tasks.get(task.id)
            if detail.task.state in ENDED:
                self._put_text(detail.task, detail.result or written(detail)[0])

    def _put_text(self, task: Task, text: str) -> None:
        branch = self._conversation.branch
        if (card := branch.get(task.message_id)) is not None:
            error = task.error if task.state is TaskState.FAILED else ""
            usage = Usage(prompt_tokens=task.prompt_tokens, completion_tokens=task.completion_tokens)
            branch.put(replace(card, text=text, ref=task.ref, why=task.why, error=error, usage=usage))
            self._conversation.changed()


@dataclass(slots=True)
class _PlanDraft:
    """A plan that is being made."""

    key: str
    """Of the step that makes it."""
    text: str
    """The answer as far as it came."""


@dataclass(frozen=True, slots=True)
class ShownStep:
    """The step whose text a card has."""

    key: str
    """Empty for none."""
    runs: bool
    """Whether more of it may come."""


def shown_step(detail: TaskDetail, before: ShownStep | None = None) -> ShownStep:
    """The step whose text a card has: the one before as long as that runs, else one that is at work, else the last.

    Args:
        detail: the task.
        before: the one that it had; None for none.
    """
    begun = [step for step in numbered(detail) if step.text or step.thinking]  # a plan as JSON is nothing to read
    running = [step for step in begun if step.state is not StepState.DONE]
    step = next((one for one in running if before is not None and one.spec.key == before.key), None)
    step = step or next(reversed(running or begun), None)
    return ShownStep(step.spec.key, step.state is StepState.RUNNING) if step is not None else ShownStep("", runs=False)


def written(detail: TaskDetail, key: str = "") -> tuple[str, str]:
    """What a task wrote and thought so far, in one step.

    Args:
        detail: the task.
        key: of the step; empty for the one that is at work or was last.
    """
    wanted = key or shown_step(detail).key
    return next(((step.text, step.thinking) for step in detail.steps if step.spec.key == wanted), ("", ""))


def step_titles(detail: TaskDetail) -> dict[str, str]:
    """What the steps of a task are called, by their keys: `2. Database schema`; of a single one nothing."""
    steps = numbered(detail)
    if len(steps) == 1:
        return {}
    return {step.spec.key: f"{number}. {step.spec.title or step.spec.key}" for number, step in enumerate(steps, 1)}


def _group(task_id: str) -> str:
    return f"follow {task_id}"
