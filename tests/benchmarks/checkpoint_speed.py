"""How long a checkpoint takes: 100 files of 10 KB, then five of them changed, read back included; and what the loop of
the window notices of it.

    python tests/benchmarks/checkpoint_speed.py

Promised: 100 ms for the first, 15 ms where five changed, and nothing on the loop. Beside it stands what the file system
alone takes to write, rename and read back as many files as a checkpoint has objects: where that is slow, so is it all.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from tale_tui.config.settings import CheckpointSettings
from tale_tui.domain.checkpoints import CheckpointKind
from tale_tui.domain.clock import Clock
from tale_tui.domain.tasks import Plan, StepSpec
from tale_tui.engine.checkpoints.writer import CheckpointWriter, Group, Operation
from tale_tui.engine.store.store import Store
from tale_tui.engine.store.tasks.tasks import NewTask
from tale_tui.engine.tasks.step_files import TaskFolders

FILES = 100
FILE_BYTES = 10_000
CHANGED = 5
ROUNDS = 30
TICK_S = 0.001
TASK = "benchmarktask234"


def content() -> bytes:
    """Text that packs about as code does."""
    words = [os.urandom(4).hex() for _ in range(FILE_BYTES // 18)]
    return " ".join(word * 2 for word in words).encode()[:FILE_BYTES]


def floor(root: Path, files: int) -> float:
    """Milliseconds that the file system takes for so many small files: written, renamed, read back."""
    folder, data = root / f"floor{files}", os.urandom(FILE_BYTES // 2)
    folder.mkdir(parents=True)
    began = time.perf_counter()
    for number in range(files):
        part, whole = folder / f"{number}.part", folder / str(number)
        with part.open("xb") as file:
            file.write(data)
        part.replace(whole)
        if whole.read_bytes() != data:
            raise SystemExit("the file system gives back something else")
    return (time.perf_counter() - began) * 1000


async def lag(until: asyncio.Event) -> list[float]:
    """How late the loop was, in seconds."""
    found = []
    while not until.is_set():
        began = time.perf_counter()
        await asyncio.sleep(TICK_S)
        found.append(time.perf_counter() - began - TICK_S)
    return found


async def main() -> None:
    """Measure, and print."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        store = await Store.open(root / "tale.db", Clock())
        await store.add_task(NewTask(TASK, "A task", Plan((StepSpec("one", "One", "Do it."),))))
        folders = TaskFolders(root / "files")
        folder = folders.of(TASK)
        for number in range(FILES):
            path = folder / f"part{number % 10}" / f"file{number}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content())
        writer = CheckpointWriter(root / "checkpoints.git", store, folders, CheckpointSettings(), Clock(), print)
        await writer.work(int)  # the library is loaded and the repository made
        ended, group = asyncio.Event(), Group(TASK)
        lags = asyncio.create_task(lag(ended))

        async def kept() -> float:
            began = time.perf_counter()
            await writer.make(group, Operation(CheckpointKind.STEP, "after 1, One", TASK, "one"))
            return (time.perf_counter() - began) * 1000

        before, cpu = writer.repository.loose(), time.process_time()
        first = await kept()
        first_cpu, objects = (time.process_time() - cpu) * 1000, writer.repository.loose() - before
        await asyncio.sleep(0.2)  # what was written just before it was read is read once more
        await kept()
        unchanged = [await kept() for _ in range(ROUNDS)]
        changed, before, cpus = [], writer.repository.loose(), []
        for number in range(ROUNDS):
            for place in range(CHANGED):
                (folder / f"part{place}" / f"file{place}.py").write_bytes(content() + str(number).encode())
            await asyncio.sleep(0.1)
            cpu = time.process_time()
            changed.append(await kept())
            cpus.append((time.process_time() - cpu) * 1000)
        few = (writer.repository.loose() - before) // ROUNDS
        ended.set()
        late = sorted(await lags)
        floors = floor(root, objects), statistics.median(floor(root / f"{number}", few) for number in range(ROUNDS))
        await writer.close()
        await store.close()
    print(f"{'':33}{'ms':>8}{'CPU':>8}{'the system alone':>20}")
    print(
        f"first, {FILES} files of {FILE_BYTES:,} bytes {first:9.1f}{first_cpu:8.1f}{floors[0]:20.1f}  {objects} objects"
    )
    both = f"{statistics.median(changed):9.1f}{statistics.median(cpus):8.1f}"
    print(f"{CHANGED} changed, median of {ROUNDS}         {both}{floors[1]:20.1f}  {few} objects")
    print(f"nothing changed                  {statistics.median(unchanged):8.1f}")
    p99, most = late[int(len(late) * 0.99)] * 1000, late[-1] * 1000
    print(f"the loop was late: p99 {p99:.1f} ms, at most {most:.1f} ms")


if __name__ == "__main__":
    asyncio.run(main())
