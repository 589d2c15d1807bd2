"""Complexity learns from ended tasks: when, what comes of it, and what a real fit does."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tale_tui.domain.complexity import Complexity
from tale_tui.domain.constants import TASKS_MIN
from tale_tui.domain.learning import LearningOutcome, LearningReport
from tale_tui.domain.models import BackendName, ModelRef
from tale_tui.engine.fitting.learner import Learner
from tale_tui.engine.fitting.versions import LearnedVersions
from tale_tui.engine.learning import complexity_learning, training
from tale_tui.engine.learning.complexity import ComplexityModel, ComplexityModels, ComplexityWeights, packaged_weights
from tale_tui.engine.learning.complexity_learning import TaskLearning, complexity_journal
from tale_tui.engine.learning.training import ComplexityExample, is_kept_apart, packaged_examples, refit
from tale_tui.engine.store.task_forecasts import EndedTask

REF = ModelRef(BackendName.SCRIPTED, "big")


def report_about(place: str, tokens: int = 2_000, finished: float = 0.5) -> EndedTask:
    return EndedTask(f"Do the usual thing for {place}", REF, tokens, tokens / 20, 1, finished)


def names_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


@dataclass
class Tasks:
    """Ended tasks in memory."""

    ended: list[EndedTask] = field(default_factory=list)

    async def ended_tasks(self, limit: int) -> list[EndedTask]:
        return self.ended[:limit]


@dataclass
class Rig:
    """A learner whose fits find some weights."""

    tasks: Tasks
    models: ComplexityModels
    time: float = 1.0
    enabled: bool = True

    def __post_init__(self) -> None:
        learned = self.models.learned
        self.versions = LearnedVersions(complexity_journal(learned), self.models.reload, lambda: self.time)
        subject = TaskLearning(self.tasks, learned)
        self.learner = Learner(subject, self.versions, lambda: False, enabled=self.enabled, idle_s=0.0)

    async def learn(self) -> None:
        self.learner.nudge()
        if self.learner.task is not None:
            await self.learner.task


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(Tasks(), ComplexityModels(tmp_path / "complexity.json"))


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch, rig: Rig) -> list[list[str]]:
    """The texts of each fit, which has everything complex; no process is started."""
    calls: list[list[str]] = []

    async def fit(module: str, arguments: tuple[str, ...], examples: list[dict[str, str]]) -> LearningReport:
        calls.append([each["text"] for each in examples])
        rig.models.learned.write_text(ComplexityWeights((20.0, 10.0), {}).dump(), "utf-8")
        return LearningReport(True, 0.8, 0.9)

    monkeypatch.setattr(complexity_learning, "run_fit", fit)
    return calls


async def test_enough_new_tasks_of_different_texts_are_learned_from_once(rig: Rig, fits: list[list[str]]) -> None:
    rig.tasks.ended = [report_about(str(number)) for number in range(TASKS_MIN - 1)]
    await rig.learn()
    assert fits == []
    rig.tasks.ended.append(report_about("Oslo"))
    await rig.learn()
    await rig.learn()
    assert [len(texts) for texts in fits] == [TASKS_MIN]
    assert await rig.models.level("hello there") is Complexity.COMPLEX


async def test_the_fit_is_told_which_tasks_it_learned_from_before(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    reports = [LearningReport(False, 0.9, 0.8), LearningReport(True, 0.8, 0.9), LearningReport(True, 0.8, 0.9)]
    authors: list[list[str]] = []

    async def fit(module: str, arguments: tuple[str, ...], examples: list[dict[str, str]]) -> LearningReport:
        authors.append([each["author"] for each in examples])
        return reports[len(authors) - 1]

    monkeypatch.setattr(complexity_learning, "run_fit", fit)
    for number in range(3):
        rig.time = number + 1.0
        rig.tasks.ended += [report_about(f"{number} {each}", finished=number + 0.5) for each in range(TASKS_MIN)]
        await rig.learn()
    new, known = ["new"] * TASKS_MIN, ["known"] * TASKS_MIN
    assert authors == [new, new * 2, known * 2 + new]


async def test_a_thousand_times_the_same_task_is_one_example(rig: Rig, fits: list[list[str]]) -> None:
    rig.tasks.ended = [report_about("Oslo") for _ in range(1_000)]
    await rig.learn()
    assert fits == []


async def test_what_is_still_to_come_and_what_is_impossible_is_not_counted(rig: Rig, fits: list[list[str]]) -> None:
    rig.tasks.ended = [report_about(str(number), finished=99.0) for number in range(50)]
    rig.tasks.ended += [report_about(str(number), tokens=-1) for number in range(50, 99)]
    await rig.learn()
    assert fits == []


async def test_after_an_undo_the_same_tasks_are_not_learned_from_again(rig: Rig, fits: list[list[str]]) -> None:
    rig.tasks.ended = [report_about(str(number)) for number in range(TASKS_MIN)]
    await rig.learn()
    rig.time = 2.0
    await rig.versions.undo("complexity-1")
    assert await rig.models.level("hello there") is Complexity.SIMPLE
    rig.time = 3.0
    await rig.learn()
    assert len(fits) == 1
    rig.tasks.ended += [report_about(f"new {number}", finished=2.5) for number in range(TASKS_MIN)]
    await rig.learn()
    assert [text for text in fits[1] if "new" not in text] == []


async def test_turned_off_it_never_learns(tmp_path: Path, fits: list[list[str]]) -> None:
    tasks = Tasks([report_about(str(number)) for number in range(99)])
    off = Rig(tasks, ComplexityModels(tmp_path / "complexity.json"), enabled=False)
    await off.learn()
    assert fits == []


@pytest.mark.process
async def test_a_fit_whose_process_is_killed_leaves_everything_as_it_was(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!{sys.executable}\nimport os; os.kill(os.getpid(), 9)\n", "utf-8")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    weights = packaged_weights().dump()
    rig.models.learned.write_text(weights, "utf-8")
    rig.tasks.ended = [report_about(str(number)) for number in range(TASKS_MIN)]
    await rig.learn()
    assert "ended with code -9 and no result" in caplog.text
    assert rig.models.learned.read_text("utf-8") == weights
    assert names_in(tmp_path) == {"program", "complexity.json", "complexity.json.history"}


@pytest.mark.long
@pytest.mark.process
async def test_a_real_fit_learns_what_the_usual_tasks_of_somebody_take(rig: Rig) -> None:
    text = "Do the usual thing for"
    rig.tasks.ended = [report_about(f"place {number}") for number in range(60)]
    assert await rig.models.level(f"{text} Rome") is not Complexity.COMPLEX
    await rig.learn()
    [event] = (await rig.versions.history()).events
    assert event.outcome is LearningOutcome.LEARNED
    assert event.report.after is not None
    assert event.report.before is not None
    assert event.report.after > event.report.before
    assert event.report.changed > 0
    assert await rig.models.level(f"{text} Rome") is Complexity.COMPLEX
    assert await rig.models.level("hello there") is Complexity.SIMPLE
    await rig.versions.undo(event.id)
    assert await rig.models.level(f"{text} Rome") is not Complexity.COMPLEX


@pytest.mark.long
def test_weights_that_do_worse_on_what_is_kept_apart_are_not_kept() -> None:
    examples = packaged_examples()
    turned = {Complexity.SIMPLE: Complexity.COMPLEX, Complexity.COMPLEX: Complexity.SIMPLE}
    wrong = [
        ComplexityExample(f"{each.text} ", turned.get(each.level, each.level), training.NEW)
        for each in examples
        if not is_kept_apart(f"{each.text} ")
    ]
    found = refit(examples, wrong)
    assert not found.kept
    assert found.after < found.before


@pytest.mark.long
def test_the_seed_is_in_every_fit_and_a_part_is_kept_apart_to_measure_on() -> None:
    examples = packaged_examples()
    tasks = [ComplexityExample(f"Task {number}", Complexity.MEDIUM) for number in range(100)]
    found = refit(examples, tasks)
    assert found.examples == len(examples) + len(tasks)
    assert found.before == found.after  # none of them is new
    apart = sum(each.author == training.KEPT_APART for each in examples)
    assert 5 < found.kept_apart - apart < 40


def test_lines_that_are_no_tasks_are_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines, out = tmp_path / "tasks.jsonl", tmp_path / "complexity.json"
    lines.write_text('{"text": "a", "label": "hard"}\n', "utf-8")
    assert training.main([str(out), "--tasks", str(lines)]) == 2
    assert "line 1 is no example" in capsys.readouterr().out
    assert not out.exists()


@pytest.mark.long
def test_a_damaged_file_of_weights_does_not_stop_a_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines, out = tmp_path / "tasks.jsonl", tmp_path / "complexity.json"
    lines.write_text("", "utf-8")
    out.write_bytes(b"\xff")
    assert training.main([str(out), "--tasks", str(lines)]) == 0
    assert ComplexityModel.load(out).classify("hello there").label is Complexity.SIMPLE
