"""Detection: bands, evidence, the situation, and what happens without weights."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.tasks import DetectBand, DetectLabel
from tale_tui.engine.detect.detector import CHAT_TO, TASK_FROM, Detection, Detector, DetectState, detect
from tale_tui.engine.detect.features import Features, extract
from tale_tui.engine.detect.model import (
    UNSURE_MOST,
    BadWeights,
    DetectorWeights,
    packaged_weights,
    read_weights,
    settle,
)

TASK = "Write a Python function that merges two sorted lists."
CHAT = "hello, how are you?"


def test_a_task_and_a_chat() -> None:
    task, chat = detect(TASK), detect(CHAT)
    assert (task.label, task.band()) == (DetectLabel.TASK, DetectBand.TASK)
    assert (chat.label, chat.band()) == (DetectLabel.CHAT, DetectBand.CHAT)
    assert task.confidence == task.p
    assert chat.confidence == 1 - chat.p


def test_the_bands_have_their_bounds() -> None:
    def band(p: float, **bounds: float) -> str:
        return Detection(p, DetectLabel.CHAT).band(**bounds).value

    assert [band(p) for p in (CHAT_TO, CHAT_TO + 0.01, TASK_FROM - 0.01, TASK_FROM)] == [
        "chat",
        "unsure",
        "unsure",
        "task",
    ]
    assert band(0.8, task_from=0.9) == "unsure"
    assert band(0.2, chat_to=0.1) == "unsure"


def test_the_evidence_says_which_way_it_speaks() -> None:
    for text in (TASK, CHAT):
        found = detect(text)
        assert 1 <= len(found.evidence) <= 5
        assert all(reason.startswith(("task: ", "chat: ")) for reason in found.evidence)
        assert found.evidence[0].startswith(found.label.value)


@pytest.mark.parametrize("text", ["", "   ", "\n\n", "\u200b"[:0]])
def test_nothing_is_chat(text: str) -> None:
    assert detect(text).label is DetectLabel.CHAT
    assert detect(text).evidence == ()


@given(st.text(max_size=300), st.booleans(), st.booleans())
def test_any_text_has_a_probability(text: str, running: bool, after: bool) -> None:
    found = detect(text, DetectState(task_running=running, last_turn_was_task=after))
    assert 0 < found.p < 1
    assert (found.p >= 0.5) == (found.label is DetectLabel.TASK)
    assert found == detect(text, DetectState(task_running=running, last_turn_was_task=after))


def test_a_huge_message_is_classified() -> None:
    assert detect("Summarise this:\n" + "The council met again. " * 10_000).label is DetectLabel.TASK


def test_a_question_about_progress_is_more_likely_chat_while_a_task_runs() -> None:
    text = "is the report done yet"
    assert detect(text, DetectState(task_running=True)).p <= detect(text).p
    assert "a task is running" in detect(text, DetectState(task_running=True)).evidence[0]
    assert detect(TASK, DetectState(task_running=True)) == detect(TASK)


def test_a_change_is_more_likely_a_task_after_a_task() -> None:
    after = DetectState(last_turn_was_task=True)
    for text in ("again", "a bit shorter", "again but longer"):
        assert detect(text, after).p > detect(text).p
    for text in ("thanks, that was great", "who wrote it?", CHAT):
        assert detect(text, after) == detect(text)


def test_disputed_messages_stay_in_the_middle() -> None:
    assert settle(0.9, 0.0, 0.1, 1, (0.5, 0.5)) == pytest.approx(0.1)
    assert settle(0.05, 0.6, 0.35, 2, (1, 0.5)) == UNSURE_MOST
    assert settle(0.35, 0.6, 0.05, 2, (0.5, 1)) == pytest.approx(1 - UNSURE_MOST)
    assert settle(0.35, 0.6, 0.05, 2, (1, 0.5)) < 1 - UNSURE_MOST
    assert settle(0.9, 0.0, 0.1, 2, (0.5, 0.5)) < 0.1
    assert 0 <= settle(1.0, 0.0, 0.0, 3, (0.5, 0.5)) < 1e-6


# files


def test_weights_come_back_as_they_were_written(tmp_path: Path) -> None:
    weights = packaged_weights()
    path = tmp_path / "detector.json"
    path.write_text(weights.dump(), "utf-8")
    assert read_weights(path) == weights
    assert Detector.load(path).detect(TASK) == detect(TASK)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "null", '{"format": 99}', '{"format": 1, "bias": [1], "blocks": {}}', "\ud800"[:0] + "x"]
)
def test_other_files_are_refused(text: str) -> None:
    with pytest.raises(BadWeights):
        DetectorWeights.parse(text)


def damage(whole: str) -> dict[str, bytes]:
    """The weights of the program, as a disk or an editor may leave them."""
    return {
        "cut off": whole[: len(whole) // 2].encode(),
        "no text": bytes(range(256)),
        "no number": whole.replace('"bias":[', '"bias":[NaN,', 1).encode(),
        "a weight that is no number": whole.replace('"disputed":[', '"disputed":[Infinity,', 1).encode(),
        "without doubt": whole.replace('"doubt":[', '"doubt":[0,', 1).encode(),
        "too deep": b"[" * 100_000,
        "nothing": b"",
    }


@pytest.mark.parametrize("kind", list(damage("")))
def test_damaged_learned_weights_leave_those_of_the_program(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "detector.json"
    path.write_bytes(damage(packaged_weights().dump())[kind])
    detector = Detector.load(path)
    assert detector.detect(TASK) == detect(TASK)
    assert "cannot be used" in caplog.text


@pytest.mark.parametrize("error", [BadWeights("damaged"), FileNotFoundError("gone")])
def test_without_weights_the_rule_serves(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail() -> DetectorWeights:
        raise error

    monkeypatch.setattr("tale_tui.engine.detect.detector.packaged_weights", fail)
    detector = Detector.load()
    assert detector.detect(TASK).label is DetectLabel.TASK
    assert detector.detect("fix this:\n```\nprnt(1)\n```").label is DetectLabel.TASK
    assert detector.detect(CHAT).label is DetectLabel.CHAT
    assert detector.detect("").label is DetectLabel.CHAT
    assert "keywords" in detector.detect(CHAT).evidence[0]


def test_the_weights_are_small() -> None:
    assert len(packaged_weights().dump().encode()) < 1_500_000


@pytest.mark.process
def test_detection_loads_no_learning_library() -> None:
    code = (
        "import json, sys; from tale_tui.engine.detect.detector import detect; detect('hello');"
        "print(json.dumps([name for name in ('sklearn', 'scipy', 'numpy') if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


def test_a_message_that_was_looked_at_as_it_was_typed_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def look(text: str) -> Features:
        seen.append(text)
        return extract(text)

    monkeypatch.setattr("tale_tui.engine.detect.detector.extract", look)
    detector = Detector.load()
    first = detector.detect(TASK)
    assert detector.detect(TASK, DetectState(last_turn_was_task=True)).p != 0.0
    assert detector.detect(TASK) == first
    assert seen == [TASK]
    detector.detect(CHAT)
    assert seen == [TASK, CHAT]
