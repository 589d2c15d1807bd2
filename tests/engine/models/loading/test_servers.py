"""Servers that go away: noticed once, asked on a clock of their own whether they are back; whoever waits is told."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from support.naps import Naps
from support.waiting import until
from tale_tui.domain.constants import PROBE_CONFIRM_S, PROBE_LOOK_S, PROBE_PAUSE_MAX_S
from tale_tui.domain.errors import ModelError, NotAuthorised, Unreachable
from tale_tui.domain.models import BackendName
from tale_tui.engine.models.loading.servers import ServerMonitor

OLLAMA, OPENAI = BackendName.OLLAMA, BackendName.OPENAI
REFUSED = Unreachable("Nothing answers.")


class Bench:
    """A monitor over servers that are as a test says."""

    def __init__(self) -> None:
        self.naps = Naps()
        self.error: BaseException | None = REFUSED
        self.is_server = True
        self.probes = 0
        self.monotonic_s, self.now_s = 100.0, 1000.0
        self.told: list[str] = []
        self.recorded: list[tuple[BackendName, float]] = []
        self.monitor = ServerMonitor(
            self.probe, lambda: self.monotonic_s, lambda: self.now_s, self.naps.sleep, self.record
        )
        self.monitor.listen(
            left=lambda name: self.told.append(f"{name} left"), returned=lambda name: self.told.append(f"{name} back")
        )

    async def probe(self, name: BackendName) -> bool:
        self.probes += 1
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error
        return self.is_server

    async def record(self, name: BackendName, away_s: float) -> None:
        self.recorded.append((name, away_s))


@pytest.fixture
async def bench() -> Any:
    made = Bench()
    yield made
    await made.monitor.close()


async def test_calls_that_fail_together_look_once_and_all_learn_that_it_is_away(bench: Bench) -> None:
    found = await asyncio.gather(*(bench.monitor.look(OLLAMA) for _ in range(40)))
    assert bench.probes == 1
    assert {(one.since, one.sentence) for one in found if one} == {(1000.0, "Nothing answers.")}
    assert all(found)
    assert bench.told == ["ollama left"]
    assert bench.monitor.away(OPENAI) is None


async def test_it_is_asked_after_1_2_4_up_to_30_seconds_without_a_word_in_the_log(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await bench.monitor.look(OLLAMA)
    while bench.probes < 9:
        await bench.naps.end_one()
    pauses: list[float] = []
    for length in bench.naps.lengths:  # a long pause is looked at in between
        joins = pauses and pauses[-1] % PROBE_LOOK_S == 0 and pauses[-1] < min(2 ** len(pauses) / 2, PROBE_PAUSE_MAX_S)
        if joins:
            pauses[-1] += length
        else:
            pauses.append(length)
    assert pauses[:8] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert [record.message for record in caplog.records if "tale_tui" in record.name] == [
        "ollama is away: Nothing answers."
    ]


async def test_when_it_is_back_all_that_wait_are_told_by_one_probe_and_the_time_is_kept(bench: Bench) -> None:
    await bench.monitor.look(OLLAMA)
    waiting = [asyncio.create_task(bench.monitor.wait_back(OLLAMA, 60)) for _ in range(40)]
    await bench.naps.end_one()
    assert not any(one.done() for one in waiting)
    bench.error = None
    bench.monotonic_s += 12
    bench.now_s += 12
    probes = bench.probes
    await bench.naps.end_one()
    assert await asyncio.gather(*waiting) == [True] * 40
    assert bench.probes == probes + 1
    assert bench.told == ["ollama left", "ollama back"]
    assert bench.recorded == [(OLLAMA, 12.0)]
    assert bench.monitor.away(OLLAMA) is None
    assert await bench.monitor.wait_back(OLLAMA, 0)


async def test_a_load_that_works_brings_it_back_as_well_and_nothing_is_asked_any_more(bench: Bench) -> None:
    await bench.monitor.look(OLLAMA)
    await bench.monitor.answered(OLLAMA)
    await bench.monitor.answered(OLLAMA)
    assert bench.told == ["ollama left", "ollama back"]
    assert bench.recorded == [(OLLAMA, 0.0)]
    for _ in range(5):
        await asyncio.sleep(0)
    assert bench.probes == 1
    assert [task.get_name() for task in asyncio.all_tasks() if "probing" in task.get_name()] == []


@pytest.mark.parametrize("error", [None, NotAuthorised("It wants a key."), ModelError("Odd.")])
async def test_a_server_that_answers_whatever_it_says_is_there(bench: Bench, error: ModelError | None) -> None:
    bench.error, bench.is_server = error, False
    assert await bench.monitor.look(OLLAMA) is None
    assert bench.told == []


async def test_a_server_that_still_answers_on_its_way_out_is_asked_once_more(bench: Bench) -> None:
    bench.error = None
    look = asyncio.create_task(bench.monitor.look(OLLAMA))
    await until(lambda: bench.naps.lengths, "it was asked and answered")
    bench.error = REFUSED
    await bench.naps.end_one()
    assert bench.naps.lengths[0] == PROBE_CONFIRM_S
    assert await look is not None
    assert bench.told == ["ollama left"]


async def test_waiting_has_an_end(bench: Bench) -> None:
    await bench.monitor.look(OLLAMA)
    assert not await bench.monitor.wait_back(OLLAMA, 0.001)


async def test_after_the_machine_slept_it_is_asked_at_once(bench: Bench) -> None:
    await bench.monitor.look(OLLAMA)
    while bench.probes < 6:
        await bench.naps.end_one()
    bench.now_s += 3600  # in the middle of a pause of 16 s; the clock that only goes forward stood still
    bench.error = None
    probes = bench.probes
    await bench.naps.end_one()
    assert bench.probes == probes + 1
    assert bench.monitor.away(OLLAMA) is None


async def test_where_asking_itself_goes_wrong_nothing_waits_for_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.monitor.look(OLLAMA)
    waiting = asyncio.create_task(bench.monitor.wait_back(OLLAMA, 60))
    bench.error = RuntimeError("a fault of ours")
    await bench.naps.end_one()
    assert await waiting
    assert "a fault of ours" in caplog.text
    assert bench.monitor.away(OLLAMA) is None


async def test_after_the_end_nothing_is_asked(bench: Bench) -> None:
    await bench.monitor.look(OLLAMA)
    await bench.monitor.close()
    await bench.monitor.close()
    assert await bench.monitor.look(OPENAI) is None
    assert bench.told == ["ollama left"]
