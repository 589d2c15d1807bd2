"""SIGKILL while older turns are summed up: nothing is lost, and each turn is summed up once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tale_tui.domain.clock import Clock
from tale_tui.engine.store.store import Store

PROGRAM = """
import asyncio, sys
from pathlib import Path
from tale_tui.config.paths import Paths
from tale_tui.config.settings import Settings
from tale_tui.domain.clock import random_id
from tale_tui.domain.metrics import CallKind
from tale_tui.domain.models import BackendName
from tale_tui.engine.engine import Engine
from tale_tui.engine.models.scripted import Hold, Say, Script, ScriptedBackend, spoken

LONG = "The pond has a fish that is red and old, and so on. " * 6

def answer(request):
    if request.labels.kind is not CallKind.DIGEST:
        return spoken("So it is.")
    if sys.argv[2] == "hold":
        print("summing up", flush=True)
        return Script((Say("Half a "), Hold(asyncio.Event())))
    return spoken("The whole record.")

async def main():
    root = Path(sys.argv[1])
    paths = Paths(*(root / name for name in ("config", "data", "cache", "log")))
    paths.make()
    backends = {BackendName.SCRIPTED: ScriptedBackend(answer, window=2048)}
    settings = Settings(ux="scripted/demo", task="scripted/demo", detect={"enabled": False})
    engine = await Engine.start(paths, settings, backends=backends)
    engine._digests._idle_s = 0.0
    known = await engine.sessions.list()
    session = known[0] if known else await engine.sessions.create()
    for number in range(int(sys.argv[3])):
        async for _ in engine.chat.send(session.id, f"{number} {LONG}", key=random_id()):
            pass
    while not (digest := (await engine.chat.context(session.id)).digest):
        await asyncio.sleep(0.02)
    print(digest.turns, digest.text, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def killed(root: Path, how: str, turns: int) -> str:
    """The first line that the program wrote before it was killed."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM, str(root), how, str(turns)), stdout=asyncio.subprocess.PIPE, env=environment
    )
    assert process.stdout is not None
    line = await process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    await process.wait()
    return line.decode().strip()


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
async def test_a_summary_that_was_cut_is_made_when_the_conversation_goes_on(tmp_path: Path) -> None:
    assert await killed(tmp_path, "hold", 8) == "summing up"
    store = await Store.open(tmp_path / "data" / "tale.db", Clock())
    (session,) = await store.sessions()
    before = await store.branch_source(session.id, 100)
    assert before.digests == ()
    assert len(before.messages) == 16
    await store.close()
    turns, _, text = (await killed(tmp_path, "write", 1)).partition(" ")
    assert text == "The whole record."
    store = await Store.open(tmp_path / "data" / "tale.db", Clock())
    after = await store.branch_source(session.id, 100)
    assert [str(digest.turns) for digest in after.digests] == [turns]
    assert after.messages[:16] == before.messages
    await store.close()
