"""Model files: which there are, and how another one gets in whole or not at all."""

# ruff: noqa: ASYNC240  # a test may wait for its files

from __future__ import annotations

import errno
import os
import shutil
import struct
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.gguf import gguf
from tale_tui.domain.errors import BadInput, DiskFull, ModelNotFound, ReadOnly
from tale_tui.domain.models import BackendName, ModelInfo, ModelRef
from tale_tui.engine.models.files import library
from tale_tui.engine.models.files.library import add_model, describe, find_model, identity, model_paths

MODEL = gguf(general__architecture="llama", general__size_label="1B", llama__context_length=2048) + b"weights"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    path = tmp_path / "Some Model.gguf"
    path.write_bytes(MODEL)
    return path


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".incoming")]


def test_a_folder_that_is_not_there_has_no_models(folder: Path) -> None:
    assert model_paths(folder) == {}


def test_only_files_that_can_be_models_are_listed(folder: Path) -> None:
    (folder / "sub.gguf").mkdir(parents=True)
    for name in ("b.gguf", "A.GGUF", ".hidden.gguf", "notes.txt", "a\x1b[31mb.gguf"):
        (folder / name).write_bytes(MODEL)
    assert list(model_paths(folder)) == ["A", "ab", "b"]


@pytest.mark.parametrize("name", ["", "..", "../outside", "/etc/passwd", "sub/b", "nothing"])
def test_a_name_is_never_a_path(folder: Path, tmp_path: Path, name: str) -> None:
    folder.mkdir()
    (tmp_path / "outside.gguf").write_bytes(MODEL)
    with pytest.raises(ModelNotFound, match="tale-tui models add PATH"):
        find_model(folder, name)


def test_a_folder_that_cannot_be_read_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()

    def refuse(path: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(ModelNotFound, match="permission denied"):
        find_model(folder, "x")


async def test_a_file_is_copied_in_and_described(folder: Path, outside: Path) -> None:
    info = await add_model(str(outside), folder)
    assert info == ModelInfo(ModelRef(BackendName.EMBEDDED, "Some Model"), len(MODEL), "1B", max_window=2048)
    assert find_model(folder, "Some Model").read_bytes() == MODEL
    assert not find_model(folder, "Some Model").is_symlink()
    assert leftovers(folder) == []


async def test_home_is_understood(folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(outside.parent))
    assert (await add_model("~/Some Model.gguf", folder)).ref.model == "Some Model"


async def test_a_file_that_lies_there_already_is_left_alone(folder: Path, outside: Path) -> None:
    await add_model(outside, folder)
    before = identity(folder / outside.name)
    assert (await add_model(folder / outside.name, folder)).ref.model == "Some Model"
    assert identity(folder / outside.name) == before


async def test_a_name_that_is_taken_is_not_given_twice(folder: Path, outside: Path, tmp_path: Path) -> None:
    await add_model(outside, folder)
    (tmp_path / "b").mkdir()
    shutil.copy(outside, tmp_path / "b" / outside.name)
    with pytest.raises(BadInput, match="taken"):
        await add_model(tmp_path / "b" / outside.name, folder)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is empty"),
        (b"<html>", "it is not a GGUF file"),
        (gguf(general__architecture="clip"), "it holds no model that writes text"),
        (gguf(general__type="adapter"), "it holds no model that writes text"),
        (gguf(general__architecture="llama", split__count=3), "it is one of 3 parts"),
    ],
)
async def test_what_is_no_model_is_refused_and_listed_as_useless(folder: Path, data: bytes, why: str) -> None:
    folder.mkdir()
    bad = folder.parent / "bad.gguf"
    bad.write_bytes(data)
    with pytest.raises(BadInput, match=why):
        await add_model(bad, folder)
    assert model_paths(folder) == {}
    listed = describe("bad", bad)
    assert listed.capabilities == ()
    assert why in listed.note


async def test_a_copy_that_broke_off_is_refused(folder: Path, outside: Path) -> None:
    one_tensor = struct.pack("<Q1sIQIQ", 1, b"t", 1, 1024, 0, 0)
    head = MODEL.removesuffix(b"weights")
    outside.write_bytes(head[:8] + struct.pack("<Q", 1) + head[16:] + one_tensor + bytes(1024))
    with pytest.raises(BadInput, match="it breaks off"):
        await add_model(outside, folder)
    assert model_paths(folder) == {}


@pytest.mark.parametrize("name", ["nothing.gguf", "notes.txt", "."])
async def test_what_is_no_file_of_a_model_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(BadInput):
        await add_model(tmp_path / name, folder)


async def test_a_disk_that_is_too_small_is_seen_before(
    folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=3))
    with pytest.raises(DiskFull, match="Make room"):
        await add_model(outside, folder)
    assert model_paths(folder) == {}


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EROFS, ReadOnly), (errno.EIO, BadInput)],
)
async def test_a_copy_that_fails_leaves_nothing(
    folder: Path, outside: Path, monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception]
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(library.os, "fsync", fail)
    with pytest.raises(error):
        await add_model(outside, folder)
    assert model_paths(folder) == {}
    assert leftovers(folder) == []


async def test_a_copy_with_another_checksum_is_told(outside: Path, tmp_path: Path) -> None:
    with outside.open("rb") as file, pytest.raises(ValueError, match="checksum"):
        async for _ in library.copy_checked(file, tmp_path / "copy", sha256="0" * 64):
            pass


async def test_a_copy_tells_how_far_it_is(outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "COPY_CHUNK_BYTES", 40)
    with outside.open("rb") as file:
        steps = [done async for done in library.copy_checked(file, tmp_path / "copy")]
    assert steps == [*range(40, len(MODEL), 40), len(MODEL)]


def test_what_a_killed_copy_left_is_swept(folder: Path, outside: Path) -> None:
    folder.mkdir()
    kept = folder / "model.gguf"
    kept.write_bytes(MODEL)
    (folder / ".incoming-x").mkdir()
    (folder / ".incoming-x" / "part").write_bytes(b"half")
    library.sweep(folder)
    assert list(folder.iterdir()) == [kept]
