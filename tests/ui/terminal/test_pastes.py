import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("termios")

from tale_tui.ui.terminal.driver import PASTE_END, PASTE_START, Pasted, Pastes


def joined(parts: list[str | Pasted]) -> list[str | Pasted]:
    """Keys that stand beside each other as one."""
    together: list[str | Pasted] = []
    for part in parts:
        if isinstance(part, str) and together and isinstance(together[-1], str):
            together[-1] += part
        else:
            together.append(part)
    return together


@pytest.mark.parametrize(
    "held", ["plain", "two\nlines", "a\x1b]0;title\x07b", "\x1b[A", "\x1b", "\x00\x01", "\x1b[200~ again", "世界"]
)
def test_a_paste_comes_whole_whatever_it_holds(held: str) -> None:
    parts = list(Pastes().feed(f"a{PASTE_START}{held}{PASTE_END}b"))
    assert parts == ["a", Pasted(held), "b"]


def test_a_paste_may_be_empty() -> None:
    assert list(Pastes().feed(PASTE_START + PASTE_END)) == [Pasted("")]


def test_escape_alone_is_passed_on_at_once() -> None:
    pastes = Pastes()
    assert list(pastes.feed("\x1b")) == ["\x1b"]
    assert not pastes.waiting


def test_a_beginning_that_was_a_key_is_release() -> None:
    pastes = Pastes()
    assert list(pastes.feed("x\x1b[2")) == ["x"]
    assert pastes.waiting
    assert pastes.release() == "\x1b[2"
    assert not pastes.waiting
    assert list(pastes.feed("y")) == ["y"]


@given(
    texts=st.lists(st.text(st.characters(exclude_characters="\x1b"), max_size=8), min_size=2, max_size=6),
    cuts=st.lists(st.integers(0, 80), max_size=6),
)
def test_where_a_read_ends_changes_nothing(texts: list[str], cuts: list[int]) -> None:
    stream = "".join(text if n % 2 else PASTE_START + text + PASTE_END for n, text in enumerate(texts))
    # A read that ends right after ESC hands ESC on as a key: terminals write the marks in one piece.
    places = sorted({cut for cut in cuts if 0 < cut < len(stream) and stream[cut - 1] != "\x1b"})
    pastes, parts = Pastes(), []
    for begin, end in zip([0, *places], [*places, len(stream)], strict=True):
        parts += pastes.feed(stream[begin:end])
    assert joined(parts) == joined(list(Pastes().feed(stream)))
