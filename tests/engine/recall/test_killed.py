"""SIGKILL while things are remembered: nothing is lost, nothing is kept twice."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

import pytest

from tale_tui.domain.clock import Clock
from tale_tui.engine.store.store import Store

SAID = 1_500
PROGRAM = """
import asyncio, sys
from pathlib import Path
from support.recall_script import ScriptedEmbeddings
from tale_tui.config.settings import RecallSettings
from tale_tui.domain.clock import Clock
from tale_tui.engine.recall.service import RecallActivity, RecallService
from tale_tui.engine.store.store import Store

async def main():
    store = await Store.open(Path(sys.argv[1]), Clock())
    activity = RecallActivity(lambda: False, lambda: float("-inf"))
    arguments = (store, ScriptedEmbeddings(), RecallSettings(), Clock(), activity, print)
    service = RecallService(*arguments, can_write=True, idle_s=0.0)
    print("ready", flush=True)
    service.start()
    while True:
        await asyncio.sleep(0.05)
        state = await service.state()
        if state.items == state.embedded > 0 and not await store.unread_messages(1):
            print("done", flush=True)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
@pytest.mark.long
async def test_a_killed_process_loses_nothing_and_keeps_nothing_twice(tmp_path: Path) -> None:
    path, chance = tmp_path / "tale.db", random.Random(7)
    store = await Store.open(path, Clock())
    session = await store.add_session()
    texts = [f"My ship number {number} lies in harbour {number % 7}." for number in range(SAID)]
    for number, text in enumerate(texts):
        await store.begin_turn(session.id, user_id=f"said{number:012d}", text=text)
    await store.close()
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join((str(Path(__file__).parents[3]), str(Path(__file__).parents[2])))
    }
    for kill in range(8):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, str(path)), stdout=asyncio.subprocess.PIPE, env=environment
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        if kill < 7:
            await asyncio.sleep(chance.uniform(0.0, 0.4))
        else:
            assert await process.stdout.readline() == b"done\n"
        process.send_signal(signal.SIGKILL)
        await process.wait()
        store = await Store.open(path, Clock())
        found = [item.text for item in await store.recall_items(10_000)]
        unread = {message.text for message in await store.unread_messages(10_000)}
        assert len(set(found)) == len(found)
        assert {*found, *unread} >= set(texts)
        await store.close()
    assert sorted(found) == sorted(texts)
