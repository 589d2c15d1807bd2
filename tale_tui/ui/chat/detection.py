"""What the message in the prompt would become, judged when the typing rests, and what the user says that it is."""

from __future__ import annotations

from contextlib import suppress

from textual.timer import Timer

from tale_tui.domain.conversation import Author, MessageState
from tale_tui.domain.errors import TaleError
from tale_tui.domain.forecasts import ForecastSummary
from tale_tui.domain.models import ModelRef
from tale_tui.domain.tasks import Classification, DetectBand
from tale_tui.formatting.slash import MARK
from tale_tui.formatting.units import key_name
from tale_tui.ui import commands
from tale_tui.ui.base_screen import BaseScreen
from tale_tui.ui.chat.conversation import Conversation
from tale_tui.ui.chat.turns import TurnQueue
from tale_tui.ui.preferences import WindowPreferences
from tale_tui.ui.widgets.chip import ChipShown
from tale_tui.ui.widgets.composer import Composer

PAUSE_S = 0.15
"""The typing rests when no key came for so long."""

JUDGED_MAX = 20_000
"""Characters that are judged while they are typed: the two ends of a longer text say as much."""

RECLASSIFY = "chat.other_way"
"""The binding that makes a task of talk and talk of a task."""


def is_message(text: str) -> bool:
    """Whether what stands in the prompt would be sent as a message, and not done as a command."""
    stripped = text.strip()
    if stripped in ("", MARK):
        return False
    try:
        return commands.parse(text) is None
    except commands.UnknownCommand:
        return False


class DetectionPreview:
    """Keeps the chip true.

    Args:
        screen: has the timers and the keys.
        conversation: what is on the screen.
        composer: shows it.
    """

    def __init__(self, screen: BaseScreen, conversation: Conversation, composer: Composer) -> None:
        self._screen = screen
        self._conversation = conversation
        self._composer = composer
        self._timer: Timer | None = None
        self._text = ""
        self._judged: Classification | None = None
        self._forecast: ForecastSummary | None = None
        """Of the text as it was when it was looked at last."""
        self._enabled = True
        self._said: bool | None = None

    @property
    def other(self) -> str:
        """What the key would make of the message in the prompt, in words; empty where there is none."""
        if not self._text or (not self._enabled and self._said is None):
            return ""
        return "just talk" if self._is_task else "a task"

    @property
    def _is_task(self) -> bool:
        if self._said is not None:
            return self._said
        return self._judged is not None and self._judged.band is DetectBand.TASK

    def typed(self, text: str) -> None:
        """The prompt changed."""
        if not is_message(text):
            self._rest()
            self._text, self._judged, self._forecast = "", None, None
            if text:
                self._said = None
            self._composer.chip = None
            return
        if not self._text:
            # Another message begins; what was said of the one before was taken when that was sent.
            self._said = self._forecast = None
        if text != self._text:
            self._text = text
            self._rest()
            self._timer = self._screen.set_timer(PAUSE_S, self._look)

    def flip(self) -> bool:
        """Say that a task is talk, or talk a task; False where no message is being written."""
        if not is_message(self._text):
            return False
        said = not self._is_task
        self._said = None if self._judged is not None and said == self._judged_task and not self._insisted else said
        if self._insisted:
            self._forecast = None  # it is another model's
        self._show()
        if self._is_task and self._forecast is None and self._timer is None:
            self._look()
        return True

    def take(self) -> bool | None:
        """What the user said that the message is, which is being sent now; None where nothing was said."""
        said, self._said = self._said, None
        return said

    @property
    def _insisted(self) -> ModelRef | None:
        """The model that does it where the user says that it is a task, and else another one would."""
        return self._judged.insisted if self._judged is not None and self._judged_task else None

    @property
    def _judged_task(self) -> bool:
        return self._judged is not None and self._judged.band is DetectBand.TASK and self._judged.enabled

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None

    def _look(self) -> None:
        self._timer = None
        self._screen.spawn(self._judge, self._text, group="judge", exclusive=True)

    async def _judge(self, text: str) -> None:
        session_id = self._conversation.session.id if self._conversation.session is not None else ""
        half = JUDGED_MAX // 2
        asked = text if len(text) <= JUDGED_MAX else f"{text[:half]}\n{text[-half:]}"
        with suppress(TaleError):  # the message is judged again when it is sent; that says what is wrong
            judged = await self._conversation.engine.chat.classify(asked, session_id=session_id)
            self._enabled = judged.enabled
            if text == self._text:
                self._judged = judged
                self._show()
            if text == self._text and self._is_task and (judged.enabled or self._said):
                model = str(self._insisted or "") if self._said else ""
                found = await self._conversation.engine.learning.forecast(asked, model=model)
                if text == self._text and self._is_task:
                    self._forecast = found.summary
                    self._show()

    def _show(self) -> None:
        self._composer.chip = self._shown()
        self._conversation.changed()

    def _shown(self) -> ChipShown | None:
        judged, key = self._judged, key_name(self._screen.key_of(RECLASSIFY))
        model = judged.ref.model if judged is not None and judged.ref is not None else ""
        expected = judged.expected_s if judged is not None else None
        if self._said is not None:
            model = self._insisted.model if self._said and self._insisted else model
            return ChipShown("task" if self._said else "chat", 1.0, True, model, expected, key, self._forecast)
        if judged is None or not judged.enabled:
            return None
        match judged.band:
            case DetectBand.TASK:
                return ChipShown("task", judged.p, False, model, expected, key, self._forecast)
            case DetectBand.UNSURE:
                return ChipShown("ask", judged.p, key=key)
        return ChipShown("chat", 1 - judged.p, key=key)


def reclassify_turn(conversation: Conversation, turns: TurnQueue, message_id: str = "") -> bool:
    """Make a turn the other thing; a reply that streams is stopped.

    Args:
        conversation: what is on the screen.
        turns: its turns.
        message_id: of its reply; empty for the last one.
    Returns:
        False where there is no such turn.
    """
    branch = conversation.branch
    reply = branch.get(message_id) if message_id else branch.tip
    if reply is None:
        return False
    unanswered = reply.author is Author.USER and not message_id
    asked = reply if unanswered else branch.get(reply.parent_id)
    if asked is None or asked.author is not Author.USER:
        return False
    if turns.writing:
        turns.stop()
    turns.reclassify(asked.id, as_task=reply.task_id is None)
    return True


def task_offer(conversation: Conversation, preferences: WindowPreferences) -> str | None:
    """The id of the reply below which a task is offered: nobody was sure, and the user has not said."""
    tip = conversation.branch.tip
    if tip is None or tip.author is Author.USER or tip.task_id is not None or tip.ref is None or tip.siblings > 1:
        return None
    asked = conversation.branch.get(tip.parent_id)
    if tip.state is MessageState.STREAMING or asked is None or asked.p is None or asked.id in conversation.said:
        return None
    return tip.id if preferences.chat_to < asked.p < preferences.task_from else None
