import asyncio

from tale_tui.domain.constants import BUS_FACTS_MAX, BUS_NOTICES_MAX
from tale_tui.domain.events import EngineMoved, Fact, Notice, RoleChanged, SessionChanged
from tale_tui.domain.models import Role, RoleState, RoleStatus
from tale_tui.engine.bus import Bus, Subscription


def role(state: RoleState, role: Role = Role.UX) -> RoleChanged:
    return RoleChanged(RoleStatus(role, state))


async def read(subscription: Subscription) -> list[Fact]:
    """Everything that waits in a closed subscription."""
    return [fact async for fact in subscription]


async def test_everybody_hears_everything_in_order() -> None:
    bus = Bus()
    readers = [bus.subscribe(), bus.subscribe()]
    facts: list[Fact] = [role(RoleState.LOADING), SessionChanged("a"), Notice("t", "s"), EngineMoved(here=True)]
    for fact in facts:
        bus.publish(fact)
    bus.close()
    assert [await read(reader) for reader in readers] == [facts, facts]


async def test_what_was_published_before_is_not_told_but_first_facts_are() -> None:
    bus = Bus()
    bus.publish(SessionChanged("before"))
    reader = bus.subscribe([role(RoleState.READY)])
    bus.publish(SessionChanged("after"))
    bus.close()
    assert await read(reader) == [role(RoleState.READY), SessionChanged("after")]


async def test_the_newest_takes_the_place_of_an_older_one_of_the_same_key() -> None:
    bus = Bus()
    reader = bus.subscribe()
    for fact in (
        role(RoleState.LOADING),
        SessionChanged("a", source="k1"),
        role(RoleState.LOADING, Role.TASK),
        SessionChanged("a", source="k1"),
        SessionChanged("a", source="k2"),
        role(RoleState.READY),
    ):
        bus.publish(fact)
    bus.close()
    assert await read(reader) == [
        role(RoleState.READY),
        SessionChanged("a", source="k1"),
        role(RoleState.LOADING, Role.TASK),
        SessionChanged("a", source="k2"),
    ]


async def test_who_listens_is_told_at_once_of_facts_of_that_kind_in_the_order_of_listening() -> None:
    bus = Bus()
    heard: list[tuple[str, Fact]] = []
    bus.listen(SessionChanged, lambda fact: heard.append(("first", fact)), lambda fact: heard.append(("second", fact)))
    bus.listen(SessionChanged, lambda fact: heard.append(("third", fact)))
    bus.listen(Notice, lambda fact: heard.append(("notice", fact)))
    changed, notice = SessionChanged("a"), Notice("t", "s")
    for fact in (changed, EngineMoved(here=True), notice):
        bus.publish(fact)
    assert heard == [("first", changed), ("second", changed), ("third", changed), ("notice", notice)]


async def test_equal_notices_are_all_told() -> None:
    bus = Bus()
    reader = bus.subscribe()
    bus.publish(Notice("t", "s"))
    bus.publish(Notice("t", "s"))
    bus.close()
    assert len(await read(reader)) == 2


async def test_a_reader_that_never_reads_keeps_a_bounded_queue_and_every_role() -> None:
    bus = Bus()
    reader = bus.subscribe([role(RoleState.LOADING)])
    for number in range(BUS_FACTS_MAX * 3):
        bus.publish(SessionChanged(str(number)))
    bus.close()
    facts = await read(reader)
    assert len(facts) == BUS_FACTS_MAX
    assert facts[0] == role(RoleState.LOADING)
    assert facts[-1] == SessionChanged(str(BUS_FACTS_MAX * 3 - 1))


async def test_notices_wait_for_the_first_reader_only() -> None:
    bus = Bus()
    for number in range(BUS_NOTICES_MAX + 5):
        bus.publish(Notice("t", str(number)))
    first, second = bus.subscribe(), bus.subscribe()
    bus.close()
    facts = await read(first)
    assert [fact.sentence for fact in facts if isinstance(fact, Notice)] == [
        str(number) for number in range(5, BUS_NOTICES_MAX + 5)
    ]
    assert await read(second) == []


async def test_a_waiting_reader_wakes() -> None:
    bus = Bus()
    reader = bus.subscribe()
    waiting = asyncio.ensure_future(anext(reader))
    await asyncio.sleep(0)
    bus.publish(SessionChanged("a"))
    assert await waiting == SessionChanged("a")


async def test_closing_ends_a_reader_that_waits() -> None:
    bus = Bus()
    reader = bus.subscribe()
    waiting = asyncio.ensure_future(read(reader))
    await asyncio.sleep(0)
    bus.close()
    assert await waiting == []
    assert await read(bus.subscribe([SessionChanged("late")])) == [SessionChanged("late")]


async def test_who_unsubscribed_hears_nothing_more() -> None:
    bus = Bus()
    reader = bus.subscribe()
    bus.unsubscribe(reader)
    bus.unsubscribe(reader)
    bus.publish(SessionChanged("a"))
    assert await read(reader) == []
