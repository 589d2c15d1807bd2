"""The list of alerts."""

from __future__ import annotations

from typing import Any

import pytest

from tale_tui.domain.alerts import Alert, AlertKind
from tale_tui.ui.dialogs.alerts import EVERY, AlertsDialog


def alerts(now: float) -> list[Alert]:
    return [
        Alert(7, AlertKind.BUDGET_SPENT, "day", now - 5, 80.0, 80.0, "80 of 80 tokens of this day are spent."),
        Alert(3, AlertKind.FIRST_TEXT, "", now - 3600, 1.5, 1.0, "The first text takes 1.50 s.", now - 60, now - 30),
    ]


async def test_the_newest_stands_first_and_the_chosen_one_is_read_whole(show: Any, now: float) -> None:
    async with show(AlertsDialog(alerts(now), now)) as shown:
        assert "1 not read" in shown.text
        assert shown.text.index("budget, spent (day)") < shown.text.index("first text of replies")
        assert "well again, read" in shown.text
        assert "80 of 80 tokens" in shown.text
        await shown.window.press("down")
        await shown.window.shows("takes 1.50 s.")
        await shown.window.press("escape")
        assert await shown.result() is None


@pytest.mark.parametrize(("keys", "wanted"), [(("enter",), 7), (("down", "enter"), 3), (("a",), EVERY)])
async def test_a_key_acknowledges_one_or_all(show: Any, now: float, keys: tuple[str, ...], wanted: int) -> None:
    async with show(AlertsDialog(alerts(now), now)) as shown:
        await shown.window.press(*keys)
        assert await shown.result() == wanted


async def test_an_empty_list_says_that_all_is_well(show: Any, now: float) -> None:
    async with show(AlertsDialog([], now)) as shown:
        assert "Nothing was ever told" in shown.text
        await shown.window.press("escape")
        assert await shown.result() is None
