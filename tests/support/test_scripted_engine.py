"""The engine that tests script has the API of the real one."""

from __future__ import annotations

import inspect

import pytest

from support.scripted_engine import ScriptedEngine
from tale_tui.engine.ipc.codec import GROUPS

VERBS = [
    (group, name)
    for group, described in GROUPS.items()
    for name, _ in inspect.getmembers(described, inspect.isfunction)
    if not name.startswith("_")
]


@pytest.mark.parametrize(("group", "name"), VERBS)
def test_every_verb_is_scripted_with_the_signature_that_is_described(group: str, name: str) -> None:
    scripted = getattr(type(getattr(ScriptedEngine(), group)), name)
    described = getattr(GROUPS[group], name)
    assert inspect.signature(scripted) == inspect.signature(described)
