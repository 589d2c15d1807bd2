"""Seven stories that the product must be able to show, line by line, with real processes.

A line that is not possible yet is a strict expected failure that names its issue: whoever makes it possible takes the
mark away. Two lines are held elsewhere: `pip install .` into a fresh environment by `.ci/run`, and that the tests of
errors and validation pass by the suite itself.

Where answers have to come at once or be held, the engine is in the test's own process, with a scripted backend, and the
commands and windows are clients of it.
"""

from __future__ import annotations

import asyncio
import json
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import tomllib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil
import pytest

import tale_tui
from support.processes import until
from tale_tui.config import logs
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.models import BackendName, Role
from tale_tui.engine.api import EngineApi
from tale_tui.engine.ipc.connect import open_engine
from tale_tui.engine.models.files.starter import STARTER_NAME
from tale_tui.engine.models.scripted import Answer, Hold, Say, Script, ScriptedBackend, spoken

pytestmark = [pytest.mark.process, pytest.mark.long]

PROJECT = Path(__file__).parents[2]
PACKAGE = Path(tale_tui.__file__).parent
WAIT_S = 60.0
"""The longest that anything may take before a test says what it saw instead."""
LOOK_S = 0.05
TALK_S = 1.0
"""Promised: the longest until the first text of an answer, with its model loaded."""

SMALL, BIG = "scripted/demo", "scripted/big"
STARTER = f"embedded/{STARTER_NAME}"
ON_STARTER = {"TALE_UX": STARTER, "TALE_TASK": STARTER, "TALE_TASKS__MAX_TOKENS": "200"}
"""The starter in both roles, and answers that end soon."""
SHORT = {"TALE_TASKS__MAX_TOKENS": "20", "TALE_TASKS__PER_MODEL": "4", "TALE_TASKS__BACKOFF_S": "0.1"}
SHORT_STEPS = 16
"""Of a plan on the starter: its process can be killed in the middle, however slow the commands are that look."""
NO_MODEL = {"TALE_UX": "auto", "TALE_TASK": "auto", "TALE_OLLAMA__HOST": "http://127.0.0.1:1"}

HELLO_WORLD = "write hello world in python"
HELLO = "Hello, how are you?"
FUNCTION = "Can you write a python function to calculate fibonacci numbers?"
SCRAPER = "Write a complex Python web scraper"
APPLICATION = "Build a complete web application with user authentication, database, and API"
SCRIPT_TAG = "malicious<script>alert('xss')</script>"

LEARNED_ROUTES = "Routes that are learned"
BACKUP = "Backup and restore"


def later(issue: str) -> pytest.MarkDecorator:
    """A line that is not possible yet; only what it asserts may fail."""
    return pytest.mark.xfail(strict=True, raises=AssertionError, reason=issue)


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, where it went well."""
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def told(self) -> str:
        """What it printed for people, where it went well."""
        assert self.code == 0, self.err
        return self.out


Tale = Callable[..., Ended]


@pytest.fixture
def home(paths: Paths) -> Path:
    """What TALE_HOME names for commands and terminals: the folders of the test."""
    return paths.data.parent


@pytest.fixture
def tale(commands: Any) -> Tale:
    """Runs a command to its end."""

    def run(*args: str, stdin: str = "", **env: str) -> Ended:
        process = commands.start(*args, **env)
        try:
            out, err = process.communicate(stdin, timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"it did not end: {args}\n{process.communicate()}") from None
        return Ended(process.returncode, out, err)

    return run


@pytest.fixture
def started(commands: Any) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Begins commands; those that still run at the end of the test are killed."""
    begun: list[subprocess.Popen[str]] = []

    def start(*args: str, **env: str) -> subprocess.Popen[str]:
        begun.append(commands.start(*args, **env))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def background(tale: Tale) -> Iterator[Callable[..., psutil.Process]]:
    """Starts the engine in the background; whatever works in the background is killed at the end of the test."""

    def running() -> psutil.Process | None:
        engine = tale("status", "--json").json["engine"]
        return psutil.Process(engine["pid"]) if engine else None

    def start(*words: str, **env: str) -> psutil.Process:
        tale(*(words or ("run", "--background")), **env).told  # noqa: B018 - asserts that it went well
        found = running()
        assert found is not None
        return found

    yield start
    left = running()
    if left is not None:
        for process in (*left.children(recursive=True), left):
            process.kill()


async def at_once(seconds: float) -> None:
    """What the scripted backend here waits with: not at all."""
    await asyncio.sleep(0)


@asynccontextmanager
async def answering(paths: Paths, answer: Answer | list[Script], **settings: Any) -> AsyncIterator[EngineApi]:
    """The engine in this process: a small model that talks, a big one that works."""
    backend = ScriptedBackend(answer, models=("demo", "big"), sleep=at_once)
    chosen = Settings(ux=SMALL, task=BIG, **settings)
    with logs.to_file(paths.log_file):
        async with open_engine(paths, chosen, backends={BackendName.SCRIPTED: backend}) as engine:
            yield engine


def held(go_on: asyncio.Event) -> Answer:
    """Talk is answered at once; a task is begun, and ends when the event is set."""

    def answer(request: Any) -> Script:
        if request.role is Role.TASK:
            return Script((Say("def fib(n):\n"), Hold(go_on), Say("    return n\n")))
        return spoken("Fine, ", "thank you.")

    return answer


def flat(screen: str) -> str:
    """What is on a screen as one line, without the bar beside a turn."""
    return re.sub(r"[\s▎]+", " ", screen)


def open_chat(window: Callable[..., Any], size: tuple[int, int] = (120, 40), **env: str) -> Any:
    """A terminal of a size with the window in it, which has found its engine and its model."""
    columns, lines = size
    one = window("chat", size=size, COLUMNS=str(columns), LINES=str(lines), **env)
    one.wait_for("● demo")
    return one


def seen(one: Any, pattern: str) -> re.Match[str]:
    """Wait until a pattern is on the screen, and take what it found at that look."""
    found: list[re.Match[str]] = []

    def look(text: str) -> bool:
        found.extend(re.finditer(pattern, text))
        return bool(found)

    one.wait_for(look)
    return found[0]


def tasks_of(tale: Tale) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tale("list", "--json").json["tasks"]
    return found


# 1. Set up


def scripts() -> dict[str, str]:
    """The console scripts by name."""
    found: dict[str, str] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["scripts"]
    return found


def test_installing_gives_the_command() -> None:
    module, _, name = scripts()["tale-tui"].partition(":")
    assert callable(getattr(import_module(module), name))


def test_tale_is_another_name_of_the_command() -> None:
    assert scripts().get("tale") == scripts()["tale-tui"]


def test_the_version_is_said(tale: Tale) -> None:
    assert tale("--version").told == f"tale-tui {tale_tui.__version__}\n"


def test_init_makes_the_folders_and_the_settings_file(tale: Tale, paths: Paths) -> None:
    out = tale("init").told
    assert str(paths.settings_file) in out
    assert paths.settings_file.is_file()


def test_submit_ends_with_a_result_which_is_listed_as_done(tale: Tale) -> None:
    result = tale("submit", HELLO_WORLD).told
    assert "def fib" in result
    [task] = tasks_of(tale)
    assert (task["state"], task["model"]) == ("done", SMALL)
    assert task["result"].strip() == result.strip()
    assert task["prompt_tokens"] + task["completion_tokens"] > 0
    assert task["started"] <= task["finished"]
    shown = tale("status", task["id"][:4]).told
    assert re.search(r"done  0:0\d(, forecast .*)?$", shown.splitlines()[0])


@pytest.mark.starter
def test_submit_ends_with_a_result_of_the_starter(
    tale: Tale, paths: Paths, place_starter: Callable[[Path], Path]
) -> None:
    place_starter(paths.models)
    assert tale("submit", HELLO_WORLD, **ON_STARTER).told.strip()
    [task] = tasks_of(tale)
    assert (task["state"], task["model"]) == ("done", STARTER)


async def test_the_list_shows_model_tokens_and_time(tale: Tale, paths: Paths) -> None:
    async with answering(paths, [spoken("print(", "'hello world'", ")")]):
        done = (await asyncio.to_thread(tale, "submit", HELLO_WORLD, "--json")).json
        listed = (await asyncio.to_thread(tale, "list")).told
    head, line = listed.splitlines()
    assert {"model", "time"} <= set(head.split())
    assert re.search(r"\btok", head)
    assert "big" in line
    assert str(done["prompt_tokens"] + done["completion_tokens"]) in line


# 2. Two models


def test_servers_are_started_told_and_stopped(background: Callable[..., psutil.Process], tale: Tale) -> None:
    engine = background("servers", "start")
    assert str(engine.pid) in tale("servers", "status").told
    assert str(engine.pid) in tale("servers", "stop").err
    assert tale("status", "--json").json["engine"] is None


async def test_the_dashboard_shows_both_models_and_memory(tale: Tale, paths: Paths) -> None:
    async with answering(paths, [spoken("Fine.")]):
        await asyncio.to_thread(tale, "models", "load", BIG)
        shown = (await asyncio.to_thread(tale, "dashboard")).told
    assert all(model in shown for model in ("demo", "big", "resident"))
    assert re.search(r"memory", shown, re.IGNORECASE)


@pytest.mark.starter
def test_the_starter_answers_in_under_a_second(
    tale: Tale, paths: Paths, place_starter: Callable[[Path], Path], background: Callable[..., psutil.Process]
) -> None:
    """Of three answers: what else this machine does is no part of the promise."""
    place_starter(paths.models)
    background(**ON_STARTER)
    answers = [tale("chat", "-m", HELLO, "--json").json for _ in range(3)]
    assert all(answer["reply"].strip() and answer["model"] == STARTER_NAME for answer in answers)
    assert min(answer["ttft_ms"] for answer in answers) < 1000 * TALK_S


async def test_work_goes_to_the_big_model_and_its_run_is_shown_with_its_tokens(tale: Tale, paths: Paths) -> None:
    async with answering(paths, [spoken("import ", "urllib")]):
        answer = (await asyncio.to_thread(tale, "chat", "-m", SCRAPER, "--json")).json
        assert (answer["task_detected"], answer["reply"]) == (True, "import urllib")
        task = (await asyncio.to_thread(tale, "status", answer["task_id"], "--json")).json
        shown = (await asyncio.to_thread(tale, "status", answer["task_id"][:4])).told
    [step] = task["steps"]
    assert (task["model"], step["model"]) == (BIG, BIG)
    assert step["completion_tokens"] == 2
    assert BIG in shown
    assert "2 tok" in shown


def title_of(process: psutil.Process) -> str:
    """What `ps` and `htop` show of it."""
    return " ".join(process.cmdline())


def test_the_engine_is_told_apart_by_its_title(background: Callable[..., psutil.Process]) -> None:
    title = title_of(background())
    assert "engine" in title
    assert "python" not in title


@pytest.mark.starter
def test_the_process_of_a_model_is_told_apart_by_its_title(
    tale: Tale, paths: Paths, place_starter: Callable[[Path], Path], background: Callable[..., psutil.Process]
) -> None:
    place_starter(paths.models)
    engine = background(**ON_STARTER)
    tale("chat", "-m", HELLO, "--json").json  # noqa: B018 - the model is loaded then
    titles = [title_of(child) for child in engine.children(recursive=True)]
    assert [title for title in titles if STARTER_NAME in title and "ux" in title and "python" not in title]


# 3. Conversation


async def test_a_conversation_hands_over_work_and_knows_of_it(window: Callable[..., Any], paths: Paths) -> None:
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def story() -> None:
        one = open_chat(window)
        one.press(f"{HELLO}\r")
        one.wait_for("Fine, thank you.")
        one.press(FUNCTION)
        one.wait_for("task .99 · simple → demo")
        one.press("\r")
        one.wait_for("def fib(n):")
        one.wait_for("task .99")
        card = r". (\w{4})  Write a python fu.*(?:writing|working).* 0:\d\d"
        found = seen(one, card)
        loop.call_soon_threadsafe(go_on.set)
        one.wait_for(f"✓ {found[1]}")
        one.wait_for("return n")
        one.press("What was my last request?\r")
        one.wait_for(
            lambda text: f"Your last request, 0 s ago: “{FUNCTION}”" in re.sub(r"\d+ s ago", "0 s ago", flat(text))
        )
        one.press("Check the status of my task\r")
        one.wait_for(lambda text: f"({found[1]}) is done" in flat(text))
        one.press("\x11")
        assert one.wait_end() == 0

    async with answering(paths, held(go_on)):
        await asyncio.to_thread(story)


async def test_a_task_that_nobody_watches_is_told_by_a_notice(window: Callable[..., Any], paths: Paths) -> None:
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def story() -> None:
        one = open_chat(window)
        one.press(f"{FUNCTION}\r")
        one.wait_for("def fib(n):")
        one.press(f"{HELLO}\r")
        one.wait_for("Fine, thank you.")
        loop.call_soon_threadsafe(go_on.set)
        one.wait_for(lambda text: re.search(r"\w{4} is done", text))

    async with answering(paths, held(go_on)):
        await asyncio.to_thread(story)


def test_the_commands_of_the_window(window: Callable[..., Any]) -> None:
    one = open_chat(window)
    one.press("/status\r")
    one.wait_for("There is no task yet")
    one.press("/help\r")
    one.wait_for("In the prompt")
    one.press("\x1b")
    one.wait_for("In the prompt", gone=True)
    one.press("hello\r")
    one.wait_for("1 turn")
    one.press("/clear\r")
    one.wait_for("new conversation")
    one.press("/tasks\r")
    one.wait_for("/ filter")


def test_exit_leaves_the_window(window: Callable[..., Any]) -> None:
    one = open_chat(window)
    one.press("exit\r")
    until(lambda: one.process.poll() is not None or "You" in one.text, "it leaves, or it is sent")
    assert one.process.poll() == 0


async def test_chat_with_exit_answers_and_leaves(tale: Tale, paths: Paths) -> None:
    async with answering(paths, [spoken("Fine.")]):
        answer = await asyncio.to_thread(tale, "chat", "--exit", "-m", HELLO)
    assert (answer.code, answer.out) == (0, "Fine.\n")


async def in_line_mode(tale: Tale, paths: Paths, *lines: str) -> Ended:
    """A conversation line by line, beside the engine of the test."""
    go_on = asyncio.Event()
    go_on.set()
    async with answering(paths, held(go_on)):
        return await asyncio.to_thread(tale, "chat", "--plain", stdin="\n".join((*lines, "exit", HELLO)) + "\n")


async def test_the_same_conversation_in_line_mode(tale: Tale, paths: Paths) -> None:
    lines = (HELLO, FUNCTION, "What was my last request?", "Check the status of my task", "/tasks", "/status", "/help")
    said = await in_line_mode(tale, paths, *lines)
    talk, result, last, status, *rest = said.told.replace("def fib(n):\n", "def fib(n):").splitlines()
    assert talk == "Fine, thank you."
    assert result == "def fib(n):    return n"
    assert f"“{FUNCTION}”" in last
    assert " is done" in status
    assert said.out.count("Fine, thank you.") == 1, "exit left"
    assert not rest
    listed = [
        line for line in said.err.splitlines() if "Write a python function to calculate fibonacci numbers" in line
    ]
    assert len(listed) >= 2
    assert "/cancel" in said.err


async def test_the_last_request_is_never_a_question_about_tasks(tale: Tale, paths: Paths) -> None:
    said = await in_line_mode(tale, paths, FUNCTION, "Check the status of my task", "What was my last request?")
    assert f"“{FUNCTION}”" in said.told.splitlines()[-1]


async def test_id_and_confidence_of_a_task_are_said_in_line_mode(tale: Tale, paths: Paths) -> None:
    said = await in_line_mode(tale, paths, FUNCTION)
    [task] = tasks_of(tale)
    assert said.code == 0
    assert re.search(rf"{task['id'][:4]}.*\.99", said.err)


@pytest.mark.parametrize("command", ["/history", "/clear"])
async def test_the_history_is_shown_and_cleared_in_line_mode(tale: Tale, paths: Paths, command: str) -> None:
    said = await in_line_mode(tale, paths, HELLO, command)
    assert (said.code, "no command" in said.err) == (0, False)
    assert command != "/history" or HELLO in said.out + said.err


# 4. Ready for a pitch


async def test_the_dashboard_has_the_small_model_resident_and_its_lights(tale: Tale, paths: Paths) -> None:
    async with answering(paths, [spoken("Fine.")]):
        await asyncio.to_thread(tale, "chat", "-m", HELLO)
        shown = (await asyncio.to_thread(tale, "dashboard")).told
    assert "resident" in shown
    assert re.search(r"chat\b.*\b1 s", shown)


def ruff(rule: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--output-format", "concise"]
    return subprocess.run(
        [*command, "--select", rule, str(PACKAGE)], capture_output=True, text=True, timeout=WAIT_S, check=False
    )


@pytest.mark.parametrize("rule", ["BLE", "E722"])
def test_no_handler_is_broad(rule: str) -> None:
    found = ruff(rule)
    assert found.returncode == 0, found.stdout + found.stderr


def test_numbers_have_names() -> None:
    found = ruff("PLR2004")
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        ("", {}),
        ("x" * 20_000, {}),
        ("", NO_MODEL),
        ("x" * 20_000, NO_MODEL),
    ],
    ids=["empty", "too long", "empty, no model", "too long, no model"],
)
def test_what_cannot_be_a_task_is_one_sentence(tale: Tale, text: str, environ: dict[str, str]) -> None:
    refused = tale("submit", text, **environ)
    assert (refused.code, refused.out, refused.err.count("\n")) == (2, "", 1)


def test_markup_is_shown_literally_and_harms_nothing(tale: Tale, window: Callable[..., Any]) -> None:
    task_id = tale("submit", SCRIPT_TAG, "--no-wait").told.strip()
    assert SCRIPT_TAG in tale("status", task_id).told
    one = open_chat(window)
    one.press("\x1bOR")
    one.wait_for(f"{task_id[:4]}  {SCRIPT_TAG}")


@pytest.mark.parametrize("view", ["tokens", "dashboard"])
async def test_a_live_view_moves_while_a_task_runs_in_another_shell(
    tale: Tale, paths: Paths, started: Callable[..., subprocess.Popen[str]], view: str
) -> None:
    go_on = asyncio.Event()
    async with answering(paths, held(go_on)):
        task_id = (await asyncio.to_thread(tale, "submit", HELLO_WORLD, "--no-wait")).told.strip()
        live = started(view, "--live")
        assert live.stdout is not None
        async with asyncio.timeout(WAIT_S):
            first = await asyncio.to_thread(live.stdout.readline)
        assert first, "it ended without a line"
        go_on.set()
        await asyncio.to_thread(tale, "wait", task_id)
        async with asyncio.timeout(WAIT_S):
            while await asyncio.to_thread(live.stdout.readline) == first:
                pass


@pytest.mark.parametrize(
    ("text", "complexity"),
    [
        ("Write a greeting", "simple"),
        ("Build a web application with login and a database", "complex"),
    ],
)
def test_complexity_is_predicted(tale: Tale, text: str, complexity: str) -> None:
    assert complexity in tale("predict-complexity", text).told


def test_the_database_has_the_tokens_of_every_call(tale: Tale, paths: Paths) -> None:
    tale("submit", HELLO_WORLD, "--no-wait").told  # noqa: B018 - the database is there then
    connection = sqlite3.connect(paths.database)
    try:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(token_metrics)")}
        indexes = [row[1] for row in connection.execute("PRAGMA index_list(token_metrics)")]
        first = {next(connection.execute(f"PRAGMA index_info({index})"))[2] for index in indexes}
    finally:
        connection.close()
    assert columns >= {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert columns & first >= {"model_name", "task_type", "timestamp", "task_id"}


# 5. Large work


PLAN = {"steps": [{"key": "one", "prompt": "say hello"}, {"key": "two", "prompt": "say hello again"}]}
"""Two steps that need not wait for each other."""


@pytest.fixture
def plan(tmp_path: Path) -> str:
    """A file with the plan."""
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(PLAN))
    return str(file)


LARGE = {
    "reasoning": "The schema comes first.",
    "steps": [
        {"key": "schema", "title": "Schema", "prompt": "Write it.", "files": ["schema.sql"]},
        {"key": "api", "title": "Interface", "prompt": "Write it.", "after": ["schema"], "files": ["api.py"]},
        {"key": "login", "title": "Login", "prompt": "Write it.", "after": ["schema"], "files": ["login.py"]},
    ],
}
"""What the planner of these stories makes of the large wish: two of its steps can run at once."""


def large(go_on: asyncio.Event) -> Answer:
    """Plans at once; the schema comes at once; the two steps behind it begin, and end when the event is set."""

    def answer(request: Any) -> Script:
        asked = request.messages[-1].text
        if "You break a task down" in request.messages[0].text:
            return spoken(json.dumps(LARGE))
        for key, file in (("Schema", "schema.sql"), ("Interface", "api.py"), ("Login", "login.py")):
            if f"Your step of it, {key}:" in asked:
                text = f"The {key}.\n\n```text {file}\n{key}\n```\n".removeprefix(request.continue_text)
                return spoken(text) if key == "Schema" else Script((Say(text[:5]), Hold(go_on), Say(text[5:])))
        return spoken("All of it is there.") if "Your step of it, Join" in asked else spoken("Fine, thank you.")

    return answer


def step_states(task: dict[str, Any]) -> dict[str, str]:
    return {step["key"]: step["state"] for step in task["steps"] if step["key"] != "plan"}


@pytest.mark.long
async def test_a_large_wish_in_the_window_from_plan_to_undo(
    tale: Tale, paths: Paths, window: Callable[..., Any]
) -> None:
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def story() -> None:
        one = open_chat(window)
        one.press(APPLICATION)
        one.wait_for("complex")
        one.press("\r")
        one.wait_for("approve 4 steps")
        [task] = tasks_of(tale)
        assert (task["state"], set(step_states(task).values())) == ("waiting", {"pending"})
        shown = tale("plan", task["id"]).told
        assert "It asks because of this: the task is complex." in shown
        assert re.search(r"2 +├ Interface +1 ", shown)
        assert re.search(r"3 +└ Login +1 ", shown)
        tale("approve", task["id"]).told  # noqa: B018 - asserts that it went well
        parallel = {"schema": "done", "api": "running", "login": "running", "result": "pending"}
        until(lambda: step_states(tasks_of(tale)[0]) == parallel, "two steps run at once")
        one.wait_for(lambda text: re.search(r"◐ \w{4} .* 1/4 2 running .* \d:\d\d ~\d+:\d\d", text))
        progress = tale("plan", task["id"]).told
        assert re.search(r"1 of 4 done, 2 running, 1 waiting, about \d.* left", progress)
        board = tale("dashboard").told
        assert re.search(rf"◐ {task['id'][:4]} .*1 of 4 done, 2 running .* left", board)
        loop.call_soon_threadsafe(go_on.set)
        one.wait_for("All of it is there.")
        assert tale("status", task["id"], "--json").json["state"] == "done"
        folder = paths.task_files / task["id"]
        names = {"schema.sql", "api.py", "login.py"}
        assert {file.name for file in folder.iterdir()} == names
        until(lambda: "after 4, Join and check" in tale("checkpoints", "list").told, "the last step is kept")
        assert "checkpoints today, the last now after 4, Join and check" in tale("dashboard").told
        kept = tale("checkpoints", "list", "--json").json["checkpoints"]
        tale("checkpoints", "undo").told  # noqa: B018
        assert step_states(tasks_of(tale)[0])["result"] != "done"
        tale("checkpoints", "undo").told  # noqa: B018
        assert len({file.name for file in folder.iterdir()} & {"api.py", "login.py"}) == 1
        tale("checkpoints", "redo").told  # noqa: B018
        assert {file.name for file in folder.iterdir()} == names
        tale("checkpoints", "redo").told  # noqa: B018
        assert tale("status", task["id"], "--json").json["state"] == "done"
        first = next(one for one in kept if "after 1, Schema" in one["message"])
        tale("checkpoints", "restore", first["hash"], "--yes").told  # noqa: B018
        assert {file.name for file in folder.iterdir()} == {"schema.sql"}
        tale("checkpoints", "undo").told  # noqa: B018
        assert {file.name for file in folder.iterdir()} == names

    async with answering(paths, large(go_on), tasks={"per_model": 2}):
        await asyncio.to_thread(story)


async def test_a_large_wish_in_line_mode_waits_for_its_yes(tale: Tale, paths: Paths) -> None:
    go_on = asyncio.Event()
    go_on.set()
    async with answering(paths, large(go_on)):
        lines = (APPLICATION, "/plan", "/approve", "/wait", "/plan")
        said = await asyncio.to_thread(tale, "chat", "--plain", stdin="\n".join((*lines, "exit")) + "\n")
    assert said.told.splitlines()[-1] == "All of it is there."
    assert "It asks because of this: the task is complex." in said.err
    assert re.search(r"2  Interface, after 1, .*wants your yes", said.err)
    assert "0 of 4 done, 4 waiting" in said.err
    assert "4 of 4 done" in said.err
    [task] = tasks_of(tale)
    assert task["state"] == "done"


DEMO = {"TALE_UX": SMALL, "TALE_TASK": SMALL}


@pytest.mark.parametrize("how", ["kill -9", "closed terminal", "a key"])
@pytest.mark.long
def test_a_large_wish_is_interrupted_in_the_middle_and_goes_on(
    tale: Tale, window: Callable[..., Any], paths: Paths, how: str
) -> None:
    """The window is the engine; its planner and its worker are those of the demo, which write as fast as real ones."""
    one = open_chat(window, **DEMO)
    one.press(f"{APPLICATION}\r")
    one.wait_for("approve 6 steps")
    [task] = tasks_of(tale)
    tale("approve", task["id"]).told  # noqa: B018 - asserts that it went well

    def two_run() -> bool:
        steps = tasks_of(tale)[0]["steps"]
        return sum(step["state"] == "running" and bool(step["completion_tokens"]) for step in steps) == 2

    until(two_run, "two steps run, and a second of them is stored")
    if how == "a key":
        one.press("\x1bOR")
        one.wait_for("/ filter")
        one.press(" ")
        until(lambda: tasks_of(tale)[0]["state"] == "paused", "it is paused")
    else:
        one.process.send_signal(signal.SIGKILL if how == "kill -9" else signal.SIGHUP)
        one.wait_end()
    [cut] = tasks_of(tale)
    assert (cut["state"], cut["reason"]) == ("paused", "user" if how == "a key" else "interrupted")
    halves = {step["key"]: step["completion_tokens"] for step in cut["steps"] if step["completion_tokens"]}
    assert step_states(cut)["spec"] == "done"
    if how == "a key":
        one.press(" ")
    else:
        one = open_chat(window, **DEMO)
        one.wait_for("cut off when the program ended")
        one.press("\x1b[17~")
    until(lambda: tasks_of(tale)[0]["state"] in ("running", "done"), "it goes on")
    done = tale("wait", task["id"], "--json").json
    assert done["state"] == "done"
    attempts = {step["key"]: step["attempts"] for step in done["steps"]}
    assert attempts["plan"] == attempts["spec"] == 1, "what was done is not done again"
    assert set(attempts.values()) <= {1, 2}
    assert all(not step["earlier"] for step in done["steps"]), "each half went on"
    assert halves
    names = {"spec.md", "schema.sql", "api.md", "auth.py", "routes.py"}
    assert {file.name for file in (paths.task_files / task["id"]).iterdir()} == names
    until(lambda: "after 6, Join and check" in tale("checkpoints", "list").told, "the last step is kept")
    kept = tale("checkpoints", "list", "--task", task["id"], "--json").json["checkpoints"]
    shown = tale("checkpoints", "show", kept[0]["hash"]).told
    assert kept[0]["hash"][:7] in shown
    assert "Join and check" in shown
    state = json.loads(git(paths.checkpoints, "show", f"HEAD:tasks/{task['id']}.json"))
    assert state["state"] == "done"
    earlier = json.loads(git(paths.checkpoints, "show", f"{kept[-1]['hash']}:tasks/{task['id']}.json"))
    assert earlier["state"] != "done"


async def test_files_of_a_large_wish_are_copied_to_where_it_says(tale: Tale, paths: Paths, tmp_path: Path) -> None:
    target = tmp_path / "shop"
    target.mkdir()
    (target / "api.py").write_text("mine\n")
    go_on = asyncio.Event()
    go_on.set()
    out = {"key": "out", "title": "Copy out", "copy_to": str(target), "after": ["api", "login"]}
    copying = json.dumps(LARGE | {"steps": [*LARGE["steps"], out]})
    other = large(go_on)

    def answer(request: Any) -> Script:
        return spoken(copying) if "You break a task down" in request.messages[0].text else other(request)

    def story() -> None:
        task_id = tale("submit", f"{APPLICATION}, and put it into {target}", "--no-wait").told.strip()

        def state(wanted: str) -> None:
            until(lambda: tasks_of(tale)[0]["state"] == wanted, f"it is {wanted}")

        state("waiting")
        tale("approve", task_id).told  # noqa: B018 - asserts that it went well
        until(lambda: "It asks before it copies 3 files" in tale("status", task_id).told, "it asks before it copies")
        for command in ("status", "plan"):
            shown = tale(command, task_id).told
            assert f"To {target}:" in shown
            assert re.search(r"- api\.py, \d+ B, sha256 \w{16}: replaces the file there", shown)
            assert re.search(r"- login\.py, \d+ B, sha256 \w{16}: new", shown)
        assert {file.name: file.read_text() for file in target.iterdir()} == {"api.py": "mine\n"}
        tale("approve", task_id).told  # noqa: B018
        state("done")
        assert {file.name for file in target.iterdir()} == {"schema.sql", "api.py", "login.py"}
        assert (target / "api.py").read_text() == "Interface\n"
        assert tale("result", task_id).told == "All of it is there.\n"

    async with answering(paths, answer, tasks={"per_model": 2}):
        await asyncio.to_thread(story)


async def test_a_large_wish_becomes_a_plan_that_waits_for_approval(tale: Tale, paths: Paths) -> None:
    async with answering(paths, [spoken(json.dumps(PLAN))]):
        task = (await asyncio.to_thread(tale, "submit", APPLICATION, "--no-wait")).told.strip()
        async with asyncio.timeout(WAIT_S):
            while (found := (await asyncio.to_thread(tale, "status", task, "--json")).json)["state"] in (
                "draft",
                "queued",
                "running",
            ):
                await asyncio.sleep(LOOK_S)
    assert found["state"] == "waiting"
    assert len(found["steps"]) > 1


async def running_in_parallel(tale: Tale, task_id: str) -> None:
    """Wait until both steps of the plan run."""
    async with asyncio.timeout(WAIT_S):
        while True:
            task = (await asyncio.to_thread(tale, "status", task_id, "--json")).json
            if [step["state"] for step in task["steps"]] == ["running", "running"]:
                return
            await asyncio.sleep(LOOK_S)


async def test_steps_run_in_parallel_with_progress(tale: Tale, paths: Paths, plan: str) -> None:
    go_on = asyncio.Event()
    async with answering(paths, held(go_on), tasks={"per_model": 2}):
        task_id = (await asyncio.to_thread(tale, "submit", "--plan", plan, "--no-wait")).told.strip()
        await running_in_parallel(tale, task_id)
        shown = (await asyncio.to_thread(tale, "status", task_id)).told
        assert re.search(r"one +running", shown)
        assert re.search(r"two +running", shown)
        go_on.set()
        done = await asyncio.to_thread(tale, "wait", task_id, "--json")
    assert {step["state"] for step in done.json["steps"]} == {"done"}


async def test_the_time_that_is_left_is_shown(tale: Tale, paths: Paths, plan: str) -> None:
    go_on = asyncio.Event()
    async with answering(paths, held(go_on), tasks={"per_model": 2}):
        task_id = (await asyncio.to_thread(tale, "submit", "--plan", plan, "--no-wait")).told.strip()
        await running_in_parallel(tale, task_id)
        shown = (await asyncio.to_thread(tale, "status", task_id)).told
    assert re.search(r"about \d.* left", shown)


async def test_a_key_interrupts_it_and_it_goes_on(
    tale: Tale, paths: Paths, plan: str, window: Callable[..., Any]
) -> None:
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def story() -> None:
        task_id = tale("submit", "--plan", plan, "--no-wait").told.strip()
        one = open_chat(window)
        one.press("\x1bOR")
        one.wait_for(f"◐ {task_id[:4]}")
        one.press(" ")
        until(lambda: tasks_of(tale)[0]["state"] == "paused", "it is paused")
        one.press(" ")
        until(lambda: tasks_of(tale)[0]["state"] == "running", "it goes on")
        loop.call_soon_threadsafe(go_on.set)
        assert tale("wait", task_id, "--json").json["state"] == "done"

    async with answering(paths, held(go_on), tasks={"per_model": 2}):
        await asyncio.to_thread(story)


def is_written_to(database: Path) -> bool:
    """Whether any of a step is stored; a command that asks the engine may take as long as the task."""
    with closing(sqlite3.connect(database)) as connection:
        return bool(connection.execute("SELECT count(*) FROM task_step WHERE text <> ''").fetchone()[0])


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP], ids=["kill -9", "closed terminal"])
def test_what_was_interrupted_goes_on(
    tale: Tale, paths: Paths, plan: str, window: Callable[..., Any], how: signal.Signals
) -> None:
    engine = open_chat(window, TALE_TASKS__PER_MODEL="2")
    task_id = tale("submit", "--plan", plan, "--no-wait").told.strip()
    until(lambda: is_written_to(paths.database), "a second of it is stored")
    engine.process.send_signal(how)
    engine.wait_end()
    interrupted = tale("status", task_id, "--json").json
    assert interrupted["state"] == "paused"
    assert interrupted["completion_tokens"] > 0
    done = tale("wait", task_id, "--json", TALE_TASKS__PER_MODEL="2").json
    assert {step["state"] for step in done["steps"]} == {"done"}
    assert {step["attempts"] for step in done["steps"]} <= {1, 2}


def test_the_dashboard_shows_checkpoints(tale: Tale) -> None:
    assert "checkpoint" in tale("dashboard").told.lower()


async def test_checkpoints_are_listed_shown_and_restored(tale: Tale, paths: Paths, plan: str) -> None:
    async with answering(paths, [spoken("done")]):
        task = (await asyncio.to_thread(tale, "submit", "--plan", plan, "--json")).json
        checkpoints = (await asyncio.to_thread(tale, "checkpoints", "list")).told.splitlines()
        shown = [re.match(r"\W*([0-9a-f]{7,40})\b.*\d\d:\d\d", line) for line in checkpoints]
        newest = next(found[1] for found in shown if found)
        assert newest in (await asyncio.to_thread(tale, "checkpoints", "show", newest)).told
        for words in (("restore", newest), ("undo",), ("redo",)):
            assert (await asyncio.to_thread(tale, "checkpoints", *words)).code == 0
        assert (await asyncio.to_thread(tale, "status", task["id"], "--json")).json["state"] == "done"


def git(repository: Path, *words: str) -> str:
    command = ["git", f"--git-dir={repository}", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=True).stdout


def test_damaged_checkpoints_are_said_and_set_aside(tale: Tale, paths: Paths) -> None:
    paths.data.mkdir(parents=True, exist_ok=True)
    (paths.data / "checkpoints.git").write_text("no repository")
    listed = tale("checkpoints", "list")
    assert listed.code == 0
    assert "The checkpoints begin anew: They were damaged, and are kept as checkpoints.git.damaged-" in listed.err
    assert "begin anew" not in tale("checkpoints", "list").err


async def test_git_shows_the_state_of_a_task(tale: Tale, paths: Paths, plan: str) -> None:
    async with answering(paths, [spoken("done")]):
        task = (await asyncio.to_thread(tale, "submit", "--plan", plan, "--json")).json
    repository = paths.data / "checkpoints.git"
    assert repository.is_dir()
    [name] = [
        line
        for line in git(repository, "ls-tree", "-r", "--name-only", "HEAD").splitlines()
        if task["id"] in line and line.endswith(".json")
    ]
    assert json.loads(git(repository, "show", f"HEAD:{name}"))["state"] == "done"


# 6. Under load


@pytest.fixture
def stress_test(tale: Tale, tmp_path: Path) -> tuple[Ended, str]:
    """A small stress test, and the folder that it was in."""
    test = tale("stress-test", "--tasks", "3", "--chats", "1", TMPDIR=str(tmp_path))
    folder = re.search(r"TALE_HOME=(\S+)", test.out + test.err)
    assert folder is not None, test.err
    return test, folder[1]


def test_a_stress_test_ends_with_a_table(tale: Tale, stress_test: tuple[Ended, str]) -> None:
    test, folder = stress_test
    assert re.search(r"lost\D*0\b", test.told)
    assert [task["state"] for task in tale("tasks", "--json", TALE_HOME=folder).json["tasks"]] == ["done"] * 3
    assert tasks_of(tale) == [], "nothing of it is among the user's own tasks"


def test_a_stress_test_is_on_the_dashboard(tale: Tale, stress_test: tuple[Ended, str]) -> None:
    assert tale("dashboard", TALE_HOME=stress_test[1]).code == 0


def test_a_worker_is_killed_and_nothing_is_lost(
    tale: Tale, background: Callable[..., psutil.Process], started: Callable[..., subprocess.Popen[str]]
) -> None:
    engine = background()
    waiting = started("submit", "say hello", "--json")
    until(lambda: any(task["completion_tokens"] for task in tasks_of(tale)), "a second of it is stored")
    engine.kill()
    out, err = waiting.communicate(timeout=WAIT_S)
    assert waiting.returncode == 0, err
    task = json.loads(out)
    assert (task["state"], task["id"]) == ("done", tasks_of(tale)[0]["id"])


@pytest.mark.starter
@pytest.mark.long
def test_the_process_of_a_model_is_killed_and_the_time_to_recover_is_told(
    tale: Tale,
    paths: Paths,
    place_starter: Callable[[Path], Path],
    background: Callable[..., psutil.Process],
    tmp_path: Path,
) -> None:
    place_starter(paths.models)
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"steps": [{"key": f"s{n}", "prompt": f"Count to {n}."} for n in range(SHORT_STEPS)]}))
    engine = background(**ON_STARTER | SHORT)
    task_id = tale("submit", "--plan", str(plan), "--no-wait").told.strip()
    until(lambda: tasks_of(tale)[0]["completion_tokens"], "a step of it is done")
    for child in engine.children(recursive=True):
        child.kill()
    assert tale("wait", task_id, "--json").json["state"] == "done"
    assert re.search(r"recovered in \d+ ms", paths.log_file.read_text())


class ModelServer(BaseHTTPRequestHandler):
    """A server that speaks the OpenAI protocol, as far as it is asked here."""

    breaks_off: threading.Event | None = None
    """An answer begins, and is cut when this is set."""

    def do_GET(self) -> None:
        known = self.path.endswith("/models")
        self._send(200 if known else 404, json.dumps({"data": [{"id": "m"}]} if known else {}), "application/json")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(200, "", "text/event-stream", whole=False)
        self._say({"choices": [{"index": 0, "delta": {"content": "hello"}}]})
        if self.breaks_off is not None:
            self.breaks_off.wait(WAIT_S)
            return
        self._say({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"data: [DONE]\n\n")

    def _send(self, status: int, body: str, kind: str, *, whole: bool = True) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if whole:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def _say(self, chunk: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

    def log_message(self, *args: Any) -> None:
        """Nothing: what is told belongs to the application."""


@asynccontextmanager
async def model_server(port: int, breaks_off: threading.Event | None) -> AsyncIterator[int]:
    """The server on a port, 0 for any that is free; its port."""
    handler = type("Handler", (ModelServer,), {"breaks_off": breaks_off})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": LOOK_S}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        if breaks_off is not None:
            breaks_off.set()
        server.shutdown()
        server.server_close()
        thread.join()


async def test_a_model_server_goes_and_comes_and_nothing_is_lost(
    tale: Tale, started: Callable[..., subprocess.Popen[str]]
) -> None:
    async with model_server(0, threading.Event()) as port:
        served = {"TALE_UX": SMALL, "TALE_TASK": "openai/m", "TALE_OPENAI__BASE_URL": f"http://127.0.0.1:{port}/v1"}
        waiting = started("submit", "say hello", "--json", TALE_TASKS__RETRIES="0", **served)
        await asyncio.to_thread(
            until, lambda: [task for task in tasks_of(tale) if task["state"] == "running"], "it runs"
        )
    # No attempt is counted while its server is away: without a retry the task is still not lost.
    await asyncio.sleep(1.0)
    assert waiting.poll() is None
    async with model_server(port, None):
        out, err = await asyncio.to_thread(waiting.communicate, timeout=WAIT_S)
    assert waiting.returncode == 0, err
    assert json.loads(out)["state"] == "done"
    assert re.search(r"the server is back after \d+ s", err)


@pytest.mark.parametrize("count", [100, 300])
def test_hundreds_of_tasks_are_handed_in_together(tale: Tale, tmp_path: Path, count: int) -> None:
    file = tmp_path / "tasks.jsonl"
    file.write_text("".join(json.dumps({"text": f"Say {number}"}) + "\n" for number in range(count)))
    assert tale("submit", "--jsonl", str(file), "--no-wait").code == 0
    assert len(tasks_of(tale)) == count


async def test_the_log_tells_what_happened(tale: Tale, paths: Paths) -> None:
    async with answering(paths, [spoken("done")]):
        task = (await asyncio.to_thread(tale, "submit", HELLO_WORLD, "--json")).json
    lines = [line for line in tale("logs").told.splitlines() if task["id"][:4] in line]
    assert lines
    assert all("task" in line and "big" in line for line in lines)


# 7. A week later


def test_how_near_the_forecasts_were_is_shown(tale: Tale) -> None:
    assert re.search(r"within 30", tale("predict", "--history").told)


def test_the_learning_view_shows_what_was_learned(tale: Tale) -> None:
    assert {"detection", "complexity", "forecast"} <= set(tale("learning", "--json").json)


@later(LEARNED_ROUTES)
def test_a_learned_route_is_explained_and_undone(tale: Tale) -> None:
    routes = tale("learning", "--json").json.get("routes")
    assert routes
    assert all(route["why"] for route in routes)
    assert tale("learning", "undo", routes[0]["id"]).code == 0


@later(BACKUP)
async def test_a_backup_of_one_machine_is_restored_on_another(tale: Tale, paths: Paths, tmp_path: Path) -> None:
    async with answering(paths, [spoken("done")]):
        task = (await asyncio.to_thread(tale, "submit", HELLO_WORLD, "--json")).json
    file, other = tmp_path / "backup", {"TALE_HOME": str(tmp_path / "other")}
    assert tale("backup", "create", str(file)).code == 0
    assert tale("backup", "restore", str(file), **other).code == 0
    assert tale("status", task["id"], "--json", **other).json == task
