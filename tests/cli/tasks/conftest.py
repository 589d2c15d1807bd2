"""Three tasks that are there: one runs, one is done, one failed."""

from __future__ import annotations

from typing import Any

import pytest

from support.scripted_groups import new_task
from tale_tui.domain.tasks import TaskState

DONE = {"result": "Rain.", "started": 1_794_139_200.0, "finished": 1_794_139_242.0, "worked_s": 42.0}


@pytest.fixture
def work(engine: Any) -> Any:
    for detail in (
        new_task("abcd2222", TaskState.RUNNING, text="Write\nit", title="Write it", p=0.931249),
        new_task("efgh3333", TaskState.DONE, title="Letter", **DONE),
        new_task("jkmn4444", TaskState.FAILED, title="Manual", error="It does not fit.", error_code="out_of_memory"),
    ):
        engine.give(detail)
    return engine
