"""SIGKILL in every phase of a plan of 20 steps: `python tests/benchmarks/kill_plans.py [--rounds 1]`.

A process of its own is the engine. Its scripted model makes a plan, word by word; the plan waits for a yes; its steps
run in parallel and give files; one breaks off and is tried again; one fails for good, so that the rest is planned anew;
the results are joined; the files are copied out after another yes. In each of these phases the process is killed, or
kills itself in the middle of what nobody can see from outside (a plan that is checked and not stored yet, a file, a
checkpoint, a copy that are half done), and is looked at and started again. At each start the task asks whether to go
on. Ends with 1 where a step that was done was asked again, one that was half written did not go on from what was
stored, anything ran before the yes, the task did not ask, an answer or a file is not word for word what it should be, a
file was copied twice, or the task did not come to its end.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import Clock
from tale_tui.domain.errors import BrokenStream, Refused
from tale_tui.domain.models import BackendName
from tale_tui.domain.tasks import Reason, StepKind, StepSpec, StepState, TaskDetail, TaskState
from tale_tui.engine.checkpoints.repository import CheckpointRepository
from tale_tui.engine.ipc.connect import open_engine
from tale_tui.engine.models.backend import ChatRequest
from tale_tui.engine.models.scripted import Fail, Pause, Say, Script, ScriptedBackend
from tale_tui.engine.planning.planning import Planning
from tale_tui.engine.result_files import PART, file_place, part_of
from tale_tui.engine.store.store import Store
from tale_tui.engine.tasks import copy_step, step_files
from tale_tui.engine.tasks.copy_step import CopyStepRunner
from tale_tui.engine.tasks.step_files import TaskFolders
from tale_tui.formatting.plans import asked_copy

TASK = "Build a complete web application with user authentication, database, and API, and put it into {out}."
TASK_ID = "p" * 16
STEPS = 20
FAILS = "s17"
"""The step that fails for good: a whole row after the last phase before that, so that this is not missed."""
BREAK = "break"
"""Where there is a file of this name, the next step breaks off after some words."""
KEPT = ("s6", "s7")
"""Steps of the first plan whose files are copied out with those of the second."""
WORDS, WORD_S = 60, 0.02
"""A step takes 1.2 s: longer than the pause between two partial saves."""
WAIT_S = 60.0
LOOK_S = 0.03
AGAIN_S = 2.0
"""Until a step is tried again that broke off: long enough to be seen."""
QUIET_S = 0.5
"""So long nothing may happen while a plan waits."""
PIECE = 40
"""Characters of a plan that come at once."""
ASKED = re.compile(r"Your step of it, ([^:]+):")

Phase = Callable[[TaskDetail], bool]


def paths_in(home: Path) -> Paths:
    """The four folders below one."""
    paths = Paths(*(home / name for name in ("config", "data", "cache", "logs")))
    paths.make()
    return paths


def settings() -> Settings:
    """Of the engine, and of who speaks to it."""
    return Settings(
        ux="scripted/demo",
        task="scripted/demo",
        detect={"enabled": False},
        route={"fallback": False},
        tasks={"steps": 4, "backoff_s": AGAIN_S},
    )


def plan(names: list[str], width: int, out: Path, *done: str) -> str:
    """A plan in which each step waits for the one so many places before it, and the files of all are copied out.

    Args:
        names: of the steps.
        width: how many of them can run at once.
        out: where the files go.
        done: names of steps before this plan whose files go there too.
    """
    steps: list[dict[str, object]] = [
        {
            "key": name,
            "title": name,
            "prompt": f"Do {name}.",
            "files": [f"{name}.txt"],
            "after": names[max(0, place - width) : max(0, place - width + 1)],
        }
        for place, name in enumerate(names)
    ]
    steps.append({"key": "out", "title": "Copy out", "copy_to": str(out), "after": [*names[-width:], *done]})
    return json.dumps({"reasoning": "Because.", "steps": steps})


FIRST = tuple(f"s{number}" for number in range(1, STEPS))
"""With the one that copies these are 20 steps."""
REST = tuple(f"t{number}" for number in range(1, 7))
COPIED = ("s2", "s3", *KEPT, *REST)
"""Steps whose files are copied out in the end: those that the copy waits for, and what they wait for."""


def file_of(title: str) -> str:
    """What stands in the file of a step."""
    return "".join(f"{title} line {number}\n" for number in range(4))


def whole_of(title: str) -> str:
    """What the model says for a step."""
    words = "".join(f"{title.replace(' ', '_')}-{number} " for number in range(WORDS))
    return f"{words}\n\n```text {title}.txt\n{file_of(title)}```\n" if title in (*FIRST, *REST) else words


def answer(request: ChatRequest, log: Callable[..., None], out: Path) -> Script:
    """The planner, and the worker."""
    asked = request.messages[-1].text
    if "You break a task down" in request.messages[0].text:
        anew = "Plan what is left of it anew" in asked
        log("plan-2" if anew else "plan", request.continue_text)
        made = plan(list(REST), 3, out, *KEPT) if anew else plan(list(FIRST), 4, out)
        rest = made.removeprefix(request.continue_text)
        pieces = [rest[place : place + PIECE] for place in range(0, len(rest), PIECE)]
        return Script(tuple(step for piece in pieces for step in (Pause(WORD_S * 2), Say(piece))))
    found = ASKED.search(asked)
    assert found is not None
    title = found[1]
    log(title, request.continue_text)
    if title == FAILS:
        return Script((Pause(WORD_S), Fail(Refused("I will not do this."))))
    words = re.findall(r"\S+\s*", whole_of(title).removeprefix(request.continue_text))
    if (sign := out.with_name(BREAK)).exists():
        sign.unlink()
        return Script((*(Say(word) for word in words[:3]), Pause(WORD_S), Fail(BrokenStream("It broke off."))))
    return Script(tuple(step for word in words for step in (Pause(WORD_S), Say(word))))


def die() -> None:
    """End as by kill -9, here and now."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(WAIT_S)  # until the system has done it


def die_in(place: str) -> None:
    """Have this process end in the middle of something."""
    revised, write = Planning.revised, TaskFolders.write
    commit, copied, run = CheckpointRepository.commit, copy_step.claim, CopyStepRunner.run

    async def after_the_check(self: Planning, detail: TaskDetail, spec: StepSpec, text: str) -> Any:
        found = await revised(self, detail, spec, text)
        if spec.key == "plan":
            die()
        return found

    def in_a_file(folder: Path, name: str, text: str, *, replace: bool = False) -> Path:
        del replace
        path = file_place(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        part_of(path).write_text(text[: len(text) // 2])
        die()
        return path

    async def behind_a_file(self: TaskFolders, task_id: str, spec: StepSpec, text: str) -> Any:
        written = await write(self, task_id, spec, text)
        die()
        return written

    def in_a_checkpoint(self: CheckpointRepository, tree: bytes, message: str, at: float) -> str:
        if message:
            die()
        return commit(self, tree, message, at)

    def in_a_copy(part: Path, path: Path) -> None:
        copied(part, path)
        die()

    async def behind_a_copy(self: CopyStepRunner, work: Any) -> Any:
        found = await run(self, work)
        die()
        return found

    match place:
        case "plan":
            Planning.revised = after_the_check  # type: ignore[method-assign]
        case "file":
            step_files.save_file = in_a_file  # type: ignore[attr-defined]
        case "files":
            TaskFolders.write = behind_a_file  # type: ignore[method-assign]
        case "checkpoint":
            CheckpointRepository.commit = in_a_checkpoint  # type: ignore[method-assign]
        case "copy":
            copy_step.claim = in_a_copy  # type: ignore[attr-defined]
        case "copied":
            CopyStepRunner.run = behind_a_copy  # type: ignore[method-assign]


async def serve(home: Path, place: str) -> None:
    """Be the engine, for clients too, until the task has ended.

    Args:
        home: the folders.
        place: where it ends before that; empty for nowhere.
    """
    calls = (home / "calls").open("a")

    def log(title: str, begun: str) -> None:
        print(json.dumps([title, begun]), file=calls, flush=True)

    claim = copy_step.claim

    def logged(part: Path, path: Path) -> None:
        log(f"copied {path.name}", "")
        claim(part, path)

    copy_step.claim = logged  # type: ignore[attr-defined]
    die_in(place)
    backend = ScriptedBackend(lambda request: answer(request, log, home / "out"), models=("demo",))
    async with open_engine(paths_in(home), settings(), backends={BackendName.SCRIPTED: backend}) as engine:
        if found := await engine.tasks.list():
            (home / "starts").write_text(f"{found[0].state} {found[0].reason}")
            if found[0].reason is Reason.INTERRUPTED:
                await engine.tasks.resume(TASK_ID)
        else:
            await engine.tasks.submit(TASK.format(out=home / "out"), key=TASK_ID)
        print("ready", flush=True)
        while (await engine.tasks.get(TASK_ID)).task.is_open:
            await asyncio.sleep(LOOK_S)


async def stored(home: Path) -> TaskDetail | None:
    """The task as another process may read it."""
    store = await Store.open(paths_in(home).database, Clock(), read_only=True)
    try:
        return await store.task_detail(TASK_ID) if await store.tasks() else None
    finally:
        await store.close()


def half(detail: TaskDetail, key: str) -> bool:
    """Whether a step runs and something of it is stored."""
    return any(one.spec.key == key and one.state is StepState.RUNNING and one.text for one in detail.steps)


def running_after(done: int) -> Phase:
    """Whether steps run, some of them half written, and so many are done."""

    def reached(detail: TaskDetail) -> bool:
        halves = [one for one in detail.steps if one.state is StepState.RUNNING and one.text]
        return detail.task.steps_done >= done and bool(halves) and detail.task.state is TaskState.RUNNING

    return reached


def waits_to_be_tried_again(detail: TaskDetail) -> bool:
    """Whether a step broke off and waits for its next attempt."""
    return any(one.next_try is not None for one in detail.steps)


def is_waiting(detail: TaskDetail) -> bool:
    """Whether it waits for a yes."""
    return detail.task.state is TaskState.WAITING


PHASES: tuple[tuple[str, Phase | str], ...] = (
    ("the plan is being made", lambda detail: half(detail, "plan")),
    ("the plan is checked", "plan"),
    ("the plan waits", is_waiting),
    ("the first steps run", running_after(0)),
    ("a file is being written", "file"),
    ("files are written", "files"),
    ("a checkpoint is being made", "checkpoint"),
    ("steps in the middle run", running_after(5)),
    ("a step waits to be tried again", waits_to_be_tried_again),
    ("later steps run", running_after(9)),
    ("the rest is planned anew", lambda detail: half(detail, "plan-2")),
    ("the new plan waits", is_waiting),  # it gives files that were not approved
    ("the new steps run", lambda detail: any(half(detail, name) for name in REST)),
    ("the results are joined", lambda detail: half(detail, "result")),
    ("the copy waits", lambda detail: bool(asked_copy(detail))),
    ("a file is being copied", "copy"),
    ("the files are copied", "copied"),
)
"""What the phase is, and when it is there, or the place in which the process ends by itself."""


class Trial:
    """One data folder, and what is known of its task.

    Args:
        home: the folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._out = home / "out"
        self._out.mkdir()
        self._read = 0
        """Calls that were looked at."""
        self.wrong: list[str] = []

    def start(self, place: str = "") -> subprocess.Popen[str]:
        """An engine that has started.

        Args:
            place: where it ends by itself; empty for nowhere.
        """
        command = [sys.executable, __file__, "--child", str(self._home), "--die", place]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise SystemExit("the engine did not start")
        return process

    def kill_in(self, name: str, phase: Phase | str, before: TaskDetail | None) -> TaskDetail:
        """Start, kill in a phase, and look.

        Args:
            name: of the phase, for what is said.
            phase: see `PHASES`.
            before: the task at the kill before.
        """
        if isinstance(phase, str):
            process = self.start(phase)
            try:
                process.communicate(timeout=WAIT_S)
            finally:
                process.kill()
            if process.returncode != -signal.SIGKILL:
                raise SystemExit(f"{name}: never came; {_words(asyncio.run(stored(self._home)))}")
        else:
            self._kill_when(name, phase)
        found = asyncio.run(stored(self._home))
        assert found is not None
        self.check(name, found, before)
        return found

    def _kill_when(self, name: str, reached: Phase) -> None:
        if reached is waits_to_be_tried_again:
            (self._home / BREAK).touch()
        process = self.start()
        end = time.monotonic() + WAIT_S
        try:
            while (detail := asyncio.run(stored(self._home))) is None or not reached(detail):
                if time.monotonic() > end or process.poll() is not None:
                    raise SystemExit(f"{name}: never came; {_words(detail)}")
                time.sleep(LOOK_S)
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()

    def check(self, name: str, now: TaskDetail, before: TaskDetail | None) -> None:
        """Compare what is stored, and what the model was asked since the kill before."""
        lines = (self._home / "calls").read_text().splitlines()
        since = [json.loads(line) for line in lines[self._read :]]
        self._read = len(lines)
        if before is not None and before.task.state is TaskState.RUNNING:
            asked = (self._home / "starts").read_text()
            if asked != f"{TaskState.PAUSED} {Reason.INTERRUPTED}":
                self.wrong.append(f"{name}: it did not ask whether to go on, it was {asked}")
        titles = {one.spec.title: one for one in now.steps if one.spec.kind == StepKind.MODEL}
        if now.approval is None or now.approval.plan is None:
            self.wrong += [f"{name}: {title} ran before the yes" for title, _ in since if title in titles]
        for one in titles.values():
            whole = whole_of(one.spec.title)
            if not (one.text == whole if one.state is StepState.DONE else whole.startswith(one.text)):
                self.wrong.append(f"{name}: {one.spec.key} says {one.text[:80]!r}")
        for one in before.steps if before else ():
            if one.spec.kind == StepKind.COPY:
                continue
            title = one.spec.key if one.spec.kind == StepKind.PLAN else one.spec.title
            begun = [text for asked, text in since if asked == title]
            if one.state is StepState.DONE and begun:
                self.wrong.append(f"{name}: {one.spec.key} was done and was asked again")
            if one.state is StepState.RUNNING and begun and begun[0] != one.text and one.text != whole_of(title):
                self.wrong.append(f"{name}: {one.spec.key} went on from {begun[0][-40:]!r}, not {one.text[-40:]!r}")

    async def say_yes(self, waiting: TaskDetail) -> None:
        """See that nothing happens without a yes, and give it."""
        process = await asyncio.to_thread(self.start)
        try:
            await asyncio.sleep(QUIET_S)
            async with open_engine(paths_in(self._home), settings()) as engine:
                detail = await engine.tasks.get(TASK_ID)
                if detail.task.state is not TaskState.WAITING:
                    self.wrong.append(f"it did not wait any more: {detail.task.state}")
                self.check("it waits on", detail, waiting)
                if any(self._out.iterdir()):
                    self.wrong.append("files were copied before the yes")
                await engine.tasks.approve(TASK_ID, yes=True)
        finally:
            process.send_signal(signal.SIGKILL)
            await asyncio.to_thread(process.communicate)

    def finish(self, before: TaskDetail) -> None:
        """Let it come to its end."""
        process = self.start()
        process.communicate(timeout=WAIT_S)
        found = asyncio.run(stored(self._home))
        assert found is not None
        self.check("in the end", found, before)
        files = {one.name: one.read_text() for one in self._out.iterdir()}
        if files != {f"{name}.txt": file_of(name) for name in COPIED}:
            self.wrong.append(f"in the end: there are {files}")
        lines = [json.loads(line)[0] for line in (self._home / "calls").read_text().splitlines()]
        often = {name: times for name, times in Counter(lines).items() if name.startswith("copied ") and times > 1}
        if often:
            self.wrong.append(f"in the end: copied more than once: {often}")
        left = [one.name for one in (paths_in(self._home).task_files / TASK_ID).rglob(f"{PART}*")]
        if left:
            self.wrong.append(f"in the end: {left} was left behind")
        if found.task.state is not TaskState.DONE or found.result.strip() != whole_of("Join and check").strip():
            self.wrong.append(f"in the end: {_words(found)}")


def _words(detail: TaskDetail | None) -> str:
    if detail is None:
        return "no task"
    steps = ", ".join(f"{one.spec.key} {one.state}" for one in detail.steps)
    return f"{detail.task.state} {detail.task.error} [{steps}] {detail.plan.reasoning}"


def one_round(home: Path) -> list[str]:
    """Kill in every phase; what was wrong."""
    trial = Trial(home)
    detail: TaskDetail | None = None
    for name, phase in PHASES:
        detail = trial.kill_in(name, phase, detail)
        if detail.task.state is TaskState.WAITING:
            asyncio.run(trial.say_yes(detail))
    assert detail is not None
    trial.finish(detail)
    return trial.wrong


def main() -> int:
    """Kill as often as wanted; 1 where something was wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--child", type=Path)
    parser.add_argument("--die", default="")
    given = parser.parse_args()
    if given.child:
        asyncio.run(serve(given.child, given.die))
        return 0
    for _ in range(given.rounds):
        with TemporaryDirectory() as folder:
            if wrong := one_round(Path(folder)):
                print(*wrong, sep="\n")
                return 1
    print(f"{given.rounds * (len(PHASES) + 3)} kills in {len(PHASES)} phases; nothing lost, nothing done twice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
