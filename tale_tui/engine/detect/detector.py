"""What the application is doing, as evidence: a few reasoned shifts of the log-odds, none by default.

They are small on purpose. A clear message stays what it is; a short one that could be either goes with the situation.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp, log
from pathlib import Path

from tale_tui.domain.tasks import DetectBand, DetectLabel, likelier
from tale_tui.engine.detect.features import Features, extract
from tale_tui.engine.detect.lexicon import lexicon
from tale_tui.engine.detect.model import BadWeights, DetectorModel, DetectorWeights, packaged_weights, read_weights
from tale_tui.engine.fitting.loaded import LearnedModel

SHORT_TOKENS = 4
"""Bucket of up to 16 tokens: longer messages say themselves what they want."""

STATUS_SHIFT = -1.5
"""While a task runs, a short question with words like `done`, `status`, `how long` asks about it."""

FOLLOW_UP_SHIFT = 1.0
"""After the result of a task, a short message like `shorter`, `now in Rust`, `again` asks for a change to it."""

_STATUS = frozenset({"APPW", "DID", "DECIDED", "MANY", "BACK"})

_CHANGE = frozenset({"CHANGE", "MORE", "NOW", "BACK", "WITH", "TECH", "MAKE"})

_TALK = frozenset(
    {"THANKS", "BYE", "GREET", "FEEL", "THINK", "WHO", "WHEN", "WHERE", "WHY", "DID", "DECIDED", "BE", "?"}
)


@dataclass(frozen=True, slots=True)
class DetectState:
    """The situation in which a message is written; the default is one of which nothing is known.

    Attributes:
        task_running: a task of this user is queued or runs.
        last_turn_was_task: the last thing in the conversation is the result of a task.
    """

    task_running: bool = False
    last_turn_was_task: bool = False


def shift(features: Features, state: DetectState) -> tuple[float, tuple[str, ...]]:
    """What the situation adds to the log-odds of work, and why."""
    if not (state.task_running or state.last_turn_was_task) or not _is_short(features):
        return 0.0, ()
    kinds = {name.split()[1] for name in features.shape if name.startswith("has ")}
    asks = "?" in kinds or bool({"WHAT", "HOW", "WHEN", "WHY", "BE"} & kinds)
    if state.task_running and asks and kinds & _STATUS:
        return STATUS_SHIFT, ("chat: a task is running, and this asks about it",)
    if state.last_turn_was_task and kinds & _CHANGE and not kinds & _TALK:
        return FOLLOW_UP_SHIFT, ("task: changes the result before it",)
    return 0.0, ()


def _is_short(features: Features) -> bool:
    return any(name in features.shape for name in _SHORT)


_SHORT = frozenset(f"tokens {step}" for step in range(SHORT_TOKENS + 1))

MOST = 4

LEAST = 0.02
"""What adds less to the log-odds is no reason."""

KNOWN_FEATURES = 5000
"""Names of shapes whose phrase is remembered; there are about a thousand."""

_PHRASES = (
    (re.compile(r"fence"), "a code block"),
    (re.compile(r"code|inline code"), "code in the text"),
    (re.compile(r"sql"), "a database query in the text"),
    (re.compile(r"trace|log"), "pasted error output"),
    (re.compile(r"given after .*|quote"), "text given to work on"),
    (re.compile(r"bullets|paragraphs"), "several parts"),
    (re.compile(r"formula|digits [3-6]"), "figures to work with"),
    (re.compile(r"orders.*"), "asks for something to be made"),
    (re.compile(r"(?:work and|needs a) result.*"), "names what is wanted"),
    (
        re.compile(r"opens (?:WHAT|WHO|WHEN|WHERE|MANY).*|asks (?:WHAT|WHO|WHEN|WHERE).*"),
        "begins like a quick question",
    ),
    (re.compile(r"opens (?:WHY|HOW).*|asks (?:WHY|HOW).*"), "asks how or why"),
    (re.compile(r"opens (?:BE|DO|CAN|SHOULD).*|asks (?:BE|DO).*"), "begins like a question to you or about a fact"),
    (re.compile(r"opens DEVICE.*"), "a command to a device or an app"),
    (re.compile(r"opens (?:ACK|none).*|has (?:ACK|THANKS|GREET|BYE|FEEL) .*"), "small talk"),
    (re.compile(r"has APPW .*"), "words about the app, its models or its tasks"),
    (re.compile(r"has DID .*"), "about what was done already"),
    (re.compile(r"has DECIDED .*"), "about what was decided"),
    (re.compile(r"has (?:MAKE|CHANGE|EXPLAIN|SOLVE) .*"), "a verb of work"),
    (re.compile(r"has ART .*"), "names a kind of result"),
    (re.compile(r"question marks [1-3].*|ends \?.*|has \? .*"), "a question mark"),
    (re.compile(r"(?:chars|tokens|sentences|lines) .*"), "its length"),
    (re.compile(r"smile"), "a smile"),
)


def phrases(reasons: Iterable[tuple[str, str, float]]) -> tuple[str, ...]:
    """The strongest reasons.

    Args:
        reasons: block, feature, and what it adds to the log-odds of work; negative speaks for talk.
    Returns:
        At most `MOST`, the strongest first, each beginning with `task:` or `chat:`. Of what says the same in other
        words the sum counts.
    """
    sums: dict[str, float] = {}
    for block, feature, odds in reasons:
        phrase = _words(feature) if block == "words" else _shape(feature) if block == "shape" else ""
        if phrase:
            sums[phrase] = sums.get(phrase, 0.0) + odds
    strongest = sorted(sums.items(), key=lambda item: (-abs(item[1]), item[0]))[:MOST]
    return tuple(f"{'task' if odds > 0 else 'chat'}: {phrase}" for phrase, odds in strongest if abs(odds) >= LEAST)


def _words(feature: str) -> str:
    """A word or two as the message has them; marks of place and single signs are no reason for people."""
    words = feature.strip("^|$ ")
    if feature[:1] in "^|" or feature.endswith("$") or not words.replace(" ", "").isalpha():
        return ""
    return f"“{words}”"


@lru_cache(KNOWN_FEATURES)
def _shape(feature: str) -> str:
    return next((phrase for pattern, phrase in _PHRASES if pattern.fullmatch(feature)), "")


SIGNS = {
    "orders": 2.2,
    "orders ART": 0.8,
    "code": 1.0,
    "fence": 1.5,
    "trace": 1.5,
    "sql": 0.8,
    "given after colon": 0.9,
    "quote": 0.8,
    "paragraphs": 0.8,
    "work and result .": 1.0,
    "needs a result .": 1.5,
}
"""Feature of the shape -> what it adds to the log-odds of work."""

START = -1.6

LONG_CHARS_STEP = 13
"""From about 100 characters on a message is more often work."""

LONG = 0.9


def rule_probability(features: Features) -> float:
    """How likely a message is work, by rule of thumb."""
    odds = START + sum(SIGNS.get(name, 0.0) for name in features.shape)
    size = next((int(name.split()[1]) for name in features.shape if name.startswith("chars ")), 0)
    if size > LONG_CHARS_STEP:
        odds += LONG
    return 1 / (1 + exp(-odds))


TASK_FROM = 0.7
"""From this probability on a message becomes a task."""

CHAT_TO = 0.3
"""Up to this probability a message is conversation; between the two the user is asked."""

SUREST = 0.999
"""Nothing is more certain than this: one example in a hundred is labelled wrongly, and people change their minds."""

LEARNED_FILE = "detector.json"
"""Weights refitted over the user's corrections, in the data folder."""

BY_RULE: tuple[str, ...] = ("judged by keywords: the weights could not be loaded",)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found about a message.

    Attributes:
        p: probability that it is a task, 0 to 1, calibrated.
        label: the likelier one.
        why: puts the evidence together; that takes a third of the time of a detection, and is done when it is asked.
    """

    p: float
    label: DetectLabel
    why: Callable[[], tuple[str, ...]] = field(default=tuple, repr=False, compare=False)

    @property
    def evidence(self) -> tuple[str, ...]:
        """The strongest reasons, each as `task: ...` or `chat: ...`."""
        return self.why()

    @property
    def confidence(self) -> float:
        """Probability of the label, 0.5 to 1."""
        return max(self.p, 1 - self.p)

    def band(self, *, task_from: float = TASK_FROM, chat_to: float = CHAT_TO) -> DetectBand:
        """What is done with the message, by the bounds of the settings."""
        if self.p >= task_from:
            return DetectBand.TASK
        return DetectBand.CHAT if self.p <= chat_to else DetectBand.UNSURE


NOTHING = Detection(1 - SUREST, DetectLabel.CHAT)
"""Of an empty message."""


class Detector:
    """Classifies messages; holds the weights.

    Args:
        weights: what was learned; None takes the keyword rule.
    """

    def __init__(self, weights: DetectorWeights | None) -> None:
        self._model = DetectorModel(weights) if weights is not None else None
        self._last_found = lru_cache(1)(self._find)
        """A message is looked at while it is typed, and once more as it is sent."""

    @classmethod
    def load(cls, learned: Path | None = None) -> Detector:
        """A detector with the best weights that can be read.

        Args:
            learned: weights refitted on this machine; where there are none, those of the program are taken.
        """
        if learned is not None and learned.exists():
            try:
                return cls(read_weights(learned))
            except (BadWeights, OSError) as error:
                _log.warning("the learned weights of the detector cannot be used: %s", error)
        try:
            return cls(packaged_weights())
        except (BadWeights, OSError) as error:
            _log.warning("the weights of the detector cannot be used, the keyword rule serves: %s", error)
        return cls(None)

    def detect(self, text: str, state: DetectState = DetectState()) -> Detection:  # noqa: B008  # frozen
        """Classify a message.

        Args:
            text: of any length and content; its ends are read, and the shape of its first part.
            state: what the application is doing.
        """
        features, p = self._last_found(text)
        if not features.words:
            return NOTHING
        odds, situation = shift(features, state)
        if odds:
            p = _moved(p, odds)
        p = min(max(p, 1 - SUREST), SUREST)
        return Detection(p, likelier(p), lambda: (*situation, *self._reasons(features)))

    def forget_words(self) -> None:
        """Forget the words of earlier messages, as after the start: for measurements."""
        self._last_found.cache_clear()
        lexicon().class_of.cache_clear()
        if self._model is not None:
            self._model.forget_words()

    def _find(self, text: str) -> tuple[Features, float]:
        """What a message has, and its probability, whatever the application is doing."""
        features = extract(text)
        return features, rule_probability(features) if self._model is None else self._model.probability(features)

    def _reasons(self, features: Features) -> tuple[str, ...]:
        return BY_RULE if self._model is None else phrases(self._model.reasons(features))


def _moved(p: float, odds: float) -> float:
    p = min(max(p, 1 - SUREST), SUREST)
    return 1 / (1 + exp(-(log(p / (1 - p)) + odds)))


@lru_cache(1)
def shared() -> Detector:
    """The detector with the weights of the program, loaded when it is first wanted."""
    return Detector.load()


def detect(text: str, state: DetectState = DetectState()) -> Detection:  # noqa: B008  # frozen
    """Classify a message with the weights of the program: see `Detector.detect`."""
    return shared().detect(text, state)


class Detectors(LearnedModel[Detector]):
    """Hands out the detector.

    Args:
        learned: where weights that were refitted on this machine are.
    """

    def __init__(self, learned: Path) -> None:
        super().__init__(learned, Detector.load)
