"""Ties together what learns: weights, their history, and what each learns from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tale_tui.config.settings import Settings
from tale_tui.domain.errors import TaleError
from tale_tui.domain.events import Fact
from tale_tui.domain.learning import LearnedPart
from tale_tui.engine.detect.detector import LEARNED_FILE as DETECTION_FILE
from tale_tui.engine.detect.detector import Detectors
from tale_tui.engine.detect.learning import CorrectionLearning, detection_journal
from tale_tui.engine.fitting.journal import LearningJournal
from tale_tui.engine.fitting.learner import Learner
from tale_tui.engine.fitting.versions import LearnedVersions
from tale_tui.engine.learning.complexity import LEARNED_FILE as COMPLEXITY_FILE
from tale_tui.engine.learning.complexity import ComplexityModels
from tale_tui.engine.learning.complexity_learning import TaskLearning, complexity_journal
from tale_tui.engine.learning.forecasts import Forecasts, ForecastServices
from tale_tui.engine.learning.service import LearningParts, LearningService
from tale_tui.engine.store.store import Store

FORECAST_FILE = "forecast.json"
"""There is none: forecasts learn from the store. Its history, which stands beside it, says what was forgotten."""
NO_WEIGHTS = 0
"""The format of weights of what has none."""


@dataclass(frozen=True, slots=True)
class LearnedModels:
    """What is judged by weights that learn."""

    detectors: Detectors
    complexities: ComplexityModels


def learned_models(data: Path) -> LearnedModels:
    """Of a data folder; nothing is read yet."""
    return LearnedModels(Detectors(data / DETECTION_FILE), ComplexityModels(data / COMPLEXITY_FILE))


def build_learning(
    data: Path,
    models: LearnedModels,
    store: Store,
    settings: Settings,
    now: Callable[[], float],
    services: ForecastServices,
    busy: Callable[[], bool],
    complain: Callable[[TaleError], None],
    tell: Callable[[Fact], None],
    *,
    can_write: bool,
) -> LearningService:
    """Everything that learns.

    Args:
        data: the folder.
        models: of it.
        store: has corrections, tasks and runs.
        settings: say what learns.
        now: seconds since the epoch.
        services: what forecasts ask of others.
        busy: whether a model is at work for anybody.
        complain: told where learning broke off for a reason that nobody foresaw.
        tell: told of a task that has a forecast now.
        can_write: whether anything may be changed.
    """
    detectors, complexities = models.detectors, models.complexities
    detection = LearnedVersions(detection_journal(detectors.learned), detectors.reload, now)
    complexity = LearnedVersions(complexity_journal(complexities.learned), complexities.reload, now)
    forgotten = LearningJournal(data / FORECAST_FILE, LearnedPart.FORECAST, NO_WEIGHTS)

    forecasts = Forecasts(
        store=store,
        prices=settings.prices,
        text_limit=settings.tasks.text_limit,
        services=services,
        journal=forgotten,
        complain=complain,
        tell=tell,
        keeps=can_write,
        learns=settings.learning.forecast,
        now=now,
    )
    learns = settings.detect.enabled and settings.detect.learn
    parts = LearningParts(
        Learner(
            subject=CorrectionLearning(store, detectors.learned),
            versions=detection,
            busy=busy,
            complain=complain,
            enabled=learns and can_write,
        ),
        Learner(
            subject=TaskLearning(store, complexities.learned),
            versions=complexity,
            busy=busy,
            complain=complain,
            enabled=settings.learning.complexity and can_write,
        ),
        complexities,
        forecasts,
        LearnedVersions(forgotten, forecasts.begin_again, now),
    )
    return LearningService(parts, complain, can_write=can_write)
