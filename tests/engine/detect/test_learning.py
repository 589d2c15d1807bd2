"""Learning from corrections: when a fit begins, what comes of it, and that nothing gets worse."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tale_tui.domain.constants import CORRECTIONS_MIN
from tale_tui.domain.errors import StoreError
from tale_tui.domain.learning import LearningReport
from tale_tui.engine.detect import learning
from tale_tui.engine.detect.detector import Detectors
from tale_tui.engine.detect.learning import CorrectionLearning, detection_journal, refit
from tale_tui.engine.detect.model import DetectorWeights, packaged_weights
from tale_tui.engine.fitting import process
from tale_tui.engine.fitting.learner import Learner
from tale_tui.engine.fitting.versions import LearnedVersions


@dataclass
class Said:
    text: str
    is_task: bool
    created: float = 0.5


@dataclass
class Kept:
    """Corrections in memory."""

    said: list[Said] = field(default_factory=list)
    broken: bool = False

    async def labels(self) -> list[Said]:
        if self.broken:
            raise StoreError("gone")
        return self.said


def some(count: int, created: float = 0.5) -> list[Said]:
    return [Said(f"the friday thing {number}", True, created) for number in range(count)]


def put(path: Path, weights: DetectorWeights) -> None:
    path.write_text(weights.dump(), "utf-8")


def names_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def settled(learner: Learner) -> None:
    """Until nothing is left to learn."""
    assert learner.task is not None
    await learner.task


Fit = Callable[..., Awaitable[LearningReport]]


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The texts of each fit; no process is started."""
    calls: list[list[str]] = []

    async def fit(learned: Path, corrections: list[Said]) -> LearningReport:
        calls.append([each.text for each in corrections])
        put(learned, packaged_weights())
        return LearningReport(True, 0.9, 0.95)

    monkeypatch.setattr(learning, "refit", fit)
    return calls


def learner_of(kept: Kept, path: Path, detectors: Detectors | None = None, now: float = 1.0, **more: Any) -> Learner:
    detectors = detectors or Detectors(path)
    versions = LearnedVersions(detection_journal(path), detectors.reload, lambda: now)
    more = {"busy": lambda: False, "idle_s": 0.0, **more}
    return Learner(CorrectionLearning(kept, path), versions, **more)


async def test_too_few_corrections_are_not_worth_a_fit(tmp_path: Path, fits: list[list[str]]) -> None:
    learner = learner_of(Kept(some(CORRECTIONS_MIN - 1)), tmp_path / "detector.json")
    learner.nudge()
    await settled(learner)
    assert fits == []


async def test_enough_of_them_are_learned_from_once(
    tmp_path: Path, fits: list[list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    kept, path = Kept(some(CORRECTIONS_MIN)), tmp_path / "detector.json"
    learner = learner_of(kept, path)
    for _ in range(2):
        learner.nudge()
        await settled(learner)
    assert [len(texts) for texts in fits] == [CORRECTIONS_MIN]
    assert detection_journal(path).read().looked == 1
    assert "has learned from 5 corrections: 0.9000 before, 0.9500 after" in caplog.text
    kept.said += some(CORRECTIONS_MIN, created=1.5)
    again = learner_of(kept, path, now=2.0)
    again.nudge()
    await settled(again)
    assert [len(texts) for texts in fits] == [CORRECTIONS_MIN, 2 * CORRECTIONS_MIN]


async def test_it_waits_until_nobody_works(tmp_path: Path, fits: list[list[str]]) -> None:
    looks = iter([True, True, False, False])
    seen: list[int] = []

    def busy() -> bool:
        seen.append(len(fits))
        return next(looks)

    learner = learner_of(Kept(some(CORRECTIONS_MIN)), tmp_path / "detector.json", busy=busy)
    learner.nudge()
    await settled(learner)
    assert seen == [0, 0, 0, 1]
    assert len(fits) == 1


async def test_the_detector_is_loaded_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "detector.json"
    detectors = Detectors(path)
    before = await detectors.get()
    assert await detectors.get() is before

    async def fit(learned: Path, corrections: list[Said]) -> LearningReport:
        turned = packaged_weights()
        put(learned, DetectorWeights((0.0, -50.0), turned.blocks, 1.0, turned.doubt))
        return LearningReport(True, 0.9, 0.9)

    monkeypatch.setattr(learning, "refit", fit)
    learner = learner_of(Kept(some(CORRECTIONS_MIN)), path, detectors)
    learner.nudge()
    await settled(learner)
    text = "Write a Python function that merges two sorted lists."
    assert before.detect(text).p > 0.9
    assert (await detectors.get()).detect(text).p < 0.5


@pytest.mark.parametrize(
    ("report", "word"),
    [(LearningReport(False, 0.95, 0.9), "is dropped"), (LearningReport(False, error="no disk"), "no disk")],
)
async def test_what_does_worse_is_dropped_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, report: LearningReport, word: str
) -> None:
    async def fit(learned: Path, corrections: list[Said]) -> LearningReport:
        return report

    caplog.set_level(logging.INFO)
    monkeypatch.setattr(learning, "refit", fit)
    path = tmp_path / "detector.json"
    learner = learner_of(Kept(some(CORRECTIONS_MIN)), path)
    learner.nudge()
    await settled(learner)
    assert word in caplog.text
    assert not path.exists()
    assert detection_journal(path).read().looked == 1


async def test_turned_off_it_never_learns(tmp_path: Path, fits: list[list[str]]) -> None:
    learner = learner_of(Kept(some(99)), tmp_path / "detector.json", enabled=False)
    learner.nudge()
    await learner.close()
    assert learner.task is None
    assert fits == []


async def test_a_store_that_does_not_answer_is_no_drama(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    learner = learner_of(Kept(broken=True), tmp_path / "detector.json")
    learner.nudge()
    await settled(learner)
    assert "could not learn" in caplog.text


async def test_closing_ends_what_waits(tmp_path: Path, fits: list[list[str]]) -> None:
    learner = learner_of(Kept(some(CORRECTIONS_MIN)), tmp_path / "detector.json", idle_s=3600)
    learner.nudge()
    await asyncio.sleep(0)
    await learner.close()
    learner.nudge()
    assert fits == []


# the process


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Another program in the place of Python with the module for training."""

    def place(code: str) -> None:
        program = tmp_path / "program"
        program.write_text(f"#!{sys.executable}\n{code}\n", "utf-8")
        program.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(program))

    return place


@pytest.mark.process
async def test_the_process_is_given_the_corrections(
    tmp_path: Path, instead: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "said.json"
    monkeypatch.delenv("OMP_NUM_THREADS")
    instead(
        "import json, os, sys; from pathlib import Path;"
        "threads = os.environ['OMP_NUM_THREADS'];"
        f"Path({str(out)!r}).write_text(json.dumps([sys.argv[1:], sys.stdin.read().splitlines(), threads]));"
        "print(json.dumps({'kept': True, 'before': 0.5, 'after': 0.75}))"
    )
    report = await refit(tmp_path / "detector.json", [Said("a\nb", True), Said("c", False)])
    assert report == LearningReport(True, 0.5, 0.75)
    arguments, lines, threads = json.loads(out.read_text("utf-8"))
    assert threads == "1"
    assert arguments[-3:] == [str(tmp_path / "detector.json"), "--corrections", "-"]
    assert [json.loads(line) for line in lines] == [{"text": "a\nb", "label": "task"}, {"text": "c", "label": "chat"}]


@pytest.mark.process
@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("raise SystemExit(3)", "code 3 and no result"),
        ("print('hello')", "code 0 and no result"),
        ("print('[]')", "no result"),
        ('print(\'{"kept": false, "error": "line 2 is no example"}\')', "line 2 is no example"),
    ],
)
async def test_a_process_that_fails_is_reported(
    tmp_path: Path, instead: Callable[[str], None], code: str, error: str
) -> None:
    instead(code)
    report = await refit(tmp_path / "detector.json", [])
    assert not report.kept
    assert error in report.error


@pytest.mark.process
async def test_a_process_that_takes_for_ever_is_ended(
    tmp_path: Path, instead: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "FIT_TIMEOUT_S", 0.05)
    instead("import time; time.sleep(600)")
    report = await refit(tmp_path / "detector.json", [])
    assert "took longer" in report.error


@pytest.mark.process
@pytest.mark.long
@pytest.mark.timeout(400)
async def test_a_real_fit_learns_from_corrections_and_is_atomic(tmp_path: Path) -> None:
    path = tmp_path / "detector.json"
    text = "the usual friday thing"
    corrections = [Said(f"{text}{ending}", True) for ending in ("", " please", " again", " now", " then")]
    report = await refit(path, corrections)
    assert report.error == ""
    assert report.kept == (report.after >= report.before) == path.exists()  # type: ignore[operator]
    assert report.kept
    assert names_in(tmp_path) == ["detector.json"]
    detectors = Detectors(path)
    assert (await detectors.get()).detect(text).p > 0.5
