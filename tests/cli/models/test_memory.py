"""`models ps`, `load` and `unload`: what is in memory."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from tale_tui.domain.models import (
    BackendHealth,
    BackendName,
    BackendReport,
    ModelInfo,
    ModelRef,
    Residency,
    ResidentModel,
    Role,
)

SMALL = ModelRef.parse("ollama/qwen2.5:7b")


@pytest.fixture
def resident(engine: Any) -> Any:
    engine.resident = Residency(
        models=(
            ResidentModel(SMALL, (Role.UX,), 4_700_000_000, 8192, 0.5, kept=True, load_ms=3100.0123),
            ResidentModel(ModelRef.parse("openai/big"), (Role.TASK,), local=False),
        ),
        limit_bytes=12_000_000_000,
        used_bytes=4_700_000_000,
        free_bytes=9_000_000_000,
        one_model=True,
        chat_waits_s=6.2,
        backends=(
            BackendHealth("ollama", "ok"),
            BackendHealth("embedded", "away", detail="It cannot run here."),
            BackendHealth("openai", "trying", 2, time.time() + 29, "It does not answer."),
        ),
        notes=("The memory of openai is not known.",),
    )
    return engine


def test_what_is_in_memory_is_a_table(cli: Any, resident: Any) -> None:
    result = cli("models", "ps")
    lines = result.out.splitlines()
    assert lines[0].split() == ["role", "model", "memory", "window", "on", "a", "GPU", "loaded", "in", "note"]
    assert lines[1].split() == ["ux", "ollama/qwen2.5:7b", "4.7", "GB", "8.2k", "50", "%", "3.10", "s", "kept"]
    assert lines[2].split() == ["task", "openai/big", "–", "on", "another", "machine"]
    assert result.err.splitlines() == [
        "Models use 4.7 GB of 12 GB; 9.0 GB free.",
        "Both models do not fit together: chat waits while the other one is loaded, about 6 s.",
        "ollama: ok.",
        "embedded: It cannot run here.",
        "openai: 2 failures in a row, tried again in 30 s. It does not answer.",
        "The memory of openai is not known.",
    ]


def test_json_has_nothing_that_changes_by_itself(cli: Any, resident: Any) -> None:
    result = cli("models", "ps", "--json")
    data = json.loads(result.out)
    assert list(data) == ["models", "used_bytes", "one_model", "chat_waits_s", "backends", "notes"]
    assert data["models"][0] == {
        "model": "ollama/qwen2.5:7b",
        "roles": ["ux"],
        "size_bytes": 4_700_000_000,
        "window": 8192,
        "gpu_share": 0.5,
        "kept": True,
        "local": True,
        "load_ms": 3100.0,
        "shares": None,
    }
    assert data["backends"][2]["state"] == "trying"
    [ux, other] = resident.resident.models
    used = data["used_bytes"]
    moved = replace(ux, size_bytes=4_712_345_678)
    resident.resident = replace(resident.resident, models=(moved, other), used_bytes=resident.resident.used_bytes + 9)
    again = json.loads(cli("models", "ps", "--json").out)
    assert (again["models"][0]["size_bytes"], again["used_bytes"]) == (4_700_000_000, used)
    assert result.err == ""


def test_nothing_in_memory_is_a_sentence(cli: Any, engine: Any) -> None:
    result = cli("models", "ps")
    assert (result.code, result.out) == (0, "")
    assert result.err.startswith("No model is in memory.\n")


@pytest.mark.parametrize("verb", ["load", "unload"])
def test_a_model_is_loaded_and_unloaded(cli: Any, resident: Any, verb: str) -> None:
    assert cli("models", verb, "ollama/qwen2.5:7b").code == 0
    assert resident.calls == [(verb, SMALL)]
    result = cli("models", verb, "qwen")
    assert result.code == 2
    assert "as in ollama/qwen2.5:7b" in result.err


def test_a_model_that_was_not_there_is_said_when_it_is_unloaded(cli: Any, resident: Any) -> None:
    assert cli("models", "unload", "embedded/nope").err.endswith("embedded/nope was not in memory.\n")


def test_a_model_in_a_process_that_ends_is_said_to_go(cli: Any, resident: Any) -> None:
    resident.here = True
    assert "given back with the end of this command" in cli("models", "load", "embedded/starter").err
    assert "given back" not in cli("models", "load", "ollama/qwen2.5:7b").err


def test_a_name_that_no_backend_knows_is_refused_when_it_is_unloaded(cli: Any, resident: Any) -> None:
    resident.reports = [
        BackendReport(BackendName.OLLAMA, True, models=(ModelInfo(ModelRef.parse("ollama/here:latest")),)),
        BackendReport(BackendName.OPENAI, False, detail="It is away."),
    ]
    result = cli("models", "unload", "ollama/nope")
    assert (result.code, result.out) == (2, "")
    assert result.err == "ollama has no model nope. What there is: tale-tui models\n"
    assert resident.calls == []
    assert cli("models", "unload", "ollama/here").code == 0
    assert cli("models", "unload", "openai/any").code == 0  # nobody knows


def test_a_model_that_is_there_with_another_counts_with_that(cli: Any, engine: Any) -> None:
    other = ResidentModel(ModelRef.parse("ollama/same:file"), (Role.TASK,), 0, 8192, 0.0, shares=SMALL)
    engine.resident = Residency((ResidentModel(SMALL, (Role.UX,), 4_700_000_000), other), used_bytes=4_700_000_000)
    lines = cli("models", "ps").out.splitlines()
    assert lines[2].endswith("in memory with ollama/qwen2.5:7b")
    assert "0 B" not in lines[2]
    data = json.loads(cli("models", "ps", "--json").out)
    assert [model["shares"] for model in data["models"]] == [None, str(SMALL)]
    assert sum(model["size_bytes"] for model in data["models"]) == data["used_bytes"]
