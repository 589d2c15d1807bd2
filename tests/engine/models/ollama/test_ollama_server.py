"""What an Ollama server is, has and holds in memory, of this and of older versions; fetching models; keys."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tale_tui.config.settings import LimitSettings, OllamaSettings, Settings
from tale_tui.domain import errors
from tale_tui.domain.models import BackendName, LoadedModel, ModelInfo, ModelRef, Progress
from tale_tui.engine.models.backend import ChatMessage, ChatRequest
from tale_tui.engine.models.http import address as address_module
from tale_tui.engine.models.loading.memory import main_memory, needed
from tale_tui.engine.models.ollama import catalog as catalog_module
from tale_tui.engine.models.ollama.backend import OllamaBackend
from tale_tui.engine.models.ollama.connection import OllamaConnection

DIGEST = "fd5f44c0b5aff6453726119fc560d73a8a995a55b4a49804bc24b1969ecf1794"
SMALL = ModelRef(BackendName.OLLAMA, "smollm2:135m")
TASK = ModelRef(BackendName.OLLAMA, "smollm2-task:135m")
LOAD = {"model": "x", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "load"}


def made(url: str, key: str = "") -> OllamaBackend:
    return OllamaBackend(Settings(ollama=OllamaSettings(host=url)), key)


@pytest.fixture
async def ollama(replay: Any) -> AsyncIterator[OllamaBackend]:
    backend = made(replay.url)
    yield backend
    await backend.close()


def listed(*models: dict[str, Any]) -> dict[str, Any]:
    return {"models": list(models)}


# the report


async def test_the_report_of_a_server(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/version")
    replay.play("manage/tags")
    replay.play("residency/two-ps")
    report = await ollama.report(5)
    assert report.available
    assert (report.address, report.version, report.detail) == (replay.url, "0.33.0", "")
    assert [info.ref for info in report.models] == [TASK, SMALL]
    assert report.models[1] == ModelInfo(
        SMALL, 98362745, "134.52M", "Q4_1", max_window=8192, capabilities=("chat",), digest=DIGEST
    )
    assert [model.ref for model in report.loaded] == [SMALL, TASK]
    assert report.loaded[0] == LoadedModel(SMALL, 2048, 160222411, 0.0, digest=DIGEST)
    assert [asked.path for asked in replay.asked].count("/api/show") == 0  # all of it was in the list


async def test_the_report_of_an_empty_server(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/version")
    replay.play("manage/tags-empty")
    replay.play("manage/ps-empty")
    report = await ollama.report(5)
    assert report.available
    assert report.models == report.loaded == ()


async def test_an_older_server_is_asked_of_each_model(replay: Any, ollama: OllamaBackend) -> None:
    replay.say("/api/version", {"version": "0.6.5"}, method="GET")
    model = {"name": "smollm2:135m", "model": "smollm2:135m", "size": 7, "digest": DIGEST}
    replay.say("/api/tags", listed(model), method="GET")
    replay.play("manage/show-thinker")
    replay.say(
        "/api/ps", listed({"name": "smollm2:135m", "model": "smollm2:135m", "size": 8, "size_vram": 6}), method="GET"
    )
    report = await ollama.report(5)
    assert report.models[0].capabilities == ("chat", "tools", "thinking")
    assert report.models[0].max_window == 8192
    assert report.loaded == (LoadedModel(SMALL, None, 8, 0.75),)  # it does not say which window it serves
    assert report.detail.startswith("This Ollama is older than 0.12.6")


async def test_servers_that_do_not_say_what_a_model_can_do(replay: Any, ollama: OllamaBackend) -> None:
    replay.say("/api/version", {"version": "0.5.7"}, method="GET")
    models = (
        {"name": "chat:1", "model": "chat:1", "details": {"family": "llama"}},
        {"name": "embed:1", "model": "embed:1", "details": {"family": "bert"}},
        {"name": "odd:1", "model": "odd:1"},
    )
    replay.say("/api/tags", listed(*models), method="GET")
    replay.say("/api/show", {"model_info": {"llama.context_length": 4096}, "template": "x"})
    replay.say("/api/show", {"error": "corrupt"}, status=500)  # a damaged model does not hide the others
    replay.play("manage/ps-empty")
    report = await ollama.report(5)
    assert {info.ref.model: info.capabilities for info in report.models} == {
        "chat:1": ("chat",),
        "embed:1": ("embedding",),
        "odd:1": ("chat",),
    }


async def test_models_that_run_elsewhere_are_marked(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/version")
    replay.play("manage/ps-empty")
    can = {"capabilities": ["completion"]}
    models = (
        {"name": "alias:1", "model": "alias:1", "remote_host": "https://example.com", "remote_model": "big", **can},
        {"name": "gpt-oss:120b-cloud", "model": "gpt-oss:120b-cloud", **can},
        {"name": "kimi:cloud", "model": "kimi:cloud", **can},
        {"name": "here:1", "model": "here:1", **can},
        {"name": "embed:1", "model": "embed:1", "capabilities": ["embedding"]},
    )
    replay.say("/api/tags", listed(*models), method="GET")
    report = await ollama.report(5)
    assert {info.ref.model for info in report.models if info.remote} == {"alias:1", "gpt-oss:120b-cloud", "kimi:cloud"}
    assert all("leaves" in info.note for info in report.models if info.remote)
    assert {info.ref.model for info in report.models if "chat" not in info.capabilities} == {"embed:1"}


async def test_names_that_would_paint_the_screen_are_left_out(replay: Any, ollama: OllamaBackend) -> None:
    replay.say("/api/version", {"version": "0.33.0\x1b[31m"}, method="GET")
    bad = {"name": "bad\x1b[31m:1", "model": "bad\x1b[31m:1", "capabilities": ["completion"]}
    good = {"model": "good:1", "capabilities": ["completion"], "details": {"parameter_size": "7\x1b[5mB"}}
    replay.say("/api/tags", listed(bad, good, {"model": None}), method="GET")
    replay.say("/api/ps", listed(bad), method="GET")
    report = await ollama.report(5)
    assert report.version == "0.33.0"
    assert [(info.ref.model, info.parameters) for info in report.models] == [("good:1", "7B")]
    assert report.loaded == ()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"body": "<html>hello</html>"}, "but not as Ollama does"),
        ({"body": "404 page not found", "status": 404}, "Is it the address of Ollama?"),
        ({"body": '{"error":"unauthorized"}', "status": 401}, "OLLAMA_API_KEY"),
        ({"body": "", "before": asyncio.Event()}, "did not answer within 0.05 s"),
    ],
)
async def test_what_is_no_ollama_is_told_in_a_sentence(
    said: dict[str, Any], words: str, replay: Any, ollama: OllamaBackend
) -> None:
    replay.say("/api/version", method="GET", **said)
    report = await ollama.report(0.05 if "before" in said else 5)
    assert not report.available
    assert words in report.detail
    assert report.address == replay.url


@pytest.mark.parametrize(
    "tags",
    [
        {"body": "<html>"},
        {"body": "[]"},
        {"body": '{"models": null}'},
        {"body": '{"models": [{"model": 7}]}'},
        {"body": '{"error":"no"}', "status": 500},
        {"body": "[]", "status": 500},
        {"body": '{"mod', "end": "cut"},
    ],
)
async def test_a_list_that_cannot_be_read_is_no_crash(tags: dict[str, Any], replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/version")
    replay.play("manage/ps-empty")
    replay.say("/api/tags", method="GET", **tags)
    report = await ollama.report(5)
    assert not report.available
    assert report.version == "0.33.0"
    assert report.detail.endswith((".", "?"))


async def test_a_server_that_does_not_say_what_is_loaded(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/version")
    replay.play("manage/tags")
    replay.say("/api/ps", "<html>", method="GET")
    report = await ollama.report(5)
    assert report.available
    assert report.loaded == ()
    assert report.models


async def test_lists_that_do_not_come(replay: Any, ollama: OllamaBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog_module, "CATALOG_TIMEOUT_S", 0.05)
    replay.play("manage/version")
    replay.say("/api/tags", "", method="GET", before=asyncio.Event())
    replay.play("manage/ps-empty")
    report = await ollama.report(5)
    assert not report.available
    assert "did not answer within 0.05 s" in report.detail


async def test_nothing_answers(replay: Any, ollama: OllamaBackend) -> None:
    await replay.stop()
    report = await ollama.report(5)
    assert not report.available
    assert report.detail == f"Nothing answers at {replay.url}. Start Ollama, or set its address with OLLAMA_HOST."
    for work in (ollama.loaded(), ollama.load("m:1", 2048), ollama.default_window("m:1")):
        with pytest.raises(errors.Unreachable):
            await work


async def test_an_address_that_is_none(replay: Any) -> None:
    backend = made("ftp://nowhere")
    report = await backend.report(5)
    assert not report.available
    assert "OLLAMA_HOST" in report.detail
    with pytest.raises(errors.NotAvailable):
        await backend.loaded()
    await backend.close()


async def test_another_machine_without_encryption_is_warned_of_and_gets_no_key(
    replay: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(address_module, "is_loopback", lambda host: False)
    replay.play("manage/version")
    replay.play("manage/tags-empty")
    replay.play("manage/ps-empty")
    backend = made(replay.url, "geheim")
    report = await backend.report(5)
    await backend.close()
    assert report.available
    assert report.detail.startswith(f"What is sent to {replay.url} is not encrypted.")
    assert all("authorization" not in asked.headers for asked in replay.asked)


def test_constructing_one_does_nothing() -> None:
    code = (
        "import sys; from tale_tui.engine.models.ollama.backend import OllamaBackend;"
        "from tale_tui.config.settings import Settings;"
        "OllamaBackend(Settings()); sys.exit('ollama' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# what is in memory


async def test_loading_says_what_every_call_says(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/tags")
    replay.play("residency/preload-shift-false")
    replay.play("residency/ps-after-shift-false")
    loaded = await ollama.load("smollm2:135m", 2048)
    assert loaded == LoadedModel(SMALL, 2048, 160222411, 0.0, digest=DIGEST)
    assert replay.bodies("/api/chat") == [
        {
            "model": "smollm2:135m",
            "messages": [],
            "stream": False,
            "keep_alive": 600,
            "shift": False,
            "truncate": False,
            "options": {"num_ctx": 2048},
        }
    ]


async def test_the_window_is_the_models_own_up_to_8192(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/tags")
    replay.play("manage/show")
    replay.play("residency/preload")
    replay.play("residency/ps-after-shift-false")
    await ollama.load("smollm2:135m", None)
    assert replay.bodies("/api/chat")[0]["options"] == {"num_ctx": 8192}
    assert await ollama.default_window("smollm2:135m") == 8192
    assert len(replay.bodies("/api/show")) == 1


@pytest.mark.parametrize(
    ("info", "window"), [({"x.context_length": 2048}, 2048), ({"x.context_length": 131072}, 8192), ({}, 8192)]
)
async def test_default_windows(info: dict[str, Any], window: int, replay: Any, ollama: OllamaBackend) -> None:
    replay.say("/api/show", {"model_info": info, "capabilities": ["completion"]})
    assert await ollama.default_window("m:1") == window


async def test_two_names_of_one_file_are_both_there(replay: Any, ollama: OllamaBackend) -> None:
    replay.say(
        "/api/tags", listed({"model": "same:file", "digest": DIGEST, "capabilities": ["completion"]}), method="GET"
    )
    replay.play("residency/same-file-2")
    replay.play("residency/same-file-ps")
    same = ModelRef(BackendName.OLLAMA, "same:file")
    assert await ollama.load("same:file", 2048) == LoadedModel(same, 2048, 160222411, 0.0, shares=SMALL, digest=DIGEST)
    loaded = await ollama.loaded()
    assert {model.ref for model in loaded} == {same, SMALL}
    assert sum(main_memory(model) for model in loaded) == 160222411  # one set of weights counts once
    replay.play("residency/unload")
    await ollama.unload("same:file")
    assert {model.ref for model in await ollama.loaded()} == {SMALL}


async def test_two_models_with_the_same_weights_are_both_there(replay: Any, ollama: OllamaBackend) -> None:
    other = {"model": "thinker:135m", "digest": "e" * 64, "capabilities": ["completion"]}
    replay.say("/api/tags", listed(other), method="GET")
    replay.lines("/api/chat", LOAD)
    replay.play("residency/same-file-ps")
    replay.play("manage/show-thinker")
    replay.play("manage/show")
    loaded = await ollama.load("thinker:135m", 2048)
    assert loaded.ref.model == "thinker:135m"
    assert loaded.window == 2048


async def test_a_name_without_a_tag_is_the_latest(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/tags")
    replay.lines("/api/chat", LOAD)
    replay.say("/api/ps", listed({"model": "m:latest", "size": 4, "size_vram": 4, "context_length": 512}), method="GET")
    loaded = await ollama.load("m", 2048)
    assert loaded == LoadedModel(ModelRef(BackendName.OLLAMA, "m"), 512, 4, 1.0)
    assert loaded in await ollama.loaded()


async def test_what_was_evicted_is_not_taken_for_loaded(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/tags")
    replay.play("residency/one-slot-load-ux")
    replay.play("residency/one-slot-ps-evicted")
    replay.say("/api/show", {"model_info": {}, "modelfile": f"FROM /m/sha256-{'a' * 64}\n"})
    replay.say("/api/show", {"model_info": {}, "modelfile": f"FROM /m/sha256-{'b' * 64}\n"})
    with pytest.raises(errors.BackendCrashed) as raised:
        await ollama.load("smollm2:135m", 2048)
    assert "another model took its place" in raised.value.sentence


async def test_a_model_that_is_gone_again_at_once_is_not_taken_for_loaded(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/tags")
    replay.play("residency/preload")
    replay.play("residency/ps-before")
    with pytest.raises(errors.BackendCrashed):
        await ollama.load("smollm2:135m", 2048)


async def test_a_model_that_runs_elsewhere_is_not_loaded(replay: Any, ollama: OllamaBackend) -> None:
    replay.say("/api/tags", listed({"model": "big:cloud", "capabilities": ["completion"]}), method="GET")
    replay.say("/api/show", {"model_info": {"x.context_length": 262144}})
    replay.lines("/api/chat", LOAD)
    loaded = await ollama.load("big:cloud", 8192)
    assert loaded == LoadedModel(ModelRef(BackendName.OLLAMA, "big:cloud"), 262144, load_ms=0.0)
    assert replay.bodies("/api/chat") == []


@pytest.mark.parametrize(
    ("name", "windows"),
    [
        ("residency/ps-before", []),
        ("residency/ps-forever", [2048]),
        ("residency/ps-after-2s", [2048]),
        ("residency/ps-after-errors", [4096]),
        ("residency/ps-after-unload", [2048]),
        ("residency/ps-after-unload-1s", [2048]),
        ("residency/ps-while-loading-0", [2048]),
        ("residency/ps-while-loading-5", [2048, 2048]),
        ("residency/two-ps", [2048, 2048]),
        ("errors/ps-after-crash", [2048]),
        ("window/ps-256", [256]),
        ("window/ps-no-num-ctx", [4096]),
        ("window/ps-over-model", [8192]),
    ],
)
async def test_what_is_loaded(name: str, windows: list[int], replay: Any, ollama: OllamaBackend) -> None:
    replay.play(name)
    loaded = await ollama.loaded()
    assert [model.window for model in loaded] == windows
    assert all(model.gpu_share == 0.0 for model in loaded)


async def test_a_model_that_loads_since_the_year_1_and_one_for_ever(replay: Any, ollama: OllamaBackend) -> None:
    models = (
        {"model": "a:1", "size": 0, "size_vram": 0, "expires_at": "0001-01-01T00:00:00Z"},
        {"model": "b:1", "size": 10, "size_vram": 20, "expires_at": "2319-03-03T07:47:36.031862902Z"},
    )
    replay.say("/api/ps", listed(*models), method="GET")
    assert [model.gpu_share for model in await ollama.loaded()] == [None, 1.0]


@pytest.mark.parametrize(
    "name", ["preload", "two-load-ux", "two-load-task", "keep-alive-2s", "one-slot-load-task", "same-file-1"]
)
async def test_recorded_loads(name: str, replay: Any, ollama: OllamaBackend, recording: Any) -> None:
    model = recording(f"residency/{name}")["request"]["body"]["model"]
    replay.play("manage/tags")
    replay.play(f"residency/{name}")
    replay.play("residency/two-ps")
    assert (await ollama.load(model, 2048)).ref.model == model


@pytest.mark.parametrize(
    ("name", "code"),
    [("out-of-memory-400", "out_of_memory"), ("model-unknown", "not_found"), ("queue-full-0", "busy")],
)
async def test_loading_fails(name: str, code: str, replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/tags")
    replay.play(f"errors/{name}")
    with pytest.raises(errors.ModelError) as raised:
        await ollama.load("m:1", 2048)
    assert raised.value.code == code


async def test_a_load_that_takes_too_long(replay: Any) -> None:
    limits = LimitSettings(first_token_s=0.05)
    backend = OllamaBackend(Settings(ollama=OllamaSettings(host=replay.url), limits=limits), "")
    replay.play("manage/tags")
    replay.say("/api/chat", "", before=asyncio.Event())
    with pytest.raises(errors.TimedOut):
        await backend.load("smollm2:135m", 2048)
    await backend.close()


async def test_unloading(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("residency/unload")
    await ollama.unload("smollm2-task:135m")
    body = replay.bodies("/api/chat")[0]
    assert body == {"model": "smollm2-task:135m", "messages": [], "keep_alive": 0, "stream": False}


async def test_unloading_what_is_not_there_does_nothing(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("errors/model-unknown")
    await ollama.unload("nosuch:1b")
    assert len(replay.asked) == 1


async def test_a_description_is_asked_for_again_when_the_model_changed(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/version")
    replay.play("manage/ps-empty")
    replay.say("/api/tags", listed({"model": "m:1", "digest": "one"}), method="GET")
    replay.say("/api/tags", listed({"model": "m:1", "digest": "two"}), method="GET")
    replay.say("/api/show", {"model_info": {"x.context_length": 2048}, "capabilities": ["completion"]})
    replay.say("/api/show", {"model_info": {"x.context_length": 4096}, "capabilities": ["completion"]})
    await ollama.report(5)
    assert await ollama.default_window("m:1") == 2048
    await ollama.report(5)
    assert await ollama.default_window("m:1") == 4096


async def test_a_description_of_nothing(replay: Any, ollama: OllamaBackend) -> None:
    replay.play("manage/show-unknown")
    with pytest.raises(errors.ModelNotFound) as raised:
        await ollama.default_window("nosuch:1b")
    assert raised.value.sentence.endswith("ollama pull nosuch:1b")


# fetching


async def pulled(ollama: OllamaBackend, model: str = "m:1") -> list[Progress]:
    return [step async for step in ollama.pull(model)]


def layer(digest: str, total: int | None = None, completed: int | None = None) -> dict[str, Any]:
    told = {"status": f"pulling {digest}", "digest": digest, "total": total, "completed": completed}
    return {name: value for name, value in told.items() if value is not None}


async def test_a_pull_adds_up_its_layers(replay: Any, ollama: OllamaBackend) -> None:
    replay.lines(
        "/api/pull",
        {"status": "pulling manifest"},
        layer("a"),
        layer("a", 100),
        layer("a", 100, 40),
        layer("b", 10, 10),
        layer("a", 100, 100),
        {"status": "verifying sha256 digest"},
        {"status": "writing manifest"},
        {"status": "success"},
    )
    steps = await pulled(ollama)
    assert [(step.done, step.total) for step in steps] == [
        (0, None),
        (0, None),
        (0, 100),
        (40, 100),
        (50, 110),
        (110, 110),
        (110, 110),
        (110, 110),
        (110, 110),
    ]
    assert [step.finished for step in steps] == [False] * 8 + [True]
    assert (steps[0].label, steps[-2].label, steps[-1].label) == ("Fetching m:1", "Checking m:1", "m:1 is there")
    assert replay.bodies("/api/pull")[0]["model"] == "m:1"


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        ({"body": '{"status":"pulling manifest"}\n'}, "broken_stream", "goes on where it stopped"),
        ({"body": '{"status":"x"}\n', "end": "cut"}, "broken_stream", "kept"),
        ({"body": '{"status":"x"}\n\n'}, "broken_stream", "cannot be read"),
        ({"body": "<html>\n"}, "broken_stream", "cannot be read"),
        ({"body": "[1]\n"}, "broken_stream", "cannot be read"),
        ({"body": '{"status":7}\n'}, "broken_stream", "cannot be read"),
        ({"body": '{"error":"pull model manifest: file does not exist"}\n'}, "not_found", "no model named m:1"),
        ({"body": '{"error":"invalid model name"}', "status": 400}, "refused", "cannot be the name"),
        ({"body": "busy", "status": 503}, "unreachable", "not ready yet"),
    ],
)
async def test_pulls_that_fail(said: dict[str, Any], code: str, words: str, replay: Any, ollama: OllamaBackend) -> None:
    replay.say("/api/pull", **said)
    with pytest.raises(errors.ModelError) as raised:
        await pulled(ollama)
    assert raised.value.code == code
    assert words in raised.value.sentence


@pytest.mark.parametrize(("name", "code"), [("pull-no-network", "unreachable"), ("pull-bad-name", "refused")])
async def test_recorded_pulls(name: str, code: str, replay: Any, ollama: OllamaBackend) -> None:
    replay.play(f"manage/{name}")
    with pytest.raises(errors.ModelError) as raised:
        await pulled(ollama, "bad name/:::")
    assert raised.value.code == code
    assert "registry" not in raised.value.sentence


async def test_a_pull_from_a_server_that_is_away(replay: Any, ollama: OllamaBackend) -> None:
    await replay.stop()
    with pytest.raises(errors.Unreachable):
        await pulled(ollama)


async def test_closing_a_pull_stops_it(replay: Any, ollama: OllamaBackend) -> None:
    replay.lines("/api/pull", layer("a", 100, 40), end="hold")
    steps = ollama.pull("m:1")
    assert (await anext(steps)).done == 40
    await steps.aclose()
    await asyncio.wait_for(replay.client_left.wait(), 5)


# keys


@pytest.mark.parametrize("key", ["geheim", ""])
async def test_the_key_goes_to_a_server_that_was_named_and_nowhere_else(
    key: str, replay: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "from the environment")
    replay.play("manage/version")
    replay.play("manage/tags")
    replay.play("manage/ps-empty")
    backend = made(replay.url, key)
    await backend.report(5)
    await backend.close()
    sent = {asked.headers.get("authorization") for asked in replay.asked}
    assert sent == ({"Bearer geheim"} if key else {None})  # the package would send what is in the environment
    assert len(replay.asked) == 3


async def test_the_key_comes_from_the_environment(replay: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "geheim")
    backend = OllamaBackend(Settings(ollama=OllamaSettings(host=replay.url)))
    await backend.report(5)
    await backend.close()
    assert replay.asked[0].headers["authorization"] == "Bearer geheim"


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("", False),
        ("127.0.0.1", False),
        ("127.0.0.1:9999", True),
        ("http://localhost:11434", True),
        ("ollama.com", True),
        ("https://example.com", True),
        ("http://example.com", False),
        ("192.168.1.2", False),
        ("http://ollama.com", False),
    ],
)
def test_who_gets_to_see_the_key(host: str, sent: bool) -> None:
    connection = OllamaConnection(Settings(ollama=OllamaSettings(host=host)), "geheim")
    request = httpx.Request("GET", connection.chat)
    next(connection.client.options["auth"].auth_flow(request))
    assert request.headers.get("authorization") == ("Bearer geheim" if sent else None)


@pytest.mark.parametrize("key", ["first\nsecond", "clé", "with blank"])
async def test_a_key_that_is_none_is_refused_before_it_is_sent(key: str, replay: Any, caplog: Any) -> None:
    caplog.set_level("DEBUG")
    backend = made(replay.url, key)
    report = await backend.report(5)
    await backend.close()
    assert report.detail.startswith("Environment variable OLLAMA_API_KEY holds characters that no key has")
    assert replay.asked == []
    assert key not in caplog.text
    assert repr(key)[1:-1] not in caplog.text


async def test_a_key_that_is_none_troubles_nobody_who_is_not_shown_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "first\nsecond")
    assert OllamaBackend(Settings()).local
    assert OllamaBackend(Settings(ollama=OllamaSettings(host="192.168.1.2"))).local is False


# memory


async def test_what_a_model_takes_is_forecast_from_its_files_and_its_window(
    replay: Any, ollama: OllamaBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tale_tui.engine.models.ollama.backend.has_gpu", lambda: False)
    replay.play("manage/tags")
    shape = {"block_count": 30, "embedding_length": 576, "attention.head_count": 9, "attention.head_count_kv": 3}
    replay.say("/api/show", {"model_info": {f"llama.{key}": value for key, value in shape.items()}})
    forecast = await ollama.forecast(SMALL.model, 2048)
    assert forecast is not None
    assert (forecast.weights, forecast.cache) == (98362745, 2048 * 30 * 3 * 128 * 2)
    assert forecast.shares is None


async def test_weights_that_are_in_memory_under_another_name_are_forecast_to_be_shared(
    replay: Any, ollama: OllamaBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tale_tui.engine.models.ollama.backend.has_gpu", lambda: False)
    same = {"model": "same:file", "digest": DIGEST, "size": 98362745, "capabilities": ["completion"]}
    replay.say("/api/tags", listed(same), method="GET")
    replay.play("manage/show")
    replay.play("residency/same-file-ps")
    forecast = await ollama.forecast("same:file", 2048)
    assert forecast is not None
    assert forecast.shares == SMALL
    assert needed(ModelRef(BackendName.OLLAMA, "same:file"), forecast, await ollama.loaded()) < forecast.weights
    assert 160222411 < forecast.total < 160222411 * 1.1  # what the server said of it when it was loaded so
    assert await ollama.forecast("none", 2048) is None


async def test_nothing_is_forecast_where_a_gpu_may_hold_it_or_the_server_is_elsewhere(
    replay: Any, ollama: OllamaBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tale_tui.engine.models.ollama.backend.has_gpu", lambda: True)
    assert ollama.local
    assert await ollama.forecast(SMALL.model, 2048) is None
    elsewhere = made("http://192.0.2.1:11434")
    assert not elsewhere.local
    assert await elsewhere.forecast(SMALL.model, 2048) is None
    assert not made("http://[nonsense").local
    assert replay.asked == []


@pytest.mark.parametrize(("setting", "loading"), [(-1, -1), (0, 30), (5, 30), (600, 600)])
async def test_a_model_that_is_given_back_soon_is_loaded_all_the_same(setting: int, loading: int, replay: Any) -> None:
    replay.play("manage/show")
    replay.play("manage/tags")
    replay.lines("/api/chat", LOAD)
    replay.play("residency/two-ps")
    backend = OllamaBackend(Settings(ollama=OllamaSettings(host=replay.url, keep_alive_s=setting)), "")
    assert (await backend.load(SMALL.model, 2048)).ref == SMALL
    request = ChatRequest(SMALL.model, (ChatMessage("user", "hi"),), 2048, 5)
    async with aclosing(backend.chat(request)) as events:
        await anext(events)
    await backend.close()
    assert [body["keep_alive"] for body in replay.bodies("/api/chat")] == [loading, setting]
