"""What becomes of a message: work, talk, or a question about tasks that needs no model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tale_tui.config.load_thread import in_load_thread
from tale_tui.config.settings import DetectSettings
from tale_tui.domain.models import ModelRef, Role
from tale_tui.domain.tasks import Classification, DetectBand, TaskState
from tale_tui.domain.text import clean
from tale_tui.engine.chat.task_questions import (
    KnownTasks,
    TaskQuestion,
    asks_decision,
    last_request,
    prepare,
    task_question,
)
from tale_tui.engine.detect.detector import Detection, DetectState
from tale_tui.engine.learning.wiring import LearnedModels
from tale_tui.engine.store.conversations.turns import TurnContext
from tale_tui.engine.store.store import Store

NOT_CLASSIFIED = Classification(0.0, DetectBand.CHAT, enabled=False)
"""Where detection is turned off."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is done with a message."""

    p: float | None
    """As it was detected; None where it was not looked at."""
    is_task: bool
    asked: TaskQuestion | None = None
    """The question that it is answered as."""
    rows: KnownTasks = field(default_factory=KnownTasks)
    overruled: bool = False
    """Whether the user said something else than what was detected."""
    asks_decision: bool = False
    """Whether it asks what was decided, which may be remembered."""


class MessageClassifier:
    """Says what messages are.

    Args:
        store: holds the tasks, which are evidence.
        learned: hand out the detector, and say how simple a task is.
        settings: the bands.
        model_of: the model that would be asked for a role now, for work by the probability that it is simple.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        store: Store,
        learned: LearnedModels,
        settings: DetectSettings,
        model_of: Callable[[Role, float | None], ModelRef | None],
        now: Callable[[], float],
    ) -> None:
        self._store = store
        self._learned = learned
        self._settings = settings
        self._model_of = model_of
        self._now = now
        self._prepared = False

    async def classify(self, text: str, session_id: str) -> Classification:
        """See `ChatApi.classify`."""
        if not self._settings.enabled:
            return NOT_CLASSIFIED
        context, text = await self._store.turn_context(session_id) if session_id else TurnContext(), clean(text)
        found, band = await self._detect(text, context)
        if task_question(text, known_tasks(context, self._now())) is not None:
            return Classification(
                min(found.p, self._settings.chat_to), DetectBand.CHAT, ("chat: a question about tasks",)
            )
        role = Role.UX if band is DetectBand.CHAT else Role.TASK
        if role is Role.UX:
            return Classification(found.p, band, found.evidence, ref=self._model_of(role, None))
        ref, usual = self._model_of(role, await self._learned.complexities.simple(text)), self._model_of(role, None)
        expected_s = None if ref is None else await self._store.expected_s(ref)
        insisted = None if usual == ref else usual
        return Classification(found.p, band, found.evidence, ref=ref, insisted=insisted, expected_s=expected_s)

    async def decide(self, context: TurnContext, text: str, ref: ModelRef | None, as_task: bool | None) -> Decision:
        """What is done with a message that is sent.

        Args:
            context: where it is sent.
            text: the message.
            ref: the model that the user chose for it, which makes it chat.
            as_task: what the user said that it is.
        """
        if not self._settings.enabled:
            return Decision(None, bool(as_task))
        text = clean(text)
        found, band = await self._detect(text, context)
        if as_task is not None:
            said = DetectBand.TASK if as_task else DetectBand.CHAT
            return Decision(found.p, as_task, overruled=said is not band)
        if ref is not None:
            return Decision(found.p, False)
        known = known_tasks(context, self._now())
        question = task_question(text, known)
        if question is not None:
            return Decision(found.p, False, question, known)
        return Decision(found.p, band is DetectBand.TASK, asks_decision=asks_decision(text))

    async def _detect(self, text: str, context: TurnContext) -> tuple[Detection, DetectBand]:
        detector = await self._learned.detectors.get()
        if not self._prepared:
            await in_load_thread(prepare)
            self._prepared = True
        last_task_id = context.last.task_id if context.last else None
        done = any(task.id == last_task_id and task.state is TaskState.DONE for task in context.tasks)
        running = any(task.state in (TaskState.RUNNING, TaskState.QUEUED) for task in context.tasks)
        found = detector.detect(text, DetectState(task_running=running, last_turn_was_task=done))
        return found, found.band(task_from=self._settings.task_from, chat_to=self._settings.chat_to)


def known_tasks(context: TurnContext, now: float) -> KnownTasks:
    """What a question about tasks is answered from; `now` in seconds since the epoch."""
    branch = context.above if context.last is None else (*context.above, context.last)
    last, last_task_id = last_request(branch)
    if last is None:
        last, last_task_id = last_request(context.elsewhere)
    return KnownTasks(context.tasks, context.others, last, last_task_id, now)
