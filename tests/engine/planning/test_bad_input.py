"""What models and disks do wrong while a large task is planned and carried out.

It is said in a sentence, nothing is lost, and nothing is done twice.
"""

from __future__ import annotations

import asyncio
import errno
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from dulwich.object_store import DiskObjectStore

from tale_tui.config.paths import Paths
from tale_tui.domain.events import Notice, TaskSeen
from tale_tui.domain.models import BackendName
from tale_tui.domain.tasks import ENDED, StepKind, StepState, TaskDetail, TaskState
from tale_tui.engine.checkpoints.service import CheckpointService
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.backend import ChatRequest
from tale_tui.engine.models.scripted import Script, ScriptedBackend, spoken
from tale_tui.engine.planning.reading import REST_KEY
from tale_tui.engine.tasks.prompts import FILES

Start = Callable[..., Awaitable[Engine]]
Run = Callable[..., Awaitable[tuple[TaskDetail, list[ChatRequest]]]]
WAIT_S = 30.0
APPLICATION = "Build a complete web application with user authentication, database, and API"
ANSWERS = Path(__file__).parent / "answers"
TASK = "k" * 16


def plan(*steps: dict[str, Any]) -> str:
    return json.dumps({"reasoning": "So it is.", "steps": list(steps)})


def step(key: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"key": key, "title": f"The {key}", "prompt": f"do {key}", "after": list(after)} | more


def plans_asked(asked: list[ChatRequest]) -> list[str]:
    return [one.messages[-1].text for one in asked if "You break a task down" in one.messages[0].text]


def steps_asked(asked: list[ChatRequest]) -> list[str]:
    texts = [one.messages[-1].text for one in asked if "You break a task down" not in one.messages[0].text]
    return [text.rpartition("Your step of it, ")[2].partition(":")[0] for text in texts]


@pytest.fixture
def run(start_engine: Start) -> Run:
    """Hands a large task in, whose planner gives some answers, and waits for its end."""

    async def to_its_end(*answers: str, before: Callable[[], None] | None = None) -> Any:
        asked: list[ChatRequest] = []
        left = list(answers)

        def answer(request: ChatRequest) -> Script:
            asked.append(request)
            if "You break a task down" in request.messages[0].text:
                return spoken(left.pop(0) if len(left) > 1 else left[0])
            wanted = request.messages[-1].text.partition(f"{FILES}\n- ")[2]
            blocks = "".join(f"\n\n```text {name}\nx\n```" for name in wanted.split("\n- ") if name)
            return spoken(f"a result{blocks}")

        engine = await start_engine(
            {BackendName.SCRIPTED: ScriptedBackend(answer)},
            ux="scripted/demo",
            task="scripted/demo",
            plans={"ask_complexity": "never", "ask_tokens": 0},
            tasks={"backoff_s": 0.01},
        )
        if before is not None:
            before()
        await engine.tasks.submit(APPLICATION, key=TASK)
        async with asyncio.timeout(WAIT_S), aclosing(engine.tasks.follow(TASK)) as events:
            async for event in events:
                if isinstance(event, TaskSeen) and event.detail.task.state in ENDED:
                    break
        return await engine.tasks.get(TASK), asked

    return to_its_end


def work(detail: TaskDetail) -> list[str]:
    return [one.spec.key for one in detail.steps if one.spec.kind != StepKind.PLAN]


# what models answer


@pytest.mark.parametrize("model", ["deepseek-r1", "gemma-2", "phi-3", "codellama"])
async def test_what_is_nearly_json_needs_no_second_question(run: Run, model: str) -> None:
    detail, asked = await run((ANSWERS / f"{model}.txt").read_text())
    assert detail.task.state is TaskState.DONE
    assert work(detail) == ["schema", "api", "login", "result"]
    assert len(plans_asked(asked)) == 1
    assert Counter(steps_asked(asked)).most_common(1)[0][1] == 1


@pytest.mark.parametrize("model", ["gemma-2", "phi-3", "codellama"])
async def test_an_answer_that_was_cut_off_is_repaired_by_the_model(run: Run, model: str) -> None:
    detail, asked = await run((ANSWERS / "llama-3.2-cut.txt").read_text(), (ANSWERS / f"{model}.txt").read_text())
    assert work(detail) == ["schema", "api", "login", "result"]
    assert "This cannot be used: The answer breaks off in the middle of the JSON." in plans_asked(asked)[1]


BAD = {
    "nothing at all": "",
    "no JSON": "First I would think about the schema, then about the API.",
    "half a JSON": plan(step("a"), step("b"))[:-40],
    "no list": '{"answer": 42}',
    "an empty plan": plan(),
    "a circle": plan(step("a", "c"), step("b", "a"), step("c", "b")),
    "forty steps": plan(*(step(f"s{number}") for number in range(40))),
    "a file above": plan(step("a", files=["../x.py"])),
    "a file of the system": plan(step("a", files=["/etc/cron.d/x.txt"])),
    "a file at home": plan(step("a", files=["~/x.py"])),
    "a file of a shell": plan(step("a", files=[".bashrc"])),
    "a hook of git": plan(step("a", files=[".git/hooks/pre-commit.sh"])),
    "a drive": plan(step("a", files=["C:\\x.py"])),
    "a way up inside": plan(step("a", files=["src/../../x.py"])),
    "a copy to anywhere": plan(step("a", files=["a.py"]), step("out", "a", copy_to="/etc")),
    "two with one file": plan(step("a", files=["a.py"]), step("b", files=["a.py"])),
}


@pytest.mark.parametrize("wrong", BAD.values(), ids=BAD.keys())
async def test_a_plan_that_stays_wrong_is_one_step_and_the_task_is_done(run: Run, wrong: str, paths: Paths) -> None:
    detail, asked = await run(wrong)
    assert detail.task.state is TaskState.DONE
    assert work(detail) == [REST_KEY]
    assert detail.plan.reasoning.startswith("Not broken down: ")
    assert "\n" not in detail.plan.reasoning
    assert len(plans_asked(asked)) == 2
    assert len(steps_asked(asked)) == 1
    assert not list(paths.task_files.glob("*/*"))


async def test_steps_are_broken_down_twice_and_a_third_time_they_are_done_as_they_are(run: Run) -> None:
    again = plan(step("part", split=True), step("other"))
    detail, asked = await run(again)
    assert detail.task.state is TaskState.DONE
    levels = {one.spec.key: one.spec.level for one in detail.steps if one.spec.kind == StepKind.MODEL}
    assert levels == {
        "part.part.part": 3,
        "part.part.other": 3,
        "part.other": 2,
        "other": 1,
        "result": 1,
    }
    assert len(plans_asked(asked)) == 3
    assert sorted(steps_asked(asked)) == ["Join and check", "The other", "The other", "The other", "The part"]


async def test_a_file_behind_a_link_fails_the_step_and_nothing_is_written_there(
    run: Run, paths: Paths, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"

    def link() -> None:
        outside.mkdir()
        (paths.task_files / TASK).mkdir(parents=True)
        (paths.task_files / TASK / "src").symlink_to(outside)

    detail, asked = await run(plan(step("a", files=["src/a.py"]), step("b", "a")), before=link)
    assert detail.task.state is TaskState.FAILED
    assert detail.task.error == "src/a.py leads out of the folder by a link. Give another name."
    assert not list(outside.iterdir())
    assert steps_asked(asked) == ["The a"]


# what disks do


@pytest.mark.parametrize(
    ("number", "said"), [(errno.ENOSPC, "No space left on device"), (errno.EROFS, "Read-only file system")]
)
async def test_checkpoints_that_cannot_be_written_hold_nothing_up_and_are_said_once(
    start_engine: Start, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    """From the second step on the folder of the checkpoints is full, or can only be read; then it is well again."""
    asked: list[ChatRequest] = []
    broken = False

    def answer(request: ChatRequest) -> Script:
        nonlocal broken
        asked.append(request)
        if "You break a task down" in request.messages[0].text:
            return spoken(
                plan(*(step(f"s{one}", *([f"s{one - 1}"] if one else []), files=[f"{one}.py"]) for one in range(6)))
            )
        title = steps_asked([request])[0]
        broken = title in ("The s2", "The s3", "The s4")
        name = title.removeprefix("The s")
        return spoken("a result" + (f"\n\n```python {name}.py\nx = {name}\n```" if name.isdecimal() else ""))

    add = DiskObjectStore.add_object

    def full(self: DiskObjectStore, thing: Any) -> None:
        if broken:
            raise OSError(number, said)
        add(self, thing)

    monkeypatch.setattr(DiskObjectStore, "add_object", full)
    engine = await start_engine(
        {BackendName.SCRIPTED: ScriptedBackend(answer)},
        ux="scripted/demo",
        task="scripted/demo",
        plans={"ask_complexity": "never", "ask_tokens": 0},
    )
    notices: list[str] = []

    async def listen() -> None:
        async with aclosing(engine.control.watch()) as facts:
            async for fact in facts:
                notices.extend([fact.sentence] if isinstance(fact, Notice) and "heckpoint" in fact.title else [])

    listening = asyncio.create_task(listen())
    await engine.tasks.submit(APPLICATION, key=TASK)
    async with asyncio.timeout(WAIT_S), aclosing(engine.tasks.follow(TASK)) as events:
        async for _ in events:
            pass
    detail = await engine.tasks.get(TASK)
    assert detail.task.state is TaskState.DONE
    assert all(one.state is StepState.DONE for one in detail.steps)
    assert Counter(steps_asked(asked)).most_common(1)[0][1] == 1
    assert isinstance(engine.checkpoints, CheckpointService)
    await engine.checkpoints.settled()
    listening.cancel()
    await asyncio.wait([listening])
    assert len(notices) == 1
    assert said in notices[0]
    assert "\n" not in notices[0]
    kept = (await engine.checkpoints.list(limit=0)).checkpoints
    assert kept, "those before and behind are there"
    names = {change.path for change in (await engine.checkpoints.show(kept[0].id)).files}
    assert names
