"""Runs a fit in a process of its own: what it learns with is heavy, and it may take its time."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterable, Mapping

from tale_tui.domain.constants import FIT_TIMEOUT_S
from tale_tui.domain.learning import LearningReport
from tale_tui.domain.text import clean_line
from tale_tui.engine.child_process import end_process, environment_without_keys, module_command

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""For the process of a fit: more threads only wait for each other, and take three times the processor's time."""


async def run_fit(module: str, arguments: Iterable[str], examples: Iterable[Mapping[str, str]]) -> LearningReport:
    """Fit in a process of its own; where it is cancelled the process is ended.

    Args:
        module: what is run.
        arguments: for it.
        examples: of the user. They go to the process by its standard input, never into a file.
    Raises:
        OSError: the process cannot be started.
    """
    lines = [json.dumps(each) for each in examples]
    process = await asyncio.create_subprocess_exec(
        *module_command(module, arguments),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=environment_without_keys() | ONE_THREAD,
    )
    try:
        async with asyncio.timeout(FIT_TIMEOUT_S):
            said, _ = await process.communicate("\n".join(lines).encode())
    except TimeoutError:
        return LearningReport(kept=False, error=f"the fit took longer than {FIT_TIMEOUT_S:.0f} seconds")
    finally:
        await end_process(process)
    return _report(said, process.returncode)


def _report(said: bytes, code: int | None) -> LearningReport:
    """What the last line of the process says."""
    try:
        facts = json.loads(said.decode().splitlines()[-1])
        if error := facts.get("error", ""):
            return LearningReport(kept=False, error=error)
        if code:
            return LearningReport(kept=False, error=f"the fit ended with code {code}, so its weights are not sure")
        return LearningReport(
            bool(facts["kept"]),
            float(facts["before"]),
            float(facts["after"]),
            examples=int(facts.get("examples", 0)),
            kept_apart=int(facts.get("kept_apart", 0)),
            changed=int(facts.get("changed", 0)),
            changes=tuple(clean_line(line) for line in facts.get("changes", ())),
        )
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return LearningReport(kept=False, error=f"the fit ended with code {code} and no result")
