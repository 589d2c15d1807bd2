"""Before a model is asked: what is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from support.waiting import until
from tale_tui.cli.output import ProgressLine
from tale_tui.cli.preflight import ensure_model, ensure_worker
from tale_tui.domain.errors import NoModel
from tale_tui.domain.events import RoleChanged
from tale_tui.domain.models import ModelRef, Role, RoleState, RoleStatus

REF = ModelRef.parse("ollama/qwen2.5:7b")
LOOKS = RoleStatus(Role.UX, RoleState.LOADING, detail="Looking for a model.")
UNSET = RoleStatus(Role.UX, RoleState.UNSET)


def ensure_talker(engine: Any) -> Awaitable[None]:
    return ensure_model(engine, yes=False, line=ProgressLine(live=False))


@pytest.mark.parametrize("ensure", [ensure_talker, ensure_worker])
async def test_an_engine_that_still_looks_for_a_model_is_waited_for(engine: Any, ensure: Callable[..., Any]) -> None:
    engine.role = LOOKS
    ensuring = asyncio.ensure_future(ensure(engine))
    await until(lambda: engine.heard, "it watches")
    assert not ensuring.done()
    engine.role = UNSET
    engine.publish(RoleChanged(RoleStatus(Role.TASK, RoleState.UNSET)))
    engine.publish(RoleChanged(UNSET))
    with pytest.raises(NoModel):
        await ensuring


@pytest.mark.parametrize("ensure", [ensure_talker, ensure_worker])
async def test_a_model_that_is_still_being_loaded_is_not_waited_for(engine: Any, ensure: Callable[..., Any]) -> None:
    engine.role = RoleStatus(Role.UX, RoleState.LOADING, REF)
    await ensure(engine)
    assert engine.calls == []
