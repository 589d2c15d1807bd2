"""Keys while the chip has a forecast: `PYTHONPATH=tests python tests/benchmarks/chip_speed.py [--tasks N]`.

The whole application without a terminal. Texts are typed with pauses in which they are judged and foreseen; how long
each key takes until it is painted, in rounds with forecasts and without, turn by turn; then the same beside tasks that
write, and how many forecasts were made for those. A benchmark, not a test: nothing is judged here.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from many_tasks_speed import MODEL, SIZE, backends, folders, settings, until

from tale_tui.config import garbage_collector
from tale_tui.config.first_frame import FirstFrameSettings
from tale_tui.config.settings import DetectSettings
from tale_tui.domain.clock import Clock, random_id
from tale_tui.domain.errors import BadInput
from tale_tui.domain.tasks import TaskRequest
from tale_tui.engine.ipc.connect import open_engine
from tale_tui.engine.learning.forecaster import Forecaster
from tale_tui.ui.app import TaleApp
from tale_tui.ui.engine_bridge import Bridge

TEXT = "Write a Python script that renames all my pictures by the day on which they were taken, with tests."
ROUNDS = 8
PAUSE_EVERY = 8
"""After so many keys the typing rests for as long as it takes to be judged."""
PAUSE_S, KEY_S = 0.2, 0.02
TASKS = 100
WATCH_S = 3.0


async def typed(app: TaleApp) -> list[float]:
    """Type the text; milliseconds of each key until it is painted."""
    found = []
    for number, letter in enumerate(TEXT, 1):
        done = asyncio.Event()
        began = time.perf_counter()
        app.simulate_key({" ": "space", ",": "comma", ".": "full_stop"}.get(letter, letter))
        app.screen.call_after_refresh(done.set)
        await done.wait()
        found.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(PAUSE_S if number % PAUSE_EVERY == 0 else KEY_S)
    app.chat.composer.prompt.text = ""
    await asyncio.sleep(PAUSE_S)
    return found


async def compare(app: TaleApp, engine: Any, name: str) -> None:
    """Rounds with and without forecasts, in turn."""
    foresee = engine.learning.forecast

    async def nothing(text: str, *, model: str = "") -> None:
        raise BadInput("Nothing is foreseen.")

    times: dict[str, list[float]] = {"with": [], "without": []}
    for number in range(2 * ROUNDS):
        which = "with" if number % 2 == 0 else "without"
        engine.learning.forecast = foresee if which == "with" else nothing
        times[which] += await typed(app)
    engine.learning.forecast = foresee
    for which, found in times.items():
        found.sort()
        shown = "   ".join(f"{label} {found[int(len(found) * at)]:.2f}" for label, at in (("p50", 0.5), ("p99", 0.99)))
        print(f"{name}, {which} forecasts: {shown}   max {found[-1]:.2f} ms", flush=True)
    ratios = [times["with"][int(len(times["with"]) * at)] / times["without"][int(len(times["without"]) * at)]
              for at in (0.5, 0.99)]  # fmt: skip
    print(f"{name}, ratio: p50 {ratios[0]:.2f}, p99 {ratios[1]:.2f}", flush=True)


async def main(tasks: int) -> None:
    """Both comparisons."""
    made = 0
    foresee = Forecaster.foresee

    def counted(book: Forecaster, *arguments: Any) -> Any:
        nonlocal made
        made += 1
        return foresee(book, *arguments)

    Forecaster.foresee = counted  # type: ignore[method-assign]
    with TemporaryDirectory() as folder:
        chosen, paths = settings(tasks).model_copy(update={"detect": DetectSettings()}), folders(Path(folder))
        garbage_collector.pause()  # as the program begins
        app = TaleApp(
            Bridge(lambda: open_engine(paths, chosen, backends=backends())), paths, FirstFrameSettings(), clock=Clock()
        )
        async with app.run_test(size=SIZE):
            await until(lambda: app.chat.controller and app.chat.line.model.state == "ready")
            chat = app.chat.controller
            assert chat is not None
            await chat.engine.learning.forecast(TEXT)
            await compare(app, chat.engine, "nothing to do")
            made = 0
            requests = (TaskRequest(f"Write about tide {number}", random_id()) for number in range(tasks))
            await chat.engine.tasks.submit_many(tuple(requests))
            await asyncio.sleep(WATCH_S)
            print(f"{tasks} tasks of {MODEL} write for {WATCH_S:g} s: {made} forecasts were made", flush=True)
            await compare(app, chat.engine, f"{tasks} tasks write")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=TASKS)
    asyncio.run(main(parser.parse_args().tasks))
