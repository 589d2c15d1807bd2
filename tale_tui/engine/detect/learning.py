"""Learns from the user's corrections: a fit in a process of its own, when nobody waits for anything.

The fit measures itself on messages that are kept apart and writes nothing that does worse (see `training`). It has
the lowest priority, and takes some seconds.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tale_tui.config.environment import copy_environment
from tale_tui.domain.constants import CORRECTIONS_MIN, FIT_TIMEOUT_S, LEARNING_IDLE_S
from tale_tui.domain.errors import StoreError, TaleError
from tale_tui.engine.detect.detector import Detectors
from tale_tui.engine.detect.model import FORMAT
from tale_tui.engine.unforeseen import error_of

log = logging.getLogger(__name__)

NOTE_SUFFIX = ".seen"
"""Of the file beside the weights that holds how many corrections the last fit saw, whatever came of it."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""For the process of a fit: more threads only wait for each other, and take three times the processor's time."""


class Correction(Protocol):
    """What the user said that a message is."""

    @property
    def text(self) -> str:
        """The message."""
        ...

    @property
    def is_task(self) -> bool:
        """What it is."""
        ...


class Corrections(Protocol):
    """Where they are kept."""

    async def label_count(self) -> int:
        """How often something was corrected; it only grows."""
        ...

    async def labels(self) -> Sequence[Correction]:
        """Of each text what was said of it last, oldest first."""
        ...


@dataclass(frozen=True, slots=True)
class LearningReport:
    """How a fit went.

    Attributes:
        kept: whether its weights are the ones to use now.
        before: accuracy of those that were in use, on messages kept apart; None where it could not be measured.
        after: accuracy of the new ones on the same messages.
        error: why there was no fit, as the process said it.
    """

    kept: bool
    before: float | None = None
    after: float | None = None
    error: str = ""


class Learner:
    """Begins fits when they are worth it.

    Args:
        corrections: where they are kept.
        detectors: told when there are new weights.
        busy: whether a model is at work for anybody.
        complain: told where learning breaks off for a reason that nobody foresaw.
        enabled: False never learns.
        idle_s: how long to wait for quiet, in seconds.
    """

    def __init__(
        self,
        corrections: Corrections,
        detectors: Detectors,
        busy: Callable[[], bool],
        complain: Callable[[TaleError], None] = lambda error: None,
        *,
        enabled: bool = True,
        idle_s: float = LEARNING_IDLE_S,
    ) -> None:
        self._corrections = corrections
        self._detectors = detectors
        self._busy = busy
        self._complain = complain
        self._enabled = enabled
        self._idle_s = idle_s
        self._task: asyncio.Task[None] | None = None

    def nudge(self) -> None:
        """There may be enough to learn from; returns at once."""
        if self._enabled and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._learn(), name="learning")
            self._task.add_done_callback(self._look_at)

    def _look_at(self, task: asyncio.Task[None]) -> None:
        if error := error_of(task, "Learning from corrections"):
            self._complain(error)

    async def close(self) -> None:
        """Learn nothing more; a fit that runs is ended and leaves everything as it was."""
        self._enabled = False
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _learn(self) -> None:
        try:
            while await self._is_worth_it():
                await self._wait_for_quiet()
                await self._fit()
        except (StoreError, OSError) as error:
            log.warning("the detector could not learn from corrections: %s", error)

    async def _is_worth_it(self) -> bool:
        seen = await asyncio.to_thread(read_seen, self._detectors.learned)
        return await self._corrections.label_count() >= seen + CORRECTIONS_MIN

    async def _wait_for_quiet(self) -> None:
        busy = True
        while busy:
            await asyncio.sleep(self._idle_s)
            busy = self._busy()

    async def _fit(self) -> None:
        count = await self._corrections.label_count()
        corrections = await self._corrections.labels()
        report = await refit(self._detectors.learned, corrections)
        await asyncio.to_thread(keep_seen, self._detectors.learned, count)
        if report.error:
            log.warning("the detector could not learn from corrections: %s", report.error)
            return
        figures = f"{report.before:.4f} before, {report.after:.4f} after, on messages kept apart"
        if report.kept:
            await self._detectors.reload()
            log.info("the detector has learned from %d corrections: %s", len(corrections), figures)
        else:
            log.info("what the detector learned from %d corrections is dropped: %s", len(corrections), figures)


async def refit(learned: Path, corrections: Iterable[Correction]) -> LearningReport:
    """Fit over the examples of the program and corrections, in a process of its own.

    Args:
        learned: the weights in use, and where better ones are written; in one step, so that whoever reads meanwhile
            gets the old ones.
        corrections: the user's, oldest first. They go to the process by its standard input, never into a file.
    Raises:
        OSError: the process cannot be started.
    """
    lines = [json.dumps({"text": each.text, "label": "task" if each.is_task else "chat"}) for each in corrections]
    arguments = ("-m", "tale_tui.engine.detect.training", str(learned), "--corrections", "-")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=copy_environment() | ONE_THREAD
    )
    try:
        async with asyncio.timeout(FIT_TIMEOUT_S):
            said, _ = await process.communicate("\n".join(lines).encode())
    except TimeoutError:
        return LearningReport(kept=False, error=f"the fit took longer than {FIT_TIMEOUT_S:.0f} seconds")
    finally:
        await _end(process)
    return _report(said, process.returncode)


def read_seen(learned: Path) -> int:
    """How many corrections the last fit saw; 0 where there was none, or one whose weights are of another format."""
    with suppress(OSError, ValueError):  # then all of them count as new, and one more fit is all that it costs
        written, count = map(int, _note(learned).read_text("utf-8").split())
        return count if written == FORMAT else 0
    return 0


def keep_seen(learned: Path, count: int) -> None:
    """Remember how many corrections the last fit saw.

    Raises:
        OSError: it cannot be written.
    """
    _note(learned).write_text(f"{FORMAT} {count}\n", "utf-8")


def _note(learned: Path) -> Path:
    return learned.with_name(f"{learned.name}{NOTE_SUFFIX}")


def _report(said: bytes, code: int | None) -> LearningReport:
    """What the last line of the process says."""
    try:
        facts = json.loads(said.decode().splitlines()[-1])
        if error := facts.get("error", ""):
            return LearningReport(kept=False, error=error)
        return LearningReport(bool(facts["kept"]), float(facts["before"]), float(facts["after"]))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return LearningReport(kept=False, error=f"the fit ended with code {code} and no result")


async def _end(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):  # it ended by itself meanwhile
            process.kill()
        await process.wait()
