"""The files that steps give: which may be declared, how they are found in a text, and how they get into the folder."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from support.kept import Kept, block
from tale_tui.config.paths import below
from tale_tui.config.settings import Settings, TaskSettings
from tale_tui.domain.constants import STEP_FILE_BYTES_MAX
from tale_tui.domain.errors import BadFileName, BadPlan, FileNotSaved, FilesNotGiven, FolderIsLink
from tale_tui.domain.tasks import StepSpec, TaskDetail, TaskState
from tale_tui.engine.tasks.plan import parse_plan
from tale_tui.engine.tasks.prompts import step_messages
from tale_tui.engine.tasks.step_files import TaskFolders, given_files

HOSTILE = (
    "../x.py", "/etc/passwd.txt", "~/x.py", "a/../../x.py", "C:\\x.py", "a//b.py", ".ssh/config.txt", ".bashrc",
    "con.txt", "x" * 300 + ".py", "a\0b.py", "a\nb.py", "", " ", "noending", ".git/hooks/x.sh",
)  # fmt: skip


def plan_of(*files: str, **more: object) -> str:
    return json.dumps({"steps": [{"key": "one", "prompt": "Do it.", "files": list(files)} | more]})


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_leads_elsewhere_is_refused_with_the_plan(name: str) -> None:
    with pytest.raises(BadPlan, match=r"steps\[0\].files"):
        parse_plan(plan_of(name))


def test_a_plan_says_which_files_a_step_gives() -> None:
    parsed = parse_plan(plan_of("api.yaml", "src/app.py"))
    assert parsed.steps[0].files == ("api.yaml", "src/app.py")
    [_, asked] = step_messages(parsed, parsed.steps[0], "Make it", {}, "", room_bytes=10_000)
    assert "- src/app.py" in asked.text
    for wrong in (["a.py", "A.py"], ["a.py"] * 2, [f"f{number}.py" for number in range(51)]):
        with pytest.raises(BadPlan):
            parse_plan(plan_of(*wrong))
    asks = {"key": "ok", "kind": "approval", "files": ["a.py"]}
    approval = {"steps": [asks, {"key": "b", "prompt": "x", "after": ["ok"]}]}
    with pytest.raises(BadPlan, match="asks a model"):
        parse_plan(json.dumps(approval))


def test_only_what_is_declared_is_taken() -> None:
    text = block("a.py", "A = 1") + block("../evil.py", "x") + block("other.py", "B = 2")
    assert given_files(("a.py",), text) == {"a.py": "A = 1\n"}


def test_a_lone_block_without_a_name_is_the_file_that_is_missing() -> None:
    assert given_files(("a.py",), "```python\nA = 1\n```") == {"a.py": "A = 1\n"}
    with pytest.raises(FilesNotGiven, match=r"b\.py"):
        given_files(("a.py", "b.py"), "```python\nA = 1\n```")
    with pytest.raises(FilesNotGiven):
        given_files(("a.py",), "There is no code.")


def test_a_file_that_is_too_long_is_refused() -> None:
    with pytest.raises(FilesNotGiven, match=r"a\.py"):
        given_files(("a.py",), block("a.py", "x" * (STEP_FILE_BYTES_MAX + 1)))


async def test_what_is_written_is_told_with_what_stood_there(tmp_path: Path) -> None:
    folders, spec = TaskFolders(tmp_path), StepSpec("one", "One", "x", files=("src/a.py",))
    [one] = await folders.write("t1", spec, block("src/a.py", "A = 1"))
    assert (one.path, one.before, one.after) == ("src/a.py", None, b"A = 1\n")
    assert await folders.write("t1", spec, block("src/a.py", "A = 1")) == ()
    [two] = await folders.write("t1", spec, block("src/a.py", "A = 2"))
    assert (two.before, two.after) == (b"A = 1\n", b"A = 2\n")
    assert (tmp_path / "t1" / "src" / "a.py").read_text() == "A = 2\n"


async def test_no_link_leads_out(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").write_text("theirs")
    folders = TaskFolders(tmp_path / "files")
    spec = StepSpec("one", "One", "x", files=("src/a.py",))
    (tmp_path / "files" / "t1").mkdir(parents=True)
    (tmp_path / "files" / "t1" / "src").symlink_to(outside)
    (tmp_path / "files" / "t2" / "src").mkdir(parents=True)
    (tmp_path / "files" / "t2" / "src" / "a.py").symlink_to(outside / "a.py")
    (tmp_path / "files" / "t3").symlink_to(outside)
    for task_id in ("t1", "t2", "t3"):
        with pytest.raises(FolderIsLink if task_id == "t3" else BadFileName):
            await folders.write(task_id, spec, block("src/a.py", "A = 1"))
    assert [one.name for one in outside.iterdir()] == ["a.py"]
    assert (outside / "a.py").read_text() == "theirs"


async def test_what_is_no_file_is_not_written_over(tmp_path: Path) -> None:
    folders, spec = TaskFolders(tmp_path), StepSpec("one", "One", "x", files=("a.py",))
    (tmp_path / "t1" / "a.py").mkdir(parents=True)
    with pytest.raises(FileNotSaved):
        await folders.write("t1", spec, block("a.py", "A = 1"))


Run = Callable[..., Awaitable[TaskDetail]]


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    """Carries out a task with one step that gives `a.py`."""
    paths = below(tmp_path / "home")
    paths.make()
    tasks = TaskSettings(backoff_s=0.01)
    found = Kept(paths, Settings(ux="scripted/demo", task="scripted/demo", tasks=tasks))

    async def run(says: list[str], **more: object) -> TaskDetail:
        found.says = says
        await found.open()
        return await found.task(plan_of("a.py", **more))

    yield run
    await found.close()


async def test_a_step_that_does_not_give_its_files_is_tried_again_from_the_beginning(run: Run) -> None:
    detail = await run(["I forgot.", block("a.py", "A = 1")])
    assert detail.task.state is TaskState.DONE
    assert detail.steps[0].attempts == 2
    assert detail.steps[0].earlier == ("I forgot.",)


async def test_a_step_that_never_gives_its_files_fails_with_a_sentence(run: Run) -> None:
    detail = await run(["I forgot."], retries=1)
    assert detail.task.state is TaskState.FAILED
    assert "a.py" in detail.task.error
