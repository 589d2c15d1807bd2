"""A month of use, made up and lived through: `OMP_NUM_THREADS=1 PYTHONPATH=tests python tests/benchmarks/month.py DIR`.

Fills the data folder of DIR, which must be empty, through the verbs of the store, with what a made-up user had done in
the last 30 days; each forecast is made before its task runs, and what learns by fits learns once a week (`--no-fits`
leaves that out). Then `TALE_HOME=DIR tale-tui` shows it. Prints by week how near forecasts were, beside the running
median of each model, how often the 80 % interval held what came and how wide it was; the same around the change of a
model; how the levels of complexity go with real tokens and time; and the error of complexity on later tasks after 0,
10, 50 and 200 of them. Nothing is judged.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from scipy.stats import spearmanr

from support.scripted_month import DAY_S, DAYS, SAID_OF, MonthTask, scripted_month
from tale_tui.config.paths import Paths
from tale_tui.domain.clock import ID_ALPHABET, ID_LENGTH, Clock
from tale_tui.domain.complexity import LEVELS, Complexity
from tale_tui.domain.errors import TaleError
from tale_tui.domain.events import TaskChanged
from tale_tui.domain.forecasts import NEAR_SHARE, TaskForecast
from tale_tui.domain.learning import LearnedPart
from tale_tui.domain.metrics import CallKind, CallLabels, CallOutcome, CallRecord
from tale_tui.domain.models import BackendName, ModelRef, Role, Usage
from tale_tui.domain.tasks import Plan, StepSpec, Task, TaskState
from tale_tui.engine.detect.detector import LEARNED_FILE as DETECTION_FILE
from tale_tui.engine.detect.learning import CorrectionLearning, detection_journal
from tale_tui.engine.fitting.journal import LearningJournal
from tale_tui.engine.fitting.learner import LearningSubject
from tale_tui.engine.learning.complexity import LEARNED_FILE, ComplexityModel, ComplexityModels
from tale_tui.engine.learning.complexity_learning import TaskLearning, complexity_journal
from tale_tui.engine.learning.forecasts import ForecastRoute, Forecasts, ForecastServices
from tale_tui.engine.learning.task_effort import efforts
from tale_tui.engine.learning.training import ComplexityExample, exact, fit, packaged_examples
from tale_tui.engine.learning.wiring import FORECAST_FILE, NO_WEIGHTS
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.steps import AttemptFailure, TaskEnd
from tale_tui.engine.store.tasks.tasks import NewTask

WEEK_DAYS = 7
AFTER_RUNS = (0, 10, 50, 200)
TEXT_LIMIT = 16_000
LAST_WORDS = 60
"""Of a result that are kept."""


class Lived(NamedTuple):
    """A task that was done, and what was said before."""

    task: MonthTask
    forecast: TaskForecast
    usual: float | None
    """The median of what its model wrote before; None before its first run."""

    @property
    def error(self) -> float:
        """As a share of what came."""
        return abs(self.forecast.completion_tokens.middle - self.task.written) / self.task.written

    @property
    def usual_error(self) -> float:
        """That of the median."""
        return abs((self.usual or 0.0) - self.task.written) / self.task.written


@dataclass
class Month:
    """Lives through it.

    Args:
        paths: the folders.
        began: when it begins, in seconds since the epoch.
        fits: whether weights are learned each week.
    """

    paths: Paths
    began: float
    fits: bool
    now: float = 0.0
    lived: list[Lived] = field(default_factory=list)
    written: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    async def live(self, tasks: list[MonthTask]) -> None:
        """All of it."""
        self.store = await Store.open(self.paths.database, Clock(now=lambda: self.now))
        models = ComplexityModels(self.paths.data / LEARNED_FILE)
        self.forecasts = Forecasts(
            *(self.store, {}, TEXT_LIMIT, _services(models)),
            *(LearningJournal(self.paths.data / FORECAST_FILE, LearnedPart.FORECAST, NO_WEIGHTS), _complain),
            lambda _: None,
            keeps=True,
        )
        said, week, chance = list(SAID_OF), 0, random.Random(1)
        for number, task in enumerate(tasks):
            self.now = max(self.now + 1, self.began + task.at)
            if number % (len(tasks) // len(SAID_OF)) == 0 and said:
                text, is_task = said.pop(0)
                await self.store.add_label(text, is_task, 1.0 - is_task)
            await self.one("".join(chance.choices(ID_ALPHABET, k=ID_LENGTH)), task)
            if task.at // (WEEK_DAYS * DAY_S) > week:
                week += 1
                await self.learn(models)
        await self.forecasts.close()

    async def one(self, id_: str, task: MonthTask) -> None:
        """A task is asked for, foreseen, and carried out."""
        ref, store = ModelRef(BackendName.OLLAMA, task.model), self.store
        count = len(task.steps)
        plan = Plan(
            tuple(
                StepSpec(
                    *(f"part{place}", f"Part {place + 1}", f"Write part {place + 1} of {count}." if count > 1 else ""),
                    after=(f"part{place - 1}",) if place else (),
                )
                for place in range(count)
            )
        )
        new = await store.add_task(NewTask(id_, task.text, plan, ref=ref))
        self.forecasts.on_fact(TaskChanged(new))
        forecast = await self.forecasts.of_task(id_)
        assert forecast is not None
        done = await self.carry_out(id_, ref, task, forecast)
        if done.state is not TaskState.DONE:
            return
        before = self.written[task.model]
        self.lived.append(Lived(task, forecast, median(before) if before else None))
        before.append(task.written)
        self.forecasts.on_fact(TaskChanged(done))
        await asyncio.sleep(0)  # learning begins, and `runs` waits for its turn
        await self.forecasts.runs()

    async def carry_out(self, id_: str, ref: ModelRef, task: MonthTask, forecast: TaskForecast) -> Task:
        """How it went."""
        store = self.store
        self.now += 1
        claim = await store.claim_task(id_, self.now)
        assert claim is not None
        words = " ".join(task.text.split()[:LAST_WORDS])
        for place, (read, written, seconds) in enumerate(task.steps):
            key, epoch = f"part{place}", claim.epoch
            labels = CallLabels(CallKind.STEP, "task", str(forecast.complexity or ""), id_, key)
            call = CallRecord(
                *(self.now, ref, Role.TASK, labels, CallOutcome.DONE),
                prompt_tokens=read,
                completion_tokens=written,
                total_ms=1_000 * seconds,
                tokens_per_second=written / seconds,
            )
            running = await store.begin_step(id_, epoch, key, ref)
            self.now += seconds
            if task.outcome == "cancelled":
                running = await store.change_task(id_, TaskState.CANCELLED, expect=(TaskState.RUNNING,))
                break
            if task.outcome == "failed":
                sentence = "The answer broke off."
                running = await store.fail_step(id_, epoch, key, AttemptFailure(sentence, "broken_stream"), end=True)
                break
            usage = Usage(read, written, total_ms=call.total_ms, tokens_per_second=call.tokens_per_second)
            end = TaskEnd(words) if place == len(task.steps) - 1 else None
            running = await store.finish_step(id_, epoch, key, text=words, usage=usage, end=end, calls=[call])
        return running

    async def learn(self, models: ComplexityModels) -> None:
        """What a week brought, as an engine that is left alone does it."""
        if not self.fits:
            return
        learned, corrected = self.paths.data / LEARNED_FILE, self.paths.data / DETECTION_FILE
        parts: tuple[tuple[LearningSubject, LearningJournal], ...] = (
            (TaskLearning(self.store, learned), complexity_journal(learned)),
            (CorrectionLearning(self.store, corrected), detection_journal(corrected)),
        )
        for subject, journal in parts:
            if (await subject.examples(journal.read(), self.now))[1] >= subject.enough:
                journal.prepare()
                event = journal.add_fit(await subject.fit(journal.read(), self.now), self.now)
                print(f"{journal.part} after day {(self.now - self.began) / DAY_S:.0f}: {event}", flush=True)
        await models.reload()


def _services(models: ComplexityModels) -> ForecastServices:
    async def detect(_: str) -> float | None:
        return None

    return ForecastServices(detect, models.level, lambda *_: ForecastRoute(Role.TASK, None, ""), lambda _: (1, 1))


def _complain(error: TaleError) -> None:
    raise error


def say(name: str, found: list[Lived]) -> None:
    """Print a line of the table."""
    if not found:
        return
    known = [one for one in found if one.usual is not None]
    shares = [
        sum(one.error <= NEAR_SHARE for one in found) / len(found),
        sum(one.usual_error <= NEAR_SHARE for one in known) / max(len(known), 1),
        median(one.error for one in found),
        sum(one.forecast.completion_tokens.holds(one.task.written) for one in found) / len(found),
        median(one.forecast.completion_tokens.high / one.forecast.completion_tokens.low for one in found),
        sum(one.forecast.seconds.holds(one.task.seconds) for one in found) / len(found),
    ]
    print(f"{name:<30}{len(found):>6}" + "".join(f"{share:>10.3f}" for share in shares))


def tell_forecasts(lived: list[Lived]) -> None:
    """By week, by model around the change, and the levels beside what came."""
    columns = ("near", "median", "error", "covered", "high/low", "time cov.")
    print(f"{'':<30}{'tasks':>6}" + "".join(f"{name:>10}" for name in columns))
    weeks: dict[int, list[Lived]] = defaultdict(list)
    for one in lived:
        weeks[int(one.task.at // (WEEK_DAYS * DAY_S))].append(one)
    for week, of_week in sorted(weeks.items()):
        say(f"week {week + 1}", of_week)
    say("all", lived)
    say("what recurs", [one for one in lived if one.task.recurs])
    say("what is new", [one for one in lived if not one.task.recurs])
    name = next(one.task.model for one in lived if one.task.changed)
    of_it = [one for one in lived if one.task.model == name]
    first = next(place for place, one in enumerate(of_it) if one.task.changed)
    say(f"{name} before its change", of_it[10:first])
    say("  its first 20 runs after it", of_it[first : first + 20])
    say("  after that", of_it[first + 20 :])
    ranks = [LEVELS.index(Complexity(str(one.forecast.complexity))) for one in lived]
    for what, came in (("tokens", [one.task.written for one in lived]), ("time", [one.task.seconds for one in lived])):
        print(f"rank correlation of complexity with {what}: {spearmanr(ranks, came).statistic:.3f}")


async def tell_complexity(store: Store) -> None:
    """The error on tasks of later, whose texts were not among those that were learned from."""
    ended = (await store.ended_tasks(10_000))[::-1]
    found = [ComplexityExample(each.text, each.level, "user") for each in efforts(ended)]
    later = found[max(AFTER_RUNS) :]
    print(f"error of complexity on {len(later)} texts of later")
    for count in AFTER_RUNS:
        share = exact(fit([*packaged_examples(), *found[:count]]), later)
        print(f"  after {count:>3} runs  {1 - share:.3f}", flush=True)
    hits = [ComplexityModel.load().classify(each.text).label is each.level for each in later]
    print(f"  weights of the program  {1 - sum(hits) / max(len(hits), 1):.3f}")


async def main() -> None:
    """Live and tell."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("home", type=Path)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--no-fits", action="store_true")
    chosen = arguments.parse_args()
    home = chosen.home
    paths = Paths(home / "config", home / "data", home / "cache", home / "logs")
    if paths.database.exists():
        raise SystemExit(f"{home} has a history already: give a folder that is empty.")
    paths.make()
    month = Month(paths, time.time() - DAYS * DAY_S, fits=not chosen.no_fits)
    await month.live(scripted_month(chosen.seed))
    tell_forecasts(month.lived)
    await tell_complexity(month.store)
    await month.store.close()


if __name__ == "__main__":
    asyncio.run(main())
