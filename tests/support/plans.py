"""The plan of a web application: as it waits for a yes, and as it is carried out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.screen_app import NOW
from support.scripted_engine import ScriptedEngine
from support.tasks import BIG, SMALL, detail_of, plain, task
from tale_tui.domain.forecasts import Estimate
from tale_tui.domain.models import Usage
from tale_tui.domain.plans import PlanForecast, PlanStepForecast
from tale_tui.domain.tasks import (
    Plan,
    PlanApproval,
    Reason,
    Step,
    StepKind,
    StepSpec,
    StepState,
    TaskDetail,
    TaskState,
)
from tale_tui.engine.learning.plan_forecast import longest_keys

ASKS = "It asks because of this: the task is complex, it is to write more than 10k tokens, 1 step with effects outside."
_ROUTES = (
    "Write the routes of api.yaml for FastAPI. Use the names of schema.sql. No route without a test that says what it "
    "gives where something is missing."
)
SPECS = (
    StepSpec("plan", "plan", kind=StepKind.PLAN),
    StepSpec("spec", "Requirements", "Write the requirements.", files=("spec.md",)),
    StepSpec("data", "Data model", "Draw the data model.", ("spec",), files=("schema.sql",)),
    StepSpec("api", "Interface of the API", "Write the interface.", ("spec",), files=("api.yaml",)),
    StepSpec("auth", "Authentication", "Write the sign-in.", ("data", "api"), files=("auth.py",)),
    StepSpec("routes", "Routes", _ROUTES, ("data", "api"), inputs=("schema.sql", "api.yaml"), files=("routes.py",)),
    StepSpec("texts", "Texts of the pages", "Write the texts.", ("spec",), files=("pages/index.md",), ref=SMALL),
    StepSpec("copy", "Copy to ~/projects/shop", "Copy it.", ("auth", "routes", "texts"), repeatable=False),
    StepSpec("tests", "Tests", "Write the tests.", ("auth", "routes"), files=("test_app.py",)),
    StepSpec("pictures", "Pictures", "Describe the pictures.", ("texts",)),
    StepSpec("styles", "Styles", "Write the styles.", ("texts",), files=("style.css",)),
    StepSpec("forms", "Forms", "Write the forms.", ("routes",), files=("forms.py",)),
    StepSpec("mail", "Mail", "Write the mails.", ("auth",), files=("mail.py",)),
    StepSpec("docs", "Documentation", "Write it.", ("tests",), files=("README.md",)),
    StepSpec("result", "Join and check", "Join the results.", ("copy", "pictures", "styles", "forms", "mail", "docs")),
)
TOKENS = (600, 900, 1_100, 2_400, 2_900, 800, 400, 2_600, 300, 900, 1_200, 700, 900, 1_400)
PLAN = Plan(SPECS, reasoning="The data model and the interface come first, so that two can work at once.")


def _estimate(middle: float) -> Estimate:
    return Estimate(middle, middle * 0.65, middle * 1.6)


def foresee(plan: Plan, runs: int = 40) -> PlanForecast:
    """What is foreseen of a plan: the tokens of a step are its budget, else as in `TOKENS`, ten a second."""
    usual = dict(zip((spec.key for spec in SPECS[1:]), TOKENS, strict=True))
    asking = [spec for spec in plan.steps if spec.kind == StepKind.MODEL]
    tokens = {spec.key: _estimate(spec.max_tokens or usual.get(spec.key, 500)) for spec in asking}
    seconds = {key: one.scaled(0.1) for key, one in tokens.items()}
    way = longest_keys(plan.steps, seconds)
    whole = _estimate(sum(one.middle for one in tokens.values()))
    long = _estimate(sum(seconds[key].middle for key in way))
    steps = tuple(PlanStepForecast(key, one, seconds[key]) for key, one in tokens.items())
    return PlanForecast(steps, whole, long, long, way, runs)


def waiting() -> TaskDetail:
    """The plan waits for a yes."""
    asks = task("r5n1", "Web application", "waiting", reason=Reason.APPROVAL, steps_total=14, step_title="Requirements")
    steps = (Step(SPECS[0], StepState.DONE, 1), *(Step(spec, allowed=False) for spec in SPECS[1:]))
    return TaskDetail(asks, "Build a web application", PLAN, steps, approval=PlanApproval(ASKS))


def running() -> TaskDetail:
    """Three steps are done, two run, one tries again, one was left out."""
    runs = task(
        *("r5n1", "Web application", "running"), steps_total=13, steps_done=3, step_title="Authentication",
        started_ago=550, running_since_ago=550, completion_tokens=8_200,
    )  # fmt: skip
    approval = PlanApproval(ASKS, PLAN, 21_000)
    states: dict[str, dict[str, Any]] = {
        "plan": {"state": StepState.DONE, "attempts": 1},
        "spec": _done(64, 588, "The requirements."),
        "data": _done(82, 910, "The data model."),
        "api": _done(118, 1_210, "The interface."),
        "auth": _going(151, 1_600, "def sign_in(name: str, password: str) -> Session:\n"),
        "routes": _going(40, 310, "@app.get('/')\n"),
        "texts": {"attempts": 1, "next_try": NOW + 4, "error": "no JSON came"},
        "pictures": {"state": StepState.SKIPPED, "error": "refused by you"},
    }
    steps = tuple(Step(spec, **states.get(spec.key, {})) for spec in SPECS)
    return TaskDetail(runs, "Build a web application", PLAN, steps, approval=approval)


def _done(took: float, tokens: int, text: str) -> dict[str, Any]:
    times = {"started": NOW - 500, "finished": NOW - 500 + took}
    return {"state": StepState.DONE, "attempts": 1, "usage": Usage(completion_tokens=tokens), "text": text, **times}


def _going(ran: float, tokens: int, text: str) -> dict[str, Any]:
    usage = Usage(completion_tokens=tokens)
    return {"state": StepState.RUNNING, "attempts": 1, "usage": usage, "text": text, "started": NOW - ran, "ref": BIG}


def planned(detail: TaskDetail | None = None) -> ScriptedEngine:
    """An engine with the plan, with what is foreseen of it, and with a task beside it."""
    engine = plain()
    found = waiting() if detail is None else detail
    engine.give(found)
    engine.give(
        detail_of(task("w9d4", "Letter to the landlord", "done", finished_ago=60, worked_s=51.0), result="Dear")
    )
    whole = foresee(found.plan)
    left = _estimate(900.0) if found.task.state is TaskState.RUNNING else whole.seconds
    engine.plan_forecast = replace(whole, left=left)
    engine.foresee = foresee
    return engine


def copying(files: int = 3) -> TaskDetail:
    """All is done but a step that asks whether it may copy files out."""
    asks = task("r5n1", "Web application", "waiting", reason=Reason.APPROVAL, steps_total=2, steps_done=1)
    give = StepSpec("give", "Pages", "Write the pages.", files=tuple(f"page{n}.md" for n in range(files)))
    out = StepSpec("out", "Copy out", kind=StepKind.COPY, after=("give",), to="/srv/app")
    lines = (f"- {name}, 6 B, sha256 0123456789abcdef: new" for name in give.files)
    shown = "\n".join(("To /srv/app:", "", *lines))
    steps = (Step(give, StepState.DONE, 1, text="The pages."), Step(out, allowed=False, text=shown))
    question = f"It asks before it copies {files} files out of its folder to /srv/app."
    return TaskDetail(asks, "Build it", Plan((give, out)), steps, approval=PlanApproval(question))
