"""Work that goes on by itself: plans as data, the one interpreter that runs them, and the executor of this machine."""

from tale_tui.engine.tasks.executor import Executor
from tale_tui.engine.tasks.plan import ONE_STEP, parse_plan
from tale_tui.engine.tasks.run import Context, Parked, result_of, run_plan
from tale_tui.engine.tasks.runners import Outcome, Runner, Work

__all__ = [
    "ONE_STEP",
    "Context",
    "Executor",
    "Outcome",
    "Parked",
    "Runner",
    "Work",
    "parse_plan",
    "result_of",
    "run_plan",
]
