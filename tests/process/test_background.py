"""The queue from several shells: who works on it, and what happens when that process ends or is killed."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.processes import LOOK_S, WAIT_S, until
from tale_tui.config.paths import find_paths
from tale_tui.engine.background import start_background
from tale_tui.engine.models.demo import demo_answer

pytestmark = [pytest.mark.process, pytest.mark.long]

LONG = "a long answer please"


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=WAIT_S)
    return process.returncode, out, err


def alive(pid: int) -> bool:
    """Whether a process has not ended; nobody need have taken leave of it."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def states(commands: Any) -> list[str]:
    return [task["state"] for task in commands.json("tasks")["tasks"]]


def half_written(commands: Any) -> bool:
    """Whether a task runs and a second of its text is stored. Where much else runs, a command that tells it may take
    longer than the answer."""
    written = "SELECT 1 FROM task_step WHERE state = 'running' AND completion_tokens > 0"
    try:
        where = f"{find_paths(commands.environ).database.as_uri()}?mode=ro"
        with closing(sqlite3.connect(where, uri=True)) as database:
            return database.execute(written).fetchone() is not None
    except sqlite3.OperationalError:
        return False  # it is being made


@pytest.fixture
def background(commands: Any) -> Iterator[Callable[[], int]]:
    """Starts the engine in the background; it is ended with the test."""
    started: list[int] = []

    def start() -> int:
        commands.run("run", "--background")
        started.append(commands.json("status")["engine"]["pid"])
        return started[-1]

    yield start
    for pid in started:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def test_a_command_carries_out_its_own_task_and_leaves_the_others(commands: Any) -> None:
    queued = commands.start("submit", "hello there", "--no-wait")
    code, first, said = ended(queued)
    assert code == 0
    assert "Nothing works on the queue now." in said
    done = commands.json("submit", "hello again")
    assert (done["state"], done["steps"][0]["attempts"]) == ("done", 1)
    assert done["result"]
    assert done["model"] == "scripted/demo"
    by_id = {task["id"]: task["state"] for task in commands.json("tasks")["tasks"]}
    assert by_id == {first.strip(): "queued", done["id"]: "done"}
    out = commands.run("run")
    assert first[:4] in out
    assert states(commands) == ["done", "done"]
    assert commands.run("run") == ""


def test_a_window_does_what_a_shell_hands_in(window: Callable[..., Any], commands: Any) -> None:
    engine = window()
    engine.wait_for("enter send")
    until(lambda: commands.json("status")["engine"], "the window is the engine")
    code, task_id, said = ended(commands.start("submit", "hello there", "--no-wait", "--priority", "high"))
    assert code == 0
    assert f"will do it: the window, process {engine.process.pid}, works on the queue." in said
    assert commands.run("wait", task_id.strip()) == commands.run("result", task_id.strip()) != ""
    assert commands.json("status")["engine"]["pid"] == engine.process.pid
    refused = commands.start("stop")
    code, _, said = ended(refused)
    assert code == 2
    assert str(engine.process.pid) in said
    engine.press("\x11")
    assert engine.wait_end() == 0


def test_the_engine_in_the_background_works_until_it_is_stopped(commands: Any, background: Any, tmp_path: Path) -> None:
    # Two answers, one after the other: however slow the commands are, they are not done before the engine is stopped.
    plan = tmp_path / "plan.json"
    steps = [{"key": "one", "prompt": LONG}, {"key": "two", "prompt": "write code", "after": ["one"]}]
    plan.write_text(json.dumps({"steps": steps}))
    pid = background()
    status = commands.json("status")["engine"]
    assert (status["background"], status["works_queue"]) == (True, True)
    assert ended(commands.start("run", "--background"))[0] == 0
    assert commands.json("status")["engine"]["pid"] == pid
    task_id = commands.run("submit", LONG, "--no-wait", "--plan", str(plan)).strip()
    until(lambda: half_written(commands), "half of the answer")
    code, _, said = ended(commands.start("stop"))
    assert (code, said) == (0, f"Ended: the engine without a window, process {pid}.\n")
    until(lambda: not alive(pid), "its process has ended")
    assert commands.json("status")["engine"] is None
    assert states(commands) == ["paused"]
    out = commands.run("run")
    assert task_id[:4] in out
    task = commands.json("status", task_id)
    # One of them was cut and went on; the other one ran once.
    assert (task["state"], sorted(step["attempts"] for step in task["steps"])) == ("done", [1, 2])
    assert commands.run("stop") == ""


def test_one_in_the_background_takes_over_from_a_window(window: Callable[..., Any], commands: Any) -> None:
    engine = window()
    engine.wait_for("enter send")
    until(lambda: commands.json("status")["engine"], "the window is the engine")
    task_id = commands.run("submit", LONG, "--no-wait").strip()
    until(lambda: half_written(commands), "half of the answer")
    environ = commands.environ
    pid = start_background(find_paths(environ), environ=environ)
    try:
        time.sleep(LOOK_S)  # it may be there before or after the window ends
        engine.kill()
        until(lambda: (commands.json("status")["engine"] or {}).get("pid") == pid, "the other one is the engine")
        assert commands.run("wait", task_id).strip() == demo_answer(LONG)
        assert ended(commands.start("stop"))[::2] == (0, f"Ended: the engine without a window, process {pid}.\n")
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_whoever_waits_goes_on_when_the_engine_is_killed(commands: Any, background: Any) -> None:
    pid = background()
    waiting = commands.start("submit", LONG, "--json")
    until(lambda: half_written(commands), "half of the answer")
    os.kill(pid, signal.SIGKILL)
    code, out, said = ended(waiting)
    assert code == 0, said
    task = json.loads(out)
    assert (task["state"], task["result"]) == ("done", demo_answer(LONG))


def test_a_killed_command_loses_no_task_and_waiting_for_it_ends_it(commands: Any) -> None:
    killed = commands.start("submit", LONG)
    until(lambda: half_written(commands), "half of the answer")
    killed.send_signal(signal.SIGKILL)
    ended(killed)
    [task] = commands.json("tasks")["tasks"]
    assert task["state"] == "paused"
    assert commands.run("wait", task["id"]).strip() == demo_answer(LONG)


def test_ctrl_c_leaves_the_task_and_says_how_it_goes_on(commands: Any, tmp_path: Path) -> None:
    # So many answers in a row take longer than anything here waits: it is not done before it is interrupted.
    plan = tmp_path / "plan.json"
    steps = [
        {"key": f"s{number}", "prompt": LONG, "after": [f"s{number - 1}"] if number else []} for number in range(10)
    ]
    plan.write_text(json.dumps({"steps": steps}))
    process = commands.start("submit", LONG, "--plan", str(plan))
    until(lambda: states(commands) == ["running"], "running")
    process.send_signal(signal.SIGINT)
    code, out, said = ended(process)
    assert (code, out) == (130, "")
    assert "is kept. It goes on with: tale-tui wait" in said
    assert "Traceback" not in said
    assert states(commands) == ["paused"]


def test_a_command_that_was_started_to_ignore_ctrl_c_does_so(commands: Any) -> None:
    process = commands.start("submit", LONG, ignores=signal.SIGINT)
    until(lambda: states(commands) == ["running"], "running")
    process.send_signal(signal.SIGINT)
    code, out, said = ended(process)
    assert (code, out.strip()) == (0, demo_answer(LONG)), said


def test_two_commands_that_wait_are_both_served_by_the_first(commands: Any) -> None:
    first = commands.start("submit", "a table", "--json")
    until(lambda: states(commands) == ["running"], "running")
    second = commands.start("submit", "hello there", "--json")
    assert {json.loads(ended(process)[1])["state"] for process in (first, second)} == {"done"}


def test_a_message_that_is_a_task_is_carried_out_from_a_shell(commands: Any) -> None:
    task = "Write a Python function that returns the n-th Fibonacci number, with tests and a docstring."
    done = commands.json("chat", "-m", task)
    assert (done["task_detected"], done["confidence"] >= 0.7) == (True, True)
    assert commands.json("status", done["task_id"])["result"] == done["reply"] != ""
    talk = commands.json("chat", "-m", "Hello! How are you today?")
    assert (talk["task_detected"], talk["task_id"]) == (False, None)
    only_queued = commands.json("chat", "-m", task, "--no-wait")
    assert commands.json("status", only_queued["task_id"])["state"] == "queued"


def test_an_engine_that_stays_loads_its_model_says_so_and_waits_for_work(commands: Any) -> None:
    commands.run("run", "--background", "--stay")
    try:
        found = until(
            lambda: (status := commands.json("status"))["models"]["ux"]["state"] == "ready" and status, "it is loaded"
        )
        assert found["engine"]["background"]
        assert found["models"]["ux"]["model"] == "scripted/demo"
        commands.run("submit", "write a short answer")
        assert commands.json("status")["engine"]["pid"] == found["engine"]["pid"]
    finally:
        commands.run("stop")
    until(lambda: not alive(found["engine"]["pid"]), "it ends")
