import os
from collections import namedtuple
from collections.abc import Awaitable, Callable

import pytest

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import DatabaseBusy
from tale_tui.domain.models import (
    BackendName,
    BackendReport,
    Finding,
    FindingState,
    LoadedModel,
    ModelInfo,
    ModelRef,
    Role,
    RoleState,
    RoleStatus,
)
from tale_tui.engine import doctor as doctor_module
from tale_tui.engine.doctor import examine
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.files.starter import STARTER_NAME
from tale_tui.engine.models.machine import MachineMemory
from tale_tui.engine.models.roles.defaults import NOTHING_FOUND
from tale_tui.engine.models.roles.roles import Roles
from tale_tui.engine.store.store import Store

Look = Callable[..., Awaitable[dict[str, list[Finding]]]]

OK, LOOK, BAD = FindingState.OK, FindingState.LOOK, FindingState.BAD
QWEN = ModelRef(BackendName.OLLAMA, "qwen2.5:7b")
STARTER = ModelRef(BackendName.EMBEDDED, STARTER_NAME)
NO_ROLES = tuple(RoleStatus(role, RoleState.UNSET, detail=NOTHING_FOUND) for role in Role)


@pytest.fixture
def look(paths: Paths, clock: Clock) -> Look:
    """Examine with these roles and reports."""

    async def call(*reports: BackendReport, roles: tuple[RoleStatus, ...] = NO_ROLES) -> dict[str, list[Finding]]:
        store = await Store.open(paths.database, clock)
        try:
            findings = await examine(paths, Settings(), store, roles, reports)
        finally:
            await store.close()
        by_area: dict[str, list[Finding]] = {}
        for finding in findings:
            by_area.setdefault(finding.area, []).append(finding)
        return by_area

    return call


async def test_a_fresh_machine(look: Look, paths: Paths) -> None:
    found = await look(
        BackendReport(BackendName.OLLAMA, available=False, detail="Nothing answers at http://127.0.0.1:11434."),
        BackendReport(BackendName.EMBEDDED, available=True, version="2026.10"),
    )
    assert found["python"][0].state is OK
    assert str(paths.data) in found["data"][0].text
    assert "0 sessions" in found["database"][0].text
    assert found["embedded"] == [Finding("embedded", OK, "llama.cpp 2026.10, 0 model files added")]
    assert "tale-tui models pull starter" in found["starter"][0].advice
    assert (found["ollama"][0].state, found["ollama"][0].text) == (LOOK, "Nothing answers at http://127.0.0.1:11434.")
    assert "ollama serve" in found["ollama"][0].advice
    assert found["openai"][0].text == "not set up"
    assert found["ux"][0].state is LOOK
    assert found["memory"]


async def test_a_server_that_answers_with_another_model_than_was_asked_for(look: Look) -> None:
    asked = ModelRef(BackendName.OPENAI, "gpt-x")
    found = await look(
        BackendReport(BackendName.OPENAI, True, only_model="tiny.gguf"),
        roles=(
            RoleStatus(Role.UX, RoleState.IDLE, asked),
            RoleStatus(Role.TASK, RoleState.IDLE, ModelRef(BackendName.OPENAI, "tiny.gguf")),
        ),
    )
    assert (found["ux"][0].state, found["task"][0].state) == (LOOK, OK)
    assert found["ux"][0].advice.startswith("You asked openai for gpt-x, but it runs tiny.gguf and answers with that.")


async def test_a_machine_with_everything(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALE_OPENAI_KEY", "sk-very-secret")
    loaded = (
        LoadedModel(QWEN, 8192, 5_000_000_000, 1.0),
        LoadedModel(ModelRef(BackendName.OLLAMA, "half"), 4096, 9_000_000_000, 0.4),
        LoadedModel(ModelRef(BackendName.OLLAMA, "unknown")),
    )
    found = await look(
        BackendReport(BackendName.OLLAMA, True, "http://127.0.0.1:11434", "0.33.0", "", (ModelInfo(QWEN),), loaded),
        BackendReport(BackendName.OPENAI, True, "http://127.0.0.1:8080/v1", models=(ModelInfo(QWEN), ModelInfo(QWEN))),
        BackendReport(BackendName.EMBEDDED, True, models=(ModelInfo(STARTER),)),
        BackendReport(BackendName.SCRIPTED, True, models=(ModelInfo(QWEN),)),
        roles=(
            RoleStatus(Role.UX, RoleState.READY, QWEN, 8192),
            RoleStatus(Role.TASK, RoleState.IDLE, QWEN, detail="qwen3:14b is not installed; qwen2.5:7b serves."),
        ),
    )
    ollama = found["ollama"]
    assert ollama[0].text == "version 0.33.0, at http://127.0.0.1:11434, 1 model"
    assert ollama[1] == Finding(
        "ollama", OK, "qwen2.5:7b is loaded, window of 8,192 tokens, 100% on the GPU", now="5.0 GB"
    )
    assert (ollama[2].state, "40% on the GPU" in ollama[2].text) == (LOOK, True)
    assert ollama[3].text == "unknown is loaded"
    assert found["openai"][0].text == "at http://127.0.0.1:8080/v1, 2 models"
    assert found["openai"][1].text == "a key is set (TALE_OPENAI_KEY)"
    assert "secret" not in repr(found)
    assert found["starter"][0].text == "installed; a demo, not an assistant"
    assert found["ux"] == [Finding("ux", OK, "ollama/qwen2.5:7b", now="ready")]
    assert (found["task"][0].state, found["task"][0].now) == (LOOK, "loaded")
    assert "tale-tui models use task BACKEND/MODEL" in found["task"][0].advice
    assert found["scripted"][0].state is OK


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        (RoleStatus(Role.UX, RoleState.READY, STARTER, demo=True), LOOK, "a demo"),
        (RoleStatus(Role.UX, RoleState.LOADING, QWEN), OK, "loading"),
        (RoleStatus(Role.UX, RoleState.AWAY, QWEN, detail="Nothing answers."), BAD, "Nothing answers."),
        (RoleStatus(Role.UX, RoleState.FAILED, None, detail="Wrong."), BAD, "no model: Wrong."),
    ],
)
async def test_how_a_role_is_told(look: Look, status: RoleStatus, state: FindingState, words: str) -> None:
    finding = (await look(roles=(status,)))["ux"][0]
    assert finding.state is state
    assert words in f"{finding.text}, {finding.now}"


async def test_where_llama_cpp_cannot_run_the_reason_is_said(look: Look) -> None:
    found = await look(BackendReport(BackendName.EMBEDDED, available=False, detail="Install libgomp1."))
    assert (found["embedded"][0].state, found["embedded"][0].advice) == (LOOK, "Install libgomp1.")


async def test_a_server_without_models_says_how_to_get_one(look: Look) -> None:
    found = await look(BackendReport(BackendName.OLLAMA, available=True, version="0.33.0"))
    assert (found["ollama"][0].state, found["ollama"][0].text) == (LOOK, "version 0.33.0, 0 models")
    assert "tale-tui models pull" in found["ollama"][0].advice


async def test_little_room_is_worth_a_look(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(doctor_module.shutil, "disk_usage", lambda folder: usage(10, 9, 1))
    monkeypatch.setattr(doctor_module, "look_at_memory", lambda: MachineMemory(500_000_000, 8_000_000_000))
    found = await look()
    assert found["data"][0].state is LOOK
    assert found["memory"][0] == Finding(
        "memory", LOOK, "8.0 GB", "Close other programs before a model is loaded", "500.0 MB free"
    )


async def test_what_changes_by_itself_is_kept_apart(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two looks at the same machine differ in nothing that a program is told."""
    usage = namedtuple("usage", "total used free")

    async def told(free: int, state: RoleState) -> list[tuple[str, str, str]]:
        monkeypatch.setattr(doctor_module.shutil, "disk_usage", lambda folder: usage(10**12, 0, free))
        monkeypatch.setattr(doctor_module, "look_at_memory", lambda: MachineMemory(free, 8_000_000_000))
        loaded = LoadedModel(QWEN, 8192, free)
        report = BackendReport(BackendName.OLLAMA, available=True, models=(ModelInfo(QWEN),), loaded=(loaded,))
        found = await look(report, roles=(RoleStatus(Role.UX, state, QWEN),))
        return [(each.area, each.text, each.advice) for area in found.values() for each in area]

    assert await told(3_000_000_000, RoleState.LOADING) == await told(5_000_000_000, RoleState.READY)


async def test_a_key_that_no_header_can_carry_is_said_and_not_shown(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALE_OPENAI_KEY", "geheim\u00e4")
    found = await look(BackendReport(BackendName.OPENAI, available=True, models=(ModelInfo(QWEN),)))
    assert found["openai"][1].state is LOOK
    assert "geheim" not in repr(found)


async def test_a_folder_that_cannot_be_written_is_bad(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    found = await look()
    assert found["data"][0].state is BAD


async def test_a_folder_that_is_not_there_is_bad(paths: Paths, clock: Clock) -> None:
    paths.data.rmdir()
    store = await Store.open(paths.database, clock, read_only=True)
    findings = await examine(paths, Settings(), store, NO_ROLES, ())
    await store.close()
    assert Finding("data", BAD, f"{paths.data} is not there", "Make it: tale-tui init") in findings


async def test_what_was_set_aside_is_named(look: Look, paths: Paths) -> None:
    paths.database.write_bytes(b"no database" * 1000)
    found = await look()
    assert found["database"][0].state is LOOK
    assert "tale.db.damaged-" in found["database"][0].text


async def test_what_a_server_has_in_memory_is_not_told_as_not_loaded(look: Look) -> None:
    report = BackendReport(
        BackendName.OLLAMA, available=True, models=(ModelInfo(QWEN, 1),), loaded=(LoadedModel(QWEN, 4096),)
    )
    found = await look(report, roles=(RoleStatus(Role.UX, RoleState.IDLE, QWEN),))
    assert found["ux"][0].now == "loaded"


@pytest.mark.parametrize("part", ["_python", "_data", "_memory", "_database"])
async def test_a_look_that_does_not_work_is_a_finding_and_keeps_none_from_the_others(
    part: str, look: Look, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> Finding:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(doctor_module, part, broken)
    found = await look(BackendReport(BackendName.OLLAMA, available=True, version="1"))
    area = part.removeprefix("_")
    assert found[area][0].state is BAD
    assert f"Looking at {area} broke off because of an error in the application" in found[area][0].advice
    assert {"python", "data", "database", "memory", "ollama", "ux"} <= found.keys()
    assert "ZeroDivisionError: a bug" in caplog.text


@pytest.mark.parametrize("error", [DatabaseBusy("Held."), ZeroDivisionError("a bug")])
async def test_an_engine_whose_models_cannot_be_looked_at_is_examined_all_the_same(
    error: Exception, start_engine: Callable[..., Awaitable[Engine]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise error

    engine = await start_engine([], load=False)
    monkeypatch.setattr(Roles, "resolve", broken)
    monkeypatch.setattr(Store, "sessions", broken)
    findings = {finding.area: finding for finding in await engine.control.doctor()}
    assert findings["models"].state is findings["database"].state is BAD
    assert findings["python"].state is OK


async def test_what_to_start_is_said_only_of_a_server_that_is_not_there(look: Look) -> None:
    sentence = "The certificate of https://gpu:443 is not trusted on this machine."
    found = await look(BackendReport(BackendName.OLLAMA, available=False, detail=sentence))
    assert (found["ollama"][0].text, found["ollama"][0].advice) == (sentence, "")
