"""How models came into memory."""

from __future__ import annotations

from tale_tui.domain.models import BackendName, ModelRef, ResidencyChange
from tale_tui.engine.store.residencies import ResidencyEntry
from tale_tui.engine.store.store import Store

OTHER = ModelRef(BackendName.EMBEDDED, "starter")


async def test_residencies_are_kept_newest_first(store: Store, ref: ModelRef) -> None:
    await store.add_residency(ref, ResidencyChange.LOAD, ms=900.0, size_bytes=5, at=1.0)
    await store.add_residency(OTHER, ResidencyChange.DIED, at=2.0)
    await store.add_residency(ref, ResidencyChange.EVICTED)
    newest, *rest = await store.residencies()
    assert (newest.ref, newest.what, newest.ms) == (ref, ResidencyChange.EVICTED, None)
    assert newest.at > 1_000_000
    assert rest == [
        ResidencyEntry(OTHER, ResidencyChange.DIED, 2.0),
        ResidencyEntry(ref, ResidencyChange.LOAD, 1.0, 900.0, 5),
    ]
    assert await store.residencies(limit=1) == (newest,)


async def test_what_is_typical_is_the_median_of_the_last(store: Store, ref: ModelRef) -> None:
    assert await store.typical_ms(ref, ResidencyChange.LOAD) is None
    await store.add_residency(ref, ResidencyChange.LOAD)
    assert await store.typical_ms(ref, ResidencyChange.LOAD) is None
    for ms in (100.0, 300.0, 200.0):
        await store.add_residency(ref, ResidencyChange.LOAD, ms=ms)
    await store.add_residency(OTHER, ResidencyChange.LOAD, ms=9.0)
    await store.add_residency(ref, ResidencyChange.SWITCH, ms=7.0)
    assert await store.typical_ms(ref, ResidencyChange.LOAD) == 200.0
    for _ in range(20):
        await store.add_residency(ref, ResidencyChange.LOAD, ms=50.0)
    assert await store.typical_ms(ref, ResidencyChange.LOAD) == 50.0


async def test_a_model_that_was_gone_as_soon_as_another_was_loaded_had_to_leave_for_it(
    store: Store, ref: ModelRef
) -> None:
    assert not await store.evicts(ref, OTHER)
    await store.add_residency(ref, ResidencyChange.LOAD, ms=900.0, at=10.0)
    await store.add_residency(OTHER, ResidencyChange.EVICTED, at=10.1)
    assert await store.evicts(ref, OTHER)
    assert not await store.evicts(OTHER, ref)
    await store.add_residency(ref, ResidencyChange.LOAD, ms=900.0, at=100.0)
    await store.add_residency(OTHER, ResidencyChange.EVICTED, at=130.0)
    assert not await store.evicts(ref, OTHER)
