"""What a month has taught: states of everything that learns, and a window that shows the learning view alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import tale_tui.ui
from support import tasks as fake_tasks
from support.screen_app import NOW, ScreenApp
from support.scripted_engine import ScriptedEngine
from tale_tui.domain.constants import DAY_S
from tale_tui.domain.errors import TaleError
from tale_tui.domain.forecasts import ForecastAccuracy, ForecastHistory
from tale_tui.domain.learning import (
    WEEK_S,
    LearnedPart,
    LearnedState,
    LearningEvent,
    LearningOutcome,
    LearningPoint,
    LearningReport,
    week_of,
)
from tale_tui.ui.learning.screen import LearningScreen

DETECTION, COMPLEXITY, FORECAST = LearnedPart
TEXTS = ("“tests for the parser” is a task now", "“how long is a fortnight” is no task now")


class LearningApp(ScreenApp):
    """A window that shows the learning view and nothing else; what it switched is kept."""

    CSS_PATH: ClassVar = [str(Path(tale_tui.ui.__file__).parent / "learning/learning.tcss")]

    def __init__(self, engine: ScriptedEngine, theme: str = "tale-dark", broken: TaleError | None = None) -> None:
        super().__init__(engine, lambda bridge, clock: LearningScreen(bridge, None, clock), theme, broken)
        self.switched: list[tuple[str, bool]] = []
        self.left_to: list[str] = []

    @property
    def learning(self) -> LearningScreen:
        """The screen."""
        assert isinstance(self.shown, LearningScreen)
        return self.shown

    def on_learning_screen_switched(self, event: LearningScreen.Switched) -> None:
        self.switched.append((event.setting, event.on))

    def on_base_screen_left(self, event: LearningScreen.Left) -> None:  # type: ignore[override]
        self.left_to.append(event.to)


def fit(
    part: LearnedPart,
    number: int,
    before: float,
    after: float,
    *,
    days_ago: float,
    outcome: LearningOutcome = LearningOutcome.LEARNED,
    changes: Sequence[str] = (),
) -> LearningEvent:
    """A fit that was so good on 188 kept apart."""
    report = LearningReport(
        kept=outcome is LearningOutcome.LEARNED,
        before=before,
        after=after,
        examples=1200 + number,
        kept_apart=188,
        changed=len(changes),
        changes=tuple(changes),
    )
    at = NOW - days_ago * DAY_S
    return LearningEvent(f"{part}-{number}", part, outcome, at, at - WEEK_S, report, first=number == 1)


def points_of(*errors: float, plain: Sequence[float] = ()) -> tuple[LearningPoint, ...]:
    """One week after the other, the last one now."""
    first = week_of(NOW) - (len(errors) - 1) * WEEK_S
    return tuple(
        LearningPoint(first + place * WEEK_S, 20, 1 - error, 1 - plain[place] if plain else None)
        for place, error in enumerate(errors)
    )


def taught() -> tuple[LearnedState, ...]:
    """After some weeks."""
    fits = (
        fit(COMPLEXITY, 2, 0.66, 0.64, days_ago=3, outcome=LearningOutcome.DROPPED),
        fit(COMPLEXITY, 1, 0.61, 0.66, days_ago=6, changes=("“code with tests” is medium now",)),
    )
    corrections = (fit(DETECTION, 1, 0.961, 0.968, days_ago=5, changes=TEXTS),)
    return (
        LearnedState(
            *(DETECTION, True, "detect.learn", 412, 3, 280, 0.968, 0.961),
            events=corrections,
            points=(LearningPoint(corrections[0].at, 280, 0.968),),
        ),
        LearnedState(
            *(COMPLEXITY, True, "learning.complexity", 188, 12, 188, 0.66, 0.61),
            events=fits,
            points=(LearningPoint(fits[1].at, 188, 0.66),),
        ),
        LearnedState(
            *(FORECAST, True, "learning.forecast", 231, 0, 50, 0.52, 0.43),
            points=points_of(0.62, 0.58, 0.49, 0.44, 0.36, 0.31, plain=(0.62, 0.6, 0.57, 0.56, 0.55, 0.54)),
        ),
    )


def untaught() -> tuple[LearnedState, ...]:
    """A machine on which nothing was learned yet; the program brings what it was fitted on."""
    return (
        LearnedState(DETECTION, True, "detect.learn", 0, 0, 280, 0.961, None),
        LearnedState(COMPLEXITY, True, "learning.complexity", 0, 0, 188, 0.66, None),
        LearnedState(FORECAST, True, "learning.forecast", 0, 0, 0, None, None),
    )


def engine_of(states: Sequence[LearnedState] | None = None) -> ScriptedEngine:
    """An engine that has learned that."""
    engine = fake_tasks.some()
    engine.learned = tuple(taught() if states is None else states)
    if states is None:
        kinds = (ForecastAccuracy("code", 28, 17, 23, 22), ForecastAccuracy("prose", 22, 9, 18, 17))
        engine.forecast_history = ForecastHistory(ForecastAccuracy("", 50, 26, 41, 39), kinds)
    return engine
