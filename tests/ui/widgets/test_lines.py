"""The lines around the transcript: title, status, queue, notices, completion."""

from __future__ import annotations

from typing import Any

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.color import Color
from textual.widget import Widget

from tale_tui.ui.text import fitted
from tale_tui.ui.widgets.banner import Banner, BannerBar
from tale_tui.ui.widgets.composer import COMPLETION_ROWS_MAX, Completion, CompletionRow, QueueList, Waiting
from tale_tui.ui.widgets.status_line import KeyHint, ModelShown, StatusLine, TasksShown, WindowShown
from tale_tui.ui.widgets.title_bar import TitleBar

KEYS = (KeyHint("enter", "send"), KeyHint("escape", "stop"), KeyHint("shift+tab", "turns"), KeyHint("f1", "help"))
WIDTHS = [20, 40, 60, 80, 100, 120, 200]


class Stage(App[None]):
    CSS = "TitleBar, StatusLine { height: 1; } QueueList, BannerBar, Completion { height: auto; }"

    def __init__(self, widget: Widget) -> None:
        super().__init__()
        self.widget = widget
        self.heard: list[Any] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"ux": "#2f86a8", "muted": "#7b8088"}

    def compose(self) -> ComposeResult:
        yield self.widget

    def on_queue_list_taken_back(self, event: QueueList.TakenBack) -> None:
        self.heard.append(event.id)

    def on_completion_picked(self, event: Completion.Picked) -> None:
        self.heard.append(event.row.text)

    def on_key(self, event: Any) -> None:
        self.heard.append(event.key)


def text_of(widget: Widget) -> list[str]:
    """What the widget shows, line by line."""
    return ["".join(segment.text for segment in widget.render_line(y)) for y in range(widget.size.height)]


def title(name: str = "", turns: int = 0) -> TitleBar:
    bar = TitleBar()
    bar.screens, bar.current, bar.title, bar.turns = ("Chat",), "Chat", name, turns
    return bar


@pytest.mark.parametrize("width", WIDTHS)
async def test_the_title_bar_fills_its_line_and_no_more(width: int) -> None:
    bar = title("Fibonacci and friends, told at length 漢字 " * 3, 12)
    async with Stage(bar).run_test(size=(width, 5)):
        (line,) = text_of(bar)
        assert cell_len(line) == width
        assert line.startswith(" tale")


async def test_the_title_bar_says_the_conversation() -> None:
    bar = title("Fibonacci and friends", 12)
    async with Stage(bar).run_test(size=(80, 5)) as pilot:
        assert text_of(bar)[0].endswith("Fibonacci and friends · 12 turns ")
        assert "Chat" in text_of(bar)[0]
        bar.turns = 1
        await pilot.pause()
        assert text_of(bar)[0].endswith("1 turn ")


async def test_a_long_title_gives_way_and_the_number_stays() -> None:
    bar = title("x" * 200, 3)
    async with Stage(bar).run_test(size=(60, 5)):
        assert text_of(bar)[0].endswith("… · 3 turns ")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("state", ["starting", "unset", "idle", "loading", "ready", "away", "failed"])
async def test_the_status_line_fills_its_line_and_no_more(width: int, state: Any) -> None:
    line = StatusLine(now=lambda: 100.0)
    line.model = ModelShown(state, "a-model-with-quite-a-long-name:70b-instruct-q4", demo=True, since=58.0)
    line.window, line.keys = WindowShown(6900, 8192), KEYS
    async with Stage(line).run_test(size=(width, 5)):
        (text,) = text_of(line)
        assert cell_len(text) == width


async def test_the_status_line_says_how_fast_is_written() -> None:
    line = StatusLine()
    line.model, line.tasks, line.speed = ModelShown("ready", "qwen2.5:7b"), TasksShown(running=2), 41.6
    async with Stage(line).run_test(size=(120, 5)) as pilot:
        assert "2 running  42 tok/s" in text_of(line)[0]
        line.speed = None
        await pilot.pause()
        assert "tok/s" not in text_of(line)[0]
        line.tasks, line.speed = TasksShown(), 9.5
        await pilot.pause()
        assert " 9.5 tok/s" in text_of(line)[0]


async def test_the_status_line_at_120_cells() -> None:
    line = StatusLine()
    line.model, line.window, line.keys = ModelShown("ready", "qwen2.5:7b"), WindowShown(1900, 8192), KEYS
    async with Stage(line).run_test(size=(120, 5)):
        (text,) = text_of(line)
        assert text.startswith(" ● qwen2.5:7b ")
        assert "window ▰▰▱▱▱▱▱▱  1.9k of 8.2k" in text
        assert text.endswith("enter send   esc stop   shift+tab turns   f1 help ")


@pytest.mark.parametrize(("digest", "cells"), [(0, 0), (40, 1), (2_100, 2), (9_000, 8)])
async def test_the_gauge_marks_how_much_of_it_is_the_summary_of_older_turns(digest: int, cells: int) -> None:
    line = StatusLine()
    line.window = WindowShown(6_000, 8_192, digest=digest)
    app = Stage(line)
    async with app.run_test(size=(120, 5)):
        accent = Color.parse(app.theme_variables["accent"]).rich_color
        marked = [part.text for part in line.render_line(0) if part.style is not None and part.style.color == accent]
        assert "".join(marked) == "▰▰▰▰▰▰▱▱"[:cells]
        assert "window ▰▰▰▰▰▰▱▱  6.0k of 8.2k" in text_of(line)[0]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("starting", "◐  starting"),
        ("unset", "○  no model"),
        ("idle", "○ m "),
        ("loading", "◐ m loading 42 s"),
        ("ready", "● m "),
        ("away", "! m away"),
        ("failed", "! m failed"),
    ],
)
async def test_each_state_has_a_sign_and_a_word(state: Any, words: str) -> None:
    line = StatusLine(now=lambda: 100.0)
    line.model = ModelShown(state, "" if state in ("starting", "unset") else "m", since=58.0)
    async with Stage(line).run_test(size=(120, 5)):
        assert (
            text_of(line)[0].split("window")[0].strip().replace("  ", " ").startswith(words.strip().replace("  ", " "))
        )


async def test_a_demo_is_called_one() -> None:
    line = StatusLine()
    line.model = ModelShown("ready", "smollm2", demo=True)
    async with Stage(line).run_test(size=(120, 5)):
        assert "smollm2 demo" in text_of(line)[0]


@pytest.mark.parametrize(
    ("window", "word"),
    [
        (WindowShown(1000, 8192), "1.0k of 8.2k  "),
        (WindowShown(None, 8192), "    – of 8.2k  "),
        (WindowShown(6554, 8192), "6.6k of 8.2k high"),
        (WindowShown(8192, 8192, cut=True), "8.2k of 8.2k cut"),
        (WindowShown(3000, 8192, left_out=True), "3.0k of 8.2k left out"),
        (WindowShown(13_100, 131_072, left_out=True), "13.1k of 131k left out"),
        (WindowShown(8192, 8192, cut=True, left_out=True), "8.2k of 8.2k cut"),
    ],
)
async def test_the_gauge_says_in_words_what_its_colour_says(window: WindowShown, word: str) -> None:
    line = StatusLine()
    line.window = window
    async with Stage(line).run_test(size=(120, 5)):
        assert word in text_of(line)[0]


async def test_nothing_moves_when_a_part_changes() -> None:
    line = StatusLine(now=lambda: 100.0)
    line.keys = KEYS
    async with Stage(line).run_test(size=(120, 5)) as pilot:
        keys, gauges = set(), set()
        for model, window in (
            (ModelShown(), None),
            (ModelShown("loading", "qwen2.5:7b", since=58.0), WindowShown(0, 8192)),
            (ModelShown("ready", "qwen2.5:7b"), WindowShown(8000, 8192, cut=True)),
        ):
            line.model, line.window = model, window
            await pilot.pause()
            text = text_of(line)[0]
            keys.add(text.index("enter send"))
            gauges.add(text.index("window"))
        assert (len(keys), len(gauges)) == (1, 1)


@pytest.mark.parametrize("width", [80, 100, 120, 200])
async def test_the_model_that_works_keeps_its_name(width: int) -> None:
    line = StatusLine()
    line.model, line.task_model = ModelShown("ready", "qwen2.5:7b"), ModelShown("idle", "qwen3:14b")
    line.keys = KEYS
    async with Stage(line).run_test(size=(width, 5)) as pilot:
        assert "● qwen2.5:7b  ○ qwen3:14b" in text_of(line)[0]
        line.model = ModelShown("ready", "qwen2.5-coder-with-a-long-name:7b-instruct-q4")
        line.task_model = ModelShown("idle", "qwen3-with-a-long-name:14b-instruct-q4")
        await pilot.pause()
        assert "● qwen2." in text_of(line)[0]
        assert "○ qwen" in text_of(line)[0]


async def test_the_gauge_stands_from_the_first_frame_on() -> None:
    line = StatusLine()
    async with Stage(line).run_test(size=(120, 5)):
        assert "window ▱▱▱▱▱▱▱▱     – of –" in text_of(line)[0]


async def test_seconds_are_counted_only_while_it_loads() -> None:
    line = StatusLine(now=lambda: 100.0)
    async with Stage(line).run_test(size=(120, 5)) as pilot:
        assert line.auto_refresh is None
        line.model = ModelShown("loading", "m", since=40.0)
        await pilot.pause()
        assert line.auto_refresh == 1
        assert "1:00" in text_of(line)[0]
        line.model = ModelShown("ready", "m")
        await pilot.pause()
        assert line.auto_refresh is None


async def test_a_key_can_be_clicked() -> None:
    line = StatusLine()
    line.keys = KEYS
    app = Stage(line)
    async with app.run_test(size=(120, 5)) as pilot:
        at = text_of(line)[0].index("stop")
        await pilot.click(line, offset=(at, 0))
        await pilot.pause()
        assert app.heard == ["escape"]


async def test_the_queue_shows_what_waits_and_counts_the_rest() -> None:
    queue = QueueList()
    queue.hint = "esc esc take back"
    app = Stage(queue)
    async with app.run_test(size=(80, 10)) as pilot:
        assert not queue.display
        queue.waiting = tuple(Waiting(f"q{n}", f"message {n}\nits second line") for n in range(5))
        await pilot.pause()
        lines = text_of(queue)
        assert lines[0].strip() == "queued › message 0 its second line".ljust(59) + "esc esc take back"
        assert [line.strip() for line in lines[1:]] == [
            "queued › message 1 its second line",
            "queued › message 2 its second line",
            "and 2 more",
        ]
        await pilot.click(queue, offset=(12, 1))
        assert app.heard == ["q1"]
        await pilot.click(queue, offset=(5, 3))
        assert app.heard == ["q1"]
        queue.waiting = ()
        await pilot.pause()
        assert not queue.display


async def test_a_notice_stands_with_its_keys_and_takes_no_room_without_one() -> None:
    bar = BannerBar()
    async with Stage(bar).run_test(size=(80, 12)) as pilot:
        assert not bar.display
        keys = (KeyHint("ctrl+r", "try again"), KeyHint("ctrl+l", "choose another"))
        bar.shown = Banner("ollama/qwen2.5:7b does not answer. Start Ollama with `ollama serve`.", keys, "warning")
        await pilot.pause()
        lines = text_of(bar)
        assert lines[0].startswith(" ! ollama/qwen2.5:7b does not answer.")
        assert lines[-1].strip() == "ctrl+r try again   ctrl+l choose another"
        bar.shown = Banner("Short.", keys[:1])
        await pilot.pause()
        assert len(text_of(bar)) == 1
        assert text_of(bar)[0].rstrip().endswith("ctrl+r try again")
        bar.shown = None
        await pilot.pause()
        assert not bar.display


async def test_a_notice_shows_markup_letter_by_letter() -> None:
    bar = BannerBar()
    async with Stage(bar).run_test(size=(80, 12)) as pilot:
        bar.shown = Banner("[/] [red]no markup[/red] [@click=app.quit]x[/]")
        await pilot.pause()
        assert "[/] [red]no markup[/red] [@click=app.quit]x[/]" in text_of(bar)[0]


@pytest.mark.parametrize("width", [20, 40, 80, 120])
async def test_progress_has_a_bar_and_a_key(width: int) -> None:
    bar = BannerBar()
    async with Stage(bar).run_test(size=(width, 12)) as pilot:
        bar.shown = Banner("qwen2.5:7b  1.2 GB of 4.7 GB, 26 %", (KeyHint("escape", "stop"),), share=0.26)
        await pilot.pause()
        lines = text_of(bar)
        assert "▰▰▰▰▰▱" in "".join(lines)
        assert all(cell_len(line) <= width for line in lines)


ROWS = tuple(CompletionRow(f"/command{n}", f"/command{n}", f"does {n}") for n in range(COMPLETION_ROWS_MAX + 4))


async def test_completions_show_a_choice_that_moves_round() -> None:
    completion = Completion()
    app = Stage(completion)
    async with app.run_test(size=(80, 20)) as pilot:
        completion.rows = ROWS[:3]
        await pilot.pause()
        assert [line.split() for line in text_of(completion)] == [
            ["›", "/command0", "does", "0"],
            ["/command1", "does", "1"],
            ["/command2", "does", "2"],
        ]
        completion.move(-1)
        assert completion.row == ROWS[2]
        completion.move(1)
        assert completion.row == ROWS[0]
        await pilot.click(completion, offset=(6, 1))
        assert app.heard == ["/command1"]


async def test_completions_keep_their_height_while_words_are_typed() -> None:
    completion = Completion()
    async with Stage(completion).run_test(size=(80, 20)) as pilot:
        completion.rows = ROWS[:5]
        await pilot.pause()
        completion.rows = ROWS[1:2]
        await pilot.pause()
        assert completion.size.height == 5
        assert "/command1" in text_of(completion)[0]
        completion.rows = ()
        completion.rows = ROWS[:2]
        await pilot.pause()
        assert completion.size.height == 2


async def test_many_completions_scroll_past_the_chosen_one() -> None:
    completion = Completion()
    async with Stage(completion).run_test(size=(80, 20)) as pilot:
        completion.rows = ROWS
        await pilot.pause()
        assert completion.size.height == COMPLETION_ROWS_MAX
        completion.move(-1)
        await pilot.pause()
        assert "/command11" in text_of(completion)[-1]
        completion.rows = ()
        await pilot.pause()
        assert not completion.display
        assert completion.row is None
        completion.move(1)


@pytest.mark.parametrize(
    ("text", "cells", "shown"), [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字漢字", 5, "漢字…"), ("a", 0, "")]
)
def test_text_is_cut_by_cells(text: str, cells: int, shown: str) -> None:
    assert fitted(text, cells) == shown
