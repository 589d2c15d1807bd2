"""What comes first, and what is near enough."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tale_tui.domain.recall import RecallItem, RecallKind, RecallOrigin, RecallSource
from tale_tui.engine.recall.ranking import MEANING_NEAR, WORDS_NEAR, Asked, FoundByMeaning, ranked

NOW = 1_794_139_200.0
DAY = 86_400.0


def item(n: int, **changes: object) -> RecallItem:
    plain = RecallItem(f"item{n}", f"text {n}", RecallKind.FACT, RecallSource(RecallOrigin.SAID), NOW - DAY)
    return replace(plain, **changes)  # type: ignore[arg-type]


def order(
    words: dict[int, float], meaning: list[tuple[int, float]], items: dict[int, RecallItem], **asked: object
) -> list[str]:
    found = [FoundByMeaning(n, deviations) for n, deviations in meaning]
    return [hit.item.id for hit in ranked(words, found, items, Asked(NOW, **asked))]  # type: ignore[arg-type]


def test_what_both_ways_found_comes_before_what_one_did() -> None:
    items = {n: item(n) for n in (1, 2, 3)}
    assert order({1: 0.9, 2: 0.8}, [(3, 4.0), (2, 3.0)], items)[0] == "item2"


def test_a_word_by_the_way_does_not_go_before_what_is_meant() -> None:
    items = {n: item(n) for n in (1, 2)}
    assert order({1: 0.1}, [(2, 4.0)], items) == ["item2", "item1"]


def test_of_two_that_are_alike_the_newer_the_used_and_the_pinned_one_comes_first() -> None:
    old = item(1, said=NOW - 400 * DAY)
    for better in (item(2), item(2, said=old.said, uses=20), item(2, said=old.said, pinned=True)):
        assert order({1: 0.9, 2: 0.9}, [], {1: old, 2: better})[0] == "item2"


def test_the_time_and_the_kind_that_are_asked_for_come_first() -> None:
    monday = item(2, said=NOW - 3 * DAY)
    decision = item(3, kind=RecallKind.DECISION)
    items = {1: item(1), 2: monday, 3: decision}
    assert order({1: 0.9, 2: 0.8, 3: 0.8}, [], items, begin=NOW - 4 * DAY, end=NOW - 2 * DAY)[0] == "item2"
    assert order({1: 0.9, 2: 0.8, 3: 0.8}, [], items, kind=RecallKind.DECISION)[0] == "item3"


def test_only_what_is_near_is_offered() -> None:
    items = {n: item(n) for n in (1, 2, 3, 4)}
    meaning = [FoundByMeaning(3, MEANING_NEAR), FoundByMeaning(4, MEANING_NEAR - 0.5)]
    hits = ranked({1: WORDS_NEAR, 2: WORDS_NEAR - 0.1}, meaning, items, Asked(NOW))
    assert {hit.item.id for hit in hits if hit.near} == {"item1", "item3"}


@given(
    words=st.dictionaries(st.integers(1, 60), st.floats(0, 1), max_size=50),
    meaning=st.lists(st.tuples(st.integers(1, 60), st.floats(-5, 9)), max_size=50, unique_by=lambda one: one[0]),
    gone=st.sets(st.integers(1, 60)),
)
def test_every_item_that_was_found_and_is_there_is_ranked_once(
    words: dict[int, float], meaning: list[tuple[int, float]], gone: set[int]
) -> None:
    items = {n: item(n) for n in {*words, *(n for n, _ in meaning)} - gone}
    found = order(words, meaning, items)
    assert sorted(found) == sorted(one.id for one in items.values())
