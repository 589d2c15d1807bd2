"""The list of conversations."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tale_tui.domain.conversation import Author, SearchHit, Session
from tale_tui.domain.errors import StoreError
from tale_tui.ui.dialogs.confirm import ConfirmDialog
from tale_tui.ui.dialogs.sessions import DeleteSession, NewSession, OpenSession, RenameSession, SessionsDialog
from tale_tui.ui.dialogs.text_entry import TextDialog
from tale_tui.ui.widgets.pick_list import PickList

TITLES = ("Fibonacci and friends", "A letter to the landlord", "What is memoisation", "")


class Search:
    """Full-text search that is told what to find and waits until it may."""

    def __init__(self, hits: tuple[SearchHit, ...] = ()) -> None:
        self.hits = hits
        self.asked: list[str] = []
        self.allowed = asyncio.Event()
        self.allowed.set()
        self.error: StoreError | None = None

    async def __call__(self, words: str) -> tuple[SearchHit, ...]:
        self.asked.append(words)
        await self.allowed.wait()
        if self.error is not None:
            raise self.error
        return self.hits


@pytest.fixture
def sessions(now: float) -> list[Session]:
    return [
        Session(f"s{number}", title, now - number * 90000, now - number * 90000, turns=number + 1)
        for number, title in enumerate(TITLES)
    ]


@pytest.fixture
def hit(now: float) -> SearchHit:
    return SearchHit("s2", "What is memoisation", "m7", Author.USER, now - 60, "the \ue000cache\ue001 keeps it")


async def test_all_are_there_with_turns_and_times(show: Any, sessions: list[Session], now: float) -> None:
    async with show(SessionsDialog(sessions, Search(), now=now, current="s1")) as shown:
        text = shown.text
        assert "Conversations" in text
        for words in (*TITLES, "Untitled", "1 turn ", "2 turns", "now", "Sat", "4"):
            assert words in text
        line = next(line for line in text.splitlines() if "landlord" in line)
        assert line.startswith("▎ ›")


KEYS: list[tuple[list[str], object]] = [
    (["enter"], OpenSession("s0")),
    (["down", "enter"], OpenSession("s1")),
    (["down", "down", "up", "enter"], OpenSession("s1")),
    (["pagedown", "enter"], OpenSession("s3")),
    (["ctrl+end", "ctrl+home", "enter"], OpenSession("s0")),
    (["ctrl+end", "enter"], OpenSession("s3")),
    (["ctrl+n"], NewSession()),
    (["escape"], None),
]


async def test_keys(show: Any, sessions: list[Session], now: float) -> None:
    async with show(SessionsDialog(sessions, Search(), now=now)) as shown:
        await shown.window.press("escape")
        for keys, result in KEYS:
            await shown.next(SessionsDialog(sessions, Search(), now=now))
            await shown.window.press(*keys)
            assert await shown.result() == result, keys


async def test_the_one_that_is_open_is_chosen_first(show: Any, sessions: list[Session], now: float) -> None:
    async with show(SessionsDialog(sessions, Search(), now=now, current="s2")) as shown:
        await shown.window.press("enter")
        assert await shown.result() == OpenSession("s2")
        await shown.next(SessionsDialog(sessions, Search(), now=now, current="s2", chosen="s1"))
        await shown.window.press("enter")
        assert await shown.result() == OpenSession("s1")


async def test_titles_are_filtered_before_the_search_answers(show: Any, sessions: list[Session], now: float) -> None:
    search = Search()
    search.allowed.clear()
    async with show(SessionsDialog(sessions, search, now=now)) as shown:
        await shown.type("IS MEM")
        await shown.window.until(lambda: "Fibonacci" not in shown.text, "filtered")
        assert "What is memoisation" in shown.text
        assert "searching" in shown.text
        await shown.window.press("enter")
        assert await shown.result() == OpenSession("s2")


async def test_messages_are_found_with_what_was_said(
    show: Any, sessions: list[Session], now: float, hit: SearchHit
) -> None:
    search = Search((hit,))
    async with show(SessionsDialog(sessions, search, now=now)) as shown:
        await shown.type("cache")
        await shown.window.until(lambda: "the cache keeps it" in shown.text, "found")
        assert "In the messages" in shown.text
        await shown.window.until(lambda: "0 titles, 1 message" in shown.text, "counted")
        assert search.asked[-1] == "cache"
        await shown.window.press("enter")
        assert await shown.result() == OpenSession("s2", "m7")


async def test_one_search_for_many_keys(show: Any, sessions: list[Session], now: float) -> None:
    search = Search()
    async with show(SessionsDialog(sessions, search, now=now)) as shown:
        for words in ("l", "la", "lan"):
            shown.screen.filtered(words)
        await shown.window.until(lambda: search.asked, "searched")
        assert search.asked == ["lan"]


async def test_without_words_all_are_there_again(
    show: Any, sessions: list[Session], now: float, hit: SearchHit
) -> None:
    async with show(SessionsDialog(sessions, Search((hit,)), now=now, words="zzz")) as shown:
        await shown.window.until(lambda: "the cache keeps it" in shown.text, "found")
        await shown.window.press("backspace", "backspace", "backspace")
        await shown.window.until(lambda: "Fibonacci" in shown.text, "all")
        assert "In the messages" not in shown.text


async def test_nothing_found_and_nothing_there_are_said(show: Any, sessions: list[Session], now: float) -> None:
    async with show(SessionsDialog(sessions, Search(), now=now, words="zzz")) as shown:
        await shown.window.until(lambda: "Nothing was found" in shown.text, "said")
        await shown.window.press("enter", "f2", "delete")
        assert shown.results == []
        assert shown.window.app.screen is shown.screen
        await shown.next(SessionsDialog([], Search(), now=now))
        assert "No conversation yet. ctrl+n begins one." in shown.text


async def test_a_search_that_fails_says_so(show: Any, sessions: list[Session], now: float) -> None:
    search = Search()
    search.error = StoreError("The database is held.")
    async with show(SessionsDialog(sessions, search, now=now, words="is")) as shown:
        await shown.window.until(lambda: "The database is held." in shown.text, "said")
        assert "What is memoisation" in shown.text


async def test_renaming_asks_for_a_title(show: Any, sessions: list[Session], now: float) -> None:
    async with show(SessionsDialog(sessions, Search(), now=now)) as shown:
        await shown.window.press("f2")
        await shown.window.until(lambda: isinstance(shown.window.app.screen, TextDialog), "asked")
        assert "Fibonacci and friends" in shown.text
        await shown.window.press("x", "enter")
        assert await shown.result() == RenameSession("s0", "Fibonacci and friendsx")


async def test_renaming_can_be_left(show: Any, sessions: list[Session], now: float) -> None:
    async with show(SessionsDialog(sessions, Search(), now=now)) as shown:
        await shown.window.press("f2")
        await shown.window.until(lambda: isinstance(shown.window.app.screen, TextDialog), "asked")
        await shown.window.press("escape")
        await shown.window.until(lambda: shown.window.app.screen is shown.screen, "back")
        assert shown.results == []


async def test_deleting_asks_and_the_safe_answer_keeps(show: Any, sessions: list[Session], now: float) -> None:
    async with show(SessionsDialog(sessions, Search(), now=now)) as shown:
        await shown.window.press("down", "delete")
        await shown.window.until(lambda: isinstance(shown.window.app.screen, ConfirmDialog), "asked")
        assert 'Delete "A letter to the landlord"?' in shown.text
        assert "2 turns, last used: Sat." in shown.text
        await shown.window.press("enter")
        await shown.window.until(lambda: shown.window.app.screen is shown.screen, "back")
        await shown.window.press("delete")
        await shown.window.until(lambda: isinstance(shown.window.app.screen, ConfirmDialog), "asked again")
        await shown.window.press("right", "enter")
        assert await shown.result() == DeleteSession("s1")


async def test_delete_takes_a_letter_while_there_is_one_behind_the_cursor(
    show: Any, sessions: list[Session], now: float
) -> None:
    async with show(SessionsDialog(sessions, Search(), now=now, words="ab")) as shown:
        await shown.window.press("home", "delete")
        assert shown.screen.query_one("#focus-first").value == "b"
        assert shown.window.app.screen is shown.screen


async def test_hostile_titles_and_snippets_are_only_shown(
    show: Any, now: float, hostile_texts: list[str], harmless: Any
) -> None:
    sessions = [Session(f"s{number}", text, now, now) for number, text in enumerate(hostile_texts)]
    hits = tuple(SearchHit("s1", text, f"m{i}", Author.USER, now, text) for i, text in enumerate(hostile_texts))
    async with show(SessionsDialog(sessions, Search(hits), now=now), size=(100, 60)) as shown:
        assert harmless(shown.text)
        assert "[@click=app.quit]click me[/]" in shown.text
        await shown.type("zzz")
        await shown.window.until(lambda: "In the messages" in shown.text, "found")
        assert harmless(shown.text)
        await shown.window.press("delete")
        await shown.window.until(lambda: isinstance(shown.window.app.screen, ConfirmDialog), "asked")
        assert harmless(shown.text)


async def test_ten_thousand_are_there_and_only_what_is_seen_is_painted(show: Any, now: float) -> None:
    sessions = [Session(f"s{number}", f"Conversation {number}", now, now, turns=3) for number in range(10_000)]
    async with show(SessionsDialog(sessions, Search(), now=now)) as shown:
        picks = shown.screen.query_one(PickList)
        assert picks.virtual_size.height == 10_000
        painted: list[int] = []
        original = picks.render_line
        picks.render_line = lambda y: (painted.append(y), original(y))[1]  # type: ignore[method-assign,func-returns-value]
        await shown.window.press("ctrl+end")
        await shown.window.until(lambda: "Conversation 9999" in shown.text, "the last one")
        painted.clear()
        await shown.window.press("up")
        await shown.window.pilot.pause()
        assert len(painted) <= 3 * picks.size.height
        await shown.window.press("enter")
        assert await shown.result() == OpenSession("s9998")


@pytest.mark.parametrize("size", [(20, 5), (80, 24), (200, 60)])
async def test_any_size(show: Any, sessions: list[Session], now: float, size: tuple[int, int]) -> None:
    async with show(SessionsDialog(sessions, Search(), now=now), size=size) as shown:
        assert "Fibonacci" in shown.text
        assert "esc back" in shown.text
        box = shown.screen.query_one("#box").region
        assert box.right <= size[0]
        assert box.bottom <= size[1]
