"""A process that is killed in the middle of a checkpoint, and in the middle of going back."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tale_tui.engine.checkpoints.entry import FILE_MODE, Entry, content_hash
from tale_tui.engine.checkpoints.folder import FolderReader
from tale_tui.engine.checkpoints.going_back import carry_out, file_steps
from tale_tui.engine.checkpoints.repository import CheckpointRepository

WAIT_S = 60.0
FILES = 40

KEEPS = """
import sys, time
from pathlib import Path
from tale_tui.engine.checkpoints.folder import FolderReader
from tale_tui.engine.checkpoints.repository import CheckpointRepository
root = Path(sys.argv[1])
repository = CheckpointRepository(root / "checkpoints.git")
repository.open()
reader = FolderReader(repository.add, 5_000_000)
print("ready", flush=True)
number = 0
while True:
    number += 1
    for place in range(40):
        (root / "work" / f"f{place}").write_text(f"{number} {place}" * 200)
    entries = reader.scan("t", root / "work").entries
    id_ = repository.commit(repository.add_tree(entries), f"number {number}", time.time())
    print(id_, flush=True)
"""
GOES_BACK = """
import sys
from pathlib import Path
from tale_tui.engine.checkpoints.going_back import carry_out, file_steps
from tale_tui.engine.checkpoints.repository import CheckpointRepository
root, ids = Path(sys.argv[1]), sys.argv[2:]
repository = CheckpointRepository(root / "checkpoints.git")
repository.open()
one, two = (
    {("t", path): entry for path, entry in repository.entries(repository.tree_of(id_)).items()} for id_ in ids
)
print("ready", flush=True)
while True:
    for wanted, recorded in ((one, two), (two, one)):
        steps = file_steps(wanted, wanted | recorded, lambda _: root / "work")
        carry_out(steps, repository.content, lambda _: root / "work")
        print("went", flush=True)
        one, two = two, one
"""


def killed(script: str, root: Path, *words: str, after_s: float) -> list[str]:
    """What a process printed that was killed some time after it was ready."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(root), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        first = process.stdout.readline()
        assert first == "ready\n", process.stderr.read()
        time.sleep(after_s)  # whenever that is, it is in the middle of something
    finally:
        process.kill()
        out, _ = process.communicate(timeout=WAIT_S)
    lines = out.splitlines(keepends=True)
    return [line.strip() for line in lines if line.endswith("\n")]


@pytest.mark.parametrize("after_s", [0.03, 0.11, 0.23, 0.41])
def test_killed_in_the_middle_of_a_checkpoint(tmp_path: Path, after_s: float) -> None:
    (tmp_path / "work").mkdir()
    told = killed(KEEPS, tmp_path, after_s=after_s)
    repository = CheckpointRepository(tmp_path / "checkpoints.git")
    assert repository.open() == "", "it is not damaged"
    ids = repository.ids()
    assert set(told) <= set(ids), "each that was told is there"
    for id_ in ids:
        entries = repository.entries(repository.tree_of(id_))
        texts = {repository.content(entry[1]).split()[0] for entry in entries.values()}
        assert len(texts) == 1, "none is of two moments"
    assert not list((tmp_path / "checkpoints.git").rglob("*.lock")), "nothing is in the way of the next"
    reader = FolderReader(repository.add, 5_000_000)
    again = repository.commit(repository.add_tree(reader.scan("t", tmp_path / "work").entries), "again", 1e9)
    assert again in repository.ids()
    repository.close()
    command = ["git", f"--git-dir={tmp_path / 'checkpoints.git'}", "fsck", "--full"]
    checked = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "missing" not in checked.stdout + checked.stderr


@pytest.mark.parametrize("after_s", [0.02, 0.07, 0.19, 0.37])
def test_killed_in_the_middle_of_going_back(tmp_path: Path, after_s: float) -> None:
    work = tmp_path / "work"
    work.mkdir()
    repository = CheckpointRepository(tmp_path / "checkpoints.git")
    repository.open()
    kept: list[dict[str, Entry]] = []
    for number in (1, 2):
        entries = {
            f"f{place}": (FILE_MODE, repository.add(f"{number} {place}".encode() * 3000))
            for place in range(FILES)
            if place % (number + 2)
        }
        kept.append(entries)
    ids = [repository.commit(repository.add_tree(entries), "kept", 1e9) for entries in kept]
    (work / "mine").write_text("mine")
    killed(GOES_BACK, tmp_path, *ids, after_s=after_s)
    allowed = {entry[1].decode() for entries in kept for entry in entries.values()}
    for file in work.iterdir():
        if file.name != "mine" and not file.name.startswith(".tale-part-"):
            assert content_hash(file.read_bytes()) in allowed, "each file is whole, of one moment or the other"
    entries = {("t", path): entry for path, entry in kept[0].items()}
    other = {("t", path): entry for path, entry in kept[1].items()}
    wanted: dict[tuple[str, str], Entry | None] = {key: entries.get(key) for key in entries | other}
    for recorded in (other, entries):  # what it was on the way to, and from
        steps = file_steps(wanted, entries | recorded, lambda _: work)
        carry_out([step for step in steps if step.action != "conflict"], repository.content, lambda _: work)
    found = {file.name: file.read_bytes() for file in work.iterdir() if not file.name.startswith(".tale-part-")}
    assert found.pop("mine") == b"mine"
    assert found == {path: repository.content(entry[1]) for path, entry in kept[0].items()}
    scanned = FolderReader(repository.add, 5_000_000).scan("t", work)
    assert scanned.entries.keys() == {*kept[0], "mine"}, "what was half written is in no checkpoint"
    repository.close()
