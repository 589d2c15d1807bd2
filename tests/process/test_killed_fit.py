"""kill -9 in the middle of a fit: of the engine, and of what it waits for. The version before goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tale_tui.config.paths import Paths
from tale_tui.domain.learning import LearnedPart
from tale_tui.domain.models import BackendName
from tale_tui.engine.engine import Engine
from tale_tui.engine.learning.complexity import ComplexityWeights
from tale_tui.engine.models.scripted import ScriptedBackend, spoken

pytestmark = [pytest.mark.process, pytest.mark.long]

Start = Callable[..., Awaitable[Engine]]
TEXT = "hello there"
FITS = (("tale_tui.engine.learning.training", "--tasks"), ("tale_tui.engine.detect.training", "--corrections"))
KILLED = """
import asyncio, os, sys
from pathlib import Path
from tale_tui.domain.learning import LearningReport
from tale_tui.engine.fitting.learner import Learner
from tale_tui.engine.fitting.versions import LearnedVersions
from tale_tui.engine.learning.complexity import ComplexityModels, ComplexityWeights
from tale_tui.engine.learning.complexity_learning import complexity_journal

class Subject:
    words, enough = ("complexity", "tasks"), 1
    def __init__(self, learned): self.learned = learned
    async def examples(self, history, now): return 1, 1
    def packaged(self): return 0, None
    async def fit(self, history, now):
        self.learned.write_text(ComplexityWeights((20.0, 10.0), {}).dump(), "utf-8")
        if sys.argv[2] == "fit":
            os.kill(os.getpid(), 9)
        return LearningReport(True, 0.8, 0.9)

async def main():
    models = ComplexityModels(Path(sys.argv[1]))
    journal = complexity_journal(models.learned)
    if sys.argv[2] == "note":
        journal.add_fit = lambda *_: os.kill(os.getpid(), 9)
    learner = Learner(Subject(models.learned), LearnedVersions(journal, models.reload, lambda: 1.0), lambda: False,
        idle_s=0.0)
    learner.nudge()
    await asyncio.sleep(60)

asyncio.run(main())
"""
"""An engine whose fit finds that everything is complex, killed before it is back, or before it is noted."""


@pytest.fixture
def start(start_engine: Start) -> Start:
    async def one() -> Engine:
        backend = ScriptedBackend([spoken("word")], models=("small", "big"))
        return await start_engine({BackendName.SCRIPTED: backend}, ux="scripted/small", task="scripted/big")

    return one


@pytest.mark.parametrize("where", ["fit", "note"])
@pytest.mark.parametrize("before", [True, False], ids=["learned before", "never learned"])
async def test_an_engine_that_is_killed_with_new_weights_that_nobody_noted_goes_on_with_the_old_ones(
    start: Start, paths: Paths, where: str, before: bool
) -> None:
    learned = paths.data / "complexity.json"
    paths.data.mkdir(parents=True, exist_ok=True)
    old = ComplexityWeights((20.0, -20.0), {}).dump()  # everything is medium
    if before:
        learned.write_text(old, "utf-8")
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", KILLED, str(learned), where], check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert ComplexityWeights.parse(learned.read_bytes()).thresholds == (20.0, 10.0)
    engine = await start()
    async with asyncio.timeout(20):
        while learned.exists() is not before or (before and learned.read_text("utf-8") != old):
            await asyncio.sleep(0.01)
        while (await engine.learning.forecast(TEXT)).complexity != ("medium" if before else "simple"):
            await asyncio.sleep(0.01)
    state = next(state for state in await engine.learning.learned() if state.part is LearnedPart.COMPLEXITY)
    assert (state.events, state.problem) == ((), "")


@pytest.mark.parametrize(("module", "option"), FITS)
@pytest.mark.long
def test_a_fit_whose_engine_was_killed_writes_nothing(tmp_path: Path, module: str, option: str) -> None:
    out = tmp_path / "weights.json"
    reader, writer = os.pipe()
    fit = subprocess.Popen(
        [sys.executable, "-m", module, str(out), option, "-"],
        stdin=subprocess.PIPE,
        stdout=writer,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    os.close(reader)  # nobody is there any more
    fit.communicate(b"", timeout=300)
    assert fit.returncode != 0
    assert not out.exists()
