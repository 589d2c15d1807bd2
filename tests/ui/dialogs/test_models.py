"""The models and who uses them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tale_tui.domain.errors import EngineLost
from tale_tui.domain.models import (
    BackendName,
    BackendReport,
    LoadedModel,
    ModelInfo,
    ModelRef,
    Role,
    RoleState,
    RoleStatus,
)
from tale_tui.ui.dialogs.models import FetchStarter, ModelsDialog, PullModel, UseModel, model_rows, role_line
from tale_tui.ui.dialogs.text_entry import TextDialog

SMALL, BIG = ModelRef(BackendName.OLLAMA, "qwen2.5:7b"), ModelRef(BackendName.OLLAMA, "qwen3:14b")
CLOUD = ModelRef(BackendName.OLLAMA, "gpt-oss:120b-cloud")
STARTER = ModelRef(BackendName.EMBEDDED, "SmolLM2-135M")
REPORTS = (
    BackendReport(
        BackendName.OLLAMA,
        True,
        "http://127.0.0.1:11434",
        "0.33.0",
        models=(
            ModelInfo(SMALL, 4_683_087_332, "7.6B", "Q4_K_M", 32768),
            ModelInfo(BIG, 9_276_198_565, "14.8B", "Q4_K_M", 40960, ("chat", "thinking")),
            ModelInfo(CLOUD, parameters="120B", remote=True),
            ModelInfo(ModelRef(BackendName.OLLAMA, "nomic-embed-text"), capabilities=("embedding",)),
        ),
        loaded=(LoadedModel(SMALL, 8192, 5_000_000_000, 0.62),),
    ),
    BackendReport(BackendName.EMBEDDED, True, models=(ModelInfo(STARTER, 98_362_432, "135M", note="A demo."),)),
    BackendReport(BackendName.OPENAI, False, "http://127.0.0.1:8080/v1", detail="Nothing answers there. Start it."),
)
ROLES = (
    RoleStatus(Role.UX, RoleState.READY, SMALL, 8192),
    RoleStatus(Role.TASK, RoleState.AWAY, BIG, detail="It does not fit. Choose a smaller one."),
)


def dialog(**options: Any) -> ModelsDialog:
    return ModelsDialog(REPORTS, ROLES, **options)


def test_rows_say_what_is_known() -> None:
    rows = {row.key or row.title: row for row in model_rows(REPORTS, ROLES)}
    small = rows[str(SMALL)]
    assert small.cells == ("Q4_K_M", "8.2k window", "7.6B", "4.7 GB", "answers")
    assert small.tone == "ux"
    assert rows[str(BIG)].cells[-1] == "works"
    assert rows[str(CLOUD)].detail == "Text leaves this machine."
    assert rows[str(CLOUD)].tone == "warning"
    assert rows[str(STARTER)].detail == "A demo."
    assert "1 more cannot hold a conversation." in rows["Ollama 0.33.0"].detail
    assert rows["OpenAI-compatible server"].detail == "Nothing answers there. Start it."


def test_a_model_with_both_roles_says_both() -> None:
    roles = (ROLES[0], replace(ROLES[1], ref=SMALL))
    row = next(row for row in model_rows(REPORTS, roles) if row.key == str(SMALL))
    assert row.cells[-1] == "answers · works"


def test_a_server_without_models_says_so() -> None:
    rows = model_rows((BackendReport(BackendName.OLLAMA, True),), ())
    assert [row.detail for row in rows] == ["It has no model yet."]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (RoleState.UNSET, "○ answers  –   no model yet"),
        (RoleState.LOADING, "◐ answers  qwen2.5:7b   loading · Ollama"),
        (RoleState.READY, "● answers  qwen2.5:7b   ready · Ollama"),
        (RoleState.AWAY, "! answers  qwen2.5:7b   away · Ollama"),
        (RoleState.FAILED, "! answers  qwen2.5:7b   failed · Ollama"),
    ],
)
def test_a_role_in_one_line(state: RoleState, said: str) -> None:
    ref = None if state is RoleState.UNSET else SMALL
    assert role_line(RoleStatus(Role.UX, state, ref), 1 if ref is None else 10, ()).plain.rstrip() == said


async def test_roles_and_models_are_shown(show: Any) -> None:
    async with show(dialog(), size=(120, 40)) as shown:
        for words in (
            "● answers  qwen2.5:7b   ready · Ollama · 8.2k window · 62 % on the GPU",
            "! works    qwen3:14b    away · Ollama",
            "It does not fit.",
            "http://127.0.0.1:11434",
            "gpt-oss:120b-cloud",
            "Nothing answers there. Start it.",
        ):
            assert words in shown.text
        assert "nomic" not in shown.text
        assert "look again" not in shown.text


async def test_what_holds_for_both_roles_is_said_once(show: Any) -> None:
    roles = tuple(RoleStatus(role, RoleState.UNSET, None, detail="No model was found.") for role in Role)
    async with show(ModelsDialog(REPORTS, roles)) as shown:
        assert shown.text.count("No model was found.") == 1


KEYS: list[tuple[list[str], object]] = [
    (["enter"], UseModel(Role.UX, SMALL)),
    (["w"], UseModel(Role.TASK, SMALL)),
    (["down", "w"], UseModel(Role.TASK, BIG)),
    (["end", "enter"], UseModel(Role.UX, STARTER)),
    (["end", "home", "enter"], UseModel(Role.UX, SMALL)),
    (["ctrl+s"], FetchStarter()),
    (["escape"], None),
]


async def test_keys(show: Any) -> None:
    async with show(dialog()) as shown:
        await shown.window.press("escape")
        for keys, result in KEYS:
            await shown.next(dialog())
            await shown.window.press(*keys)
            assert await shown.result() == result, keys


async def test_a_model_is_pulled_by_its_name(show: Any) -> None:
    async with show(dialog()) as shown:
        await shown.window.press("p")
        await shown.window.until(lambda: isinstance(shown.window.app.screen, TextDialog), "asked")
        await shown.window.press("enter")
        await shown.window.until(lambda: shown.window.app.screen is shown.screen, "an empty name pulls nothing")
        await shown.window.press("p")
        await shown.window.until(lambda: isinstance(shown.window.app.screen, TextDialog), "asked again")
        await shown.type("llama3")
        await shown.window.press("enter")
        assert await shown.result() == PullModel("llama3")


async def test_servers_are_asked_where_nothing_is_known(show: Any) -> None:
    asked: list[int] = []

    async def look() -> Any:
        asked.append(1)
        return REPORTS, ROLES

    async with show(ModelsDialog((), ROLES, look=look)) as shown:
        await shown.window.until(lambda: "gpt-oss" in shown.text, "asked")
        await shown.window.press("down", "r")
        await shown.window.until(lambda: len(asked) == 2, "asked again")
        await shown.window.press("enter")
        assert await shown.result() == UseModel(Role.UX, BIG)


async def test_asking_that_fails_says_so(show: Any) -> None:
    async def look() -> Any:
        raise EngineLost("The engine moved. Try again.")

    async with show(ModelsDialog((), (), look=look)) as shown:
        await shown.window.until(lambda: "The engine moved." in shown.text, "said")
        await shown.window.press("w")
        assert shown.results == []


async def test_a_click_takes_a_model(show: Any) -> None:
    async with show(dialog(), size=(120, 40)) as shown:
        lines = shown.screen.query_one("#focus-first")
        row = next(y for y in range(lines.size.height) if "qwen3:14b" in lines.render_line(y).text)
        await shown.window.pilot.hover(lines, offset=(8, row))
        assert lines.hovered >= 0
        await shown.window.pilot.click(lines, offset=(8, row))
        assert await shown.result() == UseModel(Role.UX, BIG)


async def test_a_click_on_a_heading_takes_nothing(show: Any) -> None:
    async with show(dialog(), size=(120, 40)) as shown:
        await shown.window.pilot.click("#focus-first", offset=(4, 0))
        await shown.window.pilot.pause()
        assert shown.results == []


async def test_hostile_names_are_only_shown(show: Any, hostile_texts: list[str], harmless: Any) -> None:
    refs = [ModelRef(BackendName.OLLAMA, text) for text in hostile_texts]
    models = tuple(ModelInfo(ref, 1, ref.model, ref.model, note=ref.model) for ref in refs)
    reports = (
        BackendReport(BackendName.OLLAMA, True, hostile_texts[0], hostile_texts[0], hostile_texts[0], models),
        BackendReport(BackendName.OPENAI, False, detail=hostile_texts[1]),
    )
    roles = (RoleStatus(Role.UX, RoleState.FAILED, refs[0], detail=hostile_texts[0]),)
    async with show(ModelsDialog(reports, roles), size=(120, 60)) as shown:
        assert harmless(shown.text)
        await shown.window.press("end", "enter")
        assert (await shown.result()).ref == refs[-1]


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (200, 60)])
async def test_any_size(show: Any, size: tuple[int, int]) -> None:
    async with show(dialog(), size=size) as shown:
        assert "qwen2.5" in shown.text
        assert "esc back" in shown.text
