"""How a model is brought into memory, and why it may not come there."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tale_tui.domain.errors import (
    BackendCrashed,
    ModelDamaged,
    ModelError,
    NotAvailable,
    OutOfMemory,
    Refused,
    TimedOut,
)
from tale_tui.engine.models.embedded import process as embedded_process
from tale_tui.engine.models.embedded.protocol import AnswerChat, AnswerFailed, LoadModel, encode

# ruff: noqa: ASYNC240  # a test may wait for its files

pytestmark = pytest.mark.process


async def test_what_the_library_is_given(bench: Any) -> None:
    loaded = await bench.backend(embedded={"window": 2048, "threads": 1}).load("m", None)
    assert loaded.window == 2048
    params = bench.params
    assert params["model"] == {"path": str(bench.file)}
    assert params["n_ctx"] == 2048
    assert params["n_batch"] == params["n_ubatch"] == 64
    assert params["n_parallel"] == 1
    assert params["cpuparams"]["n_threads"] == params["cpuparams_batch"]["n_threads"] == 1
    assert 64 <= params["cache_ram_mib"] <= 256
    assert params["ui"] is params["fit_params"] is params["cors_credentials"] is False
    assert len(params["api_keys"][0]) == 64
    assert params["hostnames"][0].endswith(".sock")
    assert not Path(params["hostnames"][0]).parent.exists()


async def test_a_path_that_is_too_long_for_a_socket_takes_a_port_and_a_key(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = bench.folder / ("x" * 120)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    await bench.backend().load("m", None)
    assert "hostnames" not in bench.params
    assert bench.params["api_keys"]
    assert list(long.iterdir()) == []


async def test_without_a_folder_for_sockets_it_takes_a_port(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(bench.folder / "none"))
    await bench.backend().load("m", None)
    assert "hostnames" not in bench.params


@pytest.mark.parametrize(("asked", "given"), [(None, 4096), (1024, 1024), (32768, 8192), (3, 256)])
async def test_the_window_is_never_larger_than_the_models_own(bench: Any, asked: int | None, given: int) -> None:
    backend = bench.backend()
    assert (await backend.load("m", asked)).window == given
    assert bench.params["n_ctx"] == given


async def test_the_default_window_is_the_smaller_one(bench: Any) -> None:
    assert await bench.backend().default_window("m") == 4096
    bench.file.write_bytes(bench.gguf(1024))
    assert await bench.backend().default_window("m") == 1024


async def test_the_child_is_fenced(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALE_OPENAI_KEY", "geheim")
    monkeypatch.setenv("SPT_NOENV", "1")  # its title leaves the place of the environment alone, which is read below
    await bench.backend(embedded={"memory_limit_gb": 2}).load("m", None)
    (child,) = bench.children()
    environ = child.environ()
    assert "TALE_OPENAI_KEY" not in environ
    assert environ["GGML_NO_BACKTRACE"] == "1"
    assert os.getsid(child.pid) == child.pid
    assert Path(f"/proc/{child.pid}/oom_score_adj").read_text().strip() == "500"
    soft, _ = child.rlimit(psutil.RLIMIT_AS)
    assert 2_000_000_000 < soft < 2_100_000_000
    assert child.rlimit(psutil.RLIMIT_CORE) == (0, 0)
    assert bench.log.stat().st_mode & 0o777 == 0o600
    assert "chatter" in bench.log.read_text()


async def test_a_log_that_cannot_be_written_is_done_without(bench: Any) -> None:
    bench.log.parent.write_text("a file where the folder should be")
    assert bench.text_of(await bench.ask(bench.backend(), "say on")) == "on"


async def test_a_long_log_begins_anew(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_process, "CHILD_LOG_BYTES_MAX", 10)
    bench.log.parent.mkdir()
    bench.log.write_text("old " * 10)
    await bench.backend().load("m", None)
    assert "old" not in bench.log.read_text()


@pytest.mark.parametrize(
    ("how", "error", "told"),
    [
        ("import:libgomp.so.1: cannot open shared object file", NotAvailable, "libgomp1"),
        ("import:a.so: failed to map segment from shared object", OutOfMemory, "embedded.memory_limit_gb"),
        ("import:No module named 'xllamacpp'", NotAvailable, "not installed"),
        ("import:undefined symbol: x", NotAvailable, "undefined symbol"),
        ("fail:E error loading model: unknown model architecture: 'x'", NotAvailable, "kind"),
        ("fail:E tensor 'a' data is not within the file bounds, model is corrupted", ModelDamaged, "cut off"),
        ("fail:E ggml_aligned_malloc: insufficient memory", OutOfMemory, "4,096 tokens"),
        ("fail:E mmap failed: Cannot allocate memory\nE failed to load model", OutOfMemory, "memory"),
        ("fail:E something new", Refused, "log"),
        ("linger:E failed to read key-value pairs", ModelDamaged, "cut off"),
        (f"die:{int(signal.SIGILL)}", NotAvailable, "AVX2"),
        (f"die:{int(signal.SIGABRT)}", ModelDamaged, "SIGABRT"),
        (f"die:{int(signal.SIGKILL)}", BackendCrashed, "memory"),
    ],
)
async def test_a_model_that_cannot_be_loaded_says_why(
    bench: Any, monkeypatch: pytest.MonkeyPatch, how: str, error: type[ModelError], told: str
) -> None:
    monkeypatch.setattr("tale_tui.engine.models.embedded.processes.CHILD_EXIT_TIMEOUT_S", 0.3)
    bench.loading(how)
    backend = bench.backend()
    with pytest.raises(error, match=told):
        await backend.load("m", None)
    assert await backend.loaded() == ()
    assert bench.children() == []
    bench.loading("")
    assert bench.text_of(await bench.ask(backend, "say again")) == "again"


async def test_what_another_process_left_in_the_log_is_not_taken_for_the_cause(bench: Any) -> None:
    bench.log.parent.mkdir()
    bench.log.write_text("E insufficient memory\n")
    bench.loading("fail:E failed to read magic")
    with pytest.raises(ModelDamaged):
        await bench.backend().load("m", None)


async def test_a_load_that_takes_too_long_is_ended(bench: Any) -> None:
    bench.loading("forever")
    with pytest.raises(TimedOut, match="first_token_s"):
        await bench.backend(limits={"first_token_s": 0.3}).load("m", None)
    await bench.close()
    assert bench.children() == []


async def test_a_load_that_is_cancelled_ends_its_process(bench: Any) -> None:
    bench.loading("forever")
    backend = bench.backend()
    loading = asyncio.create_task(backend.load("m", None))
    await bench.until(bench.children)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loading
    bench.loading("")
    assert bench.text_of(await bench.ask(backend, "say on")) == "on"
    assert len(bench.children()) == 1


async def test_closing_in_the_middle_of_a_load_leaves_no_process(bench: Any) -> None:
    bench.loading("forever")
    backend = bench.backend()
    loading = asyncio.create_task(backend.load("m", None))
    await bench.until(bench.children)
    await backend.close()
    with pytest.raises(ModelError):
        await loading
    assert bench.children() == []
    with pytest.raises(BackendCrashed, match="closing"):
        await backend.load("m", None)


async def test_nothing_is_taken_from_a_process_after_what_nobody_understands(tmp_path: Path) -> None:
    child = embedded_process.ChildProcess(LoadModel(str(tmp_path / "m.gguf"), 512, 1, 0, ""), tmp_path / "log")
    answer = child.begin(AnswerChat(0, [["user", "Hi"]], 5, None, None), lambda: None)
    child.pipe_data_received(1, b"not a line of the protocol\n")
    child.pipe_data_received(1, encode(AnswerFailed(answer.number, "invalid", "said too late", None, None)))
    child.connection_lost(None)
    assert await answer.next() is None
