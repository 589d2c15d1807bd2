"""Which processes there are: files and windows that change, several models, the end; and what is reported."""

from __future__ import annotations

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tale_tui.domain.errors import BackendCrashed, ModelDamaged, ModelNotFound, NotAvailable
from tale_tui.engine.models.backend import Finished
from tale_tui.engine.models.embedded import files as embedded_files

# a test may wait for its files

pytestmark = pytest.mark.process


async def test_a_file_that_was_replaced_is_loaded_anew(bench: Any) -> None:
    backend = bench.backend()
    await bench.ask(backend, "say on")
    before = bench.children()
    new = bench.models / "new"
    new.write_bytes(bench.gguf(1024))
    new.replace(bench.file)
    events = await bench.ask(backend, "say on")
    assert bench.children() != before
    assert len(bench.children()) == 1
    assert next(event for event in events if isinstance(event, Finished)).load_ms


async def test_a_file_that_is_gone_ends_its_process(bench: Any) -> None:
    backend = bench.backend()
    await backend.load("m", None)
    bench.file.unlink()
    with pytest.raises(ModelNotFound):
        await bench.ask(backend, "say on")
    assert bench.children() == []


async def test_another_window_loads_anew_and_the_same_does_not(bench: Any) -> None:
    backend = bench.backend()
    await backend.load("m", 2048)
    before = bench.children()
    await backend.load("m", 2048)
    await backend.load("m", None)
    assert bench.children() == before
    assert (await backend.load("m", 1024)).window == 1024
    assert bench.children() != before


async def test_two_models_are_two_processes_and_one_can_go(bench: Any) -> None:
    (bench.models / "n.gguf").write_bytes(bench.gguf(512))
    backend = bench.backend()
    await asyncio.gather(backend.load("m", None), backend.load("n", None))
    assert len(bench.children()) == 2
    assert {str(model.ref) for model in await backend.loaded()} == {"embedded/m", "embedded/n"}
    await backend.unload("m")
    await backend.unload("m")
    await backend.unload("never heard of")
    assert [str(model.ref) for model in await backend.loaded()] == ["embedded/n"]
    assert len(bench.children()) == 1


async def test_closing_breaks_an_answer_off_and_can_be_done_twice(bench: Any) -> None:
    backend = bench.backend()
    async with aclosing(backend.chat(bench.asking("slow"))) as events:
        await anext(events)
        await backend.close()
        await backend.close()
        with pytest.raises(BackendCrashed):
            async for _ in events:
                pass
    assert bench.children() == []


async def test_a_report_starts_nothing(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tale_tui.engine.models.embedded.backend.why_not_here", lambda: "Not on this machine.")
    (bench.models / "bad.gguf").write_bytes(b"")
    report = await bench.backend().report(5)
    assert (report.available, report.detail) == (False, "Not on this machine.")
    assert [(info.ref.model, info.capabilities) for info in report.models] == [("bad", ()), ("m", ("chat",))]
    assert bench.children() == []


async def test_a_folder_that_cannot_be_read_is_in_the_report(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tale_tui.engine.models.embedded.backend.survey", refuse)
    report = await bench.backend().report(5)
    assert not report.available
    assert "permission denied" in report.detail


async def test_a_folder_that_does_not_answer_is_in_the_report(bench: Any) -> None:
    report = await bench.backend().report(0)
    assert not report.available
    assert "does not answer" in report.detail


async def test_a_file_that_cannot_be_read_is_told(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    backend = bench.backend()
    monkeypatch.setattr(embedded_files, "read_header", refuse)
    with pytest.raises(ModelNotFound, match="permission denied"):
        await backend.default_window("m")
    monkeypatch.setattr(embedded_files, "identity", refuse)
    with pytest.raises(ModelNotFound, match="permission denied"):
        await backend.load("m", None)


async def test_a_file_that_is_no_model_is_told_before_a_process_is_started(bench: Any) -> None:
    bench.file.write_bytes(b"<html>")
    with pytest.raises(ModelDamaged, match="not a GGUF file"):
        await bench.backend().load("m", None)
    assert not bench.log.exists()


async def test_a_process_that_cannot_be_started_is_told(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(bench.folder / "none"))
    with pytest.raises(NotAvailable, match="cannot be started: no such file"):
        await bench.backend().load("m", None)


async def test_a_library_that_cannot_run_here_is_not_tried(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_files, "why_not_here", lambda: "Not on this machine.")
    with pytest.raises(NotAvailable, match="Not on this machine"):
        await bench.backend().load("m", None)
    assert not bench.log.exists()


async def test_only_the_starter_can_be_pulled(bench: Any) -> None:
    with pytest.raises(ModelNotFound, match="models add"):
        async for _ in bench.backend().pull("llama"):
            pass


ORPHAN = """
import asyncio, sys
from contextlib import aclosing
from pathlib import Path
from tale_tui.engine.models.embedded import files as embedded_files
from tale_tui.engine.models.backend import ChatMessage, ChatRequest
from tale_tui.engine.models.embedded.backend import EmbeddedBackend
from tale_tui.config.settings import Settings

embedded_files.why_not_here = lambda: ""

async def main():
    backend = EmbeddedBackend(Settings(), Path(sys.argv[1]), Path(sys.argv[2]))
    request = ChatRequest("m", (ChatMessage("user", sys.argv[3]),), None, 50)
    async with aclosing(backend.chat(request)) as events:
        async for event in events:
            print("going", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize(("loading", "text"), [("", "slow"), ("", "deaf"), ("forever", "")])
async def test_a_parent_that_is_killed_leaves_no_child(
    bench: Any, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, loading: str, text: str
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    bench.loading(loading)
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ORPHAN, str(bench.models), str(bench.log), text, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    if loading:
        await bench.until(lambda: bench.log.exists() and "chatter" in bench.log.read_text())
    else:
        assert await parent.stdout.readline() == b"going\n"
    (child,) = psutil.Process(parent.pid).children()
    parent.kill()
    await parent.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, [child], 30)
    assert [one for one in alive if one.status() != psutil.STATUS_ZOMBIE] == []
