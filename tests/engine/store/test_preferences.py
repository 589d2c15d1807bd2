"""The model of a role and the length of a token, over restarts; what the user said that messages are."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tale_tui.domain.clock import Clock
from tale_tui.domain.context import ScriptClass
from tale_tui.domain.errors import EmptyMessage
from tale_tui.domain.models import BackendName, ModelRef, Role
from tale_tui.engine.store.preferences import Label
from tale_tui.engine.store.store import Store


async def test_a_role_keeps_its_model(store: Store, path: Path, ref: ModelRef) -> None:
    assert await store.role_choice(Role.UX) is None
    await store.keep_role_choice(Role.UX, ref)
    await store.keep_role_choice(Role.TASK, ref)
    other = ModelRef(BackendName.EMBEDDED, "a name  with two blanks and a length of more than two hundred " + "x" * 200)
    await store.keep_role_choice(Role.TASK, other)
    await store.close()
    again = await Store.open(path, Clock())
    assert await again.role_choice(Role.UX) == ref
    assert await again.role_choice(Role.TASK) == other
    await again.close()


async def test_a_backend_of_another_version_is_no_choice(store: Store, path: Path, ref: ModelRef) -> None:
    await store.keep_role_choice(Role.UX, ref)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE role_choice SET backend = 'quantum'")
    connection.close()
    assert await store.role_choice(Role.UX) is None


async def test_a_model_keeps_its_ratio(store: Store, ref: ModelRef) -> None:
    assert store.text_ratios.get(ref) is None
    await store.keep_text_ratios(ref, {ScriptClass.LATIN: 3.75})
    await store.keep_text_ratios(ref, {ScriptClass.LATIN: 3.5, ScriptClass.HAN: 2.5})
    assert store.text_ratios.get(ref) == {ScriptClass.LATIN: 3.5, ScriptClass.HAN: 2.5}
    assert [*store.text_ratios] == [ref]


async def test_what_is_known_of_models_is_known_after_a_restart(store: Store, path: Path, ref: ModelRef) -> None:
    other = ModelRef(BackendName.OPENAI, ref.model)
    await store.keep_text_ratios(ref, {ScriptClass.LATIN: 3.75})
    await store.keep_thinks_unopened(ref, True)
    await store.keep_thinks_unopened(other, False)
    await store.close()
    again = await Store.open(path, Clock())
    assert again.text_ratios == {ref: {ScriptClass.LATIN: 3.75}}
    assert again.thinks_unopened == {ref: True, other: False}
    await again.close()


async def test_the_last_word_on_a_text_counts(store: Store) -> None:
    assert await store.labels() == ()
    await store.add_label("Fix the bug", True, 0.4)
    await store.add_label("Nice\x1b[31m", False)
    again = await store.add_label("Fix the bug", False, 0.4)
    assert await store.labels() == (Label("Nice", False, None, again.created - 1), again)
    assert (again.text, again.is_task, again.p) == ("Fix the bug", False, 0.4)


async def test_an_empty_label_is_none(store: Store) -> None:
    with pytest.raises(EmptyMessage):
        await store.add_label(" \x07", True)
    assert await store.labels() == ()
