"""Plans: what is read, what is refused and how that is said; the interpreter on contexts of its own."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tale_tui.domain.constants import PLAN_STEPS_MAX
from tale_tui.domain.errors import BadPlan
from tale_tui.domain.models import Role
from tale_tui.domain.tasks import Plan, Reason, StepSpec
from tale_tui.engine.tasks import interpreter
from tale_tui.engine.tasks.interpreter import TaskSuspended, result_of, run_plan
from tale_tui.engine.tasks.plan import ONE_STEP, order, parse_plan


def steps(*made: dict[str, Any], **more: Any) -> str:
    return json.dumps({"steps": list(made)} | more)


def step(key: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "prompt": f"do {key}", "after": list(after)} | more


def test_everything_that_a_step_may_say_is_read() -> None:
    full = step("b", "a", title="The text", role="ux", max_tokens=5, time_limit_s=2, retries=0, repeatable=False)
    plan = parse_plan(steps(step("a"), full, approval=True))
    assert plan.approval
    assert plan.steps[0] == StepSpec("a", "a", "do a")
    assert plan.steps[1] == StepSpec("b", "The text", "do b", ("a",), "model", Role.UX, 5, 2, 0, repeatable=False)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "this is not JSON, EOF"),
        ("[]", "object"),
        ("{}", r"steps: this is missing"),
        (steps(), r"steps: there should be at least 1\.$"),
        (steps(step("a"), step("a")), r"steps\[1\]\.key: there is a step a already"),
        (steps(step("a", "a")), "wait for each other: a -> a"),
        (steps(step("a", "c"), step("b", "a"), step("c", "b")), "wait for each other: "),
        (steps(step("a", "z")), r"steps\[0\]\.after: there is no step z"),
        (steps(step("a", prompt=" ")), r"steps\[0\]\.prompt: say what a is to do"),
        (steps(step("a", kind="magic")), r"steps\[0\]\.kind: magic is no kind of step"),
        (steps(step("a", kind="approval")), "no step waits for the yes of a"),
        (steps(step("a", colour="red")), r"steps\[0\]\.colour: there is no such name"),
        (steps(step("a", time_limit_s=-1)), r"steps\[0\]\.time_limit_s: -1 should be above 0\.$"),
        (steps(step("a", retries="3")), r"steps\[0\]\.retries: \"3\" should be"),
        (steps(step("../a")), r"steps\[0\]\.key: \"\.\./a\" cannot be a key"),
        (steps(step("a", time_limit_s=1e300)), r"steps\[0\]\.time_limit_s: 1e\+300 should be at most 31,536,000\.$"),
        (steps(step("a", prompt="\x1b[2J\u200f")), r"steps\[0\]\.prompt: say what a is to do"),
        ("[]", r"^\[\] should be an object in \{ \}\.$"),
        (json.dumps({"steps": {}}), r"steps: \{\} should be a list in \[ \]"),
        (steps(step("a", retries=True)), r"steps\[0\]\.retries: true should be a whole number"),
        (steps(step("a", repeatable="no")), r"steps\[0\]\.repeatable: \"no\" should be true or false"),
        (steps(step("a", after="b")), r"steps\[0\]\.after: \"b\" should be a list in \[ \]"),
        (steps(step("a", title="t" * 81)), r"steps\[0\]\.title: \"t+… is too long, write up to 80 characters"),
        (steps(step("a", role="boss")), r"steps\[0\]\.role: \"boss\" should be 'ux' or 'task'"),
        (steps(step("a\n")), r"steps\[0\]\.key: "),
        (steps(step("a"), format=2), "format: this version reads plans up to format 1"),
        (steps(*(step(f"s{n}") for n in range(PLAN_STEPS_MAX + 1))), "steps: "),
    ],
)
def test_a_plan_that_cannot_be_run_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(BadPlan, match=said):
        parse_plan(text)


def test_many_mistakes_are_not_all_told_at_once_and_control_characters_never() -> None:
    with pytest.raises(BadPlan, match="and 4 more") as refused:
        parse_plan(steps(*({"key": "\x1b[31m", "no\x1b": 1} for _ in range(3)), {"key": ""}))
    assert "\x1b" not in refused.value.sentence


def test_an_order_has_each_step_after_those_before_it() -> None:
    found = order(parse_plan(steps(step("c", "b", "a"), step("b", "a"), step("a"))).steps)
    assert found == ("a", "b", "c")


class Memory:
    """A context in memory."""

    at_once = 2
    skipped: frozenset[str] = frozenset()

    def __init__(self, *suspended: str, fails: str = "") -> None:
        self.suspended = suspended
        self.fails = fails
        self.kept: dict[str, str] = {}
        self.begun: list[str] = []
        self.stopped: list[str] = []

    def current(self, plan: Plan) -> Plan:
        return plan

    def may(self, spec: StepSpec) -> bool:
        return True

    async def changed(self) -> None:
        await asyncio.Event().wait()

    async def step(self, spec: StepSpec, inputs: Mapping[str, str]) -> str:
        if spec.key in self.kept:
            return self.kept[spec.key]
        self.begun.append(spec.key)
        try:
            for _ in range(len(spec.key) * 3):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            self.stopped.append(spec.key)
            raise
        if spec.key == self.fails:
            raise LookupError(spec.key)
        self.kept[spec.key] = f"{spec.key}({','.join(inputs.values())})"
        return self.kept[spec.key]

    async def wait(self, topic: str) -> None:
        if topic in self.suspended:
            raise TaskSuspended(Reason.APPROVAL, topic)


DIAMOND = parse_plan(steps(step("a"), step("b", "a"), step("cc", "a"), step("d", "cc", "b")))


async def test_a_plan_is_carried_out_in_its_order() -> None:
    memory = Memory()
    assert await run_plan(memory, DIAMOND) == "d(cc(a()),b(a()))"
    assert memory.begun == ["a", "b", "cc", "d"]


async def test_in_the_place_of_a_step_that_is_left_out_stand_those_before_it() -> None:
    plan = parse_plan(steps(step("a"), step("bbbb", "a"), step("c", "bbbb"), step("d", "a"), step("join", "c", "d")))
    memory = Memory()
    memory.skipped = frozenset({"c"})
    assert await run_plan(memory, plan) == "join(bbbb(a()),d(a()))"
    memory = Memory()
    memory.skipped = frozenset({"a", "c", "d"})
    assert await run_plan(memory, plan) == "join(bbbb())"


async def test_when_a_step_fails_the_others_have_ended_before_that_is_said() -> None:
    memory = Memory(fails="b")
    with pytest.raises(LookupError):
        await run_plan(memory, DIAMOND)
    assert memory.stopped == ["cc"]
    assert len(asyncio.all_tasks()) == 1


async def test_a_yes_is_asked_for_when_nothing_else_is_left_to_do() -> None:
    plan = parse_plan(steps({"key": "ask", "kind": "approval"}, step("a", "ask"), step("bbb"), step("c", "bbb")))
    memory = Memory("ask")
    with pytest.raises(TaskSuspended) as suspended:
        await run_plan(memory, plan)
    assert (suspended.value.reason, suspended.value.topic) == (Reason.APPROVAL, "ask")
    assert memory.begun == ["bbb", "c"]
    memory.suspended = ()
    await run_plan(memory, plan)
    assert memory.begun == ["bbb", "c", "a"]


def test_the_result_is_that_of_the_ends() -> None:
    assert result_of(DIAMOND, {"a": "1", "b": "2", "cc": "3", "d": "4"}) == "4"
    two = Plan((StepSpec("a", "First"), StepSpec("b", "Second")))
    assert result_of(two, {"a": "one\n", "b": "two"}) == "## First\n\none\n\n## Second\n\ntwo"
    assert result_of(two, {"a": "one", "b": " "}) == "one"
    assert result_of(ONE_STEP, {"answer": ""}) == ""


async def one_after_the_other(context: Any, plan: Plan) -> str:
    """Another interpreter, as a later version could have."""
    results: dict[str, str] = {}
    for key in order(plan.steps):
        spec = next(spec for spec in plan.steps if spec.key == key)
        results[key] = await context.step(spec, {before: results[before] for before in spec.after})
    return result_of(plan, results)


async def test_a_task_goes_on_under_another_interpreter(
    begin: Callable[..., Any], doer: Any, do: Any, plan: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    execution = await begin()
    doer.tell("b", do(("half ",), asyncio.Event()), do(("and half",)))
    task = await execution.submit(plan=plan("a", "b<a", "c<b"))
    await execution.eventually(lambda: doer.holding == ["b"])
    await execution.close()
    monkeypatch.setattr("tale_tui.engine.tasks.run.run_plan", one_after_the_other)
    await execution.open()
    await execution.executor.resume(task.id)
    detail = await execution.done(task)
    assert [key for _, key in doer.calls] == ["a", "b", "b", "c"]
    assert detail.steps[1].text == "half and half"


def test_the_interpreter_takes_nothing_from_outside() -> None:
    imports = [node for node in ast.walk(ast.parse(inspect.getsource(interpreter))) if isinstance(node, ast.Import)]
    froms = [node for node in ast.walk(ast.parse(inspect.getsource(interpreter))) if isinstance(node, ast.ImportFrom)]
    assert {alias.name for node in imports for alias in node.names} == {"asyncio"}
    assert {node.module for node in froms} == {
        "__future__",
        "collections.abc",
        "contextlib",
        "typing",
        "tale_tui.domain.plans",
        "tale_tui.domain.tasks",
    }
