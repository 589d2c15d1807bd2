"""Rows wait for what came of their call, and nothing that happens to the database loses one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from support.calls import new_call
from tale_tui.domain.errors import DiskFull
from tale_tui.domain.metrics import CallKind, CallRecord
from tale_tui.engine.metrics.recorder import CallRecorder

TITLE = CallKind.TITLE


class Kept:
    """A store that can be full, or raise what nobody foresaw."""

    def __init__(self) -> None:
        self.groups: list[tuple[CallRecord, ...]] = []
        self.full = self.broken = False

    async def add_calls(self, calls: Sequence[CallRecord]) -> None:
        await asyncio.sleep(0)
        if self.full:
            raise DiskFull("no room")
        if self.broken:
            raise RuntimeError("nobody foresaw this")
        self.groups.append(tuple(calls))

    @property
    def times(self) -> list[float]:
        return [call.timestamp for group in self.groups for call in group]


@pytest.fixture
def kept() -> Kept:
    return Kept()


async def test_calls_that_come_together_are_stored_together(kept: Kept) -> None:
    recorder = CallRecorder(kept)
    for second in (1.0, 2.0, 3.0):
        recorder.record(new_call(timestamp=second, kind=TITLE))
    await recorder.close()
    assert [len(group) for group in kept.groups] == [3]
    assert recorder.recorded == 3


async def test_the_call_of_a_reply_waits_until_that_is_stored(kept: Kept) -> None:
    recorder = CallRecorder(kept)
    recorder.record(new_call(timestamp=1.0, message_id="m"))
    with recorder.storing("m") as call:
        assert call is not None
        assert recorder.recorded == 0
    await recorder.close()
    assert (kept.groups, recorder.recorded) == ([], 1)


async def test_only_the_last_of_several_calls_waits(kept: Kept) -> None:
    recorder = CallRecorder(kept)
    recorder.record(new_call(timestamp=1.0, message_id="m"))
    recorder.record(new_call(timestamp=2.0, message_id="m"))
    with recorder.storing("m") as call:
        assert call is not None
        assert call.timestamp == 2.0
    with recorder.storing("m") as call:
        assert call is None
    await recorder.close()
    assert kept.times == [1.0]


async def test_a_reply_that_cannot_be_stored_leaves_its_call_to_be_stored_alone(kept: Kept) -> None:
    recorder = CallRecorder(kept)
    recorder.record(new_call(timestamp=1.0, message_id="m"))
    with pytest.raises(DiskFull), recorder.storing("m"):
        raise DiskFull("no room")
    await recorder.close()
    assert kept.times == [1.0]


async def test_what_was_released_or_is_left_at_the_end_is_stored_alone(kept: Kept) -> None:
    recorder = CallRecorder(kept)
    recorder.record(new_call(timestamp=1.0, message_id="m"))
    recorder.record(new_call(timestamp=2.0, message_id="n"))
    recorder.release("m")
    await recorder.close()
    assert kept.times == [1.0, 2.0]


async def test_a_full_disk_loses_no_call_and_keeps_their_order(kept: Kept) -> None:
    recorder = CallRecorder(kept)
    kept.full = True
    recorder.record(new_call(timestamp=1.0, kind=TITLE))
    await asyncio.sleep(0.01)
    recorder.record(new_call(timestamp=2.0, kind=TITLE))
    await asyncio.sleep(0.01)
    assert kept.times == []
    kept.full = False
    recorder.record(new_call(timestamp=3.0, kind=TITLE))
    await recorder.close()
    assert kept.times == [1.0, 2.0, 3.0]


async def test_closing_tries_once_more(kept: Kept) -> None:
    recorder = CallRecorder(kept)
    kept.full = True
    recorder.record(new_call(timestamp=1.0, kind=TITLE))
    await asyncio.sleep(0.01)
    kept.full = False
    await recorder.close()
    assert kept.times == [1.0]


async def test_an_error_that_nobody_foresaw_loses_no_call(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    recorder = CallRecorder(kept)
    kept.broken = True
    recorder.record(new_call(timestamp=1.0, kind=TITLE))
    while "Storing calls of models broke off" not in caplog.text:
        await asyncio.sleep(0)
    kept.broken = False
    recorder.record(new_call(timestamp=2.0, kind=TITLE))
    await recorder.close()
    assert kept.times == [1.0, 2.0]


async def test_an_error_that_nobody_foresaw_does_not_reach_who_closes(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = CallRecorder(kept)
    kept.broken = True
    recorder.record(new_call(timestamp=1.0, kind=TITLE))
    await recorder.close()
    assert "nobody foresaw this" in caplog.text
    assert "1 calls of models were not kept" in caplog.text


async def test_who_is_told_of_stored_calls_and_fails_does_not_stop_the_next(kept: Kept) -> None:
    def fails(calls: int) -> None:
        raise RuntimeError(f"nobody foresaw {calls}")

    recorder = CallRecorder(kept, fails)
    recorder.record(new_call(timestamp=1.0, kind=TITLE))
    await recorder.close()
    recorder.record(new_call(timestamp=2.0, kind=TITLE))
    await recorder.close()
    assert kept.times == [1.0, 2.0]
