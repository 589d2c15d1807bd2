"""kill -9 while the engine goes back and forth: afterwards each file is whole, all that was kept can be had again, and
undo and redo work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from support.kept import TASK, Kept
from tale_tui.config.paths import below
from tale_tui.config.settings import Settings
from tale_tui.domain.checkpoints import RestoreAction
from tale_tui.domain.errors import CannotUndo
from tale_tui.domain.tasks import StepState, TaskState

pytestmark = [pytest.mark.process, pytest.mark.long, pytest.mark.timeout(240)]

WAIT_S = 90.0
TESTS = Path(__file__).parents[1]
GOES = """
import asyncio, json, sys
from pathlib import Path
from support.kept import TASK, Kept
from tale_tui.config.paths import below
from tale_tui.config.settings import Settings

FILES, LINES = 40, 400

def says(step):
    return "\\n".join(
        f'```python title="part{step}/file{number}.py"\\n' + f"{step} {number}\\n" * LINES + "```"
        for number in range(FILES)
    )

def steps():
    names = [[f"part{step}/file{number}.py" for number in range(FILES)] for step in (1, 2)]
    one = {"key": "s1", "title": "One", "prompt": "Do one.", "files": names[0]}
    two = {"key": "s2", "title": "Two", "prompt": "Do two.", "files": names[1], "after": ["s1"]}
    return json.dumps({"steps": [one, two]})

async def main():
    paths = below(Path(sys.argv[1]))
    paths.make()
    settings = Settings(ux="scripted/demo", task="scripted/demo")
    kept = Kept(paths, settings, [says(1), says(2)])
    await kept.open()
    await kept.task(steps())
    api = kept.engine.checkpoints
    first = (await kept.all())[0]
    print("ready", flush=True)
    while True:
        print("restore", flush=True)
        await api.restore(first.id)
        print("undo", flush=True)
        await api.undo()

asyncio.run(main())
"""


def killed_while_going(home: Path, *, after: str, delay_s: float) -> list[str]:
    """What the engine said that was killed so long after it began with something."""
    environ = os.environ | {"PYTHONPATH": os.pathsep.join((str(TESTS.parent), str(TESTS)))}
    process = subprocess.Popen(
        [sys.executable, "-c", GOES, str(home)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line.strip())
            if line.strip() == after:
                break
        time.sleep(delay_s)  # whenever that is, it is in the middle of something
    finally:
        process.kill()
        out, err = process.communicate(timeout=WAIT_S)
    assert after in said, err
    return said + out.splitlines()


@pytest.mark.parametrize(
    ("after", "delay_s"), [("restore", 0.05), ("restore", 0.15), ("undo", 0.05), ("undo", 0.15), ("undo", 0.4)]
)
async def test_a_restore_that_was_killed_loses_nothing(tmp_path: Path, after: str, delay_s: float) -> None:
    home = tmp_path / "home"
    killed_while_going(home, after=after, delay_s=delay_s)
    kept = Kept(below(home), Settings(ux="scripted/demo", task="scripted/demo"), ["again"])
    whole = {f"part{step}/file{number}.py": f"{step} {number}\n" * 400 for step in (1, 2) for number in range(40)}
    first = {name: text for name, text in whole.items() if name.startswith("part1/")}

    def ours() -> dict[str, str]:
        return {name: text for name, text in kept.files().items() if ".tale-part-" not in name}

    await kept.open()
    try:
        assert not kept.notices, "nothing is damaged"
        left = ours()
        assert first.items() <= left.items() <= whole.items(), "each file is whole"
        made = await kept.all()
        assert [one.message for one in made[:2]] == ["after 1, One", "after 2, Two"], "what was kept is there"
        api = kept.engine.checkpoints
        newest = await api.restore(made[1].id)
        assert RestoreAction.CONFLICT not in {file.action for file in newest.files}
        assert ours() == whole
        task = (await kept.engine.tasks.get(TASK)).task
        assert task.state is TaskState.DONE
        # The restore is undone, where the half of it that was done left anything to restore, and done again.
        if newest.made:
            await api.undo()
            assert ours() == left
            await api.redo()
            assert ours() == whole
        with suppress(CannotUndo):
            for _ in range(20):
                await api.undo()
        assert ours() == {}, "all of it is undone"
        detail = await kept.engine.tasks.get(TASK)
        assert [step.state for step in detail.steps] == [StepState.PENDING, StepState.PENDING]
        await api.restore(made[1].id)
        assert ours() == whole, "and is there again"
        assert "dangling" in kept.git("fsck", "--full") or kept.git("fsck", "--full") == ""
    finally:
        await kept.close()


async def test_right_after_the_kill_undo_finishes_what_was_begun(tmp_path: Path) -> None:
    home = tmp_path / "home"
    killed_while_going(home, after="restore", delay_s=0.1)
    kept = Kept(below(home), Settings(ux="scripted/demo", task="scripted/demo"), ["again"])
    await kept.open()
    try:
        seen = await kept.engine.checkpoints.undo(dry_run=True)
        assert not seen.conflicts, "what the engine itself wrote is nobody's change"
        await kept.engine.checkpoints.undo()
        left = {name for name in kept.files() if ".tale-part-" not in name}
        first = {f"part1/file{number}.py" for number in range(40)}
        # The restore was done, and is undone; or it was not, and then step two is.
        assert left in (first, first | {f"part2/file{number}.py" for number in range(40)})
    finally:
        await kept.close()
