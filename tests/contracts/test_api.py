"""The groups of the API: each verb is described once, done with the same signature, and carried to other processes."""

from __future__ import annotations

import inspect

import pytest

from tale_tui.engine.chat.turn import TurnManager
from tale_tui.engine.checkpoints.service import CheckpointService
from tale_tui.engine.control import EngineControl
from tale_tui.engine.ipc.codec import GROUPS, api_method, is_api_method
from tale_tui.engine.learning.service import LearningService
from tale_tui.engine.metrics.service import MetricsService
from tale_tui.engine.models.service import ModelService
from tale_tui.engine.recall.service import RecallService
from tale_tui.engine.sessions import SessionService
from tale_tui.engine.tasks.executor import Executor

IMPLEMENTATIONS = {
    "chat": TurnManager,
    "tasks": Executor,
    "sessions": SessionService,
    "models": ModelService,
    "metrics": MetricsService,
    "learning": LearningService,
    "checkpoints": CheckpointService,
    "recall": RecallService,
    "control": EngineControl,
}
VERBS = [
    (group, name)
    for group, described in GROUPS.items()
    for name, _ in inspect.getmembers(described, inspect.isfunction)
    if not name.startswith("_")
]


def test_every_group_has_verbs_and_somebody_who_does_them() -> None:
    assert IMPLEMENTATIONS.keys() == GROUPS.keys() == {group for group, _ in VERBS}


@pytest.mark.parametrize(("group", "name"), VERBS)
def test_every_verb_is_done_with_the_signature_that_is_described(group: str, name: str) -> None:
    described, done = getattr(GROUPS[group], name), getattr(IMPLEMENTATIONS[group], name)
    assert inspect.signature(done) == inspect.signature(described)
    assert inspect.getdoc(described)


@pytest.mark.parametrize(("group", "name"), VERBS)
def test_every_verb_is_carried_to_other_processes(group: str, name: str) -> None:
    assert is_api_method(f"{group}.{name}")
    carried = api_method(f"{group}.{name}").signature
    described = inspect.signature(getattr(GROUPS[group], name))
    assert [*carried.parameters.values()] == [*described.parameters.values()][1:]


@pytest.mark.parametrize(("group", "name"), VERBS)
def test_no_verb_repeats_what_its_group_says(group: str, name: str) -> None:
    assert group.removesuffix("s") not in name.split("_")
