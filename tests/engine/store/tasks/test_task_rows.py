"""Ids as people use them: shortened, found, mistyped."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tale_tui.domain.conversation import Message
from tale_tui.domain.errors import AmbiguousTask, NoSuchTask
from tale_tui.domain.tasks import Task
from tale_tui.engine.store.store import Store

HandIn = Callable[..., Awaitable[Task]]
Talk = Callable[..., Awaitable[tuple[Message, Message]]]


async def test_an_id_is_shown_as_short_as_can_be(store: Store, hand_in: HandIn) -> None:
    assert (await hand_in(id="k4t9abcdefgh")).shown == "k4t9"
    assert (await hand_in(id="k4t9abzzzzzz")).shown == "k4t9abz"
    assert (await hand_in(id="k4t8aaaaaaaa")).shown == "k4t8"
    assert (await store.task("k4t9abcdefgh")).shown == "k4t9abc"
    assert (await hand_in(id="k4t9abcdefgh2")).shown == "k4t9abcdefgh2"
    assert (await store.task("k4t9abcdefgh")).shown == "k4t9abcdefgh"
    assert (await hand_in(id="ab")).shown == "ab"


async def test_a_task_is_found_by_the_beginning_of_its_id(store: Store, hand_in: HandIn) -> None:
    await hand_in("One", id="k4t9abcd")
    await hand_in("Two", id="k4t9abcde")
    await hand_in("Three", id="m222")
    assert (await store.find_task("m")).title == "Three"
    assert (await store.find_task(" M2\n")).title == "Three"
    assert (await store.find_task("k4t9abcde")).title == "Two"
    assert (await store.find_task("k4t9abcd")).title == "One", "an exact match wins"
    with pytest.raises(AmbiguousTask) as caught:
        await store.find_task("k4t9")
    assert caught.value.sentence == ("Several tasks begin with k4t9: k4t9abcde Two, k4t9abcd One; give more of the id.")


async def test_of_many_five_are_named(store: Store, hand_in: HandIn) -> None:
    for n in range(8):
        await hand_in(f"Number {n}", id=f"aaaa{n}")
    with pytest.raises(AmbiguousTask) as caught:
        await store.find_task("aa")
    assert caught.value.sentence == (
        "Several tasks begin with aa: aaaa7 Number 7, aaaa6 Number 6, aaaa5 Number 5, aaaa4 Number 4, aaaa3 Number 3 "
        "and more; give more of the id."
    )


async def test_an_id_that_no_task_has(store: Store, hand_in: HandIn) -> None:
    with pytest.raises(NoSuchTask, match=r"^No task has the id k4t9, and there are no tasks yet\.$"):
        await store.find_task("k4t9")
    await hand_in("Fibonacci", id="k4t9abcd")
    await hand_in("Primes", id="w777abcd")
    with pytest.raises(NoSuchTask, match=r"^No task has the id k5t9: do you mean k4t9 Fibonacci\?$"):
        await store.find_task("k5t9")
    with pytest.raises(NoSuchTask, match=r"^No task has the id k4t9abzz: do you mean k4t9 Fibonacci\?$"):
        await store.task("k4t9abzz")
    with pytest.raises(NoSuchTask, match=r"^No task has the id xyzx: the list of tasks shows all that there are\.$"):
        await store.task_detail("xyzx")
    with pytest.raises(NoSuchTask, match=r"^An id is missing: give the beginning of one, as the list of tasks"):
        await store.find_task("\x1b[31m ")
    for text in ("%", "_", "*", "' OR 1=1 --"):
        with pytest.raises(NoSuchTask):
            await store.find_task(text)


async def test_a_conversation_is_no_task(store: Store, hand_in: HandIn, talk: Talk) -> None:
    await hand_in()
    session = await store.add_session()
    await talk(session.id, "Hello")
    for given in (session.id, session.id[:4], session.id[:7]):
        with pytest.raises(NoSuchTask) as caught:
            await store.find_task(given)
        assert caught.value.sentence == (
            f"{given} is the id of a conversation: give that of a task, as the list of tasks shows it."
        )
