"""Whether a message is work for the big model or conversation, and how sure that is. Under a millisecond, in memory."""

from tale_tui.engine.detect.detector import (
    CHAT_TO,
    LEARNED_FILE,
    TASK_FROM,
    Detector,
    Judgement,
    judge,
)
from tale_tui.engine.detect.learning import Learner
from tale_tui.engine.detect.lexicon import fold
from tale_tui.engine.detect.loading import Detectors
from tale_tui.engine.detect.state import DetectState

__all__ = [
    "CHAT_TO",
    "LEARNED_FILE",
    "TASK_FROM",
    "DetectState",
    "Detector",
    "Detectors",
    "Judgement",
    "Learner",
    "fold",
    "judge",
]
