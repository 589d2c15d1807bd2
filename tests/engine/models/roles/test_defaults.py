import pytest

from tale_tui.domain.models import BackendName, BackendReport, ModelInfo, ModelRef, Role
from tale_tui.engine.models.files.starter import STARTER_NAME
from tale_tui.engine.models.roles.defaults import (
    NOTHING_FOUND,
    about_stand_ins,
    choose,
    chosen,
    has_model,
    is_default,
    parse_setting,
)

OLLAMA, EMBEDDED, OPENAI = BackendName.OLLAMA, BackendName.EMBEDDED, BackendName.OPENAI


def info(
    backend: BackendName,
    model: str,
    size: int | None = None,
    *,
    remote: bool = False,
    capabilities: tuple[str, ...] = ("chat",),
) -> ModelInfo:
    return ModelInfo(ModelRef(backend, model), size, remote=remote, capabilities=capabilities)


def report(backend: BackendName, *models: ModelInfo, available: bool = True) -> BackendReport:
    return BackendReport(backend, available, models=models)


def test_the_defaults_are_taken_where_they_are_installed() -> None:
    there = report(OLLAMA, info(OLLAMA, "tiny", 1), info(OLLAMA, "qwen3:14b", 9), info(OLLAMA, "qwen2.5:7b", 4))
    ux, task = choose(Role.UX, [there]), choose(Role.TASK, [there])
    assert (ux.ref, ux.detail, ux.provisional) == (ModelRef(OLLAMA, "qwen2.5:7b"), "", False)
    assert task.ref == ModelRef(OLLAMA, "qwen3:14b")


def test_another_model_stands_in_and_that_is_said() -> None:
    there = report(OLLAMA, info(OLLAMA, "middle", 5), info(OLLAMA, "small", 1), info(OLLAMA, "large", 9))
    ux, task = choose(Role.UX, [there]), choose(Role.TASK, [there])
    assert (ux.ref, ux.provisional) == (ModelRef(OLLAMA, "small"), True)
    assert ux.detail == "qwen2.5:7b is not installed; small serves until you choose."
    assert ux.offered == (ModelRef(OLLAMA, "middle"), ModelRef(OLLAMA, "large"))
    assert task.ref == ModelRef(OLLAMA, "large")
    assert task.detail == "qwen3:14b is not installed; large serves until you choose."


def test_what_sends_text_away_or_cannot_talk_is_never_chosen() -> None:
    there = report(
        OLLAMA,
        info(OLLAMA, "cloud", 1, remote=True),
        info(OLLAMA, "embed", 1, capabilities=("embedding",)),
        info(OLLAMA, "here", 7),
    )
    assert choose(Role.UX, [there]).ref == ModelRef(OLLAMA, "here")
    only_cloud = choose(Role.UX, [report(OLLAMA, info(OLLAMA, "cloud", 1, remote=True))])
    assert only_cloud.ref is None
    assert only_cloud.offered == (ModelRef(OLLAMA, "cloud"),)


def test_a_model_of_unknown_size_is_chosen_only_when_alone() -> None:
    there = report(OLLAMA, info(OLLAMA, "unknown"), info(OLLAMA, "known", 5))
    assert choose(Role.UX, [there]).ref == ModelRef(OLLAMA, "known")
    assert choose(Role.TASK, [there]).ref == ModelRef(OLLAMA, "known")
    assert choose(Role.UX, [report(OLLAMA, info(OLLAMA, "unknown"))]).ref == ModelRef(OLLAMA, "unknown")


def test_without_ollama_a_file_serves_and_the_starter_last() -> None:
    starter, own = info(EMBEDDED, STARTER_NAME, 100), info(EMBEDDED, "own", 4000)
    away = report(OLLAMA, available=False)
    only_starter = choose(Role.UX, [away, report(EMBEDDED, starter)])
    assert (only_starter.ref, only_starter.demo) == (starter.ref, True)
    with_own = choose(Role.UX, [away, report(EMBEDDED, starter, own)])
    assert (with_own.ref, with_own.demo) == (own.ref, False)
    assert choose(Role.UX, [report(OLLAMA), report(EMBEDDED, starter)]).ref == starter.ref


def test_a_server_that_was_set_up_comes_before_files() -> None:
    reports = [report(OLLAMA), report(OPENAI, info(OPENAI, "served")), report(EMBEDDED, info(EMBEDDED, "own", 1))]
    assert choose(Role.UX, reports).ref == ModelRef(OPENAI, "served")


def test_nothing_is_said_plainly() -> None:
    choice = choose(Role.UX, [report(OLLAMA, available=False), report(EMBEDDED)])
    assert (choice.ref, choice.detail) == (None, NOTHING_FOUND)


@pytest.mark.parametrize("value", ["qwen2.5:7b", "nowhere/model", "ollama/", ""])
def test_a_wrong_setting_is_named_with_what_would_be_right(value: str) -> None:
    choice = parse_setting(Role.UX, value)
    assert choice.ref is None
    assert f"`ux` is {value!r}" in choice.detail
    assert "ollama/qwen2.5:7b" in choice.detail


def test_names_are_completed_as_their_backends_list_them() -> None:
    assert chosen(ModelRef(OLLAMA, "llama3.2")).ref == ModelRef(OLLAMA, "llama3.2:latest")
    assert chosen(ModelRef(OLLAMA, "hf.co/some/model")).ref == ModelRef(OLLAMA, "hf.co/some/model:latest")
    assert chosen(ModelRef(OLLAMA, "a:1b")).ref == ModelRef(OLLAMA, "a:1b")
    assert chosen(ModelRef(OPENAI, "model")).ref == ModelRef(OPENAI, "model")
    starter = chosen(ModelRef(EMBEDDED, "starter"))
    assert (starter.ref, starter.demo) == (ModelRef(EMBEDDED, STARTER_NAME), True)
    assert is_default(Role.UX, ModelRef(OLLAMA, "qwen2.5:7b"))
    assert not is_default(Role.TASK, ModelRef(OLLAMA, "qwen2.5:7b"))
    assert not is_default(Role.UX, ModelRef(OPENAI, "qwen2.5:7b"))


def test_a_backend_has_what_it_lists_and_anything_where_it_lists_nothing() -> None:
    there = report(OLLAMA, info(OLLAMA, "llama3.2:latest"))
    assert has_model(there, ModelRef(OLLAMA, "llama3.2"))
    assert not has_model(there, ModelRef(OLLAMA, "llama3.1"))
    assert has_model(report(OPENAI), ModelRef(OPENAI, "any"))


def test_of_models_that_stand_in_is_said_what_else_there_is() -> None:
    there = report(OLLAMA, *(info(OLLAMA, name, size) for size, name in enumerate("abcdefg", 1)))
    both = [choose(role, [there]) for role in Role]
    assert about_stand_ins(both) == (
        "qwen2.5:7b is not installed; a serves until you choose. qwen3:14b is not installed; g serves until you "
        "choose. Installed are a, b, c, d, e and 2 more: choose with /model or `tale-tui models use`."
    )
    alone = choose(Role.UX, [report(OLLAMA, info(OLLAMA, "a", 1))])
    assert about_stand_ins([alone]) == "qwen2.5:7b is not installed; a serves until you choose."
    assert not about_stand_ins([chosen(ModelRef(OLLAMA, "a:1b"))])


def test_a_server_that_was_named_and_cannot_be_reached_is_told_of() -> None:
    away = BackendReport(OLLAMA, False, "https://gpu:11434", detail="The certificate is not trusted.")
    assert choose(Role.UX, [away, report(EMBEDDED)]).detail == "The certificate is not trusted."
    stand_in = choose(Role.UX, [away, report(EMBEDDED, info(EMBEDDED, "own", 1))])
    assert stand_in.detail == "The certificate is not trusted. own serves until then."
    assert about_stand_ins([stand_in, stand_in]) == stand_in.detail
    here = BackendReport(OLLAMA, False, "http://127.0.0.1:11434", detail="Nothing answers.")
    assert choose(Role.UX, [here, report(EMBEDDED)]).detail == NOTHING_FOUND
    assert not choose(Role.UX, [here, report(EMBEDDED, info(EMBEDDED, "own", 1))]).provisional
