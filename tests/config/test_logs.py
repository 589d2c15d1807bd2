"""The log: a file, one line a record, never the screen, never a key."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from pathlib import Path

import pytest

from tale_tui.config import logs

LOG = logging.getLogger("tale_tui.something")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "tale-tui.log"


def test_a_record_is_one_line_with_its_time_level_and_logger(file: Path) -> None:
    with logs.to_file(file, "info", {}):
        LOG.info("Loaded %s", "qwen")
    [line] = file.read_text().splitlines()
    time, level, rest = line.split(" ", 2)
    assert time.endswith("Z")
    assert (level, rest) == ("INFO", "tale_tui.something: Loaded qwen")


def test_control_characters_are_escaped(file: Path) -> None:
    text = "a\nb\r\x1b[31mc\x00\x9b\u2028ü\ud800"
    with logs.to_file(file, "info", {}):
        # Straight to the file: a report of pytest between two processes cannot hold half a surrogate pair.
        logging.getLogger().handlers[-1].handle(logging.LogRecord(LOG.name, logging.INFO, "", 0, text, None, None))
    [line] = file.read_text(encoding="utf-8").splitlines()
    assert line.endswith(r"a\nb\r\x1b[31mc\x00\x9b\u2028ü\ud800")


def test_a_traceback_is_one_line_too(file: Path) -> None:
    with logs.to_file(file, "info", {}):
        try:
            raise ValueError("wrong\nhere")
        except ValueError:
            LOG.exception("it failed")
    [line] = file.read_text().splitlines()
    assert r"ValueError: wrong\nhere" in line


def test_keys_are_in_no_line(file: Path) -> None:
    environ = {"TALE_OPENAI_KEY": "sk-very-secret", "OLLAMA_API_KEY": "other-secret"}
    with logs.to_file(file, "debug", environ):
        LOG.debug("Authorization: Bearer %s %s", "sk-very-secret", "other-secret")
        LOG.error("failed", exc_info=ValueError("sk-very-secret"))
    text = file.read_text()
    assert "secret]" in text
    assert "sk-very" not in text
    assert "other-" not in text


def test_a_key_that_is_a_syllable_leaves_the_log_readable(file: Path) -> None:
    with logs.to_file(file, "info", {"TALE_OPENAI_KEY": "a"}):
        LOG.info("banana")
    assert "banana" in file.read_text()


def test_the_file_is_its_owners_alone(file: Path) -> None:
    with logs.to_file(file, "info", {}):
        LOG.info("x")
    assert file.stat().st_mode & 0o777 == 0o600


def test_nothing_to_say_makes_no_file(file: Path) -> None:
    with logs.to_file(file, "warning", {}):
        LOG.info("not said")
    assert not file.exists()


def test_the_level_can_be_changed_in_between(file: Path) -> None:
    with logs.to_file(file, "info", {}):
        LOG.debug("not said")
        logs.set_level("debug")
        LOG.debug("said")
        logging.getLogger("httpx").info("request")
    assert file.read_text().endswith("tale_tui.something: said\n")


def test_nothing_reaches_the_screen(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise ValueError("in a thread")

    class Bad:
        def __del__(self) -> None:
            raise ValueError("in a destructor")

    with logs.to_file(file, "info", {}), warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        LOG.error("an error")
        warnings.warn("a warning", stacklevel=1)
        thread = threading.Thread(target=fail, name="worker")
        thread.start()
        thread.join()
        Bad()
    assert capfd.readouterr() == ("", "")
    text = file.read_text()
    for said in ("an error", "a warning", "in a thread", "in a destructor"):
        assert said in text


def test_afterwards_everything_is_as_it_was(file: Path) -> None:
    root = logging.getLogger()
    before = root.level, list(root.handlers), threading.excepthook, sys.unraisablehook
    with logs.to_file(file, "debug", {}):
        assert len(root.handlers) == len(before[1]) + 1
    assert (root.level, list(root.handlers), threading.excepthook, sys.unraisablehook) == before


def test_a_disk_that_is_full_costs_lines_and_nothing_else(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    with logs.to_file(tmp_path / "logs" / "tale-tui.log", "info", {}):
        LOG.error("lost")
    assert capfd.readouterr() == ("", "")


def test_a_file_that_has_grown_is_put_aside(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "FILE_BYTES", 200)
    with logs.to_file(file, "info", {}):
        for number in range(20):
            LOG.info("line %d", number)
    aside = sorted(entry.name for entry in file.parent.iterdir())
    assert aside == ["tale-tui.log", *(f"tale-tui.log.{number}" for number in range(1, logs.FILES_KEPT + 1))]
    assert "line 19" in file.read_text()


def test_a_crash_is_written_down(file: Path) -> None:
    try:
        raise RuntimeError("boom")
    except RuntimeError as error:
        logs.log_crash(file, RuntimeError, error, error.__traceback__)
    assert "RuntimeError: boom" in file.read_text()


def test_no_line_of_a_key_with_several_is_in_the_log(tmp_path: Path) -> None:
    key = "sk-first-line\nsk-second-line"
    with logs.to_file(tmp_path / "log", environ={"OLLAMA_API_KEY": key}):
        LOG.error("Illegal header value %r, Bearer %s", f"Bearer {key}".encode(), key)
    text = (tmp_path / "log").read_text()
    assert "sk-first" not in text
    assert "sk-second" not in text
