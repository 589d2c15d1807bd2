"""What the user wrote is shown as it was written, fences apart."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tale_tui.ui.markdown.document import Fence, Verbatim, VerbatimDocument

LINES = st.lists(
    st.sampled_from(["a", "", "  b", "# c", "```", "```py", "```md", "~~~", "````", "- d", "`e`"]), max_size=12
)


@settings(max_examples=300, deadline=None)
@given(LINES.map("\n".join), st.lists(st.integers(0, 60), max_size=6))
def test_pieces_give_the_blocks_of_the_whole(text: str, cuts: list[int]) -> None:
    whole, pieces = VerbatimDocument(), VerbatimDocument()
    whole.feed(text)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for start, end in pairwise(places):
        pieces.feed(text[start:end])
    assert pieces.finished + pieces.open == whole.finished + whole.open


def test_lines_stay_lines_and_fences_are_code() -> None:
    document = VerbatimDocument()
    document.feed("*one*\n  two\n```py\nx = 1\n```\nafter")
    assert document.finished + document.open == [
        Verbatim("*one*"),
        Verbatim("  two"),
        Fence("py", "x = 1", gap=True),
        Verbatim("after", gap=True),
    ]


def test_signs_of_markdown_are_shown(shown: Callable[..., list[str]]) -> None:
    assert shown("# not a title\n*a* [b](c)\n\n    four spaces", verbatim=True) == [
        "# not a title",
        "*a* [b](c)",
        "",
        "    four spaces",
    ]
